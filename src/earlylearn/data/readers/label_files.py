"""Which labels does a label file (FILE or FILE:KEY) give to the rows of the data?"""

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earlylearn.data.labelled import LabelledData
from earlylearn.data.readers.classes import class_codes, is_integer, label_values, named_by_numbers
from earlylearn.data.readers.corrections import unguarded
from earlylearn.data.readers.frames import TEXT_SUFFIXES, separator_of
from earlylearn.data.readers.header import check_names, check_text
from earlylearn.data.readers.npz import npy_array, npz_array, npz_keys
from earlylearn.data.readers.paths import check_file, listed, reading
from earlylearn.data.readers.pickled import is_pickled, pickled_labels
from earlylearn.errors import UsageError, setting


class FileLabels(NamedTuple):
    """Labels of a file.

    Attributes:
        codes: positions in the data's classes, ``int64 [n]``.
        notes: what is to be told of them.
    """

    codes: NDArray[np.int64]
    notes: tuple[str, ...] = ()


def read_label_file(spec: str, name: str, data: LabelledData, lengths: Sequence[int]) -> FileLabels:
    """The labels in a file, as positions in the data's classes; as many as one of `lengths`.

    A text file with a column of ids is joined by it, in whatever order its rows are: see `_joined_by_id`. That is one
    called ``id``, or as the data's own column of ids is; or ``index``, which counts rows of the user's file.

    A file holds class names or integer class positions; where class names are integers themselves, numbers
    are read as names. Text files (.csv, .tsv, .txt) have one column, with or without a header, or a header
    and ``:COLUMN`` as the key.

    Args:
        spec: ``FILE`` or ``FILE:KEY``; the key names an array of an .npz or a column of a text file.
        name: of the setting it came from, for messages, e.g. ``true_labels``.
        data: whose rows they label.
        lengths: the numbers of labels that fit, the whole data first.

    Raises:
        UsageError: the file cannot be read, the key is missing or unknown, the length does not fit, or a
            label is missing or names no class.
    """
    where, classes = setting(name, spec), data.classes
    path, key = _split(spec, where)
    found = _with_ids(path, where, data)
    if found is not None:
        return _joined_by_id(*found, key, where, data, partial=name == "labels")
    values = label_file_values(spec, name, lengths, classes)
    numeric_names = named_by_numbers(classes)
    if values.dtype.kind != "i" and not numeric_names and all(is_integer(v) for v in values):
        values = values.astype(np.int64)
    return FileLabels(class_codes(values, classes, where, positions=not numeric_names))


def label_file_values(spec: str, name: str, lengths: Sequence[int], classes: Sequence[str] = ()) -> NDArray[Any]:
    """The labels in a file as they stand there, in its order: ``int64 [n]`` or ``str [n]``.

    Arguments and errors as of `read_label_file`; without `classes` the file is what makes them known.
    """
    where = setting(name, spec)
    path, key = _split(spec, where)
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv", ".txt"):
        raw: pd.Series[Any] | NDArray[Any] = _text_column(path, key, where)
    elif suffix == ".npz":
        raw = npz_array(path, _npz_key(path, key, where))
    elif suffix == ".npy" and key is None and not is_pickled(path):
        raw = npy_array(path)
    elif suffix in (".npy", ".pt", ".pth"):
        raw = pickled_labels(path, key, where)
    else:
        raise UsageError(f"{where}: give an .npy file, an .npz or .pt file with :KEY, or a .csv, .tsv or .txt file")
    if isinstance(raw, pd.Series):
        raw = _without_blank_end(raw)
    if isinstance(raw, pd.Series) and key is None and _has_header(raw, classes, lengths):
        raw = raw.iloc[1:]
    if len(raw) not in lengths:
        raise UsageError(
            f"{where}: {len(raw)} labels for {' or '.join(str(n) for n in lengths)} training rows; "
            "give exactly one label per row, in the order of the data"
        )
    return label_values(raw, where)


def _with_ids(path: Path, where: str, data: LabelledData) -> tuple[pd.DataFrame, "pd.Series[Any]"] | None:
    """A text file as a table, and its column of ids, if its header names one; else None.

    Raises:
        UsageError: no column is called as ids are, but one holds those of the data, in another order.
    """
    if path.suffix.lower() not in TEXT_SUFFIXES:
        return None
    separator = separator_of(path)
    check_text(path, separator)
    with reading(path, "give a UTF-8 text file"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file, delimiter=separator), [])
        if len(header) < 2:
            return None
        check_names(header, path)
        frame = pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    frame.columns = [str(name).strip() for name in frame.columns]
    own = data.schema.get("id_column")
    named = next((c for c in map(str, frame) if c.lower() == "id"), None) or (own if own in frame.columns else None)
    if named is not None:
        return frame, frame[named].map(unguarded)
    places = range(len(data)) if data.places is None else data.places.tolist()
    by_place = {str(place): str(name) for place, name in zip(places, data.ids, strict=True)}
    if "index" in frame.columns:
        return frame, _by_index(frame["index"].str.strip(), by_place, where)
    _refuse_ids_of_another_name(frame, set(by_place.values()), data.ids.astype(str).tolist(), where)
    return None


def _by_index(places: "pd.Series[Any]", by_place: dict[str, str], where: str) -> "pd.Series[Any]":
    """The ids of rows of the user's file; of a row that is not among the data, an id that reads alike is another's."""
    ids = places.map(by_place)
    lost = np.flatnonzero(ids.isna())
    if len(lost):
        raise UsageError(
            f"{where}: line {lost[0] + 2}: the index {places.iloc[lost[0]]!r} is not in the data; correct it"
        )
    return ids


def _refuse_ids_of_another_name(frame: pd.DataFrame, known: set[str], ids: list[str], where: str) -> None:
    for name in frame.columns:
        cells = frame[name].str.strip()
        if cells.is_unique and len(cells) > 1 and cells.isin(known).all() and cells.tolist() != ids[: len(cells)]:
            raise UsageError(
                f"{where}: column {name!r} holds ids of the data, in another order; call it id, and labels are joined "
                "by it"
            )


def _joined_by_id(
    frame: pd.DataFrame, ids: "pd.Series[Any]", key: str | None, where: str, data: LabelledData, *, partial: bool
) -> FileLabels:
    """Labels by id: a row that is not named, or has no label, keeps the one it has, if the file may be partial.

    Raises:
        UsageError: the column is not known, an id is unknown or stands twice, ``given_label`` disagrees with the data,
            a label names no class, or rows lack one that must have it.
    """
    column = key or next((name for name in ("corrected_label", "label") if name in frame), None)
    if column is None or column not in frame:
        raise UsageError(f"{where}: add :COLUMN to choose the labels' column; the columns are {listed(frame.columns)}")
    position = {str(name): row for row, name in enumerate(data.ids)}
    names, codes = data.classes, {name: code for code, name in enumerate(data.classes)}
    labels, named = data.labels.copy(), np.zeros(len(data), dtype=bool)
    numeric = named_by_numbers(data.classes)
    for line, (row_id, label) in enumerate(zip(ids, frame[column], strict=True), start=2):
        row = position.get(row_id)
        if row is None:
            raise UsageError(f"{where}: line {line}: the id {row_id!r} is not in the data; correct it")
        given = unguarded(frame["given_label"].iloc[line - 2]) if "given_label" in frame else names[data.labels[row]]
        if given != names[data.labels[row]]:
            raise UsageError(
                f"{where}: line {line}: {row_id!r} had the given label {given!r}, the data have "
                f"{names[data.labels[row]]!r}; these labels are of other data, or were applied already"
            )
        if named[row]:
            raise UsageError(f"{where}: line {line}: the id {row_id!r} stands twice; keep one of them")
        label = unguarded(label).strip()
        if not label:
            continue
        named[row] = True
        if label not in codes and not (not numeric and is_integer(label) and 0 <= int(label) < len(names)):
            raise UsageError(f"{where}: line {line}: {label!r} is none of the classes {listed(names)}")
        labels[row] = codes[label] if label in codes else int(label)
    if not partial and not named.all():
        lacking = data.ids[int(np.flatnonzero(~named)[0])]
        raise UsageError(f"{where}: {int((~named).sum())} rows have no label, such as {str(lacking)!r}; give them all")
    many = f"{where}: names {int(named.sum()):,} of {len(data):,} rows; the others keep their labels"
    return FileLabels(labels, () if named.all() else (many,))


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
    check_file(path)
    if path.suffix.lower() == ".txt" and key is None:
        with reading(path, mend):
            lines = path.read_text("utf-8-sig").splitlines()
        return pd.Series(lines, dtype=str)
    separator = "," if path.suffix.lower() == ".csv" else "\t"
    if key is not None:
        check_text(path, separator)
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
    first = str(column.iloc[0]).strip() if len(column) else ""
    return len(column) - 1 in lengths and not (first in classes or is_integer(first))
