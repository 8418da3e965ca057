"""Is what a run says it takes counted of its own tables, and does it refuse what does not fit with what would?"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from earlylearn.doctor.plan_data import plan_data
from earlylearn.errors import UsageError
from earlylearn.machine import available_memory, main_memory, used_memory
from earlylearn.runs import memory
from earlylearn.runs.train import train
from tests.conftest import blobs
from tests.runs.test_session import config_of, made


@pytest.mark.slow
def test_tables_and_network_are_those_that_are_made(tmp_path):
    data = blobs(3000)
    session = made(data, method="elr")
    needs = memory.needs_of(config_of(data, method="elr"), data)
    tables = [*session.fit.method.buffers(recurse=False), *session.dynamics.buffers()]
    held = sum(table.nbytes for table in tables) + session.fit.seen.nbytes + 3000 * memory.AUDIT_ROW
    assert needs.rows == pytest.approx(held, rel=0.2)
    weights = sum(parameter.nbytes for parameter in session.fit.method.parameters())
    assert needs.network == 3 * weights
    run = train(data, "elr", network="linear", epochs=1, out=tmp_path / "run", quiet=True)
    assert needs.checkpoint == pytest.approx(run.folder.last.stat().st_size, abs=25_000)  # and its header


@pytest.mark.parametrize(
    ("room", "says"),
    [
        (
            0.1,
            r"^method='elr': the run takes 0.4\d+ GB .* has 0.1\d* GB available; use table='top16', which takes 90",
        ),
        (0.0, r"available; use a machine with more memory"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(room, says, tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "used_memory", lambda **_: 10**7)
    monkeypatch.setattr(memory, "LIBRARIES", 0)
    monkeypatch.setattr(memory, "available_memory", lambda: room * 1e9 if room else 10**4)
    data = blobs(20_000)
    names = tuple(f"c{k}" for k in range(4000))
    data = replace(data, classes=names)
    with pytest.raises(UsageError, match=says):
        train(data, "elr", network="linear", batch_size=2, epochs=1, out=tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists()


def test_a_full_disk_is_told_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "free_disk", lambda _: 100)
    with pytest.raises(UsageError, match=r"of disk, a checkpoint .* are free there: name a folder on a larger disk"):
        train(blobs(), network="linear", epochs=1, out=tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists()


def test_a_run_says_what_it_takes(tmp_path, capsys):
    train(blobs(), "ce", network="linear", epochs=1, out=tmp_path / "run")
    assert "(program and data" in capsys.readouterr().err


def test_the_machine_tells_of_its_memory():
    assert used_memory() < main_memory()
    assert 0 < available_memory() <= main_memory()


def test_a_plan_of_data_reads_them_and_trains_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = blobs()
    np.savez("data.npz", x=data.inputs, y=data.labels)
    found = plan_data("data.npz", {"method": "elr", "label": None})
    assert found["run"]["rows"] == len(data)
    assert found["verdict"]["memory"].startswith("fits: needs")
    assert [path.name for path in tmp_path.iterdir()] == ["data.npz"]
    assert "name a method" in plan_data("data.npz", {"method": "auto"})["verdict"]["memory"]
    assert torch.get_default_device().type == "cpu"
