"""Are arrays that are mapped from the disk read as those in memory are: numbers, messages, notes, ids?"""

import io
import pickle

import numpy as np
import pytest

from earlylearn.data import mapped
from earlylearn.data.fingerprint import fingerprint
from earlylearn.data.readers import features
from earlylearn.data.sources import load
from earlylearn.errors import UsageError
from earlylearn.runs.together import _Pickler


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch):
    monkeypatch.setattr(mapped, "BLOCK", 64)
    monkeypatch.setattr(features, "AT_ONCE", 50)


def both(monkeypatch, data, **how):
    found = []
    for memory in ("1T", "0"):
        monkeypatch.setenv("EARLYLEARN_MEMORY", memory)
        try:
            found.append(load(data, **how))
        except UsageError as error:
            found.append(error.message)
    return found


def arrays(kind, gap=False):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 5)).astype(np.float32)
    if kind == "images":
        x = rng.integers(0, 256, (40, 3, 8, 8), dtype=np.uint8)
    elif kind == "cube":
        x = x.reshape(40, 5, 1)
    if gap:
        x[17, 3] = np.nan
    return {"x": x, "y": rng.permutation(["cat", "dog"] * 20)}


@pytest.mark.parametrize("missing", ["refuse", "impute"])
@pytest.mark.parametrize(("kind", "gap"), [("flat", False), ("flat", True), ("cube", False), ("images", False)])
def test_arrays_are_the_same_mapped(tmp_path, monkeypatch, kind, gap, missing):
    there = arrays(kind, gap)
    np.savez(tmp_path / "t.npz", **there)
    np.save(tmp_path / "x.npy", there["x"])
    np.save(tmp_path / "y.npy", there["y"])
    for data, how in (("t.npz", {"test_fraction": 0.25}), ("x.npy", {"labels": str(tmp_path / "y.npy")})):
        memory, disk = both(monkeypatch, tmp_path / data, missing=missing, **how)
        if isinstance(memory, str):
            assert disk == memory
            continue
        assert isinstance(disk.train.inputs, np.memmap)
        assert np.array_equal(disk.train.inputs, memory.train.inputs)
        assert disk.train.ids.tolist() == memory.train.ids.tolist()
        assert (disk.train.schema, disk.train.notes) == (memory.train.schema, memory.train.notes)
        assert fingerprint(disk) == fingerprint(memory)


@pytest.mark.parametrize("gap", [False, True])
def test_mapped_numbers_become_float32_whatever_they_are(tmp_path, monkeypatch, gap):
    """Bytes that are no pixels; and test rows of 32 bits beside training rows of 64 that were shifted."""
    rng = np.random.default_rng(0)
    there = {"y": rng.permutation(["cat", "dog"] * 20)}
    np.savez(tmp_path / "bytes.npz", x=rng.integers(0, 256, (40, 5), dtype=np.uint8), **there)
    far = 1.7e9 + rng.integers(0, 10_000, (40, 5))
    np.savez(tmp_path / "wide.npz", x=far, **there)
    near = far.astype(np.float32)
    near[3, 2] = np.nan if gap else near[3, 2]
    np.savez(tmp_path / "narrow.npz", x=near, **there)
    for data, how in (("bytes.npz", {}), ("wide.npz", {"test": str(tmp_path / "narrow.npz"), "missing": "impute"})):
        memory, disk = both(monkeypatch, tmp_path / data, **how)
        for here, other in zip(memory, disk, strict=True):
            if here is not None:
                assert other.inputs.dtype == np.float32
                assert np.array_equal(other.inputs, here.inputs)
        assert isinstance((disk.test or disk.train).inputs, np.memmap)


@pytest.mark.parametrize("change", ["compressed", "float64", "by column", "cut"])
def test_what_cannot_be_mapped_is_read_as_ever(tmp_path, monkeypatch, change):
    there = arrays("flat")
    if change == "float64":
        there["x"] = there["x"].astype(np.float64)
    if change == "by column":
        there["x"] = np.asfortranarray(there["x"])
    (np.savez_compressed if change == "compressed" else np.savez)(tmp_path / "t.npz", **there)
    if change == "cut":
        np.save(tmp_path / "t.npy", there["x"])
        content = (tmp_path / "t.npy").read_bytes()
        (tmp_path / "t.npy").write_bytes(content[:-9])
        np.save(tmp_path / "y.npy", there["y"])
        memory, disk = both(monkeypatch, tmp_path / "t.npy", labels=str(tmp_path / "y.npy"))
        assert isinstance(memory, str)
        assert disk == memory
        return
    memory, disk = both(monkeypatch, tmp_path / "t.npz")
    assert not isinstance(disk.train.inputs, np.memmap)
    assert fingerprint(disk) == fingerprint(memory)


def test_ids_of_many_rows_are_the_same_and_so_is_what_tells_data_from_others(monkeypatch, tmp_path):
    np.savez_compressed(tmp_path / "d.npz", x=np.arange(60.0).reshape(30, 2), y=np.arange(30) % 2)
    few = load(str(tmp_path / "d.npz"))
    monkeypatch.setattr(mapped, "MANY", 10)
    many = load(str(tmp_path / "d.npz"))
    assert isinstance(many.train.ids, mapped.Nameless)
    assert many.train.ids.tolist() == few.train.ids.tolist() == [str(k) for k in range(30)]
    assert fingerprint(many) == fingerprint(few)
    rows = np.array([4, 2, 29])
    assert many.train.subset(rows).ids.tolist() == ["4", "2", "29"]


def test_rows_taken_from_a_file_are_those_in_another_process_too(tmp_path):
    """They lie in a file without a name: the first file has other rows at its beginning."""
    np.save(tmp_path / "x.npy", np.arange(40, dtype=np.float32).reshape(20, 2))
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    for rows in (x, x[3:9], mapped.rows_of(x, np.array([3, 1, 19])), mapped.rows_of(x, np.arange(4, 8))):
        buffer = io.BytesIO()
        _Pickler(buffer).dump(rows)
        assert np.array_equal(pickle.loads(buffer.getvalue()), rows)
