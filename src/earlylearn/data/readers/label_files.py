"""Which labels does a label file (FILE or FILE:KEY) give to the rows of the data?"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earlylearn.data.readers.classes import class_codes, is_integer, label_values, named_by_numbers
from earlylearn.data.readers.npz import npy_array, npz_array, npz_keys
from earlylearn.data.readers.paths import listed, reading
from earlylearn.errors import UsageError, setting


def read_label_file(spec: str, name: str, classes: Sequence[str], lengths: Sequence[int]) -> NDArray[np.int64]:
    """The labels in a file, as positions in `classes`: ``int64 [n]``, n one of `lengths`.

    A file holds class names or integer class positions; where class names are integers themselves, numbers
    are read as names. Text files (.csv, .tsv, .txt) have one column, with or without a header, or a header
    and ``:COLUMN`` as the key.

    Args:
        spec: ``FILE`` or ``FILE:KEY``; the key names an array of an .npz or a column of a text file.
        name: of the setting it came from, for messages, e.g. ``true_labels``.
        classes: class names in the order of their integers.
        lengths: the numbers of labels that fit, the whole data first.

    Raises:
        UsageError: the file cannot be read, the key is missing or unknown, the length does not fit, or a
            label is missing or names no class.
    """
    where = setting(name, spec)
    path, key = _split(spec, where)
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv", ".txt"):
        raw: pd.Series[Any] | NDArray[Any] = _text_column(path, key, where)
    elif suffix == ".npz":
        raw = npz_array(path, _npz_key(path, key, where))
    elif suffix == ".npy" and key is None:
        raw = npy_array(path)
    else:
        raise UsageError(f"{where}: give an .npy file, an .npz file with :KEY, or a .csv, .tsv or .txt file")
    if isinstance(raw, pd.Series):
        raw = _without_blank_end(raw)
    if isinstance(raw, pd.Series) and key is None and _has_header(raw, classes, lengths):
        raw = raw.iloc[1:]
    if len(raw) not in lengths:
        raise UsageError(
            f"{where}: {len(raw)} labels for {' or '.join(str(n) for n in lengths)} training rows; "
            "give exactly one label per row, in the order of the data"
        )
    values = label_values(raw, where)
    numeric_names = named_by_numbers(classes)
    if values.dtype.kind != "i" and not numeric_names and all(is_integer(v) for v in values):
        values = values.astype(np.int64)
    return class_codes(values, classes, where, positions=not numeric_names)


def _split(spec: str, where: str) -> tuple[Path, str | None]:
    path = Path(os.path.expanduser(spec))
    if path.is_file():
        return path, None
    file, colon, key = spec.rpartition(":")
    if colon and key and Path(os.path.expanduser(file)).is_file():
        return Path(os.path.expanduser(file)), key
    raise UsageError(f"{where}: no such file; give FILE, or FILE:KEY for one array of an .npz")


def _npz_key(path: Path, key: str | None, where: str) -> str:
    keys = npz_keys(path)
    if key is not None:
        if key not in keys:
            raise UsageError(f"{where}: there is no array {key!r}; the arrays are {listed(keys)}")
        return key
    if len(keys) != 1:
        raise UsageError(f"{where}: the file has {len(keys)} arrays ({listed(keys)}); add :KEY to choose one of them")
    return keys[0]


def _text_column(path: Path, key: str | None, where: str) -> "pd.Series[Any]":
    mend = "give a UTF-8 text file with one label per line"
    if path.suffix.lower() == ".txt" and key is None:
        with reading(path, mend):
            lines = path.read_text("utf-8-sig").splitlines()
        return pd.Series(lines, dtype=str)
    separator = "," if path.suffix.lower() == ".csv" else "\t"
    with reading(path, mend):
        frame = pd.read_csv(path, sep=separator, header=None if key is None else 0, dtype=str, skip_blank_lines=False)
    if key is not None:
        if key not in frame.columns:
            raise UsageError(f"{where}: there is no column {key!r}; the columns are {listed(frame.columns)}")
        return frame[key]
    if frame.shape[1] != 1:
        columns = listed(frame.iloc[0].fillna("").tolist())
        raise UsageError(f"{where}: the file has {frame.shape[1]} columns ({columns}); add :COLUMN to choose")
    return frame.iloc[:, 0]


def _without_blank_end(column: "pd.Series[Any]") -> "pd.Series[Any]":
    filled = np.flatnonzero((column.fillna("").str.strip() != "").to_numpy())
    return column.iloc[: filled[-1] + 1] if len(filled) else column.iloc[:0]


def _has_header(column: "pd.Series[Any]", classes: Sequence[str], lengths: Sequence[int]) -> bool:
    """Whether the first line is a header: no label itself, and the file is one line longer than the data."""
    if not len(column) or len(column) - 1 not in lengths:
        return False
    first = str(column.iloc[0]).strip()
    return len(column) not in lengths or not (first in classes or is_integer(first))
