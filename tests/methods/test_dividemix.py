"""Does DivideMix divide, refine, guess, mix and step as published, and survive divisions that are not?"""

import copy

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from earlylearn.loop.batches import Batches, Draw
from earlylearn.loop.fit import Fit
from earlylearn.methods.dividemix import DivideMix, _pairs, sharpened
from earlylearn.methods.mixture import clean_probability, rescaled
from earlylearn.runs.folder import RunFolder
from earlylearn.runs.train import resume, train
from tests.conftest import blobs, stripes
from tests.methods.test_methods import assert_same_run
from tests.reference.dividemix_literal import LiteralDivideMix, literal_clean_probability
from tests.reference.elr_plus_literal import small_network

SGD = {"lr": 0.05, "momentum": 0.9, "weight_decay": 1e-3}
OPTIONS = {
    "warmup": 2,
    "p_threshold": 0.5,
    "lambda_u": 25.0,
    "ramp": 3,
    "temperature": 0.5,
    "alpha": 4.0,
    "prior_weight": 1.0,
    "confidence_penalty": 1.0,
    "history": 1,
    "view_noise": 0.2,
}


def _problem(n=44):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(n, 5)).astype(np.float32) * np.float32([1, 2, 3, 4, 5])
    labels = np.where(rng.random(n) < 0.3, rng.integers(0, 3, n), (x[:, 0] > 0) + (x[:, 1] > 0))
    return torch.from_numpy(x), torch.from_numpy(labels)


def _batches(x, rows, labels, batch_size=12):
    return Batches(
        x,
        [Draw(rows, labels)],
        batch_size=batch_size,
        augment="none",
        order=torch.Generator().manual_seed(5),
        augmentation=torch.Generator(),
    )


@pytest.mark.parametrize("changed", [{}, {"history": 2, "confidence_penalty": 0.0, "ramp": 2}, {"lambda_u": 0.0}])
def test_takes_the_steps_of_the_literal_algorithm(changed):
    torch.manual_seed(0)
    options = OPTIONS | changed
    x, labels = _problem()
    rows = torch.arange(3, len(x))
    method = DivideMix(small_network, len(x), 3, **options, generator=np.random.default_rng(7))
    literal = LiteralDivideMix(
        [copy.deepcopy(net) for net in method.nets], 3, options=options, rng=np.random.default_rng(7), **SGD
    )
    literal.spread = x[rows].numpy().std(0)
    theirs, half = _batches(x, rows, labels), 6
    fit = Fit(method, _batches(x, rows, labels), Fabric(accelerator="cpu", devices=1), epochs=5, **SGD)
    divided_both_ways = 0
    for record in fit.run(lambda *_: None):
        epoch, losses = record.epoch - 1, []
        if epoch < options["warmup"]:
            for k in (0, 1):
                for batch in theirs.batches():
                    losses.append((literal.warm_up_step(k, batch.views[0], batch.label.tolist()), len(batch.index)))
        else:
            clean = literal.co_divide(x[rows], labels[rows].tolist())
            np.testing.assert_allclose(method.clean[:, rows], clean, atol=1e-5)
            for k in (0, 1):
                probability = dict(zip(rows.tolist(), clean[1 - k], strict=True))
                labelled = torch.tensor([row for row, w in probability.items() if w > 0.5])
                unlabelled = torch.tensor([row for row, w in probability.items() if w <= 0.5])
                assert len(labelled) > half
                assert len(unlabelled) > 1
                divided_both_ways += 1
                others = iter(())
                for step, batch in enumerate(theirs.batches(2, rows=labelled, batch_size=half)):
                    try:
                        other = next(others)
                    except StopIteration:
                        others = iter(theirs.batches(2, rows=unlabelled, batch_size=half))
                        other = next(others)
                    loss = literal.step(
                        k,
                        epoch,
                        step,
                        len(labelled),
                        half,
                        batch.views,
                        other.views,
                        batch.label.tolist(),
                        [probability[row] for row in batch.index.tolist()],
                    )
                    losses.append((loss, len(batch.index) + len(other.index)))
        expected = sum(loss * count for loss, count in losses) / sum(count for _, count in losses)
        assert record.loss == pytest.approx(expected, abs=1e-5)
    assert divided_both_ways == 6
    for mine, other in zip(method.nets, literal.nets, strict=True):
        for a, b in zip(mine.state_dict().values(), other.state_dict().values(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


def test_mixture_is_the_literal_one_and_tells_low_from_high():
    rng = np.random.default_rng(0)
    losses = rescaled(np.concatenate([rng.normal(0.3, 0.1, 300), rng.normal(2.0, 0.4, 100)]))
    ours = clean_probability(losses, seed=3)
    np.testing.assert_allclose(ours, literal_clean_probability(losses.tolist(), 3), atol=1e-9)
    assert ((ours > 0.5) == (np.arange(400) < 300)).mean() > 0.98


@pytest.mark.parametrize("losses", [[], [1.0], [2.0] * 9, [np.nan] * 4, [np.inf, np.inf]])
def test_losses_that_do_not_divide(losses):
    assert clean_probability(rescaled(np.array(losses)), seed=0) is None


def test_losses_that_are_not_finite_count_as_the_largest():
    assert rescaled(np.array([3.0, np.nan, 1.0, np.inf])).tolist() == [1.0, 1.0, 0.0, 1.0]


def test_sharpening_survives_a_cold_temperature():
    p = torch.tensor([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])
    torch.testing.assert_close(sharpened(p, 0.5)[0], torch.tensor([0.04, 0.09, 0.25]) / 0.38)
    torch.testing.assert_close(sharpened(p, 1e-3), torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]))


def _notes(run):
    return " ".join(note for record in run.metrics for note in record.get("notes", []))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("posterior", "noted"),
    [
        (lambda m: None, "do not divide in two; all labels count as clean"),
        (np.zeros, "only 0 labels count as clean, fewer than half a batch; cross-entropy"),
        (lambda m: (np.arange(m) < 3) * 1.0, "only 3 labels count as clean"),
        (np.ones, "every label counts as clean; no unlabelled part"),
        (lambda m: (np.arange(m) > 0) * 1.0, "every label counts as clean; no unlabelled part"),
        (lambda m: (np.arange(m) > 1) * 1.0, ""),
        (lambda m: (np.arange(m) < 9) * 1.0, ""),  # the last labelled batch would be of one row
    ],
)
def test_degenerate_divisions_are_noted_and_train_on(posterior, noted, run_path, monkeypatch):
    monkeypatch.setattr("earlylearn.methods.dividemix.clean_probability", lambda losses, seed: posterior(len(losses)))
    run = train(stripes(), "dividemix", warmup=1, epochs=3, batch_size=16, out=run_path, quiet=True)
    assert (noted in _notes(run)) if noted else not _notes(run)
    assert np.isfinite([record["loss"] for record in run.metrics]).all()


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{"batch_size": 2}, {"batch_size": 1000}, {"val_fraction": 0.0, "warmup": 0}])
def test_batches_of_every_size(settings, run_path):
    run = train(stripes(n=40), "dividemix", **{"warmup": 1, **settings}, epochs=2, out=run_path, quiet=True)
    assert len(run.label_issues()) == 40


@pytest.mark.slow
def test_more_classes_than_rows_in_a_batch(run_path):
    run = train(blobs(classes=9), "dividemix", warmup=1, batch_size=4, epochs=2, out=run_path, quiet=True)
    assert np.isfinite(run.metrics[-1]["loss"])


@pytest.mark.slow
@pytest.mark.parametrize("data", [stripes(), blobs()])
def test_resumed_in_the_divided_epochs_equals_uninterrupted(data, tmp_path, monkeypatch):
    settings = {"epochs": 5, "warmup": 1, "history": 2, "lambda_u": 5, "quiet": True}
    whole = train(data, "dividemix", out=tmp_path / "whole", **settings)
    original = RunFolder.append_metrics

    def dies(self, record):
        original(self, record)
        if record["epoch"] == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(RunFolder, "append_metrics", dies)
    with pytest.raises(KeyboardInterrupt):
        train(data, "dividemix", out=tmp_path / "cut", **settings)
    monkeypatch.undo()
    assert_same_run(whole, resume(tmp_path / "cut", data, quiet=True))


def test_labelled_rows_go_by_once_and_unlabelled_ones_start_over():
    x, labels = _problem()
    labelled, unlabelled = torch.arange(3, 28), torch.arange(30, 37)
    batches = list(_pairs(_batches(x, torch.arange(3, 40), labels), labelled, unlabelled, 6))
    counts = [len(batch.views[0]) for batch in batches]
    assert counts == [6, 6, 6, 7]  # never a last batch of one
    assert [len(batch.views) for batch in batches] == [4] * 4
    first = torch.cat([batch.index[:count] for batch, count in zip(batches, counts, strict=True)])
    second = [batch.index[count:] for batch, count in zip(batches, counts, strict=True)]
    assert torch.equal(first.sort().values, labelled)
    assert all(torch.equal(rows.sort().values, unlabelled) for rows in second)
    for batch, count in zip(batches, counts, strict=True):
        assert torch.equal(batch.label, labels[batch.index])
        assert torch.equal(batch.views[1], x[batch.index[:count]])
        assert torch.equal(batch.views[3], x[batch.index[count:]])


def test_views_differ_with_and_without_augmentation():
    x, labels = _problem()
    method = DivideMix(small_network, len(x), 3, view_noise=0.2)
    data = _batches(x, torch.arange(len(x)), labels)
    method.spread = method._spread(data)
    one, other = method._perturbed(x), method._perturbed(x)
    ratio = (one - x).std(0) / x.std(0)
    assert not torch.equal(one, other)
    assert ((ratio > 0.1) & (ratio < 0.3)).all()
    data.augment = "crop"
    assert method._spread(data) is None


@pytest.mark.slow
def test_beliefs_find_the_wrong_labels_among_training_and_held_out_rows(run_path):
    data = blobs(n=600)
    run = train(data, "dividemix", warmup=3, epochs=8, lr=0.05, out=run_path, quiet=True)
    beliefs = run._model("last").label_beliefs()
    torch.testing.assert_close(beliefs.sum(1), torch.ones(600))
    issues = run.label_issues()
    wrong = data.labels != data.true_labels
    for split in ("train", "validation"):
        inside = (issues["split"] == split).to_numpy()
        assert (issues["is_label_issue"].to_numpy() == wrong)[inside].mean() > 0.9
