"""Which integer stands for which class?"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earlylearn.data.readers.paths import listed
from earlylearn.data.readers.suspects import check_length
from earlylearn.errors import UsageError

_BOOLS = {spelt: word == "true" for word in ("true", "false") for spelt in (word, word.title(), word.upper())}


def label_values(raw: Any, where: str) -> NDArray[Any]:
    """Labels as they stand in the data, made comparable: ``int64 [n]``, or ``str [n]`` without outer blanks.

    Args:
        raw: a pandas column or a numpy array ``[n]`` or ``[n, 1]`` of ints, whole floats, bools or text.
        where: the file and column, for messages.

    Raises:
        UsageError: a label is missing, not finite or not whole, or there is more than one per row.
    """
    raw = _one_per_row(raw, where) if isinstance(raw, np.ndarray) else raw
    column = pd.Series(raw).reset_index(drop=True)
    check_length(column, where, "a label")
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    empty = column.isna().to_numpy(bool)
    number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if number or (len(column) and pd.api.types.infer_dtype(column, skipna=True) == "integer"):
        values = column.to_numpy(np.float64, na_value=np.nan)
        empty = empty | ~np.isfinite(values)
        _refuse_missing(empty, where)
        if len(values) and abs(values).max() > 2**53:
            raise UsageError(f"{where}: row {abs(values).argmax()} has a label beyond 2**53; give class names")
        broken = np.flatnonzero(values != np.floor(values))
        if len(broken):
            raise UsageError(
                f"{where}: row {broken[0]} has the label {values[broken[0]]}, which is not a whole number"
                + (" (looks like a quantity, which is no matter of classes)" if len(broken) > 0.1 * len(values) else "")
                + "; give class names or integers"
            )
        return column.to_numpy(np.int64)
    _refuse_no_names(column, empty, where)
    text = np.array(["" if gone else str(v).strip() for v, gone in zip(column, empty, strict=True)], dtype=str)
    _refuse_missing(empty | (text == ""), where)
    return text


def _refuse_no_names(column: "pd.Series[Any]", empty: NDArray[np.bool_], where: str) -> None:
    """UsageError of a label that is bytes or holds several things: as text it would be a name that nobody gave."""
    for row, (value, gone) in enumerate(zip(column, empty, strict=True)):
        if not gone and isinstance(value, bytes | list | tuple | set | dict | np.ndarray):
            raise UsageError(
                f"{where}: row {row} has the label {value!r:.60}, {type(value).__name__}, not one name; save text or "
                "integers, one label per row"
            )


def _one_per_row(raw: NDArray[Any], where: str) -> NDArray[Any]:
    """An array of labels as ``[n]``; UsageError if it holds several per row, or neither numbers nor text."""
    if raw.ndim == 2 and raw.shape[1] == 1:
        raw = raw[:, 0]
    if raw.ndim != 1:
        raise UsageError(
            f"{where}: the labels have the shape {list(raw.shape)}; give one label per row, shape [n] "
            "(of one-hot labels take argmax(axis=1))"
        )
    if raw.dtype.kind == "S":
        try:
            raw = np.char.decode(raw, "utf-8")
        except UnicodeDecodeError:  # put right by halves, two classes would be one
            raise UsageError(f"{where}: the labels are bytes that are no UTF-8; save them as text") from None
    if raw.dtype.kind not in "biufU":
        raise UsageError(f"{where}: labels cannot be {raw.dtype}; give integers or text")
    return raw


def _refuse_missing(empty: NDArray[np.bool_], where: str) -> None:
    rows = np.flatnonzero(empty)
    if len(rows):
        raise UsageError(
            f"{where}: row {rows[0]} has no label ({len(rows)} of {len(empty)} rows have none; empty, NA, "
            "None and nan count as none); fill it in or remove the row"
        )


def class_names(*values: NDArray[Any]) -> tuple[str, ...]:
    """Every class that occurs: integers in numerical order, anything else in the order of its text."""
    if all(v.dtype.kind == "i" for v in values):
        return tuple(str(v) for v in np.unique(np.concatenate(values)))
    return tuple(sorted(set().union(*(v.astype(str).tolist() for v in values))))


def different(names: Iterable[str], where: str) -> tuple[str, ...]:
    """Names that somebody gave to the classes; UsageError if two are one."""
    given = tuple(names)
    if len(set(given)) < len(given):
        raise UsageError(f"{where}: a name occurs twice in {listed(given)}; make them unique")
    return given


def class_codes(
    values: NDArray[Any], classes: Sequence[str], where: str, *, positions: bool = False
) -> NDArray[np.int64]:
    """The position in `classes` of every label: ``int64 [n]``.

    Args:
        values: what `label_values` gave.
        classes: class names in the order of their integers.
        where: the file and column, for messages.
        positions: whether the integers in `values` are positions in `classes` already, not names.

    Raises:
        UsageError: a label names no class; the message gives the row and the classes.
    """
    if positions and values.dtype.kind == "i":
        codes = np.where((values >= 0) & (values < len(classes)), values, -1)
        known = f"0 to {len(classes) - 1}, the positions of the {len(classes)} classes"
    else:
        distinct, at = np.unique(values, return_inverse=True)  # a text for every row would be larger than the data
        codes = pd.Index(classes).get_indexer(pd.Index(distinct.astype(str)))[at]
        known = f"the classes {listed(classes)}"
    wrong = np.flatnonzero(codes < 0)
    if len(wrong):
        raise UsageError(
            f"{where}: row {wrong[0]} has the label {str(values[wrong[0]])!r}, which is not among {known}; "
            "correct it or remove the row"
        )
    return codes.astype(np.int64)


def as_written(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Cells of a text file as integers or bools where all of them are such, else as the texts they are.

    A zero in front makes a text of it: 01 and 1 are two labels, which pandas would read as one.
    """
    codes, found = pd.factorize(column)  # few texts are looked at, however many the rows
    texts = pd.Series(found, dtype=object).map(str).str.strip()
    filled = texts[texts != ""]
    numbers = pd.to_numeric(filled, errors="coerce")
    values: NDArray[Any] = texts.to_numpy(object)
    if len(filled) and filled.isin(_BOOLS).all():
        values = texts.map(_BOOLS).to_numpy(object)
    elif len(filled) and numbers.notna().all() and not filled.str.match(r"[+-]?0\d").any():
        values = numbers.reindex(texts.index).to_numpy()
    return pd.Series(values, dtype=values.dtype).reindex(codes).set_axis(column.index)


def written_as(classes: Sequence[str]) -> str:
    """How the labels of these classes stood in the training data: as ``integers``, ``bools`` or ``text``.

    Further labels are read in the same way: beside a class ``a``, the labels 01 and 1 are two.
    """
    if all(str(int(name)) == name if is_integer(name) else False for name in classes):
        return "integers"
    return "bools" if set(classes) <= {"True", "False"} else "text"


def named_by_numbers(classes: Sequence[str]) -> bool:
    """Whether class names are integers, so that an integer label means the name, not the position."""
    return any(is_integer(name) for name in classes)


def is_integer(text: str) -> bool:
    """Whether a label's text is an integer."""
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit()
