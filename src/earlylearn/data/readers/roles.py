"""Which columns of a table are its labels, ids and pictures, and are they fit for that?"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earlylearn.data.mapped import row_names
from earlylearn.data.readers.classes import label_values
from earlylearn.data.readers.disk_table import DiskTable
from earlylearn.data.readers.paths import listed, quoted, reading
from earlylearn.data.readers.suspects import check_length
from earlylearn.errors import UsageError, call, did_you_mean, setting

Table = pd.DataFrame | DiskTable


def true_labels(
    frame: Table, true_label: str | None, label: str, given: NDArray[Any], name: str
) -> NDArray[Any] | None:
    """The values of a column of true labels, which must have something in common with the given ones."""
    if true_label is None or true_label not in frame.columns:
        return None
    truth = label_values(frame[true_label], f"{name}, column {true_label!r}")
    if not set(np.unique(truth).astype(str)) & set(np.unique(given).astype(str)):
        raise UsageError(
            f"{setting('true_label', true_label)}: none of its values, such as {str(truth[0])!r}, is a label in "
            f"{label!r}, such as {str(given[0])!r}; name the column that holds the true ones of those labels"
        )
    return truth


def rows_with_label(
    column: "pd.Series[Any]", name: str, label: str, gaps: Sequence[str] = ()
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """The rows that have a label, and what is to be told of the others: they do not train, and are never flagged.

    Args:
        column: of labels.
        name: of the data.
        label: of the column.
        gaps: what stands in cells that count as empty.

    Raises:
        UsageError: no row has one.
    """
    empty = column.isna()
    if not pd.api.types.is_numeric_dtype(column.dtype):
        empty |= column.map(lambda value: isinstance(value, str) and not value.strip()).astype(bool)
    there = np.flatnonzero(~empty.to_numpy(bool))
    if not len(there):
        raise UsageError(f"{name}, column {label!r}: no row has a label; name the column that holds them")
    if len(there) == len(column):
        return there, ()
    written = f" (written {listed(map(repr, gaps), 3)}; if that is a class, call it otherwise)" if gaps else ""
    return there, (
        f"{name}: {len(column) - len(there):,} of {len(column):,} rows have no {label!r}{written}, the first is row "
        f"{int(np.flatnonzero(empty)[0])}: they are left out, {call('predict')} will label them",
    )


def check_roles(
    frame: Table,
    name: str,
    *,
    text: Sequence[str],
    drop: Sequence[str],
    show: Sequence[str],
    image: str | None,
    taken: Sequence[str | None],
) -> None:
    """Raises unless all columns named are there, and none is asked to be two things."""
    if taken[0] == taken[-1]:
        raise UsageError(
            f"{setting('true_label', taken[0])}: is the column of given labels; name another, or leave it out"
        )
    if image is not None and text:
        raise UsageError(f"{setting('text', text)}: {setting('image', image)} gives the features; leave one out")
    for option, columns in (("text", text), ("drop", drop), ("show", show)):
        for column in columns:
            require(frame, column, setting(option, [column]), name)
            others = [*taken, *(drop if option == "text" else ())]
            if option != "show" and column in others:
                raise UsageError(
                    f"{setting(option, [column])}: is named for something else too; name each column for one thing"
                )


def image_files(frame: Table, image: str, path: Path, name: str) -> list[Path]:
    """The image files that a column names, relative to the table's folder."""
    files = []
    for row, value in enumerate(frame[image]):
        place = f"{name}, column {image!r}: row {row}"
        if not isinstance(value, str) or not value.strip():
            raise UsageError(f"{place} has no image path; fill it in or remove the row")
        file = path.parent / value.strip()
        with reading(file, "check its permissions"):
            there = file.is_file()
        if not there:
            slashes = "write / in place of Windows' \\, " if "\\" in value else ""
            raise UsageError(
                f"{place}: no such file {quoted(value)}; paths count from the table's folder; {slashes}correct it or "
                "remove the row"
            )
        files.append(file)
    return files


def row_ids(frame: Table, id_column: str | None, name: str) -> NDArray[np.str_]:
    """``str [n]``, the ids of a column, row numbers without one; UsageError of an id that is missing or not unique."""
    if id_column is None:
        return row_names(len(frame))
    column = frame[id_column]
    place = f"{name}, column {id_column!r}"
    check_length(column, place, "an id")
    empty = np.flatnonzero(column.isna())
    if len(empty):
        raise UsageError(f"{place}: row {empty[0]} has no id; fill it in or leave out {setting('id_column')}")
    ids = column.map(str)
    twice = np.flatnonzero(ids.duplicated())
    if len(twice):
        first = int(np.flatnonzero(ids == ids.iloc[twice[0]])[0])
        raise UsageError(
            f"{place}: rows {first} and {twice[0]} have the same id {ids.iloc[twice[0]]!r}; "
            f"make ids unique or leave out {setting('id_column')}"
        )
    return ids.to_numpy(dtype=str)


def require(frame: Table, column: str | None, culprit: str, name: str) -> None:
    """Raises UsageError, which begins with the culprit, if a table has no such column."""
    if column is not None and column not in frame.columns:
        near, there = did_you_mean(column, frame.columns), listed(map(_seen, frame.columns))
        raise UsageError(f"{culprit}: {name} has no such column; {near}it has {there}")


def _seen(column: str) -> str:
    """A column's name, in quotes where it has blanks that would not be seen."""
    return column if column == column.strip() and column else repr(column)
