"""Do the benchmarks run, and does the plain side that they compare with do what it says?"""

import math

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from benchmarks import accuracy, epoch, gpu, loader, loss, memory, peak, scaling, step, table, weights
from benchmarks.plain import PlainImages, ReleasedLoss, plain_epoch, plain_loader, plain_network, plain_optimizer
from benchmarks.timing import interleaved, ratio
from earlylearn.loop.augment import apply
from earlylearn.loop.batches import Batches, Draw
from earlylearn.loop.fit import Fit
from earlylearn.methods.elr import ELR
from earlylearn.networks import Normalize, build_network
from tests.reference.elr_literal import LiteralELRLoss

ONE = {"elr": gpu.RUNS["elr"]}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("measure", "goals"),
    [
        (lambda: loss.measure(1, compiled=False), [key for key in loss.GOALS if "compiled" not in key]),
        (lambda: step.measure(1), list(step.GOALS)),
        (lambda: loader.measure(1), list(loader.GOALS)),
        (lambda: epoch.measure(1, examples={"small-cnn": 8, "linear": 8}), list(epoch.GOALS)),
        (lambda: table.measure(1), ["c10_plain_to_ours"]),
        (lambda: weights.measure(1, network="linear"), ["plain_to_foreach_average"]),
        (lambda: peak.measure(1, network="linear", batch=4, side=32, seconds=0.01), list(peak.GOALS)),
        (lambda: memory.measure(1, networks={"linear": (8, 1)}), ["linear_kept_to_returned"]),
        (lambda: scaling.measure(1, sizes=(60, 120)), ["120_to_60"]),
        (
            lambda: gpu.measure(1, device="cpu", runs=ONE, network="linear", examples=20, ways=("eager",), side=32),
            ["elr_eager_share"],
        ),
        (lambda: accuracy.measure(1, settings={"digits": {"epochs": 1, "limit": 200}}), ["digits_memorized_plain"]),
    ],
    ids=["loss", "step", "loader", "epoch", "table", "weights", "peak", "memory", "scaling", "gpu", "accuracy"],
)
def test_measures_what_the_goals_speak_of(measure, goals):
    result = measure()
    assert set(goals) <= set(result)
    assert all(math.isfinite(value) for value in result.values())


def test_sides_take_turns_and_ratios_are_of_the_same_round():
    calls = []
    times = interleaved({name: lambda name=name: calls.append(name) for name in "ab"}, 3, seconds=0)
    assert "".join(calls) == "ab" + "ab" + 3 * "ab"
    assert [len(values) for values in times.values()] == [3, 3]
    assert ratio([2.0, 9.0, 8.0], [1.0, 3.0, 2.0]) == 3


def test_the_released_loss_is_the_literal_one():
    ours, reference = ReleasedLoss(8, 3, lam=2.0, beta=0.6), LiteralELRLoss(8, 3, lam=2.0, beta=0.6)
    for _ in range(3):
        logits, labels = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
        assert torch.equal(ours([5, 0, 3, 7], logits, labels), reference([5, 0, 3, 7], logits, labels))


@pytest.mark.parametrize("channels", [1, 3])
def test_plain_images_are_those_of_the_batch(channels):
    images = np.random.default_rng(0).integers(0, 256, (40, channels, 8, 8)).astype(np.uint8)
    mean, std = [0.2, 0.4, 0.6][:channels], [0.3, 0.2, 0.1][:channels]
    plain = PlainImages(images, np.arange(40), mean=mean, std=std, pad=2)
    torch.manual_seed(3)
    items = [plain[i] for i in range(40)]
    torch.manual_seed(3)
    draws = [(torch.randint(0, 5, (1,)), torch.randint(0, 5, (1,)), torch.rand(1) < 0.5) for _ in range(40)]
    dy, dx, flip = (torch.cat(column) for column in zip(*draws, strict=True))
    batch = Normalize(torch.tensor(mean), torch.tensor(std))(apply(torch.from_numpy(images), dy, dx, flip, 2))
    assert torch.allclose(torch.stack([image for image, _, _ in items]), batch, atol=1e-5)
    assert [rest for _, *rest in items] == [[i, i] for i in range(40)]


def test_the_plain_loop_takes_the_same_steps_as_ours():
    images = np.random.default_rng(0).integers(0, 256, (48, 3, 8, 8)).astype(np.uint8)
    labels, settings = np.arange(48) % 3, {"lr": 0.02, "momentum": 0.9, "weight_decay": 1e-3}
    half = torch.full((3,), 0.5)
    method = ELR(lambda: build_network("small-cnn", shape=(3, 8, 8), classes=3, mean=half, std=half), 48, 3)
    net = plain_network("small-cnn", (3, 8, 8), 3)
    net.load_state_dict(method.nets[0][1].state_dict())
    batches = Batches(
        torch.from_numpy(images),
        [Draw(torch.arange(48), torch.from_numpy(labels))],
        batch_size=16,
        augment="none",
        order=torch.Generator().manual_seed(5),
        augmentation=torch.Generator(),
    )
    ours = next(Fit(method, batches, Fabric(accelerator="cpu", devices=1), epochs=1, **settings).run(lambda *_: None))
    criterion = ReleasedLoss(48, 3)
    data = PlainImages(images, labels, mean=[0.5] * 3, std=[0.5] * 3, pad=None)
    order = torch.Generator().manual_seed(5)
    mean_loss, _ = plain_epoch(net, plain_loader(data, 16, order), criterion, plain_optimizer(net, **settings))
    assert mean_loss == pytest.approx(ours.loss, abs=1e-5)
    assert torch.allclose(criterion.targets, method.targets, atol=1e-5)
    trained = dict(method.nets[0].module[1].named_parameters())
    for name, parameter in net.named_parameters():
        assert torch.allclose(parameter, trained[name], atol=1e-5), name
