"""Does the day on a GPU play through without one, go on where it stopped, and go round what is broken?"""

import json
import time
from types import SimpleNamespace

import pytest

from benchmarks.gpu_day import __main__ as day
from benchmarks.gpu_day import plan, self_check, speeds
from benchmarks.gpu_day.runner import Runner, Sharing
from earlylearn_paper.collect import collect


@pytest.mark.slow
def test_rehearsal_plays_all_of_it_and_goes_on_where_it_stopped(tmp_path, monkeypatch):
    out, work = tmp_path / "out", tmp_path / "work"
    today = day.Day(out, work, rehearse=True)
    today.run(3.0)
    assert {path.name for path in out.iterdir()} <= {
        "log.txt", "self_check.json", "tests.txt", "figures.json", "progress.json", "records.jsonl"
    }  # fmt: skip
    progress = json.loads((out / "progress.json").read_text())
    assert [each["done"] for each in progress["items"]] == [True] * 3
    assert all(each["failed"] is None and each["remaining"] == 0 for each in progress["items"])
    assert len((out / "records.jsonl").read_text().splitlines()) == 3
    assert all(each["passed"] for each in json.loads((out / "self_check.json").read_text()))
    log = (out / "log.txt").read_text()
    assert log.index("begun: digits-symmetric0.4-elr-0") < log.index("begun: digits-symmetric0.4-ce-0")
    assert "3 of 3 runs are finished" in log
    began = time.monotonic()
    monkeypatch.setattr(today, "_check", lambda: ({}, []))
    today.run(1.0)  # nothing is left to do
    assert time.monotonic() - began < 30
    collect(out, out=tmp_path / "paper", page=tmp_path / "page.md")
    assert len(list((tmp_path / "page" / "runs").iterdir())) == 3


def test_each_run_is_in_the_plan_once_and_the_order_is_the_issue_s():
    every = plan.items()
    assert len({each.name for each in every}) == len(every) > 300
    seconds = {each.name: 100.0 for each in every}
    order = plan.by_worth(every, seconds)
    assert [each.stage for each in order[:8]] == [1] * 5 + [2, 3, 4]
    assert [each.asked["method"] for each in order[5:8]] == ["elr", "ce", "elr+"]
    assert all(each.asked["settings"]["epochs"] == 120 for each in order[5:7])
    assert order[7].asked["settings"]["epochs"] == 200
    cheap = next(each for each in order[8:] if each.worth == order[8].worth and each is not order[8])
    assert plan.by_worth(every, {**seconds, cheap.name: 1.0})[8] is cheap


def test_runs_on_data_that_are_not_there_are_left_out(tmp_path):
    (tmp_path / "cifar-10-batches-py").mkdir()
    today = day.Day(tmp_path / "out", tmp_path / "work", data_dir=str(tmp_path))
    assert {each.request["data"] for each in today.items} == {"cifar10"}


def test_what_is_timed_runs_alone_and_others_beside_their_like(tmp_path, monkeypatch):
    runner = Runner(tmp_path, {}, 1e12, say=lambda _: None, keep=lambda: None)
    begun = []

    def start(each):
        begun.append(each)
        runner.running.append(SimpleNamespace(item=each))

    monkeypatch.setattr(runner, "_start", start)
    every = plan.items()
    later = time.monotonic() + 1e6
    timed = [each for each in every if each.stage == 1]
    runner._sharing(timed[0]).level = 3
    runner._begin(timed, later)
    assert len(begun) == 1
    begun.clear(), runner.running.clear()
    large = [each for each in every if each.stage in (2, 3, 4)]
    runner._sharing(large[0]).level = 3
    runner._begin(large, later)
    assert [each.asked["method"] for each in begun] == ["elr", "ce"]  # elr+ has another network: it waits


def test_one_more_run_at_a_time_stays_only_if_it_pays():
    sharing = Sharing()
    for rate, level in ((1.0, 2), (1.5, 3), (1.52, 2)):
        sharing.judge(rate)
        assert sharing.level == level


def test_what_is_broken_is_told_and_gone_round(tmp_path):
    def broken():
        raise RuntimeError("no graphs here\nat all")

    found = self_check.self_check({"memory": lambda: None, "capture": broken, "dtypes": broken})
    settings, told = self_check.settings_for(found)
    assert settings == {"eager": True, "precision": "32-true"}
    assert told[0] == "capture: RuntimeError: no graphs here; steps run one by one"
    fine = {name: lambda: None for name in self_check.CHECKS}
    assert self_check.settings_for(self_check.self_check(fine, tmp_path / "found.json")) == ({}, [])
    # What hangs is killed before it is written down: steps run one by one then.
    (before,) = [each for each in json.loads((tmp_path / "found.json").read_text()) if each["name"] == "memory"]
    assert self_check.settings_for([before]) == (
        {"eager": True},
        ["capture: did not come to its end; steps run one by one"],
    )


def test_speeds_are_written_down_one_by_one_and_what_fails_is_told(tmp_path, monkeypatch):
    def measure(rounds, *, runs, ways):
        (name,) = runs
        if ways == ("compiled",):
            raise RuntimeError("no compiler")
        return {f"{name}_{way}_ms": 2.0 for way in ways}

    monkeypatch.setattr(speeds.gpu, "measure", measure)
    speeds.speeds(tmp_path / "figures.json")
    found = json.loads((tmp_path / "figures.json").read_text())
    assert found["elr_to_ce"] == 1.0
    assert found["elr+_compiled_failed"] == "RuntimeError: no compiler"
    assert found["fast_eager_ms"] == 2.0


def test_time_to_the_goal_counts_the_epochs_before_it():
    metrics = [{"seconds": 2.0, "test_accuracy": accuracy} for accuracy in (0.5, None, 0.9, 0.95)]
    assert day.reached(metrics) == 6.0
    assert day.reached(metrics[:2]) is None
