"""Is a session whole once it is made, does checking a request change nothing, and is a run judged as by hand?"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from earlylearn.data.sources import Loaded
from earlylearn.errors import UsageError
from earlylearn.runs import session as sessions
from earlylearn.runs.config import resolve
from earlylearn.runs.evaluate import Evaluator
from earlylearn.runs.prepare import draw_labels, label_arrays
from earlylearn.runs.session import Session
from earlylearn.runs.train import check, read, resume, train
from tests.conftest import blobs


def config_of(data, **request):
    return resolve(data, {"data": data.name, "network": "linear", "epochs": 2, "accelerator": "cpu", **request}, {})


def made(data, **request):
    config = config_of(data, **request)
    with torch.random.fork_rng(devices=[]):
        return Session(config, Loaded(data, None), draw_labels(config, data), quiet=True)


def test_a_session_is_whole_once_it_is_made(tmp_path, monkeypatch):
    born, run = [], Session.run

    def watched(self, folder):
        born.append(set(vars(self)))
        done = run(self, folder)
        born.append(set(vars(self)))
        return done

    monkeypatch.setattr(Session, "run", watched)
    train(blobs(), network="linear", epochs=1, accelerator="cpu", out=tmp_path / "run", quiet=True)
    assert born[0] == born[1]


def test_checking_a_request_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sessions, "keep_freed_memory", lambda: pytest.fail("the process was changed"))
    data = blobs()
    labels, state = data.labels.copy(), torch.get_rng_state()
    check(config_of(data), Loaded(data, None))
    with pytest.raises(UsageError, match="constant"):
        check(config_of(data, schedule="nonesuch"), Loaded(data, None))
    assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(data.labels, labels)
    assert not list(tmp_path.iterdir())


def test_reading_a_request_leaves_it_as_it_was():
    settings = {"epochs": 2, "options": {"lam": 3}, "beta": 0.7}
    before = {**settings, "options": dict(settings["options"])}
    loaded, request, options = read(blobs(), settings)
    assert settings == before
    assert (request, options) == ({"epochs": 2, "data": "in-memory"}, {"lam": 3, "beta": 0.7})
    assert loaded.test is None


def test_training_rows_are_judged_by_given_and_true_labels():
    data = blobs(60)
    evaluator = made(data).evaluator
    rows = evaluator.train_rows
    predicted = torch.from_numpy(np.random.default_rng(0).integers(0, 3, len(rows)))
    shares = evaluator.memorization(rows, predicted)
    given, true = data.labels[rows], data.true_labels[rows]
    p, wrong = predicted.numpy(), given != true
    assert shares["agree"] == pytest.approx(np.mean(p == given))
    assert shares["clean"]["correct"] == pytest.approx(np.mean(p[~wrong] == true[~wrong]))
    assert shares["clean"]["incorrect"] == pytest.approx(np.mean(p[~wrong] != true[~wrong]))
    assert shares["wrong"]["memorized"] == pytest.approx(np.mean(p[wrong] == given[wrong]))
    assert shares["wrong"]["correct"] == pytest.approx(np.mean(p[wrong] == true[wrong]))
    assert sum(shares["wrong"].values()) == pytest.approx(1)


def test_without_the_truth_nothing_is_said_of_it():
    session = made(replace(blobs(60), true_labels=None), val_fraction=0)
    list(session.fit.run(lambda *_: None))
    evaluator, rows = session.evaluator, session.evaluator.train_rows
    assert evaluator.memorized(session.fit) is None
    assert evaluator.tested(session.fit) is None
    assert evaluator.validate(session.fit) is None
    shares = evaluator.memorization(rows, torch.zeros(len(rows), dtype=torch.int64))
    assert shares["clean"] is shares["wrong"] is None
    assert evaluator.against_truth(rows, session.fit) == {"gradients": None, "beliefs": None}


def test_the_labels_kept_are_those_of_each_draw():
    data = blobs(60, wrong=0)
    config = config_of(data, method="elr+", noise="symmetric:0.4", as_released=True)
    first, second = draw_labels(config, data)
    arrays = label_arrays([first, second], data)
    assert set(arrays) == {
        *("given", "train_rows", "val_rows", "wrong", "noise_seed", "true"),
        *("given_1", "train_rows_1", "val_rows_1", "wrong_1", "noise_seed_1"),
    }
    assert np.array_equal(arrays["true"], data.labels)
    assert np.array_equal(arrays["given_1"], second.labels)
    assert np.array_equal(arrays["wrong"], first.labels != data.labels)


def judged_as(monkeypatch, accuracies):
    """Let noisy validation say this, epoch by epoch, whatever the model predicts."""
    told = iter(accuracies)
    validate = Evaluator.validate
    monkeypatch.setattr(Evaluator, "validate", lambda self, fit: validate(self, fit)._replace(accuracy=next(told)))


@pytest.mark.parametrize(
    ("accuracies", "picked", "audits"),
    [
        ([0.9, 0.2, 0.1, 0.5, 0.6, 0.6, 0.3, 0.2], 1, 6),  # never the first quarter; ties go to the later epoch
        ([0.1, 0.9, 0.1, 0.5, 0.4, 0.3, 0.3, 0.2], 2, 4),
        ([0.1, 0.2, 0.9, 0.5, 0.4, 0.3, 0.3, 0.2], 3, 3),
        ([0.8, 0.2, 0.1, 0.5, 0.6, 0.6, 0.3, 0.8], 8, 8),
    ],
)
@pytest.mark.slow
def test_an_early_epoch_never_audits(accuracies, picked, audits, tmp_path, monkeypatch):
    judged_as(monkeypatch, accuracies)
    seen, keep = [], Session._keep

    def watched(self, folder, record):
        keep(self, folder, record)
        seen.append(self.fit.method.label_beliefs().clone())

    monkeypatch.setattr(Session, "_keep", watched)
    run = train(blobs(), "elr", network="linear", epochs=8, out=tmp_path / "run", quiet=True)
    assert run.summary["accuracy"]["best_epoch"] == picked
    assert run.summary["audit"]["epoch"] == audits
    np.testing.assert_allclose(run.folder.read_beliefs(), seen[audits - 1], atol=1e-3)
    assert run.folder.audited.exists() == (audits != picked or picked == 8)


def test_a_resumed_run_audits_by_the_same_epoch(tmp_path, monkeypatch):
    accuracies = [0.9, 0.2, 0.1, 0.6, 0.5, 0.4, 0.3, 0.2]
    judged_as(monkeypatch, accuracies)
    keep = Session._keep

    def stopped(self, folder, record):
        keep(self, folder, record)
        if record["epoch"] == 5:
            raise KeyboardInterrupt

    asked = {"network": "linear", "epochs": 8, "quiet": True}
    with monkeypatch.context() as patch:
        patch.setattr(Session, "_keep", stopped)
        with pytest.raises(KeyboardInterrupt):
            train(blobs(), "elr", out=tmp_path / "run", **asked)
    assert resume(tmp_path / "run", blobs(), quiet=True).summary["audit"]["epoch"] == 4
