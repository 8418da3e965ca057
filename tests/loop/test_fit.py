"""Do schedules, the loop's bookkeeping, recipes and checkpoints do what they say?"""

import json

import numpy as np
import pytest
import torch

from earlylearn.data.labelled import LabelledData
from earlylearn.errors import UsageError
from earlylearn.loop.schedule import make_schedule
from earlylearn.methods.supervised import CrossEntropy
from earlylearn.runs.checkpoint import load_checkpoint, save_checkpoint
from earlylearn.runs.config import resolve
from earlylearn.runs.generators import Generators, seed_for
from earlylearn.runs.run import Run
from earlylearn.runs.train import resume, train
from tests.conftest import blobs, stripes


def _rates(spec, epochs, lr=0.02):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    schedule = make_schedule(spec, optimizer, epochs=epochs)
    rates = []
    for _ in range(epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


def test_multistep_divides_after_the_epochs_named():
    rates = _rates("multistep:40,80:0.01", 120)
    assert rates[39] == 0.02
    assert rates[40] == rates[79] == pytest.approx(2e-4)
    assert rates[80] == rates[119] == pytest.approx(2e-6)


def test_cosine_restarts_every_period_and_plain_cosine_ends_near_zero():
    rates = _rates("cosine:10:0.001", 30)
    expected = [0.001 + (0.02 - 0.001) * (1 + np.cos(np.pi * (e % 10) / 10)) / 2 for e in range(30)]
    np.testing.assert_allclose(rates, expected)
    assert _rates("cosine", 30)[-1] < 1e-4
    assert set(_rates("constant", 5)) == {0.02}


def test_one_cycle_rises_for_a_fifth_and_falls_to_near_zero():
    rates = _rates("one-cycle", 20)
    np.testing.assert_allclose(rates[:4], 0.02 * np.array([0.125, 0.375, 0.625, 0.875]))
    np.testing.assert_allclose(np.diff(rates[4:]), -0.02 / 16)
    assert rates[-1] == pytest.approx(0.02 / 32)


@pytest.mark.parametrize("spec", ["", "multistep", "multistep:80,40:0.1", "cosine:0:0.1", "linear", "multistep:a:0.1"])
def test_unknown_schedules(spec):
    with pytest.raises(UsageError, match=r"schedule=.* write one like constant"):
        _rates(spec, 3)


@pytest.mark.slow
def test_last_and_picked_epoch_are_kept_apart_and_validation_picks(run_path):
    run = train(stripes(), "ce", noise="symmetric:0.6", epochs=6, out=run_path, quiet=True)
    accuracies = [record["val_accuracy"] for record in run.metrics]
    best = run.summary["accuracy"]["best_epoch"]
    assert accuracies[best - 1] == max(accuracies) == run.summary["accuracy"]["val_best"]
    assert max(accuracies) not in accuracies[best:]  # ties go to the later epoch
    assert load_checkpoint(run.folder.last)["fit"]["epoch"] == 6
    last, picked = (run.predict_proba(stripes().inputs, weights=weights) for weights in ("last", "picked"))
    assert best == 6 or not np.array_equal(last, picked)


def test_loss_parts_add_up(run_path):
    run = train(blobs(), "elr", lam=3, epochs=2, out=run_path, quiet=True)
    for record in run.metrics:
        parts = record["loss_parts"]
        assert record["loss"] == pytest.approx(parts["ce"] + 3 * parts["elr"], abs=1e-5)


@pytest.mark.slow
def test_memorization_shares_are_those_of_counting(run_path):
    data = blobs()
    run = train(data, "ce", epochs=15, lr=0.1, out=run_path, quiet=True)
    rows = run.folder.read_labels()["train_rows"]
    predicted = run.predict(data.inputs[rows], weights="last")
    given, true = data.labels[rows], data.true_labels[rows]
    wrong = given != true
    assert run.summary["memorized_last"] == pytest.approx((predicted == given)[wrong].mean(), abs=1e-6)
    assert run.summary["noise"]["wrong_fraction"] == pytest.approx((data.labels != data.true_labels).mean())
    for record in run.metrics:
        assert sum(record["wrong"].values()) == pytest.approx(1)
        assert sum(record["clean"].values()) == pytest.approx(1)


def test_without_true_labels_nothing_is_claimed_of_them(run_path):
    run = train(stripes(), epochs=1, out=run_path, quiet=True)
    assert run.summary["memorized_last"] is None
    assert run.summary["noise"]["wrong_fraction"] is None
    assert run.summary["label_issues"]["precision"] is None
    assert run.summary["accuracy"]["test_last"] is None
    assert run.metrics[0]["wrong"] is None
    assert "true_label" not in run.label_issues()


@pytest.mark.slow
def test_a_wrong_label_left_by_the_seed_is_the_same_for_every_method(tmp_path):
    kept = [
        train(
            blobs(wrong=0), method, noise="pair:0.3", epochs=1, out=tmp_path / method, quiet=True
        ).folder.read_labels()
        for method in ("ce", "elr")
    ]
    for name in ("given", "train_rows", "val_rows"):
        assert np.array_equal(kept[0][name], kept[1][name])


def test_training_leaves_the_callers_generators_alone(run_path):
    torch.manual_seed(1)
    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    train(stripes(), epochs=1, out=run_path, quiet=True)
    assert torch.equal(before, torch.get_rng_state())
    assert np.array_equal(numpy_before, np.random.get_state()[1])  # noqa: NPY002


def test_every_purpose_has_a_generator_of_its_own():
    seeds = [seed_for(seed, purpose) for seed in (0, 1) for purpose in ("split", "noise", "order", "method")]
    assert len(set(seeds)) == len(seeds)
    first, second = Generators(0), Generators(3)
    with torch.random.fork_rng(devices=[]):
        second.load_state_dict(first.state_dict())
    assert torch.equal(torch.rand(3, generator=first.order), torch.rand(3, generator=second.order))
    assert first.method.random() == second.method.random()


def test_checkpoint_returns_what_it_was_given(tmp_path):
    shared = torch.arange(6.0).reshape(2, 3).T
    state = {
        "a": [shared, shared],
        "b": {0: {"momentum": torch.zeros(0, 2)}, "x": None},
        "n": 2**100,
        "s": "ü",
        "t": True,
    }
    save_checkpoint(tmp_path / "c", state)
    loaded = load_checkpoint(tmp_path / "c")
    assert torch.equal(loaded["a"][0], shared)
    assert torch.equal(loaded["a"][1], shared)
    assert loaded["b"][0]["momentum"].shape == (0, 2)
    assert {**loaded["b"], 0: None} == {0: None, "x": None}
    assert (loaded["n"], loaded["s"], loaded["t"]) == (2**100, "ü", True)
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def _images(n=24, classes=10):
    rng = np.random.default_rng(0)
    return LabelledData(
        name="images",
        inputs=rng.integers(0, 256, (n, 3, 32, 32)).astype(np.uint8),
        labels=(np.arange(n) % classes).astype(np.int64),
        classes=tuple(map(str, range(classes))),
        ids=np.arange(n).astype(str),
        augment="crop+flip",
    )


def test_what_the_user_says_overrides_the_recipe():
    config = resolve(_images(), {"data": "x", "recipe": "cifar10-elr", "lr": "0.5"}, {"lam": 9})
    assert (config.lr, config.options["lam"], config.options["beta"], config.epochs) == (0.5, 9, 0.7, 120)


@pytest.mark.parametrize(
    ("data", "network", "recipe", "lam"),
    [
        (blobs(), "mlp", "small-data-aligned", 5),
        (blobs(), "linear", "large-data", 1),
        (stripes(), "linear", "large-data", 1),
        (stripes(), "small-cnn", "small-data-aligned", 5),
        (stripes(10_000), "small-cnn", "large-data", 1),
    ],
)
def test_lambda_goes_by_what_the_network_could_memorise(data, network, recipe, lam):
    config = resolve(data, {"data": "x", "network": network}, {})
    assert (config.method, config.recipe, config.options["lam"]) == ("elr", recipe, lam)


def test_auto_is_not_for_rows_and_classes_beyond_memory(monkeypatch):
    monkeypatch.setattr("earlylearn.runs.config.MOST_NUMBERS", 700)
    assert resolve(blobs(240), {"data": "x"}, {}).method == "elr"  # 3 classes
    assert resolve(blobs(230), {"data": "x"}, {}).method == "auto"


@pytest.mark.parametrize(
    ("data", "settings", "options", "method"),
    [
        (blobs(), {}, {}, "auto"),
        (blobs(), {"epochs": 3}, {"folds": 4, "beta": 0.9}, "auto"),
        (blobs(), {"method": "elr"}, {}, "elr"),
        (blobs(), {"network": "mlp"}, {}, "elr"),
        (blobs(), {"recipe": "small-data"}, {}, "elr"),
        (blobs(), {"recipe": "heads"}, {}, "auto"),
        (blobs(), {}, {"lam": 3}, "elr"),
        (stripes(), {}, {}, "elr"),
        (stripes(), {"recipe": "heads"}, {}, "auto"),
    ],
)
def test_auto_is_for_features_where_nobody_has_chosen(data, settings, options, method):
    assert resolve(data, {"data": "x", **settings}, options).method == method


@pytest.mark.slow
def test_config_is_enough_to_repeat_the_run(tmp_path):
    first = train("digits", limit=200, noise="symmetric:0.2", epochs=2, out=tmp_path / "a", quiet=True)
    document = json.loads(first.folder.config.read_text())
    for note in ("inputs", "format", "plugins"):  # what it notes beside the request
        document.pop(note, None)
    again = train(document.pop("data"), out=tmp_path / "b", quiet=True, **document)
    assert Run(tmp_path / "b").config == first.config
    assert [r["loss"] for r in again.metrics] == [r["loss"] for r in first.metrics]


@pytest.mark.parametrize("quiet", [False, True])
def test_what_a_method_notes_is_shown_and_kept_with_its_epoch(quiet, run_path, monkeypatch, capsys):
    monkeypatch.setattr(
        CrossEntropy, "after_epoch", lambda self, epoch, seen: epoch == 1 and self.note("[half] is noise")
    )
    run = train(blobs(), "ce", epochs=3, out=run_path, quiet=quiet)
    assert [record.get("notes") for record in run.metrics] == [None, ["[half] is noise"], None]
    assert ("epoch 2: [half] is noise\n" in capsys.readouterr().err) == (not quiet)


@pytest.mark.slow
def test_a_run_resumes_from_another_folder(tmp_path, monkeypatch):
    data = stripes()
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    np.savez("data.npz", x=data.inputs, y=data.labels)
    np.save("truth.npy", data.labels)
    np.save("matrix.npy", np.array([[0.8, 0.2], [0.3, 0.7]]))
    request = {"true_labels": "truth.npy", "noise": "matrix:matrix.npy"}
    run = train("data.npz", epochs=2, out="run", quiet=True, **request)
    run.folder.summary.unlink()
    monkeypatch.chdir(tmp_path / "there")
    assert resume("../here/run", quiet=True).summary["epochs"] == 2


def _csv(path, n=80):
    rng = np.random.default_rng(0)
    true = np.arange(n) % 2
    given = np.where(np.arange(n) % 5 == 0, 1 - true, true)
    rows = [f"{t * 4 + rng.normal():.3f},{g},{t}" for t, g in zip(true, given, strict=True)]
    path.write_text("\n".join(["x,given,truth", *rows]) + "\n")


def test_test_accuracy_is_against_true_labels_where_they_are_known(tmp_path):
    _csv(tmp_path / "t.csv")
    request = {"label": "given", "true_label": "truth", "test_fraction": 0.25, "epochs": 10}
    run = train(tmp_path / "t.csv", out=tmp_path / "run", quiet=True, **request)
    assert run.summary["accuracy"]["test_last"] > 0.9  # the given labels, 20 % wrong, would allow .8


def test_noise_needs_labels_that_may_count_as_true(run_path):
    with pytest.raises(UsageError, match="wrong already"):
        train(blobs(), noise="pair:0.1", out=run_path, quiet=True)


def test_settings_that_cannot_hold_are_refused(run_path):
    for settings, words in (
        ({"limit": 20}, "limit=20: .* in memory"),
        ({"precision": "bf16-mixed"}, "precision='bf16-mixed': would round"),
        ({"noise": 0.4}, "noise=0.4: must be text"),
    ):
        with pytest.raises(UsageError, match=words):
            train(blobs(), out=run_path, quiet=True, **settings)
    assert not run_path.exists()


@pytest.mark.slow
def test_a_changed_test_set_is_noticed_on_resume(tmp_path):
    data = stripes()
    np.savez(tmp_path / "d.npz", x=data.inputs, y=data.labels, x_test=data.inputs[:9], y_test=data.labels[:9])
    run = train(tmp_path / "d.npz", epochs=1, out=tmp_path / "run", quiet=True)
    run.folder.summary.unlink()
    np.savez(tmp_path / "d.npz", x=data.inputs, y=data.labels, x_test=data.inputs[:9], y_test=1 - data.labels[:9])
    with pytest.raises(UsageError, match="changed since the run began"):
        resume(tmp_path / "run", quiet=True)
