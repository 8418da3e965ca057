"""Do co-teaching and co-teaching+ choose and step as published, and where does the noise rate come from?"""

import copy

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from earlylearn.loop.batches import Batch, Batches, Draw
from earlylearn.loop.fit import Fit
from earlylearn.loop.seen import Seen
from earlylearn.methods.coteaching import CoTeaching, CoTeachingPlus, mean_of_smallest
from earlylearn.methods.forget_rate import ForgetRate
from earlylearn.runs.train import resume, train
from tests.conftest import blobs
from tests.reference.coteaching_literal import LiteralCoTeaching, literal_forget_rate
from tests.reference.elr_plus_literal import small_network

SGD = {"lr": 0.1, "momentum": 0.9, "weight_decay": 1e-3}


@pytest.mark.parametrize(("method_class", "initial"), [(CoTeaching, None), (CoTeachingPlus, 0), (CoTeachingPlus, 2)])
def test_takes_the_steps_of_the_literal_algorithm(method_class, initial, monkeypatch):
    torch.manual_seed(0)
    n, rng = 26, np.random.default_rng(3)
    x = torch.from_numpy(rng.normal(size=(n, 5)).astype(np.float32))
    rows, labels = torch.arange(2, n), torch.from_numpy(rng.integers(0, 3, n))
    options = {"forget_rate": 0.5, "num_gradual": 3}
    method = method_class(small_network, n, 3, **options, **({} if initial is None else {"initial": initial}))
    literal = LiteralCoTeaching(
        [copy.deepcopy(net) for net in method.nets], tau=0.5, num_gradual=3, initial=initial, **SGD
    )
    ours, theirs = (
        Batches(
            x,
            [Draw(rows, labels)],
            batch_size=8,
            augment="none",
            order=torch.Generator().manual_seed(5),
            augmentation=torch.Generator(),
        )
        for _ in range(2)
    )
    chosen, current = [], []

    def watched(loss, judged, keep):
        # Who carries weight in the mean is who was chosen.
        leaf = loss.detach().requires_grad_()
        mean_of_smallest(leaf, judged, keep).backward()
        current.append(leaf.grad.nonzero().flatten().tolist())
        return mean_of_smallest(loss, judged, keep)

    monkeypatch.setattr("earlylearn.methods.coteaching.mean_of_smallest", watched)
    original = method.after_step

    def after_step(batch, trained):
        chosen.append([sorted(batch.index[i].item() for i in who) for who in current])
        current.clear()
        original(batch, trained)

    monkeypatch.setattr(method, "after_step", after_step)
    fit = Fit(method, ours, Fabric(accelerator="cpu", devices=1), epochs=5, **SGD)
    for epoch in fit.run(lambda *_: None):
        expected = [
            literal.step(epoch.epoch - 1, batch.index.tolist(), batch.views[0], batch.label.tolist()) * len(batch.index)
            for batch in theirs.batches()
        ]
        assert epoch.loss == pytest.approx(sum(expected) / len(rows), abs=1e-5)
    assert chosen == literal.chosen
    assert any(len(first) < 4 for first, _ in chosen) == (initial is not None)  # fewer than half: disagreements only
    for mine, other in zip(method.nets, literal.nets, strict=True):
        for a, b in zip(mine.parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("epoch", [0, 1, 9, 10, 50])
def test_the_share_left_out_ramps_up(epoch):
    rate = ForgetRate(0.4, 10, 3)
    rate.start(epoch, None)
    assert rate.now.item() == pytest.approx(literal_forget_rate(epoch, 0.4, 10))


@pytest.mark.parametrize(
    ("tau", "examples", "kept"), [(0.0, 7, 7), (0.5, 2, 1), (0.5, 7, 3), (0.7, 10, 3), (0.9, 10, 1), (1.0, 8, 1)]
)
def test_kept_number_is_exact_and_never_zero(tau, examples, kept):
    rate = ForgetRate(tau, 0, 3)
    rate.start(0, None)
    assert rate.kept(examples).item() == rate.kept(torch.tensor(examples)).item() == kept


def test_nan_is_chosen_last_and_ties_in_order():
    judged = torch.tensor([torch.nan, 1.0, 1.0, 1.0])
    loss = torch.tensor([1000.0, 1.0, 10.0, 100.0])
    assert mean_of_smallest(loss, judged, torch.tensor(2.0)).item() == pytest.approx(5.5)


@pytest.mark.parametrize("method_class", [CoTeaching, CoTeachingPlus])
@pytest.mark.parametrize("tau", [0.5, 1.0])
def test_batch_of_two(method_class, tau):
    torch.manual_seed(0)
    method = method_class(lambda: torch.nn.Linear(2, 3), 4, 3, forget_rate=tau, num_gradual=0)
    method.forget.start(0, None)
    method.disagree = True
    loss = method.loss(Batch(torch.arange(2), (torch.randn(2, 2),), torch.tensor([1, 2]))).loss
    assert torch.isfinite(loss)


def test_networks_in_agreement_are_trained_by_plain_co_teaching():
    torch.manual_seed(0)
    plus = CoTeachingPlus(lambda: torch.nn.Linear(2, 3), 8, 3, forget_rate=0.5, num_gradual=0)
    plus.nets[1].load_state_dict(plus.nets[0].state_dict())
    plus.disagree = True
    plain = CoTeaching(lambda: torch.nn.Linear(2, 3), 8, 3, forget_rate=0.5, num_gradual=0)
    plain.nets.load_state_dict(plus.nets.state_dict())
    batch = Batch(torch.arange(8), (torch.randn(8, 2),), torch.arange(8) % 3)
    losses = []
    for method in (plus, plain):
        method.forget.start(0, None)
        losses.append(method.loss(batch).loss)
    assert torch.equal(*losses)
    assert losses[0] > 0


class Columns(torch.nn.Module):
    """A network whose logits are some columns of its input."""

    def __init__(self, columns):
        super().__init__()
        self.columns = columns

    def forward(self, x):
        return x[:, self.columns]


SURE = [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 2.0]]


# Where the released code does otherwise: it trains on the only disagreement (row 3), and, with int(.4 * 2) = 0 to keep,
# on both (rows 2 and 3).
@pytest.mark.parametrize(
    ("second", "tau", "rows", "loss"),
    [
        ([*SURE, [0.5, 1.0, 0.0]], 0.5, {0, 1, 2}, 0.4791),  # co-teaching of the batch: two of three equal losses
        ([*SURE[:2], [0.0, 1.0, 0.5], [0.5, 1.0, 0.0]], 0.6, {2}, 1.4198),
    ],
)
def test_few_disagreements(second, tau, rows, loss):
    x = torch.cat([torch.tensor([*SURE, [1.0, 0.5, 0.0]]), torch.tensor(second)], 1).requires_grad_()
    columns = iter((slice(0, 3), slice(3, 6)))
    method = CoTeachingPlus(lambda: Columns(next(columns)), 4, 3, forget_rate=tau, num_gradual=0)
    method.forget.start(0, None)
    step = method.loss(Batch(torch.arange(4), (x,), torch.tensor([0, 1, 2, 0])))
    step.loss.backward()
    assert step.loss.item() == pytest.approx(loss, abs=1e-4)
    for side in (x.grad[:, :3], x.grad[:, 3:]):
        trained = set(side.abs().sum(1).nonzero().flatten().tolist())
        assert trained <= rows
        assert len(trained) == min(len(rows), 2)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["co-teaching", "co-teaching+"])
@pytest.mark.parametrize("val_fraction", [0.2, 0.0])
def test_noise_rate_is_estimated_noted_and_survives_a_resume(method, val_fraction, tmp_path, monkeypatch):
    data = blobs(n=600)
    settings = {"epochs": 6, "val_fraction": val_fraction, "quiet": True}
    run = train(data, method, out=tmp_path / "whole", **settings)
    notes = [(record["epoch"], note) for record in run.metrics for note in record.get("notes", [])]
    epoch, text = notes[-1]
    assert text.startswith("forget_rate: estimated noise rate 0.")
    assert float(text.split()[4]) == pytest.approx((data.labels != data.true_labels).mean(), abs=0.08)
    assert epoch == 3 if val_fraction == 0 else notes[0][0] == 1
    from earlylearn.runs.folder import RunFolder

    original = RunFolder.append_metrics

    def dies(self, record):
        original(self, record)
        if record["epoch"] == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(RunFolder, "append_metrics", dies)
    with pytest.raises(KeyboardInterrupt):
        train(data, method, out=tmp_path / "cut", **settings)
    monkeypatch.undo()
    again = resume(tmp_path / "cut", data, quiet=True)
    assert [r["loss"] for r in again.metrics] == [r["loss"] for r in run.metrics]


def test_the_best_agreement_yet_is_the_estimate_for_later_ones_may_have_memorised():
    method, held_out = CoTeaching(torch.nn.Identity, 50, 2), torch.arange(25)
    seen = Seen(torch.zeros(50, dtype=torch.int64))
    method.forget.start(0, Draw(torch.arange(25, 50), seen.labels))
    for right, best in ((15, 15), (20, 20), (10, 20)):
        seen.predicted[held_out] = (held_out >= right).long()
        method.after_validation(held_out, seen)
        assert method.forget.tau() == pytest.approx(1 - best / 25)


def test_a_noise_rate_that_is_given_is_not_estimated(run_path):
    run = train(blobs(), "co-teaching", forget_rate=0.3, epochs=4, out=run_path, quiet=True)
    assert not any("notes" in record for record in run.metrics)
