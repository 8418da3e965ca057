"""Is a network of timm an encoder with its own weights, scale and size, or refused in one line?"""

import numpy as np
import pytest
import torch

from earlylearn.encoders.choose import picture_encoder
from earlylearn.errors import UsageError


@pytest.fixture
def weights(timm, tmp_path):
    torch.manual_seed(0)
    network = timm.create_model("mobilenetv3_small_050", pretrained=False)
    torch.save(network.state_dict(), tmp_path / "w.pth")
    return tmp_path / "w.pth"


@pytest.mark.slow
def test_features_are_those_before_the_classifier_at_its_own_scale(timm, weights):
    encoder = picture_encoder(f"timm:mobilenetv3_small_050:{weights}", side=50, image_size=32)
    encoder.dtype = torch.float32
    pixels = np.random.default_rng(0).integers(0, 256, (3, 3, 32, 32), dtype=np.uint8)
    network = timm.create_model("mobilenetv3_small_050", pretrained=False, num_classes=1000)
    network.load_state_dict(torch.load(weights, weights_only=True))
    network.reset_classifier(0)
    mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    with torch.no_grad():
        literal = network.eval()((torch.from_numpy(pixels) / 255 - mean) / std)
    np.testing.assert_allclose(encoder(pixels), literal, rtol=1e-3, atol=1e-4)
    assert (encoder.width, encoder.side) == (literal.shape[1], 32)
    assert picture_encoder(f"timm:mobilenetv3_small_050:{weights}", side=50, image_size=None).side == 224


def test_what_there_is_not_is_one_line(weights, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UsageError, match=r"encoder='timm:mobilnet': timm has no such model; did you mean timm:mobile"):
        picture_encoder("timm:mobilnet", side=50, image_size=None)
    with pytest.raises(UsageError, match=r"encoder='timm:mobilenetv3_small_050:nowhere\.pth': no such file"):
        picture_encoder("timm:mobilenetv3_small_050:nowhere.pth", side=50, image_size=None)
    with pytest.raises(UsageError, match=r"encoder=.* (is not part of|has shape|has no)"):
        picture_encoder(f"timm:resnet18:{weights}", side=50, image_size=None)
