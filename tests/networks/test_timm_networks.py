"""Are timm's networks those of the paper, do they start from the weights they are given, and what is refused?"""

import importlib
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from earlylearn.data.labelled import LabelledData
from earlylearn.encoders.wheels import lite0_file, weights_file
from earlylearn.errors import UsageError
from earlylearn.loop.fit import Fit
from earlylearn.networks import build_network, count_weights
from earlylearn.networks.centre_crop import CentreCrop
from earlylearn.runs.train import resume, train
from tests.methods.test_methods import assert_same_run

pytestmark = pytest.mark.usefixtures("timm")

SMALL = "timm:resnet10t"
SHAPE = (3, 48, 48)


def build(name=SMALL, *, shape=SHAPE, classes=5, seed=0, **options):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        moments = {"mean": torch.full((shape[0],), 0.4), "std": torch.full((shape[0],), 0.2)}
        return build_network(name, shape=shape, classes=classes, **moments, **options)


def weights(network):
    """What a weight file of the network holds: the state of timm's part alone."""
    return {key: value.clone() for key, value in network[-1].state_dict().items()}


@pytest.fixture
def file(tmp_path):
    """A file of weights that nothing else has, with a head for five classes."""
    path = tmp_path / "weights.safetensors"
    save_file({key: value.contiguous() for key, value in weights(build(seed=1)).items()}, path)
    return str(path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "crop", "classes", "millions"),
    [("timm:resnet50.tv_in1k", 224, 14, 23.54), ("timm:inception_resnet_v2", 227, 50, 54.38)],
)
def test_the_papers_networks_have_their_number_of_weights(name, crop, classes, millions):
    assert count_weights(name, shape=(3, crop, crop), classes=classes) / 1e6 == pytest.approx(millions, abs=0.005)


def test_the_network_takes_whole_images_and_random_crops_alike():
    network = build(shape=(3, 56, 60), crop=48).eval()
    images = torch.randint(0, 256, (2, 3, 56, 60), dtype=torch.uint8)
    assert torch.equal(network(images), network(images[:, :, 4:52, 6:54]))
    assert not torch.allclose(network(images), network(images[:, :, :48, :48]))
    assert network(images).shape == (2, 5)


def test_the_centre_of_odd_leftovers_is_the_upper_left_one_of_the_two():
    image = torch.arange(7 * 8).view(1, 1, 7, 8)
    assert torch.equal(CentreCrop(4)(image), image[..., 1:5, 2:6])
    assert CentreCrop(7)(image[..., :7]).shape == (1, 1, 7, 7)
    with pytest.raises(UsageError, match="crop=8: the images are only 7 x 8 pixels"):
        CentreCrop(8)(image)


def test_gradients_reach_every_parameter_and_weights_are_channels_last():
    network = build()
    network(torch.randint(0, 256, (2, *SHAPE), dtype=torch.uint8)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert all(c.weight.is_contiguous(memory_format=torch.channels_last) for c in convolutions)


@pytest.mark.parametrize("suffix", ["safetensors", "pth", "wrapped.pth"])
def test_pretrained_weights_come_from_a_file(suffix, tmp_path):
    given, path = weights(build(seed=1)), str(tmp_path / f"weights.{suffix}")
    if suffix == "safetensors":
        save_file({key: value.contiguous() for key, value in given.items()}, path)
    elif suffix == "pth":
        # As old files are: without the counters of batches.
        torch.save({key: value for key, value in given.items() if "num_batches" not in key}, path)
    else:
        torch.save({"state_dict": {f"module.{key}": value for key, value in given.items()}, "epoch": 90}, path)
    network = build(pretrained=path)
    assert all(torch.equal(value, given[key]) for key, value in weights(network).items())
    assert torch.equal(network[0].mean, torch.full((3,), 0.4))


def test_a_head_for_other_classes_is_replaced_and_nothing_else_is(file):
    given, network = weights(build(seed=1)), build(classes=7, seed=2, pretrained=file)
    fresh = weights(build(classes=7, seed=2))
    for key, value in weights(network).items():
        assert torch.equal(value, (fresh if key.startswith("fc.") else given)[key]), key
    assert network[-1].fc.weight.shape[0] == 7


def test_the_two_networks_of_elr_plus_differ_in_their_heads_alone(file):
    first, second = (weights(build(classes=7, seed=seed, pretrained=file)) for seed in (3, 4))
    assert {key for key in first if not torch.equal(first[key], second[key])} == {"fc.weight", "fc.bias"}


def test_a_file_without_a_head_will_do(tmp_path):
    path = tmp_path / "weights.pth"
    given = {key: value for key, value in weights(build(seed=1)).items() if not key.startswith("fc.")}
    torch.save(given, path)
    assert torch.equal(weights(build(pretrained=str(path)))["layer1.0.conv1.weight"], given["layer1.0.conv1.weight"])


def test_a_file_under_other_names_is_taken_by_order_and_that_is_told(tmp_path, capsys):
    """As published files of the same network are: EfficientNet-Lite0's, of its package."""
    path, given = tmp_path / "weights.pth", weights(build(seed=1))
    torch.save({f"_module_{k}.{key}": value for k, (key, value) in enumerate(given.items())}, path)
    assert all(torch.equal(value, given[key]) for key, value in weights(build(pretrained=str(path))).items())
    assert f"{path}: names its weights otherwise than timm:resnet10t" in capsys.readouterr().err
    others = weights(build(classes=7, seed=2, pretrained=str(path)))
    assert torch.equal(others["layer1.0.conv1.weight"], given["layer1.0.conv1.weight"])
    torch.save({f"_{key}": value for key, value in given.items() if key != "layer1.0.conv1.weight"}, path)
    with pytest.raises(UsageError, match="is not part of timm:resnet10t"):
        build(pretrained=str(path))


@pytest.mark.skipif(lite0_file() is None, reason="its package is not installed")
def test_weights_that_came_with_a_package_go_by_its_name():
    network = build("timm:tf_efficientnet_lite0", shape=(3, 32, 32), pretrained=weights_file("efficientnet-lite0"))
    given = torch.load(weights_file("efficientnet-lite0"), weights_only=True)
    assert torch.equal(network[-1].conv_stem.weight, given["_conv_stem.weight"])
    assert torch.equal(network[-1].bn2.running_var, given["_bn1.running_var"])
    assert weights_file("timm") == "timm"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: state.pop("layer2.0.conv1.weight"), "has no layer2.0.conv1.weight"),
        (lambda state: state.update(extra=torch.zeros(1)), "extra is not part of timm:resnet10t"),
        (
            lambda state: state.update({"bn1.weight": torch.zeros(3)}),
            "bn1.weight has shape [3], that of timm:resnet10t [64]",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(change, said, tmp_path):
    state = weights(build(seed=1))
    change(state)
    path = tmp_path / "weights.pth"
    torch.save(state, path)
    with pytest.raises(UsageError) as caught:
        build(pretrained=str(path))
    assert str(caught.value) == f"pretrained='{path}': {said}; give weights of timm:resnet10t"


def test_a_file_that_would_run_code_is_not_read(tmp_path):
    marker = tmp_path / "ran"
    path = tmp_path / "weights.pth"

    class Runs:
        def __reduce__(self):
            return open, (str(marker), "w")

    path.write_bytes(pickle.dumps({"fc.weight": Runs()}, protocol=2))
    with pytest.raises(UsageError, match="not a readable weight file"):
        build(pretrained=str(path))
    assert not marker.exists()


@pytest.mark.parametrize("name", ["broken.safetensors", "broken.pth"])
def test_a_broken_file_is_refused_in_one_line(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(b"no weights at all")
    with pytest.raises(UsageError, match="not a readable weight file") as caught:
        build(pretrained=str(path))
    assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match="no such file; give a weight file, or timm"):
        build(pretrained=str(tmp_path / "nowhere.pth"))


@pytest.fixture
def empty_caches(tmp_path, monkeypatch):
    """Caches of timm with nothing in them, and no way to the network: whoever tries gets another error."""
    import socket

    def refuse(*_, **__):
        raise AssertionError("went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path


def test_weights_that_are_nowhere_are_an_error_with_both_mends(empty_caches):
    with pytest.raises(UsageError) as caught:
        build(pretrained="timm")
    said = str(caught.value)
    assert said.startswith(
        "pretrained='timm': the weights of timm:resnet10t are not in timm's cache; give a weight file"
    )
    assert "timm.create_model('resnet10t', pretrained=True)" in said
    assert "\n" not in said


def test_weights_in_timms_caches_are_found(empty_caches, file, timm):
    given = weights(build(seed=1))
    source = timm.get_pretrained_cfg("resnet10t")
    # The layout of the hub's cache, which timm fills when it downloads.
    repository = empty_caches / "hub" / f"models--{source.hf_hub_id.replace('/', '--')}"
    snapshot = repository / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    torch.save(given, snapshot / "pytorch_model.bin")
    assert torch.equal(weights(build(pretrained="timm"))["conv1.0.weight"], given["conv1.0.weight"])
    (snapshot / "pytorch_model.bin").unlink()
    older = empty_caches / "torch" / "hub" / "checkpoints" / source.url.rpartition("/")[2]
    older.parent.mkdir(parents=True)
    torch.save(given, older)
    assert torch.equal(weights(build(pretrained="timm"))["conv1.0.weight"], given["conv1.0.weight"])


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("timm:resnet5", {}, "timm has no such model; did you mean timm:resnet50"),
        ("timm:", {}, "timm has no such model; see timm.list_models()"),
        ("timm:hf-hub:timm/resnet18.a1_in1k", {}, "timm has no such model"),
        ("timm:resnet10t.nonsense", {}, "Invalid pretrained tag (nonsense)"),
        ("timm:inception_resnet_v2", {}, "cannot take images of 48 x 48 pixels in 3 channels"),
        ("timm:vit_tiny_patch16_224", {}, "cannot take images of 48 x 48 pixels"),
        (SMALL, {"shape": (8,)}, "needs images, the data has 8 columns"),
        (SMALL, {"crop": 64}, "crop=64: the images are only 48 x 48 pixels"),
        ("mlp", {"shape": (8,), "crop": 8}, "crop=8: the data are not images"),
        ("small-cnn", {"pretrained": "timm"}, "pretrained='timm': small-cnn has none; choose a network of timm"),
    ],
)
def test_errors_name_the_culprit(name, options, said):
    with pytest.raises(UsageError) as caught:
        build(name, **options)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_timm_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UsageError, match=r"needs timm, which is missing; run pip install 'earlylearn\[timm\]'"):
        build()


def test_a_torchvision_that_belongs_to_another_torch_is_named(monkeypatch):
    def fail(name):
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(UsageError, match=r"does not import \(operator .* does not exist\); install the torchvision"):
        build()


@pytest.mark.slow
def test_timm_is_imported_only_by_those_who_ask_for_it():
    code = "import earlylearn, earlylearn.networks, sys; sys.exit('timm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
def test_an_interrupted_run_goes_on_without_the_file_it_began_with(tmp_path, monkeypatch):
    generator = np.random.default_rng(0)
    data = LabelledData(
        name="pictures",
        inputs=generator.integers(0, 256, (24, 3, 32, 32)).astype(np.uint8),
        labels=np.arange(24) % 2,
        classes=("a", "b"),
        ids=np.arange(24).astype(str),
    )
    path = tmp_path / "weights.pth"
    torch.save(weights(build(seed=1)), path)
    asked = {"network": "timm:resnet10t", "pretrained": str(path), "epochs": 2, "batch_size": 8, "quiet": True}
    whole = train(data, "ce", out=tmp_path / "whole", **asked)
    original = Fit.run

    def interrupted(self, on_step):
        for epoch in original(self, on_step):
            if epoch.epoch == 2:
                raise KeyboardInterrupt
            yield epoch

    with monkeypatch.context() as patch:
        patch.setattr(Fit, "run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(data, "ce", out=tmp_path / "cut", **asked)
    path.unlink()
    assert_same_run(whole, resume(tmp_path / "cut", data, quiet=True))
