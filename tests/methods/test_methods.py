"""Does every method fulfil the contract: learns, repeats, resumes, keeps its whole state, uses all its settings?"""

import json
import multiprocessing
import time
from functools import cache

import numpy as np
import pytest
import torch

from earlylearn.errors import EarlylearnError
from earlylearn.loop.fit import Fit
from earlylearn.methods import METHODS, hyperparameters
from earlylearn.runs.checkpoint import load_checkpoint
from earlylearn.runs.folder import RunFolder
from earlylearn.runs.train import resume, train
from tests import killed
from tests.conftest import blobs, stripes

ALL = pytest.mark.parametrize("method", METHODS)


def _tensors(state, name=""):
    """Every tensor and number of a nested state by its path."""
    if isinstance(state, dict):
        for key, value in state.items():
            yield from _tensors(value, f"{name}/{key}")
    elif isinstance(state, list):
        for i, value in enumerate(state):
            yield from _tensors(value, f"{name}/{i}")
    else:
        yield name, state


def assert_same_run(first, second):
    """Metrics (but for the clock), weights, targets, optimizer and generators are equal bit for bit."""

    def strip(record):
        return {key: value for key, value in record.items() if key != "seconds"}

    assert list(map(strip, first.metrics)) == list(map(strip, second.metrics))
    for path in ("last", "picked"):
        a, b = (dict(_tensors(load_checkpoint(getattr(run.folder, path)))) for run in (first, second))
        assert a.keys() == b.keys()
        for name, value in a.items():
            if isinstance(value, torch.Tensor) and value.is_floating_point():  # NaN: rows no epoch saw
                assert torch.equal(value.isnan(), b[name].isnan()), name
                value, b[name] = value.nan_to_num(), b[name].nan_to_num()
            same = torch.equal(value, b[name]) if isinstance(value, torch.Tensor) else value == b[name]
            assert same, name
    assert strip(first.summary) == strip(second.summary)
    assert first.label_issues().equals(second.label_issues())


@pytest.mark.slow
@ALL
def test_learns_a_toy_problem_under_noise(method, run_path):
    run = train(blobs(), method, epochs=8, lr=0.05, out=run_path, quiet=True)
    clean = blobs(wrong=0)
    assert (run.predict(clean.inputs, weights="picked") == clean.true_labels).mean() >= 0.9


@pytest.mark.slow
@ALL
def test_same_seed_same_run_and_another_seed_another(method, tmp_path):
    runs = [
        train(stripes(), method, epochs=2, seed=seed, noise="symmetric:0.3", out=tmp_path / str(i), quiet=True)
        for i, seed in enumerate((4, 4, 5))
    ]
    assert_same_run(runs[0], runs[1])
    assert runs[0].metrics[0]["loss"] != runs[2].metrics[0]["loss"]


@pytest.mark.slow
@ALL
def test_resumed_equals_uninterrupted(method, tmp_path, monkeypatch):
    data = stripes()
    settings = {"epochs": 3, "noise": "symmetric:0.3", "schedule": "multistep:1,2:0.5", "quiet": True}
    whole = train(data, method, out=tmp_path / "whole", **settings)
    original = RunFolder.append_metrics
    for stop_after in (1, 2):

        def dies_in_the_next_epoch(self, record, stop_after=stop_after):
            original(self, record)  # the line of an epoch whose checkpoint never comes
            if record["epoch"] == stop_after + 1:
                raise KeyboardInterrupt

        cut = tmp_path / f"cut-{stop_after}"
        with monkeypatch.context() as patch:
            patch.setattr(RunFolder, "append_metrics", dies_in_the_next_epoch)
            with pytest.raises(KeyboardInterrupt):
                train(data, method, out=cut, **settings)
        assert_same_run(whole, resume(cut, data, quiet=True))


@pytest.mark.slow
@ALL
def test_killed_at_a_random_moment_and_resumed_equals_uninterrupted(method, tmp_path):
    # A server that has imported PyTorch once forks the children: they start at once, and share no threads with us.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.killed"])
    child = context.Process(target=killed.train_digits, args=(method, tmp_path / "cut"))
    child.start()
    while not (tmp_path / "cut" / "metrics.jsonl").exists() and child.is_alive():
        time.sleep(0.01)
    time.sleep(np.random.default_rng().uniform(0, 0.5))
    child.kill()
    child.join()
    whole = killed.train_digits(method, tmp_path / "whole")
    assert_same_run(whole, resume(tmp_path / "cut", quiet=True))


@pytest.mark.slow
@ALL
def test_state_dict_is_complete(method, run_path):
    data = blobs()
    train(data, method, epochs=2, out=run_path, quiet=True)
    state = load_checkpoint(RunFolder(run_path).last)["fit"]["method"]
    generator = torch.Generator().manual_seed(0)

    def network():
        from earlylearn.networks import build_network

        name = METHODS[method].network or "mlp"
        return build_network(name, shape=(8,), classes=3, mean=torch.zeros(8), std=torch.ones(8))

    fresh = METHODS[method](network, len(data), 3)
    assert state.keys() == fresh.state_dict().keys()
    fresh.load_state_dict(state)
    x = torch.randn(5, 8, generator=generator)
    other = METHODS[method](network, len(data), 3)
    other.load_state_dict(fresh.state_dict())
    assert torch.equal(fresh.eval().predict(x), other.eval().predict(x))


@ALL
@pytest.mark.slow
def test_every_training_and_held_out_row_is_seen_in_every_epoch(method, run_path, monkeypatch):
    seen = []
    original = Fit.run

    def forgetting(self, on_step):
        for epoch in original(self, on_step):
            rows = self.data.draws[0].rows
            seen.append((self.seen.predicted[rows] >= 0).all())
            yield epoch
            seen.append((self.seen.predicted >= 0).all())
            self.seen.begin()

    monkeypatch.setattr(Fit, "run", forgetting)
    train(blobs(), method, epochs=2, out=run_path, quiet=True)
    assert len(seen) == 4
    assert all(seen)


CHANGED = {
    ("auto", "beta"): 0.9,
    ("auto", "folds"): 3,
    ("auto", "trees"): False,
    ("elr", "lam"): 1.0,
    ("elr", "beta"): 0.9,
    ("elr", "align"): 0.5,
    ("elr", "table"): "top16",
    ("elr+", "lam"): 1.0,
    ("elr+", "beta"): 0.9,
    ("elr+", "table"): "top16",
    ("elr+", "alpha"): 0.0,
    ("elr+", "gamma"): 0.0,
    ("elr+", "gamma_ramp"): 10,
    ("elr+", "lam_ramp"): 10,
    ("elr+", "networks"): 1,
    ("elr+", "update_labels"): True,
    ("kl", "lam"): 5.0,
    ("kl", "beta"): 0.9,
    ("kl", "table"): "top16",
    ("targets", "beta"): 0.9,
    ("targets", "table"): "top16",
    ("bootstrap", "hard"): True,
    ("bootstrap", "label_weight"): 0.5,
    ("forward", "transition"): [[0.7, 0.3, 0.0], [0.0, 0.7, 0.3], [0.3, 0.0, 0.7]],
    ("forward", "warmup"): 1,
    ("forward", "percentile"): 80.0,
    ("gce", "q"): 0.3,
    ("gce", "truncation"): 0.34,
    ("gce", "prune_start"): 1,
    ("gce", "prune_every"): 1,
    ("sce", "alpha"): 1.0,
    ("sce", "beta"): 0.5,
    ("sce", "log_zero"): -9.21,
    ("mixup", "alpha"): 0.2,
    ("label-smoothing", "smoothing"): -0.5,
    # u and v start at 1e-8: in three epochs only such rates make them visible.
    ("sop", "lr_u"): 1e6,
    ("sop", "lr_v"): 1e6,
    ("co-teaching", "forget_rate"): 0.4,
    ("co-teaching", "num_gradual"): 2,
    ("co-teaching", "warmup"): 1,
    ("co-teaching+", "forget_rate"): 0.4,
    ("co-teaching+", "num_gradual"): 2,
    ("co-teaching+", "initial"): 3,
    ("co-teaching+", "warmup"): 1,
    ("dividemix", "warmup"): 1,
    ("dividemix", "p_threshold"): 0.0,
    ("dividemix", "lambda_u"): 25.0,
    ("dividemix", "ramp"): 2,
    ("dividemix", "temperature"): 0.2,
    ("dividemix", "alpha"): 0.5,
    ("dividemix", "prior_weight"): 0.0,
    ("dividemix", "confidence_penalty"): 1.0,
    ("dividemix", "history"): 5,
    ("dividemix", "view_noise"): 0.0,
}
# What both runs need for a hyperparameter to matter at all within three epochs.
BESIDE = {
    ("forward", "percentile"): {"warmup": 1},
    ("gce", "truncation"): {"prune_start": 1},
    ("gce", "prune_start"): {"truncation": 0.34},
    ("gce", "prune_every"): {"truncation": 0.34, "prune_start": 1},
    ("co-teaching", "num_gradual"): {"forget_rate": 0.4},
    ("co-teaching+", "num_gradual"): {"forget_rate": 0.4},
    ("dividemix", "ramp"): {"warmup": 1, "lambda_u": 25.0},
    **{("dividemix", name): {"warmup": 1} for name in ("p_threshold", "lambda_u", "temperature", "alpha")},
    **{("dividemix", name): {"warmup": 1} for name in ("prior_weight", "view_noise")},
    ("dividemix", "history"): {"warmup": 0},
}
# Estimated beside the network and not used by it, which is the method's point: they show in the audit alone.
IN_BELIEFS_ONLY = {("targets", "beta"), ("targets", "table")}


def briefly(method, out, **settings):
    return train(blobs(n=120), method, out=out, epochs=3, batch_size=16, quiet=True, **settings)


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory):
    """A method's run by its defaults, and by some settings that are numbers; each is made once."""
    return cache(lambda method, **settings: briefly(method, tmp_path_factory.mktemp(method) / "run", **settings))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "name"), [(method, name) for method in METHODS for name in hyperparameters(METHODS[method]).model_fields]
)
def test_every_hyperparameter_has_an_effect(method, name, unchanged, tmp_path, monkeypatch):
    monkeypatch.setattr("earlylearn.methods.boosting.BEHIND", 100.0)  # auto's trees take part, however they fare
    beside = BESIDE.get((method, name), {})
    default = unchanged(method, **beside)
    changed = briefly(method, tmp_path / "changed", **beside, **{name: CHANGED[method, name]})
    if (method, name) in IN_BELIEFS_ONLY:
        quality = (run.label_issues()["label_quality"] for run in (default, changed))
        assert not np.array_equal(*quality)
        return
    x = blobs(n=120).inputs
    assert not np.array_equal(default.predict_proba(x, weights="last"), changed.predict_proba(x, weights="last"))


@ALL
def test_loss_that_is_not_finite_stops_with_the_mend_and_keeps_the_last_good_state(method, run_path):
    with pytest.raises(EarlylearnError, match=r"not finite.*lower lr") as error:
        train(stripes(), method, lr=1e30, epochs=3, out=run_path, quiet=True)
    assert error.value.exit_status == 1


@ALL
@pytest.mark.slow
def test_learns_from_a_last_batch_of_one(method, run_path):
    data = stripes(n=66)
    run = train(data, method, batch_size=8, val_fraction=0, epochs=1, out=run_path, quiet=True)
    assert run.summary["accuracy"]["val_best"] is None
    assert len(run.label_issues()) == 66


def test_methods_are_described_for_the_command_line(capsys):
    from earlylearn.cli.main import main

    with pytest.raises(SystemExit) as ended:
        main(["methods", "--json"])
    assert not ended.value.code
    described = {method["name"]: method for method in json.loads(capsys.readouterr().out)}
    assert described.keys() == METHODS.keys()
    for method in described.values():
        assert method["summary"]
        assert all(field["meaning"] for field in method["hyperparameters"].values())
