"""Do replayed steps train as steps run by Python do, and do methods that promise so keep to what can be replayed?"""

import itertools

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from earlylearn.loop.batches import Batches, Draw
from earlylearn.loop.fit import Fit
from earlylearn.loop.replay import WARM_UP, CudaGraphs, recorder_for
from earlylearn.methods import METHODS
from earlylearn.networks import build_network
from earlylearn.runs import prepare
from earlylearn.runs.train import train
from tests.conftest import stripes
from tests.tape import Tape, Tapes

N, CLASSES, BATCH = 46, 3, 8  # the last of six batches is of six
REPLAYABLE = [name for name in METHODS if METHODS[name].replayable]
OPTIONS = {"elr+": {"lam_ramp": 9, "gamma_ramp": 7}, "co-teaching+": {"initial": 2, "forget_rate": 0.3}}
OPTIONS |= {"gce": {"truncation": 0.3, "prune_start": 2, "prune_every": 1}, "forward": {"warmup": 2}}
OPTIONS |= {"co-teaching": {"forget_rate": 0.3, "num_gradual": 3}, "elr": {"align": 1.0}}


def fitted(name, recorder, *, epochs=6, last=None, device="cpu", network=None, **options):
    """A run of a method on random images, by steps as they are or replayed: ``epochs`` of ``last``."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    network = network or METHODS[name].network or "small-cnn"

    def network_():
        half = torch.full((2,), 0.5)
        return build_network(network, shape=(2, 8, 8), classes=CLASSES, mean=half, std=half)

    method = METHODS[name](network_, N, CLASSES, **options, generator=np.random.default_rng(1))
    images = torch.from_numpy(rng.integers(0, 256, (N, 2, 8, 8)).astype(np.uint8))
    draw = Draw(torch.arange(N), torch.from_numpy(rng.integers(0, CLASSES, N)))
    data = Batches(
        images.to(device),
        [Draw(*(each.to(device) for each in draw))],
        batch_size=BATCH,
        augment="crop+flip",
        order=torch.Generator().manual_seed(2),
        augmentation=torch.Generator().manual_seed(3),
    )
    fabric = Fabric(accelerator=device, devices=1)
    # Rates that float32 has exactly: as numbers and as tensors they are the same.
    schedule = "multistep:2,4:0.5"
    fit = Fit(
        method, data, fabric, epochs=last or epochs, lr=0.0625, weight_decay=0.0, schedule=schedule, recorder=recorder
    )
    run = fit.run(lambda *_: None)
    return fit, [(epoch.loss, epoch.parts) for epoch in itertools.islice(run, epochs)]


def same_tensors(first, second, **tolerance):
    a, b = (dict(_flat(fit.state_dict())) for fit in (first, second))
    assert a.keys() == b.keys()
    for name, value in a.items():
        torch.testing.assert_close(
            value, b[name], equal_nan=True, msg=lambda text, name=name: f"{name}: {text}", **tolerance
        )


def _flat(state, name=""):
    items = state.items() if isinstance(state, dict) else enumerate(state)
    for key, value in items:
        if isinstance(value, (dict, list)):
            yield from _flat(value, f"{name}/{key}")
        elif isinstance(value, torch.Tensor):
            yield f"{name}/{key}", value


@pytest.mark.slow
@pytest.mark.parametrize("name", REPLAYABLE)
def test_replayed_steps_are_those_of_python(name):
    plain, losses = fitted(name, None, **OPTIONS.get(name, {}))
    replayed, again = fitted(name, Tapes(), **OPTIONS.get(name, {}))
    passes = 2 if name == "elr+" else 1  # over whole batches and a smaller last one
    assert not replayed.replays.failed
    assert replayed.replays.recorded == 2 * passes
    # Averages and mixtures take tensors for numbers, which rounds them; all else is the same bit for bit.
    exact = name not in ("elr+", "mixup")
    tolerance = {"rtol": 0, "atol": 0} if exact else {"rtol": 1e-4, "atol": 1e-5}
    same_tensors(plain, replayed, **tolerance)
    for (loss, parts), (loss_again, parts_again) in zip(losses, again, strict=True):
        assert loss_again == pytest.approx(loss, rel=0 if exact else 1e-4, abs=0 if exact else 1e-5)
        assert parts_again == pytest.approx(parts, rel=0 if exact else 1e-4, abs=0 if exact else 1e-5)
    lr = [group["lr"] for optimizer in replayed.optimizers for group in optimizer.param_groups]
    assert lr == [0.0625 / 4] * len(lr)  # numbers, as checkpoints have them


@pytest.mark.slow
@pytest.mark.parametrize("network", ["whitened-cnn", "preact-resnet18"])
def test_networks_can_be_replayed(network):
    plain, replayed = (fitted("elr", recorder, epochs=2, network=network)[0] for recorder in (None, Tapes()))
    assert replayed.replays.recorded == 1
    same_tensors(plain, replayed, rtol=0, atol=0)


def test_a_tape_tells_what_a_replay_would_get_wrong(monkeypatch):
    elr = METHODS["elr"]
    original = elr.loss

    def counts_in_python(self, batch):
        self.lam += 0.5
        return original(self, batch)

    monkeypatch.setattr(elr, "loss", counts_in_python)
    plain, replayed = (fitted("elr", recorder, epochs=2)[0] for recorder in (None, Tapes()))
    with pytest.raises(AssertionError, match="targets"):
        same_tensors(plain, replayed, rtol=0, atol=1e-4)


class FailsHalfWay(Tapes):
    def record(self, step):
        raise RuntimeError("operation not permitted when stream is capturing\nand more of it")


class Waits(Tapes):
    refuses = "loss.py:7 waits for the GPU"

    def record(self, step):
        pytest.fail("tried to record a step that waits")


def test_a_step_that_cannot_be_recorded_is_told_of_once_and_trains_as_it_is():
    plain, _ = fitted("elr", None)
    for recorder, reason in (
        (FailsHalfWay(), "operation not permitted when stream is capturing"),
        (Waits(), "loss.py:7 waits for the GPU"),
    ):
        replayed, _ = fitted("elr", recorder)
        assert replayed.replays.recorded == 0
        assert replayed.method.notes == [f"no further step is replayed ({reason}); training goes on, more slowly"]
        same_tensors(plain, replayed, rtol=0, atol=0)


def test_gradients_that_a_failed_recording_leaves_are_not_stepped_on(monkeypatch):
    plain, _ = fitted("elr", None)
    recorder = FailsHalfWay()

    def leaves(step):
        for parameter in recorder.fit.method.parameters():
            if parameter.requires_grad:
                parameter.grad = torch.full_like(parameter, 1e3)
        raise RuntimeError("half-way")

    original = Fit.__init__

    def knows(self, *given, **named):
        original(self, *given, **named)
        recorder.fit = self

    monkeypatch.setattr(Fit, "__init__", knows)
    monkeypatch.setattr(recorder, "record", leaves)
    replayed, _ = fitted("elr", recorder)
    same_tensors(plain, replayed, rtol=0, atol=0)


@pytest.mark.slow
def test_taking_up_a_state_records_anew():
    whole, _ = fitted("elr", Tapes(), epochs=6)
    half, _ = fitted("elr", Tapes(), epochs=4, last=6)
    taken, _ = fitted("elr", Tapes(), epochs=0, last=6)
    for _ in range(4):  # order and crops as far on as in the other
        list(taken.data.batches(1))
    taken.load_state_dict(half.state_dict())
    half.load_state_dict(taken.state_dict())
    assert not half.replays._steps
    for fit in (taken, half):
        list(fit.run(lambda *_: None))
        same_tensors(whole, fit, rtol=0, atol=0)


@pytest.mark.parametrize(
    "step",
    [
        lambda x: float(x.sum()),
        lambda x: x[x > 0],
        lambda x: x.masked_select(x > 0),
        lambda x: x.unique(),
        lambda x: torch.equal(x, x + 1),
        lambda x: x + torch.tensor([1.0]),
        lambda x: x.__setitem__(x > 0, 0.0),
    ],
)
def test_a_tape_refuses_a_step_that_waits_for_the_device(step):
    x = torch.ones(2)
    with pytest.raises(RuntimeError, match="waits for the device"), Tape():
        step(x)


@pytest.mark.slow
def test_a_run_replays_where_it_can(run_path, tmp_path, monkeypatch):
    plain = train(stripes(), "elr", epochs=4, out=run_path, quiet=True)
    tapes = Tapes()
    monkeypatch.setattr(prepare, "recorder_for", lambda method, data: (tapes, ""))
    replayed = train(stripes(), "elr", epochs=4, out=tmp_path / "replayed", quiet=True)
    assert replayed.summary["accuracy"] == plain.summary["accuracy"]
    monkeypatch.setattr(prepare, "recorder_for", lambda method, data: (None, "for a reason"))
    told = train(stripes(), "elr", epochs=1, out=tmp_path / "told", quiet=True)
    assert told.metrics[0]["notes"] == ["steps are not replayed as CUDA graphs: for a reason"]
    asked = train(stripes(), "elr", epochs=1, eager=True, out=tmp_path / "asked", quiet=True)
    assert "notes" not in asked.metrics[0]


def test_on_a_processor_nothing_is_recorded_and_nothing_said():
    fit, _ = fitted("elr", None, epochs=1)
    assert recorder_for(fit.method, fit.data) == (None, "")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", REPLAYABLE)
def test_cuda_graphs_train_as_python_does_and_nothing_waits(name, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    plain, losses = fitted(name, None, device="cuda", **OPTIONS.get(name, {}))
    recorder = CudaGraphs()
    replayed, again = fitted(name, recorder, device="cuda", **OPTIONS.get(name, {}))
    assert replayed.replays.recorded
    assert not replayed.replays.failed
    same_tensors(plain, replayed, rtol=1e-3, atol=1e-3)
    assert [loss for loss, _ in again] == pytest.approx([loss for loss, _ in losses], rel=1e-3)
    pass_ = next(replayed.method.passes(0, replayed.data))
    steps = replayed._steps(pass_)
    for _ in range(WARM_UP):
        next(steps)
    torch.cuda.set_sync_debug_mode("error")
    try:
        next(steps)
    finally:
        torch.cuda.set_sync_debug_mode("default")
