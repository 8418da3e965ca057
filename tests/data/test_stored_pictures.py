"""Are pictures of one's own that are decoded once, into the store, those that are decoded in memory?"""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from earlylearn.data import image_store, pictures, surveyed
from earlylearn.data.fingerprint import fingerprint
from earlylearn.data.readers import images
from earlylearn.data.sources import load
from earlylearn.runs.train import train


@pytest.fixture(autouse=True)
def _no_cache_named(monkeypatch):
    monkeypatch.delenv("EARLYLEARN_CACHE", raising=False)


def folder(root, mode="RGB", n=24):
    rng = np.random.default_rng(0)
    for row in range(n):
        pixels = rng.integers(0, 256, (30 + row, 40, 3), dtype=np.uint8)
        image = Image.fromarray(pixels if mode == "RGB" else pixels[:, :, 0])
        if mode == "I;16":
            image = Image.fromarray(pixels[:, :, 0].astype(np.uint16) * 16)
        place = root / ("cat", "dog")[row % 2]
        place.mkdir(parents=True, exist_ok=True)
        image.save(place / f"{row:02d}.png")
    return root


def both(monkeypatch, data, **how):
    found = []
    for memory in ("1T", "0"):
        monkeypatch.setenv("EARLYLEARN_MEMORY", memory)
        found.append(load(data, **how))
    return found


@pytest.mark.parametrize(("mode", "size"), [("RGB", None), ("L", 20), ("I;16", 20)])
def test_a_folder_is_the_same_from_the_store(tmp_path, monkeypatch, mode, size):
    data = folder(tmp_path / "data", mode)
    memory, store = both(monkeypatch, data, image_size=size, test_fraction=0.25)
    for mine, theirs in zip(store, memory, strict=True):
        assert isinstance(mine.inputs, np.memmap)
        assert np.array_equal(mine.inputs, theirs.inputs)
    assert fingerprint(store) == fingerprint(memory)
    monkeypatch.setattr(image_store, "decode_one", lambda *_: pytest.fail("decoded again"))
    again = load(data, image_size=size, test_fraction=0.25)
    assert fingerprint(again) == fingerprint(memory)
    moved = data.rename(tmp_path / "moved")
    assert isinstance(load(moved, image_size=size, test_fraction=0.25).train.inputs, np.memmap)


def test_pictures_that_a_table_lists_are_too_wherever_they_lie(tmp_path, monkeypatch):
    files = sorted(folder(tmp_path / "far").rglob("*.png"))
    (tmp_path / "near").mkdir()
    table = tmp_path / "near" / "list.csv"
    pd.DataFrame(
        {"file": [f"../far/{f.parent.name}/{f.name}" for f in files], "y": [f.parent.name for f in files]}
    ).to_csv(table, index=False)
    memory, store = both(monkeypatch, table, label="y", image="file")
    assert np.array_equal(store.train.inputs, memory.train.inputs)
    assert list((tmp_path / "near" / ".earlylearn" / "pictures").glob("colour-64-*.npy"))


def test_many_have_a_checksum_whether_or_not_they_can_be_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(pictures, "SEVERAL", 0)
    data = folder(tmp_path / "data")
    kept = load(data)
    assert isinstance(kept.train.inputs, np.memmap)
    assert kept.train.checksum
    monkeypatch.setattr(image_store, "places", lambda _: [data / "cat" / "00.png" / "below"])
    held = load(data)
    assert not isinstance(held.train.inputs, np.memmap)
    assert fingerprint(held) == fingerprint(kept)
    assert "decodes them again" in capsys.readouterr().err


def test_many_are_looked_into_once(tmp_path, monkeypatch):
    monkeypatch.setattr(surveyed, "MANY_FILES", 2)
    data = folder(tmp_path / "data", "I;16")
    first = load(data)
    monkeypatch.setattr(surveyed, "survey", lambda *_: pytest.fail("looked into again"))
    again = load(data)
    assert (again.train.schema, again.train.notes) == (first.train.schema, first.train.notes)
    (kept,) = data.rglob("survey-*.json")
    kept.write_text("{")
    (data / "cat" / "00.png").write_bytes((data / "cat" / "02.png").read_bytes())
    looked = []
    monkeypatch.setattr(surveyed, "survey", lambda files, size: looked.append(len(files)) or images.survey(files, size))
    assert load(data).train.schema == first.train.schema
    assert looked == [24]


@pytest.mark.slow
def test_a_run_from_the_store_is_the_run_from_memory(tmp_path, monkeypatch):
    data, runs = folder(tmp_path / "data"), []
    for memory in ("1T", "0"):
        monkeypatch.setenv("EARLYLEARN_MEMORY", memory)
        how = {"epochs": 2, "network": "linear", "augment": "crop+flip", "image_size": 16, "batch_size": 7}
        runs.append(train(data, "elr", out=tmp_path / memory, quiet=True, encoder="none", **how))
    assert runs[0].folder.issues.read_bytes() == runs[1].folder.issues.read_bytes()
