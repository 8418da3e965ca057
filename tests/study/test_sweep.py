"""Does a sweep pick by noisy validation labels alone, over all seeds, and say what that is worth?"""

import json

import numpy as np
import pandas as pd
import pytest

from earlylearn import sweep
from earlylearn.cli.main import main
from earlylearn.data.sources import Loaded
from earlylearn.errors import UsageError
from earlylearn.study.conclusions import conclude_sweep
from tests.conftest import blobs

QUICK = {"network": "linear", "epochs": 2, "quiet": True}
LAMS = {"lam": [0.0, 3.0, 300.0]}  # the last one is hopeless


@pytest.mark.slow
def test_picks_the_best_mean_score_over_seeds(tmp_path):
    done = sweep(blobs(), "elr", LAMS, seeds=2, out=tmp_path / "s", **QUICK)
    runs = pd.DataFrame(done.document["runs"])
    assert len(runs) == 6
    best = runs.groupby("name")["val_last"].mean().idxmax()
    assert done.document["picked"]["name"] == best
    assert done.picked == {"lam": float(best.removeprefix("lam="))}
    scores = [trial["val_last"]["mean"] for trial in done.document["trials"]]
    assert scores == sorted(scores, reverse=True)
    assert [trial["picked"] for trial in done.document["trials"]].count(True) == 1
    assert len(done.trials) == 3


@pytest.mark.slow
def test_the_score_asked_for_decides(tmp_path):
    asked = dict(grid={"lr_u": [0.0, 1000.0]}, out=tmp_path / "s", **QUICK)
    by = {score: sweep(blobs(), "sop", score=score, **asked).document for score in ("val_last", "val_best")}
    for score, document in by.items():
        values = {trial["name"]: trial[score]["mean"] for trial in document["trials"]}
        assert values[document["picked"]["name"]] == max(values.values())
        assert document["score"] == score


@pytest.mark.slow
def test_test_labels_choose_nothing(tmp_path):
    data, rng = blobs(), np.random.default_rng(0)
    tests = [blobs(60, seed=1), blobs(60, seed=1)]
    shuffled = rng.permutation(tests[1].true_labels)
    tests[1] = tests[1].with_labels(shuffled, shuffled)
    picked = [sweep(Loaded(data, test), "elr", LAMS, out=tmp_path / str(k), **QUICK) for k, test in enumerate(tests)]
    assert picked[0].picked == picked[1].picked
    assert not picked[0].trials["test_last"].equals(picked[1].trials["test_last"])


@pytest.mark.slow
def test_default_grid_is_the_supplements(tmp_path):
    done = sweep(blobs(60), out=tmp_path / "s", **{**QUICK, "epochs": 1})
    tried = {(trial["options"]["beta"], trial["options"]["lam"]) for trial in done.document["trials"]}
    assert tried == {(beta, lam) for beta in (0.5, 0.7, 0.9, 0.99) for lam in (1, 3, 5, 7, 10)}
    with pytest.raises(UsageError, match=r"no usual one for gce.*grid={'q': \['VALUE'"):
        sweep(blobs(), "gce", out=tmp_path / "t", **QUICK)


@pytest.mark.slow
def test_fixed_hyperparameters_stay(tmp_path):
    done = sweep(blobs(), "elr", {"lam": [1.0]}, beta=0.25, out=tmp_path / "s", **QUICK)
    config = json.loads((tmp_path / "s" / "runs" / "lam=1-0" / "config.json").read_text())
    assert config["options"] == {"lam": 1.0, "beta": 0.25, "align": 0.0, "table": "auto"}
    assert done.document["settings"]["options"] == {"lam": 1.0, "beta": 0.25, "align": 0.0, "table": "auto"}


def test_without_validation_labels_there_is_nothing_to_choose_by(tmp_path):
    with pytest.raises(UsageError, match="val_fraction=0"):
        sweep(blobs(), "elr", LAMS, val_fraction=0, out=tmp_path / "s", **QUICK)
    assert not (tmp_path / "s").exists()


@pytest.mark.slow
def test_a_sample_is_drawn_by_the_seed(tmp_path):
    grid = {"lam": [0.0, 1.0, 3.0, 5.0], "beta": [0.5, 0.9]}

    def names(seed, folder):
        done = sweep(blobs(), "elr", grid, sample=3, seed=seed, out=tmp_path / folder, **QUICK)
        return {trial["name"] for trial in done.document["trials"]}

    drawn = [names(seed, f"s{seed}") for seed in range(4)]
    assert all(len(each) == 3 for each in drawn)
    assert any(each != drawn[0] for each in drawn)
    assert names(0, "again") == drawn[0]
    assert len(list((tmp_path / "again" / "runs").glob("*/summary.json"))) == 3


def document(**changes):
    def trial(lam, mean, sd):
        return {
            "name": f"lam={lam}",
            "options": {"lam": lam},
            "val_last": {"mean": mean, "sd": sd, "n": 3},
            "test_last": None,
        }

    trials = [trial(10, 0.60, 0.03), trial(5, 0.59, 0.01), trial(1, 0.40, 0.01)]
    whole = {"trials": trials, "picked": trials[0], "score": "val_last", "grid": {"lam": [1, 5, 10]}}
    whole["runs"] = [{"val_rows": 5000}]
    return {**whole, "failed": [], "missing": [], **changes}


def test_conclusion_warns_of_the_edge_and_of_close_calls():
    said = " ".join(conclude_sweep(document()))
    assert "lam=10 is the largest that was tried" in said
    assert "As good within its standard error (1.7 points): lam=5." in said
    inner = document(grid={"lam": [1, 5, 10, 20]})
    assert "that was tried" not in " ".join(conclude_sweep(inner))
    few = document(runs=[{"val_rows": 10}])  # 30 labels: sqrt(.6 * .4 / 30) = 8.9 points
    assert "(8.9 points): lam=5." in " ".join(conclude_sweep(few))
    assert "No trial is finished" in conclude_sweep(document(picked=None))[0]


@pytest.mark.slow
def test_sweep_on_the_command_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = "sweep digits --limit 150 --noise pair:0.3 --network linear --epochs 2 --grid lam=1,3 -o beta=0.5 --quiet"
    with pytest.raises(SystemExit) as stop:
        main(words.split())
    assert stop.value.code == 0
    command = capsys.readouterr().out.split("train with it: ")[1]
    assert "--noise pair:0.3" in command
    assert "-o beta=0.5 -o lam=" in command
    with pytest.raises(SystemExit) as stop:
        main([*command.split()[1:], "--quiet"])
    assert stop.value.code == 0
    picked = json.loads((tmp_path / "runs" / "digits-elr-sweep" / "sweep.json").read_text())["picked"]
    again = json.loads((tmp_path / "runs" / "digits-elr-0" / "summary.json").read_text())
    assert again["accuracy"]["val_last"] == picked["val_last"]["mean"]


def unknown(n=240):
    """Blobs of which nobody says which labels are wrong."""
    data = blobs(n)
    return data.with_labels(data.labels, None)


@pytest.mark.slow
def test_planted_labels_break_ties(tmp_path):
    done = sweep(unknown(), "elr", LAMS, canaries=True, out=tmp_path / "s", **QUICK)
    trials, runs = done.document["trials"], done.document["runs"]
    best = max(trial["val_last"]["mean"] for trial in trials)
    error = np.sqrt(best * (1 - best) / min(run["val_rows"] for run in runs))
    tied = [trial for trial in trials if trial["val_last"]["mean"] >= best - error]
    assert done.document["canaries"] == 24
    assert done.document["picked"]["memorized_last"] == min(
        (trial["memorized_last"] for trial in tied), key=lambda value: value["mean"]
    )
    kept = np.load(tmp_path / "s" / "runs" / "lam=0-0" / "labels.npz")
    assert (kept["given"] != unknown().labels).sum() == 24
    assert np.array_equal(kept["true"], unknown().labels)
    assert "made wrong on purpose" in (tmp_path / "s" / "report.html").read_text()


def test_nothing_is_planted_where_the_wrong_labels_are_known(tmp_path):
    with pytest.raises(UsageError, match="canaries=True: it is known which labels are wrong"):
        sweep(blobs(), "elr", LAMS, canaries=True, out=tmp_path / "s", **QUICK)


@pytest.mark.slow
def test_planting_unasked_is_told(tmp_path, capsys):
    done = sweep(unknown(500), "elr", {"lam": [1.0]}, out=tmp_path / "s", **QUICK)
    assert done.document["canaries"] == 50
    assert "50 labels are made wrong in the runs of this sweep" in capsys.readouterr().err
    again = sweep(unknown(500), "elr", {"lam": [1.0]}, canaries=False, out=tmp_path / "t", **QUICK)
    assert again.document["canaries"] == 0
