"""Do several processes train the run that one would, whoever starts them, and what becomes of it when one dies?"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import earlylearn as el
from earlylearn.cli.main import main
from earlylearn.methods import METHODS
from earlylearn.runs.checkpoint import load_checkpoint
from tests.runs import shared_runs

REFUSED = set(METHODS) - set(shared_runs.METHODS)
CLI = [sys.executable, "-m", "earlylearn"]


def tensors(run, name="last"):
    """All numbers of a checkpoint by name, but for the random generators."""

    def walk(value, name):
        if isinstance(value, dict | list):
            for key, item in value.items() if isinstance(value, dict) else enumerate(value):
                yield from walk(item, f"{name}/{key}")
        else:
            yield name, value

    state = load_checkpoint(Path(run) / "checkpoint" / f"{name}.safetensors")
    return {name: value for name, value in walk(state, "") if isinstance(value, torch.Tensor)}


def assert_alike(one, other, *, exactly=False, atol=1e-4):
    """The same weights, tables, dynamics, metrics and flags, within rounding or bit by bit."""
    mine, theirs = tensors(one), tensors(other)
    assert mine.keys() == theirs.keys()
    close = {"rtol": 0, "atol": 0} if exactly else {"rtol": 1e-3, "atol": atol}
    for name, tensor in mine.items():
        torch.testing.assert_close(
            theirs[name], tensor, equal_nan=True, msg=lambda text, n=name: f"{n}: {text}", **close
        )
    for mine, theirs in zip(el.Run(one).metrics, el.Run(other).metrics, strict=True):
        assert theirs["loss"] == pytest.approx(mine["loss"], rel=1e-4)
        assert theirs["test_accuracy"] == pytest.approx(mine["test_accuracy"])
        assert theirs["agree"] == pytest.approx(mine["agree"])
    mine, theirs = el.Run(one).label_issues(), el.Run(other).label_issues()
    assert mine["is_label_issue"].equals(theirs["is_label_issue"])
    np.testing.assert_allclose(theirs["label_quality"], mine["label_quality"], atol=1e-4)


def launch(processes, *words):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.mark.slow
def test_started_here_two_processes_train_the_run_that_one_would(tmp_path):
    shared_runs.train(tmp_path / "one", "held-out")
    run = shared_runs.train(tmp_path / "two", "held-out", devices=2)
    assert run.config.devices == 2
    assert_alike(tmp_path / "one" / "held-out", tmp_path / "two" / "held-out")


@pytest.mark.slow
def test_a_validation_file_picks_the_same_epoch_on_two_processes_and_goes_on(tmp_path):
    """An odd number of its rows, of which each process predicts a part."""
    for name, rows in (("train", 66), ("val", 41)):
        x, y = shared_runs.points(rows + 1)
        x = x + np.float32(0.25) * (name == "val")
        frame = pd.DataFrame(x[:rows], columns=list("abcde")).assign(y=np.array(["u", "v", "w"])[y[:rows]])
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    how = {"label": "y", "val": str(tmp_path / "val.csv"), "network": "mlp:8"}
    how |= {name: value for name, value in shared_runs.SETTINGS.items() if name != "val_fraction"}
    for devices in (1, 2):
        for name, epochs in (("whole", 5), ("longer", 3)):
            out = tmp_path / f"{name}-{devices}"
            el.train(tmp_path / "train.csv", "elr", out=out, devices=devices, **{**how, "epochs": epochs})
        el.resume(tmp_path / f"longer-{devices}", epochs=5, quiet=True)
    one, two = (el.Run(tmp_path / f"whole-{devices}") for devices in (1, 2))
    assert_alike(one.folder.path, two.folder.path)
    assert [line["val_accuracy"] for line in two.metrics] == [line["val_accuracy"] for line in one.metrics]
    assert two.summary["accuracy"] == pytest.approx(one.summary["accuracy"])
    assert two.folder.held_out() == 41
    assert_alike(tmp_path / "whole-2", tmp_path / "longer-2", exactly=True)


@pytest.mark.slow
def test_mapped_rows_of_which_some_were_taken_train_the_same_on_two_processes(tmp_path, monkeypatch):
    monkeypatch.setenv("EARLYLEARN_MEMORY", "0")
    x, y = shared_runs.points()
    np.savez(tmp_path / "d.npz", x=x, y=y)
    how = {**shared_runs.SETTINGS, "network": "mlp:8", "test_fraction": 0.2}
    for devices in (1, 2):
        el.train(tmp_path / "d.npz", "elr", out=tmp_path / str(devices), devices=devices, **how)
    assert_alike(tmp_path / "1", tmp_path / "2")


@pytest.mark.slow
def test_every_method_that_goes_with_several_processes(tmp_path):
    for processes in (2, 3):
        done = launch(processes, "-m", "tests.runs.shared_runs", tmp_path / str(processes), *shared_runs.CASES)
        assert done.returncode == 0, done.stderr
    for case in shared_runs.CASES:
        shared_runs.train(tmp_path / "1", case)
        # Numbers of 16 bits turn a last digit of 32 into one of theirs.
        atol = 5e-3 if case == "top16" else 1e-4
        for processes in ("2", "3"):
            assert_alike(tmp_path / "1" / case, tmp_path / processes / case, atol=atol)


@pytest.mark.parametrize("method", sorted(REFUSED))
def test_other_methods_say_why_not_and_which_do(tmp_path, method):
    with pytest.raises(
        el.UsageError, match=r"devices=2.*one process, for it .*; leave it out, or choose one of ce.*elr"
    ):
        el.train("digits", method, devices=2, out=tmp_path / "run", limit=100, quiet=True)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"devices": 0}, "devices=0.*1"),
        ({"devices": 10**9}, "devices=1000000000.*four per processor core"),
        ({"devices": 2, "num_nodes": 2}, "num_nodes=2.*launcher.*torchrun"),
        ({"devices": 4, "batch_size": 3}, "batch_size=3.*4 processes"),
        ({"devices": 2, "augment": lambda x: x}, "devices=2.*cannot go to another process.*module"),
    ],
)
def test_requests_that_several_processes_cannot_train(tmp_path, settings, message):
    with pytest.raises(el.UsageError, match=message):
        el.train("digits", "ce", out=tmp_path / "run", limit=100, quiet=True, accelerator="cpu", **settings)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_run_goes_on_exactly_on_as_many_processes_and_within_rounding_on_others(tmp_path):
    shared_runs.train(tmp_path / "whole", "held-out", devices=2, epochs=6)
    shared_runs.train(tmp_path / "same", "held-out", devices=2, epochs=3)
    shutil.copytree(tmp_path / "same", tmp_path / "fewer")
    own = {"network": shared_runs.normalised}
    again = {"data": shared_runs.points(), "test": shared_runs.points(37), "epochs": 6, "quiet": True, **own}
    el.resume(tmp_path / "same" / "held-out", **again)
    run = el.resume(tmp_path / "fewer" / "held-out", devices=1, **again)
    assert run.config.devices == 2  # as it began
    assert_alike(tmp_path / "whole" / "held-out", tmp_path / "same" / "held-out", exactly=True)
    assert_alike(tmp_path / "whole" / "held-out", tmp_path / "fewer" / "held-out")


def wait_for(what, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.02)
    raise AssertionError("waited in vain")


def children(pid):
    tasks = Path(f"/proc/{pid}/task/{pid}/children")
    found = [int(word) for word in tasks.read_text().split()] if tasks.exists() else []
    return [child for child in found if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] not in "ZX"
    except OSError:
        return False


def here(words):
    """The exit status of a command in this process, which has PyTorch already."""
    with pytest.raises(SystemExit) as done:
        main([str(word) for word in words])
    return done.value.code


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for processes where Linux tells of them")
def test_a_killed_process_ends_the_others_and_leaves_a_run_that_goes_on(tmp_path):
    words = ["train", "digits", "--method", "elr", "--network", "mlp:32", "--limit", "300", "--epochs", "10"]
    words += ["--devices", "2", "--accelerator", "cpu"]
    assert here([*words, "--out", tmp_path / "whole"]) == 0
    for killed in ("another", "first"):
        out = tmp_path / killed
        metrics = out / "metrics.jsonl"
        with subprocess.Popen([*CLI, *words, "--out", out], stderr=subprocess.PIPE, text=True) as process:
            wait_for(lambda metrics=metrics: metrics.exists() and metrics.read_text().count("\n") > 2)
            (child,) = children(process.pid)
            os.kill(child if killed == "another" else process.pid, signal.SIGKILL)
            _, said = process.communicate(timeout=60)
            if killed == "another":
                assert process.returncode == 1
                last = said.strip().splitlines()[-1]
                assert "process 1 of 2 was killed (signal 9)" in last
                assert f"--resume {out}" in last
                assert "Traceback" not in said
            wait_for(lambda child=child: not alive(child), 30)
        assert not (out / "summary.json").exists()
        assert here(["train", "--resume", out, "--quiet"]) == 0
        assert_alike(tmp_path / "whole", out, exactly=True)
