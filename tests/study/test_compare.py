"""Does a comparison hold everything equal, do each run once, survive what happens to it, and say what it may?"""

import json
import multiprocessing
import threading
import time
import warnings
from dataclasses import replace

import numpy as np
import pytest

from earlylearn import compare
from earlylearn.cli.main import main
from earlylearn.documents import FORMAT
from earlylearn.errors import UsageError
from earlylearn.files import read_json
from earlylearn.loop.fit import Fit
from earlylearn.runs import session
from earlylearn.runs.folder import RunFolder
from earlylearn.study import shared
from earlylearn.study.runs import Failure, StudyRun, lock
from tests import killed
from tests.conftest import blobs

QUICK = {"network": "linear", "epochs": 2, "quiet": True}


def results(comparison):
    """All that was measured, but for the time it took and where it lies."""
    frame = comparison.runs.drop(columns=["seconds", "folder"], errors="ignore")
    return frame.sort_values(["name", "seed"]).to_dict("records")


@pytest.fixture
def counted(monkeypatch):
    """The methods that really trained, in order."""
    trained = []
    whole = Fit.run

    def run(self, on_step):
        trained.append(type(self.method).__name__)
        yield from whole(self, on_step)

    monkeypatch.setattr(Fit, "run", run)
    return trained


@pytest.mark.slow
def test_runs_of_a_seed_differ_in_the_method_alone(tmp_path):
    done = compare("digits", ["ce", "gce:q=0.5"], seeds=2, noise="pair:0.3", out=tmp_path / "c", limit=200, **QUICK)
    for seed in (0, 1):
        mine, theirs = (RunFolder(tmp_path / "c" / "runs" / f"{name}-{seed}") for name in ("ce", "gce_q=0.5"))
        for name, array in mine.read_labels().items():
            np.testing.assert_array_equal(array, theirs.read_labels()[name])
        a, b = (read_json(folder.config) for folder in (mine, theirs))
        assert {key for key in a if a[key] != b[key]} == {"method", "options"}
        assert b["options"]["q"] == 0.5
    draws = [RunFolder(tmp_path / "c" / "runs" / f"ce-{seed}").read_labels()["given"] for seed in (0, 1)]
    assert (draws[0] != draws[1]).any()
    assert done.document["baseline"] == "ce"
    assert [method["name"] for method in done.document["methods"]] == ["ce", "gce:q=0.5"]


@pytest.mark.slow
def test_a_method_that_brings_its_own_settings_has_the_same_split_and_that_is_told(tmp_path):
    comparison = compare(blobs(60), ["ce", "auto"], seeds=1, epochs=2, out=tmp_path, quiet=True)
    splits = [RunFolder.open(tmp_path / "runs" / f"{name}-0").read_labels()["val_rows"] for name in ("ce", "auto")]
    assert len(splits[0]) == 6
    np.testing.assert_array_equal(*splits)
    own = [method["own"] for method in comparison.document["methods"]]
    assert own == [{}, {"network": "mlp:64-64"}]
    assert "Not under the conditions of ce, for it brings its own: auto (network mlp:64-64)." in comparison.conclusion


@pytest.mark.slow
def test_what_is_finished_is_not_done_again(tmp_path, counted):
    first = compare(blobs(), ["ce"], seeds=1, out=tmp_path / "c", **QUICK)
    grown = compare(blobs(), ["ce", "elr"], seeds=2, out=tmp_path / "c", **QUICK)
    assert sorted(counted) == ["CrossEntropy", "CrossEntropy", "ELR", "ELR"]
    assert results(first)[0] == results(grown)[0]
    compare(blobs(), ["ce"], seeds=1, out=tmp_path / "c", overwrite=True, **QUICK)
    assert len(counted) == 5


@pytest.mark.slow
def test_other_settings_in_the_same_folder_are_refused_by_name(tmp_path, counted):
    compare(blobs(), ["ce"], seeds=1, out=tmp_path / "c", **QUICK)
    with pytest.raises(UsageError, match=r"epochs=3: .*trained with 2"):
        compare(blobs(), ["ce"], seeds=1, out=tmp_path / "c", **{**QUICK, "epochs": 3})
    assert len(counted) == 1


@pytest.mark.slow
def test_an_interrupted_comparison_goes_on_where_it_was(tmp_path, monkeypatch):
    whole = Fit.run

    def interrupted(self, on_step):
        yield next(whole(self, on_step))
        if type(self.method).__name__ == "ELR":
            raise KeyboardInterrupt
        yield from whole(self, on_step)

    asked = (blobs(), ["ce", "elr"])
    with monkeypatch.context() as patch:
        patch.setattr(Fit, "run", interrupted)
        with pytest.raises(KeyboardInterrupt) as stop:
            compare(*asked, seeds=1, out=tmp_path / "cut", **QUICK)
    assert "ask the same again" in stop.value.__notes__[0]
    assert results(compare(*asked, seeds=1, out=tmp_path / "cut", **QUICK)) == results(
        compare(*asked, seeds=1, out=tmp_path / "whole", **QUICK)
    )


@pytest.mark.slow
def test_other_data_or_files_of_others_in_the_folder_are_refused(tmp_path, counted):
    compare(blobs(), ["ce"], seeds=1, out=tmp_path / "c", **QUICK)
    with pytest.raises(UsageError, match="trained on other data"):
        compare(blobs(seed=1), ["ce", "elr"], seeds=1, out=tmp_path / "c", **QUICK)
    other_truth = replace(blobs(), true_labels=blobs().labels)
    with pytest.raises(UsageError, match="trained on other data"):
        compare(other_truth, ["ce"], seeds=1, out=tmp_path / "c", **QUICK)
    (tmp_path / "c" / "runs" / "elr-0").mkdir()
    mine = tmp_path / "c" / "runs" / "elr-0" / "thesis.txt"
    mine.write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(UsageError, match=r"elr-0.: is not empty.*holds thesis\.txt"):
            compare(blobs(), ["ce", "elr"], seeds=1, out=tmp_path / "c", overwrite=overwrite, **QUICK)
    assert mine.read_text() == "mine"
    assert counted == ["CrossEntropy"]


@pytest.mark.slow
def test_a_run_another_process_is_at_is_not_overwritten(tmp_path):
    compare(blobs(), ["ce"], seeds=1, out=tmp_path / "c", **QUICK)
    held, done = threading.Event(), threading.Event()

    def other():
        with lock(StudyRun("ce", None, tmp_path / "c" / "runs" / "ce-0"), wait=True):
            held.set()
            done.wait()

    thread = threading.Thread(target=other)
    thread.start()
    held.wait()
    with pytest.raises(UsageError, match="another process is at"):
        compare(blobs(), ["ce"], seeds=1, out=tmp_path / "c", overwrite=True, **QUICK)
    done.set()
    thread.join()
    assert (tmp_path / "c" / "runs" / "ce-0" / "summary.json").exists()


def test_methods_that_mean_the_same_are_refused(tmp_path):
    with pytest.raises(UsageError, match=r"elr:lam=1\.0'\]: is the same as elr:lam=1 here"):
        compare(blobs(), ["ce", "elr:lam=1", "elr:lam=1.0"], out=tmp_path / "c", **QUICK)
    with pytest.raises(UsageError, match="name it in methods"):
        compare(blobs(), method="gce", out=tmp_path / "c", **QUICK)


@pytest.mark.slow
def test_a_run_that_fails_stops_no_other_and_is_tried_again(tmp_path, monkeypatch, capsys):
    def fail(self, on_step):
        if type(self.method).__name__ == "ELR":
            raise RuntimeError("of its own\nmaking")
        return whole(self, on_step)

    whole = Fit.run
    asked = [
        "compare",
        "digits",
        "--limit",
        "100",
        "--methods",
        "elr,ce",
        "--seeds",
        "1",
        "--out",
        "c",
        "--network",
        "linear",
        "--epochs",
        "1",
        "--quiet",
    ]
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Fit, "run", fail)
        with pytest.raises(SystemExit) as stop:
            main(asked)
    assert stop.value.code == 1
    said = capsys.readouterr()
    assert said.err.splitlines()[-1] == "earlylearn: 1 run failed; the first, elr seed 0: RuntimeError: of its own"
    assert "Failed: elr seed 0" in said.out
    document = read_json(tmp_path / "c" / "comparison.json")
    assert [method["seeds"] for method in document["methods"]] == [[], [0]]
    with pytest.raises(SystemExit) as stop:
        main(asked)
    assert stop.value.code == 0
    assert read_json(tmp_path / "c" / "comparison.json")["failed"] == []


@pytest.mark.parametrize("content", ["{}", "[]", "null", '{"accuracy": NaN}'])
@pytest.mark.slow
def test_a_summary_that_somebody_spoilt_fails_its_run_alone(content, tmp_path, counted):
    asked = {"data": blobs(), "methods": ["ce", "elr"], "seeds": 1, "out": tmp_path / "c", **QUICK}
    compare(**asked)
    summary = tmp_path / "c" / "runs" / "ce-0" / "summary.json"
    whole = summary.read_text()
    summary.write_text(content)
    done = compare(**asked)
    (failure,) = done.failed
    assert (failure.name, failure.seed) == ("ce", 0)
    assert "summary.json" in failure.error
    assert "restore" in failure.error
    assert list(done.runs["name"]) == ["elr"]
    assert done.document["missing"] == [{"name": "ce", "seed": 0}]
    assert done.document["failed"] == [{"name": "ce", "seed": 0, "error": failure.error}]
    summary.write_text(whole)
    assert not compare(**asked).failed
    assert len(counted) == 2


@pytest.mark.slow
def test_a_summary_spoilt_on_the_way_fails_its_task_in_a_storage_too(tmp_path, monkeypatch):
    once = shared.run_once

    def spoil(run, loaded):
        once(run, loaded)
        if run.name == "ce":
            (run.path / "summary.json").write_text("{}")

    monkeypatch.setattr(shared, "run_once", spoil)
    done = compare(blobs(), ["ce", "elr"], seeds=1, out=tmp_path / "c", storage=sqlite(tmp_path), **QUICK)
    assert [failure.name for failure in done.failed] == ["ce"]
    assert list(done.runs["name"]) == ["elr"]


@pytest.mark.slow
def test_a_study_says_its_format_and_one_of_a_newer_version_is_not_gone_on_with(tmp_path, counted):
    asked = {"data": blobs(), "methods": ["ce"], "seeds": 1, "out": tmp_path / "c", **QUICK}
    path = tmp_path / "c" / "comparison.json"
    document = compare(**asked).document
    assert document["format"] == json.loads(path.read_text())["format"] == FORMAT
    newer = json.dumps({**document, "format": FORMAT + 1})
    path.write_text(newer)
    with pytest.raises(UsageError, match=rf"comparison.json: has format {FORMAT + 1}.*install a newer earlylearn"):
        compare(**asked)
    assert path.read_text() == newer
    path.write_text(json.dumps({name: value for name, value in document.items() if name != "format"}))
    assert compare(**asked).document["format"] == FORMAT
    assert len(counted) == 1
    path.write_text("no JSON")  # ours is there whole or not at all
    with pytest.raises(UsageError, match="not a comparison of earlylearn"):
        compare(**asked)


@pytest.mark.slow
def test_workers_do_the_same_as_one(tmp_path):
    asked = {"seeds": 2, **QUICK}
    alone = compare(blobs(), ["ce", "elr"], out=tmp_path / "alone", **asked)
    together = compare(blobs(), ["ce", "elr"], out=tmp_path / "together", workers=2, **asked)
    assert results(alone) == results(together)


@pytest.mark.slow
def test_a_killed_comparison_leaves_no_worker_behind_and_goes_on(tmp_path):
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.killed"])
    endless = context.Process(target=killed.compare_digits, args=(tmp_path / "cut", 2, 100_000))
    endless.start()
    runs = tmp_path / "cut" / "runs"
    while len(list(runs.glob("*/metrics.jsonl"))) < 2 and endless.is_alive():
        time.sleep(0.01)
    endless.kill()
    endless.join()
    run = StudyRun("ce", None, runs / "ce-0")
    until = time.monotonic() + 60
    held = False
    while not held and time.monotonic() < until:  # workers live on for a moment, and then free their locks
        with lock(run, wait=False) as held:
            time.sleep(0.1)
    assert held, "an orphan is still at it"


@pytest.mark.slow
def test_a_killed_comparison_goes_on_where_it_was(tmp_path):
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.killed"])
    parent = context.Process(target=killed.compare_digits, args=(tmp_path / "cut", 2))
    parent.start()
    while not list((tmp_path / "cut" / "runs").glob("*/metrics.jsonl")) and parent.is_alive():
        time.sleep(0.01)
    parent.kill()
    parent.join()
    done = killed.compare_digits(tmp_path / "cut", 1)
    assert results(done) == results(killed.compare_digits(tmp_path / "whole", 1))


@pytest.mark.slow
def test_a_run_another_process_is_at_is_waited_for_not_repeated(tmp_path, counted):
    compare(blobs(), ["ce"], seeds=1, out=tmp_path / "c", **QUICK)
    folder = RunFolder(tmp_path / "c" / "runs" / "ce-0")
    run = StudyRun("ce", None, folder.path)
    finished = folder.summary.read_text()
    folder.summary.unlink()  # as if the other process were still at it

    def other():
        with lock(run, wait=True):
            held.set()
            while "ELR" not in counted:  # this command does what is free first
                time.sleep(0.01)
            folder.summary.write_text(finished)

    held = threading.Event()
    thread = threading.Thread(target=other)
    thread.start()
    held.wait()
    done = compare(blobs(), ["ce", "elr"], seeds=1, out=tmp_path / "c", **QUICK)
    thread.join()
    assert counted == ["CrossEntropy", "ELR"]
    assert len(done.runs) == 2


@pytest.mark.slow
def test_conclusion_says_what_the_seeds_allow(tmp_path):
    one = compare(blobs(), ["ce", "elr"], seeds=1, out=tmp_path / "c", **QUICK)
    assert "One seed cannot tell" in one.conclusion[0]
    assert any(
        "No test set: judged by 24 validation labels (one is 4.2 points)" in sentence for sentence in one.conclusion
    )
    # kl with lambda 0 is ce itself: nothing to test, however many the seeds.
    more = compare(blobs(), ["ce", "elr", "kl:lam=0"], seeds=3, out=tmp_path / "c", **QUICK)
    said = " ".join(more.conclusion)
    assert "One seed" not in said
    assert "Ends exactly as ce does in every seed: kl:lam=0." in said
    assert more.document["methods"][2]["differences"]["val_last"]["p"] is None
    assert more.document["methods"][0]["test_last"] is None


@pytest.mark.slow
def test_baseline_is_ce_wherever_it_stands_else_the_first(tmp_path):
    assert compare(blobs(), ["elr", "ce"], seeds=1, out=tmp_path / "a", **QUICK).document["baseline"] == "ce"
    assert compare(blobs(), ["elr", "gce"], seeds=1, out=tmp_path / "b", **QUICK).document["baseline"] == "elr"


# Several machines


def sqlite(tmp_path):
    pytest.importorskip("optuna")
    return f"sqlite:///{tmp_path / 'shared.db'}"


@pytest.mark.slow
def test_machines_share_runs_through_a_storage(tmp_path, counted):
    storage = sqlite(tmp_path)
    asked = {"seeds": 2, "storage": storage, **QUICK}
    here = compare(blobs(), ["ce", "elr"], out=tmp_path / "here", **asked)
    there = compare(blobs(), ["ce", "elr"], out=tmp_path / "there", **asked)
    assert len(counted) == 4
    assert results(here) == results(there)
    assert not list((tmp_path / "there" / "runs").glob("ce*"))
    assert set(there.runs["folder"]) == {None}
    assert results(here) == results(compare(blobs(), ["ce", "elr"], seeds=2, out=tmp_path / "alone", **QUICK))
    # What is added joins what is there; another question is another study.
    compare(blobs(), ["ce", "elr", "gce"], out=tmp_path / "more", **asked)
    assert counted.count("GeneralizedCrossEntropy") == 2
    assert len(counted) == 10
    compare(blobs(), ["ce"], out=tmp_path / "other", **{**asked, "epochs": 1})
    assert len(counted) == 12


@pytest.mark.slow
@pytest.mark.parametrize("begun", [True, False])
def test_a_machine_that_fell_silent_is_replaced(begun, tmp_path, counted, monkeypatch):
    storage = sqlite(tmp_path)
    monkeypatch.setattr(shared, "HEARTBEAT", 1)
    monkeypatch.setattr(shared, "GRACE", 2)

    def dies(self):  # takes a run and is never heard of again, after its first heartbeat or even before
        study = self._study(self.names[0])
        with warnings.catch_warnings(action="ignore"):
            silent = study.ask()
        if begun:
            study._storage.record_heartbeat(silent._trial_id)
            silent.set_user_attr("begun", True)

    with monkeypatch.context() as patch:
        patch.setattr(shared.SharedStudy, "work", dies)
        compare(blobs(), ["ce", "elr"], seeds=1, out=tmp_path / "dead", storage=storage, **QUICK)
    done = compare(blobs(), ["ce", "elr"], seeds=1, out=tmp_path / "alive", storage=storage, **QUICK)
    assert sorted(counted) == ["CrossEntropy", "ELR"]
    assert len(done.runs) == 2


@pytest.mark.slow
def test_a_machine_that_wakes_up_too_late_goes_on(tmp_path, monkeypatch):
    storage, once = sqlite(tmp_path), shared.run_once

    def asleep(run, loaded):  # meanwhile another machine declared it dead
        once(run, loaded)
        study = next(each for each in studies if run.title in each.study_name)
        trial = study.get_trials()[-1]
        study._storage.set_trial_state_values(trial._trial_id, optuna.trial.TrialState.FAIL)

    import optuna

    studies = []
    whole = shared.SharedStudy.prepare

    def remembered(self, **settings):
        whole(self, **settings)
        studies.extend(self._study(name) for name in self.names)

    with monkeypatch.context() as patch:
        patch.setattr(shared.SharedStudy, "prepare", remembered)
        slept = []
        patch.setattr(shared, "run_once", lambda *a: once(*a) if slept else (slept.append(1), asleep(*a)))
        done = compare(blobs(), ["ce", "elr"], seeds=1, out=tmp_path / "c", storage=storage, **QUICK)
    assert len(done.runs) == 2
    assert not done.failed


@pytest.mark.slow
def test_a_failure_is_shared_and_tried_again_when_asked_again(tmp_path, monkeypatch):
    storage = sqlite(tmp_path)

    def fail(self, method, *rest):
        raise session.EarlylearnError("no luck")

    with monkeypatch.context() as patch:
        patch.setattr(Fit, "run", fail)
        failed = compare(blobs(), ["ce"], seeds=1, out=tmp_path / "c", storage=storage, **QUICK)
    assert failed.failed == [Failure("ce", 0, "no luck")]
    again = compare(blobs(), ["ce"], seeds=1, out=tmp_path / "c", storage=storage, **QUICK)
    assert not again.failed
    assert len(again.runs) == 1


@pytest.mark.slow
def test_comparison_on_the_command_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = "compare digits --limit 150 --noise symmetric:0.4 --epochs 2 --methods ce,elr --seeds 2"
    with pytest.raises(SystemExit) as stop:
        main([*words.split(), "--json"])
    assert stop.value.code == 0
    said = capsys.readouterr()
    document = json.loads(said.out)
    assert document["methods"][1]["cost"]["n"] == 2
    assert document["methods"][1]["best_minus_last"]["mean"] >= 0
    assert said.err.count("test ") == 4  # a line per run where there is no terminal
    folder = tmp_path / "runs" / "digits-comparison"
    assert (folder / "report.html").exists()
    assert len((folder / "comparison.csv").read_text().splitlines()) == 5
