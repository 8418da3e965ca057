"""Is a run safe from a second process, a flipped bit, an edited request, a full disk and a last step gone astray?"""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import earlylearn as el
from earlylearn.errors import EarlylearnError, UsageError
from earlylearn.loop.fit import Fit
from earlylearn.runs import folder as folders
from earlylearn.runs.checkpoint import load_checkpoint
from earlylearn.runs.folder import RunFolder

QUICK = {"method": "elr", "limit": 60, "network": "linear", "quiet": True}
HOLDS = """
import sys
from earlylearn.runs.folder import RunFolder
with RunFolder(sys.argv[1]).locked():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def begun(tmp_path, monkeypatch):
    """A run of three epochs that was interrupted after the first."""
    whole = Fit.run

    def interrupted(self, on_step):
        yield next(whole(self, on_step))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Fit, "run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            el.train("digits", out=tmp_path / "run", epochs=3, **QUICK)
    return tmp_path / "run"


@pytest.mark.slow
def test_a_run_that_a_process_is_at_is_left_to_it(begun):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(begun)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        before = {path: path.read_bytes() for path in begun.rglob("*") if path.is_file()}
        for second in (
            lambda: el.resume(begun, quiet=True),
            lambda: el.train("digits", out=begun, overwrite=True, epochs=1, **QUICK),
        ):
            with pytest.raises(UsageError, match=f"process {other.pid} on .* is at this run; let it finish, or stop"):
                second()
        assert {path: path.read_bytes() for path in begun.rglob("*") if path.is_file()} == before
        other.kill()
    assert el.resume(begun, quiet=True).summary["epochs"] == 3  # the lock of a process that died is free
    assert not (begun / ".locked-by").exists()


def test_a_flipped_bit_is_found_wherever_it_is(begun):
    path = begun / "checkpoint" / "last.safetensors"
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(whole), 60).tolist():
        path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << int(rng.integers(8)))]) + whole[place + 1 :])
        with pytest.raises(UsageError, match=r"last.safetensors: not a readable checkpoint .*restore the file"):
            load_checkpoint(path)
    path.write_bytes(whole)
    assert load_checkpoint(path)["fit"]["epoch"] == 1


@pytest.mark.parametrize(("name", "value"), [("lr", 0.77), ("seed", 5), ("options", {"lam": 9.0, "beta": 0.7})])
def test_a_request_that_was_edited_is_not_half_trained(begun, name, value):
    config = json.loads((begun / "config.json").read_text())
    (begun / "config.json").write_text(json.dumps({**config, name: value}))
    with pytest.raises(UsageError, match=r"last.safetensors: does not fit config.json|changed since the run began"):
        el.resume(begun, quiet=True)


def test_another_number_of_threads_is_told_and_kept(begun, capsys):
    path = begun / "environment.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "threads": 64}))
    el.resume(begun, quiet=True)
    assert "began with 64 threads and goes on with 1" in capsys.readouterr().err
    kept = json.loads(path.read_text())
    assert (kept["threads"], kept["resumed"][0]["threads"]) == (64, 1)


@pytest.mark.parametrize("file", ["config.json", "environment.json", "labels.npz", "metrics.jsonl", "last.safetensors"])
@pytest.mark.slow
def test_after_a_full_disk_the_same_goes_on(tmp_path, monkeypatch, file):
    whole = el.train("digits", out=tmp_path / "whole", epochs=2, **QUICK)
    replace = os.replace

    def full(source, target):
        if str(target).endswith(file):
            raise OSError(28, "No space left on device", str(target))
        replace(source, target)

    def full_metrics(self, record):
        raise OSError(28, "No space left on device", str(self.metrics))

    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        if file == "metrics.jsonl":
            patch.setattr(RunFolder, "append_metrics", full_metrics)
        with pytest.raises(EarlylearnError, match="No space left"):
            el.train("digits", out=out, epochs=2, **QUICK)
    again = el.train("digits", out=out, epochs=2, **QUICK) if file == "config.json" else el.resume(out, quiet=True)
    assert (out / "label_issues.csv").read_text() == (whole.folder.path / "label_issues.csv").read_text()
    assert again.summary["accuracy"] == whole.summary["accuracy"]


def test_weights_that_are_no_numbers_are_a_failure_though_no_loss_saw_them(tmp_path):
    with pytest.raises(EarlylearnError, match=r"not finite in epoch 1: weights are not finite; lower lr$"):
        el.train("digits", out=tmp_path / "run", epochs=1, lr=1e40, batch_size=64, **QUICK)


def test_rows_that_are_no_numbers_have_no_class(tmp_path):
    np.savez(tmp_path / "d.npz", x=np.random.default_rng(0).normal(size=(30, 3)).astype("f4"), y=np.arange(30) % 2)
    run = el.train(tmp_path / "d.npz", "elr", out=tmp_path / "run", epochs=1, quiet=True)
    with pytest.raises(UsageError, match="row 1 has"):
        run.predict(np.array([[0, 0, 0], [0, np.nan, 0]], np.float32))


def test_passwords_of_the_command_are_not_kept(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["earlylearn", "--storage", "postgresql://u:p@ss@h/db?password=p@ss"])
    assert "p@ss" not in json.dumps(folders.environment())
