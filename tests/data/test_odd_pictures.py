"""Are pictures that a network could not tell apart told, and folders that are no classes, or left out?"""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from earlylearn.data.sources import load, read_unlabelled
from earlylearn.errors import UsageError
from earlylearn.runs.train import read
from tests.data.test_kinds_of_input import generated

LEVELS = (20, 60, 100, 140, 180, 220)


def folder(top, draw, suffix="png", **save):
    """Six pictures in two classes."""
    for k, level in enumerate(LEVELS):
        (top / "ab"[k % 2]).mkdir(parents=True, exist_ok=True)
        draw(level).save(top / "ab"[k % 2] / f"{k}.{suffix}", **save)
    return str(top)


def grey(level, mode="L"):
    return Image.new("L", (9, 9), level).convert(mode)


def hidden_in_alpha(level):
    """White on nothing: a drawing that only its alpha channel holds."""
    alpha = np.zeros((9, 9), np.uint8)
    alpha[: level // 25] = 255
    return Image.merge("RGBA", [Image.new("L", (9, 9), 255)] * 3 + [Image.fromarray(alpha)])


# What is drawn, how it is kept, and what is told; nothing where all stay apart.
KINDS = {
    "grey": (grey, {}, None),
    "colour": (lambda level: grey(level, "RGB"), {}, None),
    "16 bits": (lambda level: Image.fromarray(np.full((9, 9), level * 257, np.uint16)), {}, None),
    "black on nothing": (lambda k: Image.merge("LA", [grey(0), grey(255 - k)]), {}, "counts as white$"),
    "white on nothing": (hidden_in_alpha, {}, "5 of 6 pictures differ from another, and are the same to a network"),
    "below zero": (
        lambda level: Image.fromarray(np.full((9, 9), -level, np.int32)),
        {"suffix": "tiff"},
        "go down to -220: what is below 0 counts as black",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_that_fall_together_are_told(tmp_path, kind):
    draw, save, told = KINDS[kind]
    train = load(folder(tmp_path / "d", draw, **save)).train
    assert not train.notes if told is None else re.search(told, "\n".join(train.notes))
    if "differ" not in (told or "") and kind != "below zero":
        assert len(np.unique(train.inputs.reshape(6, -1), axis=0)) == 6


@pytest.mark.parametrize("suffix", ["gif", "tiff", "png", "webp"])
def test_of_several_frames_the_first_counts_and_that_is_told(tmp_path, suffix):
    path = folder(tmp_path / "d", grey, suffix, save_all=True, append_images=[grey(255), grey(0)])
    train = load(path).train
    assert "6 images of 6 of several frames or pages: the first counts" in train.notes
    assert np.abs(np.sort(train.inputs.reshape(6, -1).mean(1)) - LEVELS).max() < 3


@generated
@given(st.lists(st.integers(0, 3), min_size=4, max_size=9))
def test_copies_are_no_loss_and_other_pictures_are(tmp_path, drawn):
    top = tmp_path / "d"
    for k in range(12):
        (top / "ab"[k % 2]).mkdir(parents=True, exist_ok=True)
        (top / "ab"[k % 2] / f"{k}.png").unlink(missing_ok=True)
    large = [Image.fromarray(np.pad(np.full((1, 1), 255, np.uint8), ((k, 99 - k), (0, 99)))) for k in range(4)]
    for k, which in enumerate([0, 1, *drawn]):
        large[which].save(top / "ab"[k % 2] / f"{k}.png")
    train = load(str(top), image_size=2).train
    told = [note for note in train.notes if "same to a network" in note]
    assert len(np.unique(train.inputs, axis=0)) == 1
    assert bool(told) == (len({0, 1, *drawn}) > 1)
    assert not [note for note in load(str(top), image_size=100).train.notes if "same to a network" in note]


def test_strict_refuses_what_only_decoding_shows(tmp_path):
    path = folder(tmp_path / "d", hidden_in_alpha)
    for each in (tmp_path / "d").rglob("*.png"):
        Image.open(each).getchannel("A").point(lambda v: v // 255).save(each)  # of 0 and 1: the same at 2 x 2
    with pytest.raises(UsageError, match=r"same to a network.*strict"):
        read(path, {"strict": True, "image_size": 2, "encoder": "none"})


@pytest.mark.parametrize(
    "parts",
    [
        ("Train", "Test"),
        ("training", "testing"),
        ("TRAIN", "val"),
        ("train", "Valid", "test2"),
        ("Train", "Val", "Test"),
    ],
)
def test_parts_of_a_data_set_are_no_classes(tmp_path, parts):
    for part in parts:
        folder(tmp_path / "d" / part, grey)
    if "test2" in parts:
        assert load(str(tmp_path / "d")).train.classes == tuple(sorted(parts))
        return
    with pytest.raises(UsageError, match=r"looks like parts of a data set .*call the parts 'train' and 'test'") as told:
        load(str(tmp_path / "d"))
    for part in parts:
        role = {"v": "val", "t": "test"}[part[0].lower()]
        assert part.lower().startswith("train") or f"{part} with {role}='DATA'" in str(told.value)


def test_what_lies_beside_train_and_test_or_the_classes_is_told(tmp_path):
    for part in ("train", "test", "val"):
        folder(tmp_path / "d" / part, grey)
    assert "beside train and test, val is left out" in load(str(tmp_path / "d")).train.notes[-1]
    path = folder(tmp_path / "e", grey)
    grey(3).save(tmp_path / "e" / "loose.png")
    train = load(path).train
    assert "beside the class folders, 1 image in none of them" in train.notes[-1]
    assert len(read_unlabelled(path, train.schema).ids) == 7


@pytest.mark.parametrize(("one", "other"), [("cat", "Cat"), ("cat", "cat "), ("caf\u00e9", "cafe\u0301")])
def test_class_folders_that_read_alike_are_told(tmp_path, one, other):
    folder(tmp_path / "d", grey)
    (tmp_path / "d" / "a").rename(tmp_path / "d" / one)
    (tmp_path / "d" / "b").rename(tmp_path / "d" / other)
    assert "2 classes read alike" in load(str(tmp_path / "d")).train.notes[0]


def test_a_link_to_nowhere_is_no_link_back(tmp_path):
    path = folder(tmp_path / "d", grey)
    (tmp_path / "d" / "a" / "x.png").symlink_to("nowhere.png")
    with pytest.raises(UsageError, match=r"x.png: no such file"):
        load(path)


def test_a_link_to_a_picture_of_the_same_data_is_not_read_twice(tmp_path):
    path = folder(tmp_path / "d", grey)
    whole = load(path).train
    (tmp_path / "d" / "b" / "again.png").symlink_to(tmp_path / "d" / str(whole.ids[0]))
    (tmp_path / "elsewhere.png").write_bytes((tmp_path / "d" / str(whole.ids[0])).read_bytes())
    (tmp_path / "d" / "b" / "other.png").symlink_to(tmp_path / "elsewhere.png")
    train = load(path).train
    assert set(train.ids) - set(whole.ids) == {"b/other.png"}
    assert any("1 link leads back into the same data, not followed" in note for note in train.notes)
