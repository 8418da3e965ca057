"""Are WebVision's first classes read as published, and ILSVRC12's images of the same classes, in every layout?"""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from earlylearn.data.builtin.webvision import read_ilsvrc12, read_webvision, read_webvision_test
from earlylearn.data.readers.images import decode, image_schema
from earlylearn.data.sources import load, read_inputs
from earlylearn.errors import UsageError
from tests.trees import webvision_tree

CLASSES = 4


@pytest.fixture
def tree(tmp_path) -> Path:
    return webvision_tree(tmp_path, classes=CLASSES, per_class=3, val_per_class=2, ilsvrc12_per_class=2)


def literal(file: Path) -> list[tuple[str, int]]:
    """Paths and labels of the first classes, read as plainly as can be."""
    pairs = [line.split() for line in file.read_text().splitlines()]
    return [(path, int(label)) for path, label in pairs if int(label) < CLASSES]


def rows(data) -> list[tuple[str, int]]:
    return list(zip(data.ids.tolist(), data.labels.tolist(), strict=True))


def test_the_first_classes_of_google_train_and_those_of_validation_test(tree):
    train, test = read_webvision(str(tree), classes=CLASSES)
    assert rows(train) == literal(tree / "info" / "train_filelist_google.txt")
    assert len(train) == 12
    assert train.true_labels is None
    assert train.val_rows is None
    assert rows(test) == [(f"val_images_256/{p}", label) for p, label in literal(tree / "info" / "val_filelist.txt")]
    assert np.array_equal(test.true_labels, test.labels)
    assert train.classes == test.classes == ("thing 0", "thing 1", "thing 2", "thing 3")


def test_row_i_is_the_image_of_path_i(tree):
    schema = image_schema("RGB", 256, 256)
    for data in (*read_webvision(str(tree), classes=CLASSES), read_ilsvrc12(str(tree), classes=CLASSES)):
        assert isinstance(data.inputs, np.memmap)
        assert np.array_equal(data.inputs, decode([tree / name for name in data.ids], schema))
        assert data.schema == schema
        assert data.augment == "crop+flip"


def by_number(tree: Path) -> None:
    val = tree / "imagenet" / "val"
    for label, folder in enumerate(sorted(val.iterdir())):
        folder.rename(val / str(label))


def by_list(tree: Path) -> None:
    """The released code's layout: all images in one folder, and a list that has other classes too."""
    val = tree / "imagenet" / "val"
    found = []
    for label, folder in enumerate(sorted(val.iterdir())):
        for file in sorted(folder.iterdir()):
            file.rename(val / file.name)
            found.append(f"{file.name} {label}\n")
        folder.rmdir()
    (tree / "imagenet" / "imagenet_val.txt").write_text("".join(["elsewhere.JPEG 77\n", *found]))


def without_imagenet(tree: Path) -> None:
    shutil.move(tree / "imagenet" / "val", tree / "val")


@pytest.mark.parametrize("layout", [lambda tree: None, by_number, by_list, without_imagenet])
def test_every_layout_of_ilsvrc12_is_the_same_test_set(tree, layout):
    expected = read_ilsvrc12(str(tree), classes=CLASSES)
    assert expected.labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert np.array_equal(expected.true_labels, expected.labels)
    layout(tree)
    found = read_ilsvrc12(str(tree), classes=CLASSES)
    assert [Path(name).name for name in found.ids] == [Path(name).name for name in expected.ids]
    assert np.array_equal(found.labels, expected.labels)
    assert np.array_equal(found.inputs, expected.inputs)
    assert found.classes == expected.classes


def test_ilsvrc12_is_resized_before_its_centre_is_cut_out(tree):
    # Red on the left and right fifth of a large picture: a cut of 256 pixels without resizing has none of it.
    pixels = np.zeros((800, 1000, 3), np.uint8)
    pixels[:, :200, 0] = pixels[:, 800:, 0] = 255
    file = next((tree / "imagenet" / "val").rglob("*.JPEG"))
    Image.fromarray(pixels).save(file, "JPEG")
    data = read_ilsvrc12(str(tree), classes=CLASSES)
    red = data.inputs[data.ids.tolist().index(file.relative_to(tree).as_posix()), 0] > 127
    assert red.mean() == pytest.approx(0.25, abs=0.02)  # 100 of the 800 pixels that the centre square keeps, twice


def test_load_reads_fifty_classes_and_ilsvrc12_beside_them(tmp_path):
    webvision_tree(tmp_path, per_class=1)
    loaded = load("webvision", data_dir=str(tmp_path), test="ilsvrc12-50", limit=7)
    assert (
        rows(loaded.train)
        == [
            (path, int(label))
            for path, label in map(
                str.split, (tmp_path / "info" / "train_filelist_google.txt").read_text().splitlines()
            )
            if int(label) < 50
        ][:7]
    )
    assert isinstance(loaded.train.inputs, np.memmap)
    assert loaded.test.name == "ilsvrc12-50"
    assert loaded.test.labels.tolist() == list(range(50))
    for name in ("webvision", "ilsvrc12-50"):
        inputs, ids = read_inputs(name, loaded.train.schema, data_dir=str(tmp_path))
        test = read_webvision_test(str(tmp_path)) if name == "webvision" else loaded.test
        assert ids.tolist() == test.ids.tolist()
        assert np.array_equal(inputs, test.inputs)


def test_names_that_two_classes_share_get_their_synsets(tree):
    (tree / "info" / "synsets.txt").write_text("n1 crane, bird\nn2 crane\nn3 kite\nn4\n")
    assert read_webvision_test(str(tree), classes=CLASSES).classes == ("crane (n1)", "crane (n2)", "kite", "n4")


def test_without_synsets_classes_are_numbers(tree):
    (tree / "info" / "synsets.txt").unlink()
    assert read_webvision_test(str(tree), classes=CLASSES).classes == ("0", "1", "2", "3")
    with pytest.raises(UsageError, match=r"ilsvrc12-50: .* keep WebVision's info/synsets.txt"):
        read_ilsvrc12(str(tree), classes=CLASSES)
    by_number(tree)
    assert read_ilsvrc12(str(tree), classes=CLASSES).labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tree: shutil.rmtree(tree / "info"), r"webvision: data_dir=.* has no info/train_filelist_google.txt"),
        (lambda tree: (tree / "info" / "val_filelist.txt").unlink(), r"val_filelist.txt: no such file"),
        (
            lambda tree: (tree / "info" / "val_filelist.txt").write_text("a.jpg\n"),
            r"val_filelist.txt: line 1 is 'a.jpg'",
        ),
        (
            lambda tree: (tree / "info" / "val_filelist.txt").write_text("a.jpg 7\n"),
            r"webvision: no image of the 4 classes",
        ),
        (
            lambda tree: (tree / "info" / "val_filelist.txt").write_text("a 1\na 2\n"),
            r"a is listed with the classes 1 and 2",
        ),
        (
            lambda tree: (tree / "info" / "synsets.txt").write_text("n1 a\n"),
            r"synsets.txt: names 1 classes, 4 are wanted",
        ),
        (
            lambda tree: shutil.rmtree(tree / "val_images_256"),
            r"val_images_256/val000001.jpg and 7 more of 8 are listed",
        ),
        (
            lambda tree: (tree / "google" / "q0001").rename(tree / "q"),
            r"google/q0001/\d+.jpg and 2 more of 12 are listed",
        ),
    ],
)
def test_damaged_trees_are_one_line(tree, change, message):
    change(tree)
    with pytest.raises(UsageError, match=message) as error:
        read_webvision(str(tree), classes=CLASSES)
    assert "\n" not in str(error.value)


def test_a_class_that_ilsvrc12_lacks_is_named(tree):
    shutil.rmtree(sorted((tree / "imagenet" / "val").iterdir())[2])
    with pytest.raises(UsageError, match=r"ilsvrc12-50: .*imagenet/val has no images of n\d+; unpack the rest"):
        read_ilsvrc12(str(tree), classes=CLASSES)
    shutil.rmtree(tree / "imagenet")
    with pytest.raises(UsageError, match=r"ilsvrc12-50: .* has neither imagenet/imagenet_val.txt nor folders"):
        read_ilsvrc12(str(tree), classes=CLASSES)


def test_ilsvrc12_is_no_training_set(tree):
    with pytest.raises(UsageError, match=r"ilsvrc12-50: is a test set; train on webvision with test='ilsvrc12-50'"):
        load("ilsvrc12-50", data_dir=str(tree))
