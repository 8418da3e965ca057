"""Does a checkpoint give back what was kept, also into tensors that are there already, and under two names?"""

import os

import pytest
import torch

from earlylearn.runs import checkpoint as checkpoints
from earlylearn.runs.checkpoint import load_checkpoint, save_checkpoint

STATE = {
    "fit": {"method": {"targets": torch.arange(12.0).view(3, 4), "seen": torch.tensor([True, False])}, "epoch": 3},
    "half": torch.arange(6).half().view(2, 3).T,
}


def same(found):
    assert found["fit"]["epoch"] == 3
    for a, b in (
        (found["half"], STATE["half"]),
        *zip(*(state["fit"]["method"].values() for state in (found, STATE)), strict=True),
    ):
        assert torch.equal(a, b)
        assert a.dtype == b.dtype


def test_tensors_are_read_to_where_they_belong(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "LARGE", 1)
    save_checkpoint(tmp_path / "a", STATE)
    targets, half = torch.zeros(3, 4), torch.zeros(3, 2, dtype=torch.float16)
    found = load_checkpoint(tmp_path / "a", {"/fit/method/targets": targets, "/half": half, "/other": targets})
    same(found)
    assert found["fit"]["method"]["targets"] is targets
    assert found["half"] is half


@pytest.mark.parametrize(
    "wrong", [torch.zeros(4, 3), torch.zeros(3, 4).double(), torch.zeros(3, 4).int(), torch.zeros(4, 3).T]
)
def test_a_tensor_of_another_kind_is_left_alone(wrong, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "LARGE", 1)
    save_checkpoint(tmp_path / "a", STATE)
    same(load_checkpoint(tmp_path / "a", {"/fit/method/targets": wrong}))
    assert not wrong.any()


@pytest.mark.parametrize("links", [True, False])
def test_a_second_name_stays_when_the_first_is_written_anew(links, tmp_path, monkeypatch):
    if not links:
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError("no links here")))
    save_checkpoint(tmp_path / "last", STATE, also=tmp_path / "picked")
    assert os.path.samefile(tmp_path / "last", tmp_path / "picked") == links
    save_checkpoint(tmp_path / "last", {"epoch": 4})
    same(load_checkpoint(tmp_path / "picked"))
    assert load_checkpoint(tmp_path / "last") == {"epoch": 4}


def test_shared_memory_is_kept_apart(tmp_path):
    whole = torch.arange(6.0)
    save_checkpoint(tmp_path / "a", {"a": whole[:4], "b": whole[2:], "c": whole})
    found = load_checkpoint(tmp_path / "a")
    assert [found[name].tolist() for name in "abc"] == [[0, 1, 2, 3], [2, 3, 4, 5], [0, 1, 2, 3, 4, 5]]
