"""Which numbers do the columns of a table become, and what fills a missing value?"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earlylearn.data.readers.alike import reading
from earlylearn.data.readers.disk_table import DiskTable
from earlylearn.data.readers.faults import ColumnFault, is_free_text, together
from earlylearn.data.readers.notations import other_notation
from earlylearn.data.readers.paths import listed
from earlylearn.data.readers.precision import MOST_EXACT, beyond, centre, shifted, span
from earlylearn.data.readers.suspects import spoilt
from earlylearn.data.schema import Column
from earlylearn.errors import UsageError, setting

Missing = Literal["refuse", "impute"]
AT_ONCE = 2**26  # numbers of which medians are made at a time
MOST_CATEGORIES = 1000
FEW_CATEGORIES = 20  # fewer are categories even where none repeats, unless they are sentences
_BOOLS = {"true": "True", "1": "True", "1.0": "True", "false": "False", "0": "False", "0.0": "False"}


def fit_columns(frame: pd.DataFrame | DiskTable, where: str, missing: Missing) -> list[Column]:
    """How every column of a table is encoded, as JSON-ready descriptions.

    A number becomes ``{"name", "type": "number", "median"}``, where the median (None unless imputing) fills
    missing and infinite values. Text, categories and bools become ``{"name", "type": "category" or "bool",
    "categories"}``, one 0/1 feature per category; a category None at the end stands for a missing value. Lists of as
    many numbers in every row become ``{"name", "type": "vector", "length"}``, a feature per number.

    Raises:
        UsageError: columns are none of these, have no value at all, or are text that does not repeat; one line that
            names them all and the settings with which the table would be read.
    """
    columns, faults = [], []
    for name, column in frame.items():
        try:
            if isinstance(frame, DiskTable) and frame.is_list(str(name)):
                columns.append(_fit_lists(frame, str(name), where, missing))
            else:
                columns.append(_fit_column(str(name), column, where, missing))
        except ColumnFault as fault:
            faults.append(fault)
    if faults:
        raise together(
            faults, frame.drop(columns=[fault.column for fault in faults]), where, impute=missing == "impute"
        )
    return columns


def encode_columns(frame: pd.DataFrame, columns: Sequence[Column], where: str, start: int = 0) -> NDArray[np.float32]:
    """The features ``float32 [n, d]`` that `columns` (from `fit_columns`) describe; unknown categories are 0.

    `start` is the number that messages give to the first row, of a part of a table.

    Raises:
        UsageError: a column is missing, a value is missing where none may be, or a number is text.
    """
    check_columns(frame, columns, where)
    parts = [np.zeros((len(frame), 0), np.float32)]
    for column in columns:
        values, place = frame[column["name"]], f"{where}, column {column['name']!r}"
        if column["type"] == "number":
            numbers, offset = exact_numbers(values, place), column.get("offset", 0.0)
            fill = None if column["median"] is None else column["median"] - offset
            parts.append(fill_missing(shifted(numbers, offset)[:, None], [fill], place, start))
        elif column["type"] == "vector":
            parts.append(fill_missing(_vectors(values, column["length"], place, start), None, place, start))
        elif column["type"] != "text":  # which an encoder turns into features
            parts.append(_one_hot(values, column, place, start))
    return parts[1] if len(parts) == 2 else np.concatenate(parts, axis=1)


def check_columns(frame: pd.DataFrame | DiskTable, columns: Sequence[Column], where: str) -> None:
    """Raises UsageError if a column of the training data is missing."""
    gone = [c["name"] for c in columns if c["name"] not in frame.columns]
    if gone:
        like = next((each for each in frame.columns if reading(each) == reading(gone[0])), None)
        mend = "add it" if like is None else f"call {like!r} so"
        raise UsageError(
            f"{where}: the column {gone[0]!r} of the training data is missing ({len(gone)} of {len(columns)} "
            f"are); {mend}, the columns here are {listed(frame.columns)}"
        )


def text_values(frame: pd.DataFrame, column: str, where: str, missing: Missing) -> NDArray[np.object_]:
    """The texts of a column: ``object [n]`` of str; a missing one is the empty text where gaps are filled.

    Raises:
        UsageError: a value is missing where none may be.
    """
    text = as_text(frame[column], "category")
    empty = np.flatnonzero(text.isna().to_numpy(bool))
    if len(empty) and missing == "refuse":
        raise UsageError(
            f"{where}, column {column!r}: row {empty[0]} has no text; fill it in, or read such gaps as empty text "
            f"with {setting('missing', 'impute')}"
        )
    return text.fillna("").to_numpy(dtype=object)


def feature_names(columns: Sequence[Column]) -> list[str]:
    """What each of the features is called: the column's name, ``column=category``, or ``column[place]``."""
    return [name for column in columns for name in _names(column)]


def _names(column: Column) -> list[str]:
    name = column["name"]
    if column["type"] == "vector":
        return [f"{name}[{place}]" for place in range(column["length"])]
    if column["type"] in ("category", "bool"):
        return [f"{name}={category}" for category in column["categories"]]
    return [name] if column["type"] == "number" else []


def medians(values: NDArray[Any], where: str) -> list[float]:
    """The median of the finite values of every column of ``[n, d]``.

    Raises:
        UsageError: a column has no finite value.
    """
    found: list[float] = []
    step = max(1, AT_ONCE // max(1, len(values)))
    for start in range(0, values.shape[1], step):
        part = values[:, start : start + step]
        finite = np.isfinite(part)
        empty = np.flatnonzero(~finite.any(axis=0))
        if len(empty):
            culprit = f"{where}, feature {start + empty[0]}" if values.shape[1] > 1 else where
            raise UsageError(f"{culprit}: has no value in any row; leave it out")
        found += [float(m) for m in np.nanmedian(np.where(finite, part, np.nan), axis=0)]
    return found


def fill_missing(
    values: NDArray[Any], fill: Sequence[float | None] | None, where: str, start: int = 0
) -> NDArray[np.float32]:
    """``[n, d]`` numbers as float32, with what is not finite replaced by the column's fill; rows count from `start`.

    Raises:
        UsageError: a value is not finite and its column has no fill.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        out = values.astype(np.float32, copy=False)  # the largest thing in memory, once
    rows, columns = np.nonzero(~np.isfinite(out))
    if not len(rows):
        return out
    out = out.copy() if out is values else out
    known = np.array([np.nan if f is None else f for f in fill or [None] * out.shape[1]], np.float32)
    out[rows, columns] = known[columns]
    bad = np.flatnonzero(~np.isfinite(out[rows, columns]))
    if len(bad):
        row, column = rows[bad[0]], columns[bad[0]]
        place = f"{where}: row {start + row}" + (f", feature {column}," if out.shape[1] > 1 else "")
        value = values[row, column]
        found = "no value" if np.isnan(value) else f"the value {value}, which float32 cannot hold"
        raise UsageError(
            f"{place} has {found}; correct it, or train with {setting('missing', 'impute')}, which fills such gaps"
        )
    return out


def _fit_column(name: str, column: "pd.Series[Any]", where: str, missing: Missing) -> Column:
    place = f"{where}, column {name!r}"
    if column.isna().all():
        message = f"{place}: has no value in any row; give {setting('drop', [name])}"
        raise ColumnFault(message, name, "no value in any row", "drop")
    dtype = column.dtype
    inferred = pd.api.types.infer_dtype(column, skipna=True)
    if pd.api.types.is_bool_dtype(dtype) or inferred == "boolean":
        kind: Literal["bool", "category"] = "bool"
    elif isinstance(dtype, pd.CategoricalDtype) or inferred == "string":
        kind = "category"
    elif inferred in ("integer", "floating", "decimal", "mixed-integer-float"):
        values = exact_numbers(column, place)
        median = medians(shifted(values, 0.0)[:, None], place)[0] if missing == "impute" else None
        number: Column = {"name": name, "type": "number", "median": median, "range": span(shifted(values, 0.0))}
        offset = centre(values)
        return {**number, "offset": offset} if offset else number
    elif _is_list(column):
        return {"name": name, "type": "vector", "length": _vectors(column, None, place).shape[1]}
    else:
        found = inferred if pd.api.types.is_object_dtype(dtype) else dtype
        message = f"{place}: holds {found}, neither numbers nor text; convert it to numbers or give "
        raise ColumnFault(f"{message}{setting('drop', [name])}", name, f"{found}, neither numbers nor text", "drop")
    text = as_text(column, kind)
    present = text[text.notna()]
    categories: list[str | None] = sorted(set(present))
    _refuse_other_text(name, text, categories, place)
    if missing == "impute" and len(present) < len(text):
        categories.append(None)
    return {"name": name, "type": kind, "categories": categories}


def _fit_lists(table: DiskTable, name: str, where: str, missing: Missing) -> Column:
    """`_fit_column` of a column of lists that does not fit into memory: some rows of it at a time."""
    place, start, length, gaps = f"{where}, column {name!r}", 0, None, 0
    fault: UsageError | None = None
    for part in table.parts(name):
        gaps += int(part.isna().sum())
        if not gaps and fault is None:
            try:
                length = _vectors(part, length, place, start).shape[1]
            except UsageError as error:
                fault = error
        start += len(part)
    if gaps:  # it is as faulty as a short column with and without lists
        return _fit_column(name, pd.Series([None, *([] if gaps == start else [[0.0]])], dtype=object), where, missing)
    if fault is not None or length is None:
        raise fault or UsageError(f"{place}: has no rows")
    return {"name": name, "type": "vector", "length": length}


def _refuse_other_text(name: str, text: "pd.Series[Any]", categories: Sequence[str | None], place: str) -> None:
    """Catches numbers spoilt by a few entries such as '?' or written otherwise, and columns of names or sentences."""
    present = text[text.notna()]
    odd = spoilt(present)
    if odd is not None:
        raise ColumnFault(
            f"{place}: row {odd.index[0]} is {odd.iloc[0]!r} among numbers ({len(odd)} of {len(text)} rows are none); "
            f"correct it, or empty the cell and give {setting('missing', 'impute')}",
            name,
            f"{odd.iloc[0]!r} in row {odd.index[0]} among numbers",
            "mend",
        )
    notation = other_notation(present)
    if notation is not None:
        first = present[pd.to_numeric(present, errors="coerce").isna()].iloc[0]
        raise ColumnFault(
            f"{place}: holds {notation}, such as {first!r}, which would be {len(categories):,} categories; "
            f"write plain numbers with a decimal point, or give {setting('drop', [name])}",
            name,
            f"{notation}, such as {first!r}",
            "drop",
        )
    many = len(categories) > MOST_CATEGORIES or len(categories) > 0.5 * len(text)
    if many and len(categories) > 1 and is_free_text(present):
        raise ColumnFault("", name, "free text", "text")
    if many and len(categories) > FEW_CATEGORIES:
        raise ColumnFault("", name, f"{len(categories):,} different texts in {len(text):,} rows", "drop")


def _is_list(column: "pd.Series[Any]") -> bool:
    """Whether every value is a list of numbers."""
    return len(column) > 0 and all(isinstance(value, list | tuple | np.ndarray) for value in column)


def _vectors(column: "pd.Series[Any]", length: int | None, place: str, start: int = 0) -> NDArray[np.float64]:
    """Lists of numbers as ``[n, length]``; UsageError names a row that has another length or holds something else."""
    rows = []
    for row, value in enumerate(column, start):
        try:
            numbers = np.asarray(value, np.float64)
        except (TypeError, ValueError):
            raise UsageError(f"{place}: row {row} is no list of numbers; correct it") from None
        if length is None:
            length = len(numbers) if numbers.ndim == 1 else 0
        if numbers.shape != (length,) or not length:
            shape = f"{numbers.size} numbers" if numbers.ndim == 1 else f"the shape {list(numbers.shape)}"
            raise UsageError(f"{place}: row {row} has {shape}, not {length} as others; give vectors of one length")
        rows.append(numbers)
    return np.stack(rows)


def as_numbers(column: "pd.Series[Any]", place: str) -> NDArray[np.float64]:
    """The values of a column of numbers as ``float64 [n]``, NaN where one is missing; UsageError of any other text."""
    parsed = pd.to_numeric(column, errors="coerce")
    odd = np.flatnonzero((parsed.isna() & column.notna()).to_numpy(bool))
    if len(odd):
        raise UsageError(
            f"{place}: row {odd[0]} is {str(column.iloc[odd[0]])!r}, not a number as in the training data "
            f"({len(odd)} of {len(column)} rows are none); correct it"
        )
    return parsed.to_numpy(np.float64, na_value=np.nan)


def exact_numbers(column: "pd.Series[Any]", place: str) -> NDArray[Any]:
    """The same; Python's whole numbers ``object [n]`` where 64-bit floats do not hold them, then None is missing."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iu" and not beyond(column.to_numpy()):
        return as_numbers(column, place)
    if pd.api.types.infer_dtype(column, skipna=True) == "integer":
        whole: NDArray[Any] = column.astype(object).where(column.notna(), None).to_numpy(object)
        if any(each is not None and abs(each) > MOST_EXACT for each in whole):
            return whole
    return as_numbers(column, place)


def as_text(column: "pd.Series[Any]", kind: str) -> "pd.Series[Any]":
    """The values as str, missing ones as None; row numbers as the index."""
    column = column.reset_index(drop=True).astype(object)
    text = column.map(str, na_action="ignore")
    if kind == "bool":
        text = text.map(lambda v: _BOOLS.get(v.strip().lower(), v), na_action="ignore")
    return text.where(text.notna(), None)


def _one_hot(values: "pd.Series[Any]", column: Column, place: str, start: int = 0) -> NDArray[np.float32]:
    text = as_text(values, column["type"])
    categories = column["categories"]
    empty = np.flatnonzero(text.isna().to_numpy(bool))
    if len(empty) and categories[-1] is not None:
        raise UsageError(
            f"{place}: row {start + empty[0]} has no value; fill it in, or give such rows a category of their own "
            f"with {setting('missing', 'impute')} when training"
        )
    names = [c for c in categories if c is not None]
    codes = pd.Index(names, dtype=object).get_indexer(pd.Index(text, dtype=object))
    codes[empty] = len(categories) - 1
    out = np.zeros((len(text), len(categories)), np.float32)
    known = np.flatnonzero(codes >= 0)
    out[known, codes[known]] = 1
    return out
