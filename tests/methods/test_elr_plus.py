"""Does ELR+ take the steps of the published algorithm, and can each of its parts be switched off alone?"""

import copy

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from earlylearn.loop.batches import Batches, Draw
from earlylearn.loop.fit import Fit
from earlylearn.methods.elr_plus import ELRPlus, sigmoid_ramp
from earlylearn.runs.checkpoint import load_checkpoint
from earlylearn.runs.train import train
from tests.conftest import blobs
from tests.reference.elr_plus_literal import LiteralELRPlus, literal_ramp, small_network


def test_takes_the_steps_of_the_literal_algorithm():
    torch.manual_seed(0)
    n, rng = 20, np.random.default_rng(3)
    x = torch.from_numpy(rng.normal(size=(n, 5)).astype(np.float32))
    labels = torch.from_numpy(rng.integers(0, 3, n))
    settings = {"lam": 3.0, "beta": 0.7, "alpha": 1.0, "gamma": 0.9}
    method = ELRPlus(small_network, n, 3, **settings, generator=np.random.default_rng(7))
    literal = LiteralELRPlus(
        [copy.deepcopy(net) for net in method.nets],
        n,
        3,
        **settings,
        lr=0.1,
        momentum=0.9,
        weight_decay=1e-3,
        mixup_rng=np.random.default_rng(7),
    )
    orders = [torch.Generator().manual_seed(5), torch.Generator().manual_seed(5)]
    ours, theirs = (
        Batches(
            x,
            [Draw(torch.arange(n), labels)],
            batch_size=8,
            augment="none",
            order=order,
            augmentation=torch.Generator(),
        )
        for order in orders
    )
    fabric = Fabric(accelerator="cpu", devices=1)
    fit = Fit(method, ours, fabric, epochs=2, lr=0.1, momentum=0.9, weight_decay=1e-3)
    losses = []
    for epoch in fit.run(lambda *_: None):
        expected = [
            literal.step(k, batch.index.tolist(), batch.views[0], batch.label.tolist()) * len(batch.index)
            for k in (0, 1)
            for batch in theirs.batches()
        ]
        losses.append((epoch.loss, sum(expected) / (2 * n)))
    for ours_loss, literal_loss in losses:
        assert ours_loss == pytest.approx(literal_loss, abs=1e-5)
    for k in (0, 1):
        for mine, other in (
            (method.nets[k], literal.nets[k]),
            (method.averages[k], literal.averages[k]),
        ):
            for a, b in zip(mine.parameters(), other.parameters(), strict=True):
                torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(method.targets[k], torch.tensor(literal.targets[k]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("step", [0, 1, 57, 99, 100, 10_000])
def test_ramp(step):
    assert sigmoid_ramp(step, 100) == literal_ramp(step, 100)
    assert sigmoid_ramp(step, 0) == 1.0


def test_without_weight_averaging_the_teacher_is_the_live_network(run_path):
    run = train(blobs(), "elr+", gamma=0, epochs=1, out=run_path, quiet=True)
    method = run._model("last")
    for average, live in zip(method.averages.parameters(), method.nets.parameters(), strict=True):
        assert torch.equal(average, live)


def test_one_network_teaches_itself(run_path):
    run = train(blobs(), "elr+", networks=1, alpha=0, epochs=2, out=run_path, quiet=True)
    method = run._model("last")
    assert len(method.nets) == len(method.averages) == len(method.targets) == 1
    trained = run.folder.read_labels()["train_rows"]
    torch.testing.assert_close(method.targets[0, trained].sum(1), torch.full((len(trained),), 1 - 0.7**2))


def test_relabelling_survives_targets_that_contradict_the_label():
    torch.manual_seed(0)
    method = ELRPlus(lambda: torch.nn.Linear(2, 3), 4, 3, alpha=0, update_labels=True)
    with torch.no_grad():
        for average in method.averages:
            average.weight.zero_()
            average.bias.copy_(torch.tensor([200.0, -200.0, -200.0]))
    from earlylearn.loop.batches import Batch

    x, labels = torch.randn(4, 2), torch.tensor([1, 2, 1, 2])
    loss = method.loss(Batch(torch.arange(4), (x,), labels, method.numbers(4, (0,)))).loss
    assert torch.isfinite(loss)


@pytest.mark.slow
def test_as_released_draws_noise_and_split_once_per_network(run_path):
    run = train(blobs(wrong=0), "elr+", noise="symmetric:0.5", as_released=True, epochs=1, out=run_path, quiet=True)
    kept = run.folder.read_labels()
    assert (kept["given"] != kept["given_1"]).mean() > 0.2
    assert not np.array_equal(kept["train_rows"], kept["train_rows_1"])
    trained = load_checkpoint(run.folder.last)["fit"]["method"]["targets"]
    assert (trained[1][torch.from_numpy(kept["train_rows_1"])].sum(1) > 0).all()
    assert run.label_issues()["label_quality"].notna().all()
    trained_by_both = np.intersect1d(kept["val_rows"], kept["train_rows_1"])
    torch.testing.assert_close(trained[1][trained_by_both].sum(1), torch.full((len(trained_by_both),), 0.3))
    honest = train(blobs(wrong=0), "elr+", noise="symmetric:0.5", epochs=1, out=run_path, overwrite=True, quiet=True)
    assert "given_1" not in honest.folder.read_labels()
