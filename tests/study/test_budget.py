"""Is method and lambda chosen by held-out labels alone, within the budget, and can that be interrupted?"""

import numpy as np
import pytest

from earlylearn.cli.main import main
from earlylearn.errors import UsageError
from earlylearn.runs.run import Run
from earlylearn.runs.session import Session
from earlylearn.study import budget as module
from earlylearn.study.budget import times, train_within
from tests.conftest import blobs

QUICK = {"network": "linear", "epochs": 6, "quiet": True}


@pytest.mark.slow
def test_the_first_that_is_not_beaten_trains_for_the_whole_run(tmp_path):
    run = train_within(blobs(), budget="2x", out=tmp_path / "r", **QUICK)
    choice = run.summary["choice"]
    assert [each["name"] for each in choice["settings"]] == ["elr:lam=5", "elr:lam=1", "ce"]
    chosen = next(each for each in choice["settings"] if each["weight"])
    assert chosen["behind"] <= 1
    assert all(each["behind"] > 1 for each in choice["settings"][: choice["settings"].index(chosen)])
    assert run.summary["epochs"] == 6
    for each in choice["settings"]:
        short = Run(next((tmp_path / "r-choice" / "runs").glob(f"{each['name'].replace(':', '_')}-0")))
        assert short.summary["epochs"] == 2
        kept = short.folder.read_labels()
        rows = kept["val_rows"]
        right = short.predict(blobs().inputs[rows], weights="last") == kept["given"][rows]
        by_class = np.mean([right[kept["given"][rows] == k].mean() for k in range(3)])
        assert each["agreement"] == pytest.approx((right.mean() + by_class) / 2)


@pytest.mark.slow
def test_what_held_out_labels_like_far_less_is_not_chosen(tmp_path, monkeypatch):
    hopeless = {"elr:lam=300": ("elr", {"lam": 300.0}), "ce": ("ce", {})}
    monkeypatch.setattr(module, "CANDIDATES", hopeless)
    run = train_within(blobs(), budget=3, out=tmp_path / "r", **QUICK)
    assert run.config.method == "ce"


@pytest.mark.slow
def test_interrupted_it_goes_on_where_it_was(tmp_path, monkeypatch):
    whole = train_within(blobs(), budget=2, out=tmp_path / "whole", **QUICK)
    keep = Session._keep

    def stopped(self, folder, record):
        keep(self, folder, record)
        if record["epoch"] == 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Session, "_keep", stopped)
        with pytest.raises(KeyboardInterrupt):
            train_within(blobs(), budget=2, out=tmp_path / "stopped", **QUICK)
    trained = []
    with monkeypatch.context() as patch:
        patch.setattr(Session, "_keep", lambda self, folder, record: (trained.append(1), keep(self, folder, record)))
        again = train_within(blobs(), budget=2, out=tmp_path / "stopped", **QUICK)
    assert len(trained) == 2
    assert again.label_issues().equals(whole.label_issues())
    assert again.summary["choice"] == whole.summary["choice"]


@pytest.mark.parametrize("budget", ["1x", "0", "much", "-2x", "2y", 1])
def test_budgets_that_are_none_are_refused(budget):
    with pytest.raises(UsageError, match="budget="):
        times(budget)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"lam": 3.0}, "leave out lam"),
        ({"val_fraction": 0}, "held out"),
        ({"epochs": 3}, "1 of 3 epochs"),
        ({"network": None}, "auto"),
    ],
)
def test_what_a_budget_cannot_do_is_said_before_anything_is_trained(asked, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        train_within(blobs(), budget=2, out=tmp_path / "r", **{**QUICK, **asked})
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_asked_on_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    request = "train digits --limit 200 --network linear --epochs 6 --budget 2x --out r --quiet"
    with pytest.raises(SystemExit) as done:
        main(request.split())
    assert done.value.code == 0
    assert "chosen among elr:lam=5, elr:lam=1, ce by 2 epochs each" in capsys.readouterr().err
    with pytest.raises(SystemExit) as done:
        main([*request.split(), "--overwrite", "--method", "elr"])
    assert done.value.code == 2
    assert "--budget 2x: chooses method and lambda; leave out method" in capsys.readouterr().err
