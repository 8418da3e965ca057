"""Which kinds of data of a user's can be read, what does each take, and how is it read?"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from earlylearn.data.labelled import LabelledData, Unlabelled
from earlylearn.data.readers.arrays import array_inputs, read_npy, read_npz
from earlylearn.data.readers.folders import folder_inputs, read_folder
from earlylearn.data.readers.paths import Kind
from earlylearn.data.readers.tables import read_table, table_inputs
from earlylearn.data.schema import Schema
from earlylearn.errors import UsageError, setting

Parts = tuple[LabelledData, LabelledData | None]  # training data, and their own test set if they have one
COLUMNS = ("label", "image", "id_column", "true_label", "text", "drop", "show")  # settings that name a table's column


@dataclass(frozen=True)
class Reader:
    """How data of one kind are read: all that depends on the kind.

    Attributes:
        accepts: the kinds of training data (of their schema) like which these data can be encoded.
        takes: the settings that say how to read them, of `COLUMNS` and others.
        read: labelled data from a path, the name the user gave it, ``like`` (training data to be encoded alike, or
            None) and what it takes.
        inputs: rows without labels, from a path and the schema of the training data.
    """

    accepts: tuple[str, ...]
    takes: tuple[str, ...]
    read: Callable[..., Parts]
    inputs: Callable[[Path, Schema], Unlabelled]


def _table(path: Path, name: str, *, image: str | None, image_size: int | None, **how: Any) -> Parts:
    if image_size is not None and image is None:
        raise UsageError(
            f"{setting('image_size', image_size)}: {name} is a table; name its image paths with "
            f"{setting('image', 'COLUMN')}"
        )
    return read_table(path, name, image=image, image_size=image_size, **how), None


def _npy(path: Path, name: str, *, like: LabelledData | None, **how: Any) -> Parts:
    if like is not None:
        raise UsageError(f"{setting('test', name)}: is an array without labels; give an .npz with x and y")
    return read_npy(path, name, **how), None


def _one_image(path: Path, name: str, **how: Any) -> Parts:
    raise UsageError(f"{name}: is one image; give a folder with one sub-folder of images per class")


READERS: dict[Kind, Reader] = {
    "table": Reader(("table", "images"), (*COLUMNS, "annotators", "missing", "image_size"), _table, table_inputs),
    "npz": Reader(("array", "images"), ("missing", "image_size"), read_npz, array_inputs),
    "npy": Reader(("array", "images"), ("labels", "missing", "image_size"), _npy, array_inputs),
    "folder": Reader(("images",), ("image_size", "skip_unreadable"), read_folder, folder_inputs),
    "image": Reader(("images",), (), _one_image, folder_inputs),
}
