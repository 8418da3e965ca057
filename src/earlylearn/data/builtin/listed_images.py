"""How do lists of image files and class numbers, as large data sets are published with, become labelled images?"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earlylearn.data.image_store import store_images
from earlylearn.data.labelled import LabelledData
from earlylearn.data.readers.images import image_schema
from earlylearn.data.readers.paths import reading
from earlylearn.errors import UsageError, setting

SIDE = 256  # pixels, of every image here; the crops of 224 or 227 are cut out of it while training
MEND = "unpack the original file again"


def find_root(name: str, data_dir: str | None, file: str) -> Path:
    """The folder that holds `file`: `data_dir`, or its sub-folder called `name`.

    Raises:
        UsageError: there is none.
    """
    if data_dir is None:
        raise UsageError(f"{name}: give the folder that holds {file} with {setting('data_dir', 'DIR')}")
    home = Path(os.path.expanduser(data_dir))
    with reading(home, f"check {setting('data_dir')}"):
        for place in (home, home / name):
            if (place / file).is_file():
                return place
    raise UsageError(
        f"{name}: {setting('data_dir', data_dir)} has no {file}; give the folder that the data set was unpacked in"
    )


def read_lines(path: Path) -> list[str]:
    """The lines of a text file that are not blank.

    Raises:
        UsageError: it cannot be read as UTF-8, or has none.
    """
    with reading(path, MEND):
        lines = [line for line in path.read_text("utf-8").splitlines() if line.strip()]
    if not lines:
        raise UsageError(f"{path}: is empty; {MEND}")
    return lines


def read_class_numbers(path: Path) -> dict[str, int]:
    """Lines of a path and a class number, as a dictionary in their order.

    Raises:
        UsageError: a line is something else, or a path has two numbers.
    """
    found: dict[str, int] = {}
    for number, line in enumerate(read_lines(path), 1):
        key, _, label = line.strip().rpartition(" ")
        if not key or not (label.isascii() and label.isdigit()):
            raise UsageError(f"{path}: line {number} is {line[:80]!r}, not a path and a class number; {MEND}")
        if found.setdefault(key, int(label)) != int(label):
            raise UsageError(f"{path}: {key} is listed with the classes {found[key]} and {label}; {MEND}")
    return found


def labelled_images(
    name: str,
    part: str,
    root: Path,
    files: Sequence[str],
    labels: Sequence[int],
    classes: tuple[str, ...],
    *,
    true: bool = False,
    val_rows: NDArray[np.int64] | None = None,
) -> LabelledData:
    """The listed images, ``uint8 [n, 3, 256, 256]`` in the store beside them, under their labels.

    Args:
        name: the data set.
        part: the part of it that is read, as the store is to be called.
        root: the folder of the data set.
        files: paths below it: the ids.
        labels: a class number per file.
        classes: class names in the order of the numbers.
        true: whether the labels are known to be true.
        val_rows: see `LabelledData`.

    Raises:
        UsageError: a file is listed twice, or see `store_images`.
    """
    if not files:
        raise UsageError(f"{name}: no image of the {len(classes)} classes is listed; {MEND}")
    if len(set(files)) < len(files):
        ids, counts = np.unique(np.array(files), return_counts=True)
        raise UsageError(f"{name}: {ids[counts.argmax()]} is listed twice; {MEND}")
    inputs, checksum = store_images(root, files, side=SIDE, name=f"{name}-{part}")
    given = np.array(labels, np.int64)
    return LabelledData(
        name=name,
        inputs=inputs,
        labels=given,
        classes=classes,
        ids=np.array(files),
        true_labels=given if true else None,
        schema=image_schema("RGB", SIDE, SIDE),
        augment="crop+flip",
        val_rows=val_rows,
        checksum=checksum,
    )
