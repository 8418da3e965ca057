"""Is Clothing1M read as published: noisy rows train, clean validation rows pick the epoch, clean test rows judge?"""

from pathlib import Path

import numpy as np
import pytest

from earlylearn.data.builtin import clothing1m
from earlylearn.data.builtin.clothing1m import read_clothing1m, read_clothing1m_test
from earlylearn.data.readers.images import decode, image_schema
from earlylearn.data.sources import load, read_inputs
from earlylearn.errors import UsageError
from earlylearn.runs.train import train
from tests.trees import CLOTHES, clothing1m_tree, webvision_tree


@pytest.fixture
def tree(tmp_path) -> Path:
    return clothing1m_tree(tmp_path, per_class=2)


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines()


def literal(tree: Path, part: str) -> list[tuple[str, int]]:
    """Keys and labels of a part, read as plainly as can be."""
    labels = dict(line.split() for line in lines(tree / f"{part.split('_')[0]}_label_kv.txt"))
    return [(key, int(labels[key])) for key in lines(tree / f"{part}_key_list.txt")]


def test_noisy_rows_train_and_clean_rows_follow_them(tree):
    train, test = read_clothing1m(str(tree))
    noisy, val = literal(tree, "noisy_train"), literal(tree, "clean_val")
    assert list(zip(train.ids.tolist(), train.labels.tolist(), strict=True)) == noisy + val
    assert train.val_rows.tolist() == list(range(len(noisy), len(noisy) + len(val)))
    assert train.true_labels is None
    assert (train.labels[train.val_rows] == [int(key.split(",")[-1][:-4]) for key, _ in val]).all()
    assert list(zip(test.ids.tolist(), test.labels.tolist(), strict=True)) == literal(tree, "clean_test")
    assert np.array_equal(test.true_labels, test.labels)
    assert train.classes == test.classes == CLOTHES
    assert train.checksum != test.checksum


def test_row_i_is_the_image_of_key_i(tree):
    train, test = read_clothing1m(str(tree))
    for data in (train, test):
        files = [tree / key for key in data.ids]
        assert data.inputs.shape == (len(files), 3, 256, 256)
        assert np.array_equal(data.inputs, decode(files, image_schema("RGB", 256, 256)))
        assert data.schema == image_schema("RGB", 256, 256)
        assert data.augment == "crop+flip"


def test_loading_leaves_the_pixels_on_the_disk(tree):
    loaded = load("clothing1m", data_dir=str(tree))
    assert isinstance(loaded.train.inputs, np.memmap)
    assert isinstance(loaded.test.inputs, np.memmap)
    assert not loaded.train.inputs.flags.writeable


def test_limit_keeps_the_first_noisy_rows_and_all_validation_rows(tree):
    (tree / literal(tree, "noisy_train")[-1][0]).unlink()  # not even looked at
    train = load("clothing1m", data_dir=str(tree), limit=5).train
    assert train.ids.tolist() == [key for key, _ in literal(tree, "noisy_train")[:5] + literal(tree, "clean_val")]
    assert train.val_rows.tolist() == list(range(5, 19))
    assert isinstance(train.inputs, np.memmap)


def test_labels_of_a_file_cover_what_is_read(tree, tmp_path):
    given = np.arange(19) % 14
    np.save(tmp_path / "labels.npy", given)
    train = load("clothing1m", data_dir=str(tree), limit=5, labels=str(tmp_path / "labels.npy")).train
    assert train.labels.tolist() == given.tolist()


def test_the_test_images_alone_need_no_training_images(tree):
    for key, _ in literal(tree, "noisy_train"):
        (tree / key).unlink()
    inputs, ids = read_inputs("clothing1m", image_schema("RGB", 256, 256), data_dir=str(tree))
    test = read_clothing1m_test(str(tree))
    assert ids.tolist() == test.ids.tolist()
    assert np.array_equal(inputs, test.inputs)
    assert not inputs.flags.owndata  # still those on the disk


def test_class_names_are_known_without_their_file(tree):
    (tree / "category_names_eng.txt").unlink()
    assert read_clothing1m_test(str(tree)).classes == CLOTHES == clothing1m.CLASSES


def test_the_data_set_may_lie_in_a_folder_of_its_name(tree):
    inner = tree / "clothing1m"
    clothing1m_tree(inner, per_class=1)
    (tree / "noisy_train_key_list.txt").unlink()
    assert read_clothing1m_test(str(tree)).ids.tolist() == lines(inner / "clean_test_key_list.txt")


def replace(file: str, old: str, new: str):
    def change(tree: Path) -> None:
        text = (tree / file).read_text()
        assert old in text
        (tree / file).write_text(text.replace(old, new, 1))

    return change


def remove(*files: str):
    def change(tree: Path) -> None:
        for file in files:
            (tree / file).unlink()

    return change


def fourteen(tree: Path) -> None:
    """The first image's label becomes the first number that is no class."""
    file = tree / "noisy_label_kv.txt"
    first, *rest = lines(file)
    file.write_text("\n".join([f"{first.split()[0]} 14", *rest]))


FIRST = "images/0/0/noisy_train0"  # the first key's beginning


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (remove("noisy_train_key_list.txt"), r"data_dir=.* has no noisy_train_key_list.txt; give the folder"),
        (remove("clean_val_key_list.txt"), r"clean_val_key_list.txt: no such file; unpack the original file again"),
        (remove("noisy_label_kv.txt"), r"noisy_label_kv.txt: no such file"),
        (
            replace("noisy_train_key_list.txt", FIRST, "images/0/0/other0"),
            r"noisy_label_kv.txt: has no label for images/0",
        ),
        (fourteen, r"noisy_label_kv.txt: the label of images/.* is 14, outside 0..13"),
        (
            replace("clean_label_kv.txt", ".jpg ", ".jpg -"),
            r"clean_label_kv.txt: line 1 is 'images/.* -\d+', not a path and",
        ),
        (replace("category_names_eng.txt", "Shawl", "Dress"), r"category_names_eng.txt: has 13 different class names"),
        (lambda tree: (tree / "clean_val_key_list.txt").write_text("\n"), r"clean_val_key_list.txt: is empty"),
        (
            lambda tree: (tree / "noisy_train_key_list.txt").write_text(
                2 * (tree / "noisy_train_key_list.txt").read_text()
            ),
            r"clothing1m: images/.* is listed twice",
        ),
    ],
)
def test_damaged_lists_are_one_line(tree, change, message):
    change(tree)
    with pytest.raises(UsageError, match=message) as error:
        read_clothing1m(str(tree))
    assert "\n" not in str(error.value)


def test_missing_images_are_named_and_counted(tree):
    for key, _ in literal(tree, "clean_val")[2:5]:
        (tree / key).unlink()
    with pytest.raises(UsageError, match=r"clean_val2,.* and 2 more of 42 are listed but not there"):
        read_clothing1m(str(tree))


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({}, r"clothing1m: give the folder that holds noisy_train_key_list.txt with data_dir"),
        ({"data_dir": "/nowhere"}, r"clothing1m: data_dir='/nowhere' has no noisy_train_key_list.txt"),
        ({"image_size": 64}, r"image_size=64: clothing1m has a size of its own"),
        ({"label": "x"}, r"label='x': names a table's column"),
    ],
)
def test_wrong_requests_are_one_line(request_, message):
    with pytest.raises(UsageError, match=message):
        load("clothing1m", **request_)


@pytest.mark.parametrize("name", ["clothing1m", "webvision"])
def test_labels_known_to_be_wrong_take_no_injected_noise(name, tmp_path):
    trees = {"clothing1m": clothing1m_tree, "webvision": webvision_tree}
    trees[name](tmp_path)
    with pytest.raises(UsageError, match=f"noise='.*': labels of {name} are wrong already"):
        train(name, "ce", data_dir=str(tmp_path), noise="symmetric:0.2", network="linear", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
