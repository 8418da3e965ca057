"""Is a session whole once it is made, does checking a request change nothing, and is a run judged as by hand?"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from earlylearn.data.sources import Loaded
from earlylearn.errors import UsageError
from earlylearn.runs import session as sessions
from earlylearn.runs.config import resolve
from earlylearn.runs.prepare import draw_labels, label_arrays
from earlylearn.runs.session import Session
from earlylearn.runs.train import check, read, train
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
    assert evaluator.test_accuracy(session.fit) is None
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
