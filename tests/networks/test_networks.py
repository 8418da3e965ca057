"""Are the networks the published ones, and do they take the raw inputs they are given?"""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from earlylearn.errors import UsageError
from earlylearn.networks import NETWORKS, Normalize, build_network, count_weights, default_network
from earlylearn.networks.max_pool import max_pool2
from earlylearn.runs.train import train
from tests.conftest import stripes


def build(name, shape=(3, 32, 32), classes=10):
    return build_network(
        name,
        shape=shape,
        classes=classes,
        mean=torch.full((shape[0],), 0.4),
        std=torch.full((shape[0],), 0.2),
    )


def parameters(network):
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("name", "shape", "classes", "count"),
    [
        ("resnet34", (3, 32, 32), 10, 21_282_122),
        ("resnet34", (3, 32, 32), 100, 21_282_122 + 90 * 513),
        ("resnet18", (3, 32, 32), 10, 11_173_962),
        ("preact-resnet18", (3, 32, 32), 10, 11_171_274),
        ("preact-resnet18", (3, 32, 32), 100, 11_171_274 + 90 * 513),
        ("small-cnn", (1, 8, 8), 10, 9 * (32 + 32 * 64 + 64 * 128) + 2 * (32 + 64 + 128) + 129 * 10),
        (
            "whitened-cnn",
            (3, 32, 32),
            10,
            9 * (24 * 64 + 64**2 + 64 * 256 + 3 * 256**2) + 24 + 2 * (64 + 2 * 256) + 2560,
        ),
        ("mlp", (1, 28, 28), 10, 785 * 512 + 513 * 512 + 513 * 10),
        ("mlp:7", (4,), 3, 5 * 7 + 8 * 3),
        ("linear", (3, 8, 8), 5, 193 * 5),
    ],
)
def test_parameter_counts(name, shape, classes, count):
    assert parameters(build(name, shape, classes)) == count


@pytest.mark.parametrize(
    ("name", "shape"),
    [(name, shape) for name, its in NETWORKS.items() if not its.needs_more for shape in ((1, 8, 8), (3, 9, 14))]
    + [("small-cnn", (4, 16, 16)), ("preact-resnet18", (4, 16, 16)), ("mlp", (64,)), ("linear", (64,))],
)
def test_raw_inputs_become_logits_and_gradients_reach_every_parameter(name, shape):
    network = build(name, shape, classes=7)
    inputs = torch.randint(0, 256, (4, *shape), dtype=torch.uint8) if len(shape) == 3 else torch.randn(4, *shape)
    logits = network(inputs)
    assert logits.shape == (4, 7)
    assert logits.dtype == torch.float32
    logits.square().sum().backward()
    for where, parameter in network.named_parameters():
        assert parameter.grad is not None, where
        assert parameter.grad.abs().sum() > 0, where


@pytest.mark.parametrize("name", ["small-cnn", "preact-resnet18"])
def test_larger_images_pass(name):
    with torch.no_grad():
        assert build(name, (3, 64, 64)).eval()(torch.zeros(1, 3, 64, 64, dtype=torch.uint8)).shape == (1, 10)


def test_image_weights_are_channels_last():
    network = build("small-cnn")
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 3
    assert all(c.weight.is_contiguous(memory_format=torch.channels_last) for c in convolutions)
    # Whatever order the images come in, the first convolution passes them on in that of its weights.
    passed_on = []
    convolutions[0].register_forward_hook(lambda _, __, output: passed_on.append(output))
    network(torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8))
    assert passed_on[0].is_contiguous(memory_format=torch.channels_last)


def test_flattened_images_keep_the_order_of_channels_rows_columns():
    network = build("linear", (2, 8, 8), classes=2)
    images = torch.randint(0, 256, (5, 2, 8, 8), dtype=torch.uint8)
    layer = network[1][1]
    by_hand = ((images / 255 - 0.4) / 0.2).reshape(5, -1) @ layer.weight.T + layer.bias
    assert torch.allclose(network(images), by_hand, atol=1e-5)


def test_preact_has_no_normalisation_before_pooling_and_a_stem_with_one():
    network = build("preact-resnet18")[1]
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(norms) == 1 + 2 * 8
    last = []
    network.stages.register_forward_hook(lambda _, __, output: last.append(output))
    seen = []
    network.linear.register_forward_hook(lambda _, arguments, __: seen.append(arguments[0]))
    network.eval()(torch.randn(2, 3, 32, 32))
    assert last[0].shape == (2, 512, 4, 4)
    assert (last[0] < 0).any()  # no ReLU
    assert torch.allclose(seen[0], last[0].mean(dim=(2, 3)))


def test_whitening_makes_patches_of_the_given_images_white():
    torch.manual_seed(0)
    smooth = torch.nn.functional.avg_pool2d(torch.randint(0, 256, (50, 3, 34, 34)).float(), 3, 1)
    mean, std = smooth.mean((0, 2, 3)) / 255, smooth.std((0, 2, 3)) / 255
    network = build_network("whitened-cnn", shape=(3, 32, 32), classes=10, mean=mean, std=std, images=smooth)
    answers = torch.nn.functional.conv2d(network[0](smooth), network[1].whitening).transpose(0, 1).flatten(1)
    assert torch.allclose(answers[:12], -answers[12:])
    covariance = torch.cov(answers[:12])
    assert torch.allclose(covariance, torch.eye(12), atol=0.05)


@pytest.mark.slow
def test_whitening_comes_with_the_weights(run_path):
    data = stripes()
    run = train(data, "elr", network="whitened-cnn", epochs=2, out=run_path, quiet=True)
    network = run._model("last").nets[0]
    assert not torch.equal(network[1].whitening, build("whitened-cnn", data.inputs.shape[1:])[1].whitening)
    assert run.predict_proba(data.inputs[:5]).shape == (5, len(data.classes))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32], ids=str)
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format], ids=str)
@pytest.mark.parametrize("shape", [(4, 3, 8, 8), (2, 5, 7, 9), (3, 1, 4, 4), (2, 8, 31, 31), (2, 4, 2, 3)], ids=str)
def test_max_pooling_is_that_of_pytorch_bit_for_bit(shape, layout, dtype):
    # Seven values: nearly every window has several largest numbers, and only the first of them has a gradient.
    fast, usual = ((torch.randint(-3, 4, shape) / 2).to(dtype).to(memory_format=layout) for _ in range(2))
    usual.copy_(fast)
    pooled, expected = max_pool2(fast.requires_grad_()), F.max_pool2d(usual.requires_grad_(), 2)
    upstream = torch.randn_like(expected)
    pooled.backward(upstream)
    expected.backward(upstream)
    assert torch.equal(pooled, expected)
    assert torch.equal(fast.grad, usual.grad)


def test_small_cnn_pools_before_relu_what_it_would_give_after():
    network = build("small-cnn").to(memory_format=torch.channels_last)
    images = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8)
    upstream = torch.randn(8, 10)

    def logits_and_gradients(forward):
        network.zero_grad()
        logits = forward()
        logits.backward(upstream)
        return logits, *(p.grad.clone() for p in network.parameters())

    def literal():
        x = network[0](images)
        for layer in network[1].blocks:
            if isinstance(layer, nn.ReLU):
                continue
            if isinstance(layer, nn.BatchNorm2d):
                x = F.relu(layer(x))
            else:
                x = layer(x) if isinstance(layer, nn.Conv2d) else F.max_pool2d(x, 2)
        return network[1].head(F.avg_pool2d(x, x.shape[-2:]).flatten(1))

    for fast, slow in zip(logits_and_gradients(lambda: network(images)), logits_and_gradients(literal), strict=True):
        assert torch.equal(fast, slow)


def test_whitened_cnn_begins_with_convolutions_that_pass_on_what_they_get():
    convolution = build("whitened-cnn")[1].blocks[0].first
    x = torch.randn(2, 24, 8, 8)
    assert torch.allclose(convolution(x)[:, :24], x, atol=1e-6)


def test_the_shift_of_its_norms_learns_64_times_as_fast():
    torch.manual_seed(0)
    fast, usual = build("whitened-cnn")[1].blocks[0].first_norm, nn.BatchNorm2d(64)
    x, slope = torch.randn(4, 64, 5, 5), torch.randn(4, 64, 5, 5)
    assert torch.allclose(fast(x), usual(x), atol=1e-6)
    for norm in (fast, usual):
        optimizer = torch.optim.SGD(norm.parameters(), lr=0.01)
        (norm(x) * slope).sum().backward()
        optimizer.step()
    still = nn.BatchNorm2d(64)(x)
    moved = (fast(x) - still).mean((0, 2, 3))
    assert torch.allclose(moved, 64 * usual.bias, rtol=1e-3, atol=1e-5)


def test_resnets_keep_the_size_in_the_stem_and_halve_it_three_times():
    network = build("resnet34")[1]
    sizes = []
    for stage in network.stages:
        stage.register_forward_hook(lambda _, __, output: sizes.append(tuple(output.shape[1:])))
    network.eval()(torch.randn(1, 3, 32, 32))
    assert sizes == [(64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4)]
    assert [len(stage) for stage in network.stages] == [3, 4, 6, 3]
    assert not any(isinstance(m, nn.MaxPool2d | nn.Dropout) for m in network.modules())


def test_initialisation_follows_the_callers_generator():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        first = build("mlp:5", (4,))
        torch.manual_seed(1)
        again = build("mlp:5", (4,))
        other = build("mlp:5", (4,))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not torch.equal(first[1][1].weight, other[1][1].weight)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float64, torch.bfloat16])
def test_normalize_images_by_the_literal_formula(dtype):
    mean, std = torch.tensor([0.4914, 0.4822, 0.4465]), torch.tensor([0.2023, 0.1994, 0.2010])
    images = torch.randint(0, 256, (4, 3, 6, 5)).to(dtype)
    out = Normalize(mean, std)(images)
    literal = torch.empty(4, 3, 6, 5)
    for channel in range(3):
        literal[:, channel] = (images[:, channel].float() / 255 - mean[channel]) / std[channel]
    assert torch.allclose(out, literal, atol=1e-5)
    assert out.dtype == torch.float32


def test_normalize_features_by_the_literal_formula():
    mean, std = torch.tensor([1e6, 0.0]), torch.tensor([0.5, 0.0])
    out = Normalize(mean, std)(torch.tensor([[1e6 + 1, 3.0], [1e6, -3.0]]))
    assert out.tolist() == [[2.0, 3.0], [0.0, -3.0]]  # the constant column is only centred


def test_normalize_is_saved_with_the_network_and_does_not_train():
    network = build("linear", (4,))
    assert {"0.mean", "0.std"} <= set(network.state_dict())
    other = build_network("linear", shape=(4,), classes=10, mean=torch.zeros(4), std=torch.ones(4))
    other.load_state_dict(network.state_dict())
    x = torch.randn(3, 4)
    assert torch.equal(network(x), other(x))
    assert parameters(network) == 50


def test_normalize_stays_float32_under_autocast():
    network = build("small-cnn", (3, 8, 8))
    images = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert network[0](images).dtype == torch.float32
        assert network(images).shape == (2, 10)


def test_defaults_by_shape():
    assert default_network((13,)) == "mlp"
    assert default_network((3, 32, 32)) == "small-cnn"
    assert default_network((1, 8, 8)) == "small-cnn"
    assert default_network((1, 5, 5)) == "mlp"


@pytest.mark.parametrize(
    ("name", "shape", "said"),
    [
        ("resnet50", (3, 32, 32), "unknown; choose one of linear, mlp, small-cnn, whitened-cnn, resnet34"),
        ("resnet34:4", (3, 32, 32), "unknown"),
        ("mlp:", (4,), "'' is not a list of hidden layer sizes"),
        ("mlp:12-x", (4,), "'12-x' is not a list"),
        ("mlp:0", (4,), "'0' is not a list"),
        ("small-cnn", (64,), "needs images, the data has 64 columns"),
        ("resnet34", (3, 32, 7), "needs images of at least 8 x 8 pixels, found 32 x 7"),
        ("mlp", (4, 4), r"cannot take inputs of shape (4, 4)"),
    ],
)
def test_errors_name_the_culprit(name, shape, said):
    with pytest.raises(UsageError) as caught:
        build(name, shape)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_errors_of_means_and_classes():
    ones = torch.ones(3)
    with pytest.raises(UsageError, match="3 means for 1 channels"):
        build_network("linear", shape=(1, 8, 8), classes=2, mean=ones, std=ones)
    with pytest.raises(UsageError, match="1 classes"):
        build_network("linear", shape=(3,), classes=1, mean=ones, std=ones)
    with pytest.raises(UsageError, match="3 means but 2 standard deviations"):
        Normalize(ones, torch.ones(2))
    with pytest.raises(UsageError, match="std -1 of channel or column 1"):
        Normalize(ones, torch.tensor([1.0, -1.0, 1.0]))


@pytest.mark.parametrize(
    ("name", "count"), [("resnet34", 21_282_122), ("preact-resnet18", 11_171_274), ("linear", 30_730)]
)
def test_weights_are_counted_without_building_the_network(name, count):
    before = torch.get_rng_state()
    assert count_weights(name, shape=(3, 32, 32), classes=10) == count
    assert torch.equal(before, torch.get_rng_state())
