"""Where are Fashion-MNIST's idx files, and what is in them?"""

import gzip
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earlylearn.data.labelled import LabelledData
from earlylearn.data.readers.images import image_schema
from earlylearn.data.readers.paths import reading
from earlylearn.errors import UsageError, setting

DATA_HOME = Path("/usr/share/datasets/fashion-mnist")  # of the Debian package dataset-fashion-mnist
CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
MEND = "give the original file"


def read_fashion_mnist(data_dir: str | None) -> tuple[LabelledData, LabelledData]:
    """Training and test clothes: ``uint8 [60000, 1, 28, 28]`` and ``[10000, 1, 28, 28]``.

    Reads the four ``*-ubyte`` files, gzipped or not, in `data_dir` (or its sub-folder ``fashion-mnist`` or
    ``FashionMNIST/raw``), by default where the Debian package has them. The labels are the true labels; ids
    are ``train-<i>`` and ``test-<i>``.

    Raises:
        UsageError: a file is missing or is not what its name says.
    """
    return _part(data_dir, "train", "train"), _part(data_dir, "t10k", "test")


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """The uint8 array in an idx file, gzipped or not.

    Raises:
        UsageError: the file is not idx of unsigned bytes with that many dimensions, or is cut short.
    """
    with reading(path, MEND):
        raw = path.read_bytes()
        if raw[:2] == b"\x1f\x8b":
            raw = gzip.decompress(raw)
    header = 4 + 4 * dimensions
    if len(raw) < header or raw[:4] != bytes([0, 0, 8, dimensions]):
        raise UsageError(f"{path}: is no idx file of unsigned bytes in {dimensions} dimensions; {MEND}")
    shape = tuple(int(size) for size in np.frombuffer(raw[4:header], ">u4"))
    count = int(np.prod(shape, dtype=object))
    if len(raw) != header + count:
        raise UsageError(f"{path}: has {len(raw) - header} bytes of data for the shape {list(shape)}; {MEND}")
    return np.frombuffer(raw, np.uint8, offset=header).reshape(shape).copy()  # writable, as torch wants


def _part(data_dir: str | None, prefix: str, part: str) -> LabelledData:
    images_file = _find(data_dir, f"{prefix}-images-idx3-ubyte")
    labels_file = _find(data_dir, f"{prefix}-labels-idx1-ubyte")
    images, labels = read_idx(images_file, 3), read_idx(labels_file, 1).astype(np.int64)
    if images.shape[1:] != (28, 28):
        raise UsageError(f"{images_file}: images are {list(images.shape[1:])}, not [28, 28]; {MEND}")
    if len(images) != len(labels):
        raise UsageError(f"{labels_file}: {len(labels)} labels for {len(images)} images; {MEND}")
    return LabelledData(
        name="fashion-mnist",
        inputs=images[:, None],
        labels=labels,
        classes=CLASSES,
        ids=np.array([f"{part}-{row}" for row in range(len(images))]),
        true_labels=labels,
        schema=image_schema("L", 28, 28),
        augment="crop+flip",
    )


def _find(data_dir: str | None, file: str) -> Path:
    home = DATA_HOME if data_dir is None else Path(os.path.expanduser(data_dir))
    with reading(home, f"check {setting('data_dir')}"):
        for folder in (home, home / "fashion-mnist", home / "FashionMNIST" / "raw"):
            for name in (f"{file}.gz", file):
                if (folder / name).is_file():
                    return folder / name
    raise UsageError(
        f"fashion-mnist: no {file}.gz in {home}; install the Debian package dataset-fashion-mnist, or give "
        f"the folder of the four idx files with {setting('data_dir', 'DIR')}"
    )
