"""Which columns only name the rows or give the label away, and is the label column one of classes at all?"""

import re
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earlylearn.data.readers.paths import listed
from earlylearn.errors import UsageError, setting

FEWEST_ROWS = 20  # of which anything is concluded from how the values lie
MANY_CLASSES = 20  # beyond which whole numbers are looked at as a quantity might be
LONE = 0.05  # share of classes with one row each above which whole numbers are a quantity
ASTRAY = 0.02  # share of rows by which a column that gives the label away may be wrong
LONGEST_NAME = 1000  # characters of a class or an id; as text of fixed width a longer one costs its length in every row

_NUMBER = r"[+-]?(?:\d+(?:[., '\u00a0\u2009]\d{3})*(?:[.,]\d+)?|[.,]\d+)"
_UNITS = (
    "%|‰|°|°?[CF]|K|[€$£¥]|usd|eur|gbp|chf|jpy|cny|inr|k?g|mg|lbs?|oz|[kcmµn]?m|mi|ft|in|[mµn]?s|secs?|min|h|hrs?|days?|years?|yrs?"
    "|[kmg]b|[kmg]?hz|[km]?v|k?w|kwh|m?l|km/h|m/s|mph|mm?hg|bpm|dB"
)
_WITH_UNIT = re.compile(rf"(?:[€$£¥]\s?{_NUMBER}|{_NUMBER}\s?(?:{_UNITS}))", re.IGNORECASE)
_WITH_COMMA = re.compile(r"[+-]?(?:\d+(?:[. '\u00a0\u2009]\d{3})*,\d+|,\d+|\d{1,3}(?:,\d{3})+(?:\.\d+)?)")
_DATE = re.compile(
    r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})(?:[T ]\d{1,2}:\d{2}.*)?|\d{1,2}:\d{2}:\d{2}"
)
_MARKS = frozenset(
    {"?", "-", "-" * 2, ".", "*", "x", "unknown", "missing", "none", "nil", "na", "n.a.", "n.a", "not available"}
)


def other_notation(values: "pd.Series[Any]") -> str | None:
    """What numbers or dates a column of text holds, as a person calls them; None where most of it is other text.

    Args:
        values: its texts, without missing ones.
    """
    distinct = values.str.strip().drop_duplicates()
    if len(distinct) < 3:
        return None
    for pattern, what in (
        (_WITH_COMMA, "numbers with commas"),
        (_WITH_UNIT, "numbers with units or signs"),
        (_DATE, "dates or times"),
    ):
        if distinct.map(lambda text, pattern=pattern: pattern.fullmatch(text) is not None).mean() > 0.5:
            return what
    return None


def spoilt(values: "pd.Series[Any]") -> "pd.Series[Any] | None":
    """The entries that keep a column of text from being numbers; None where it is no such column.

    Signs for a missing value, such as ``?``, spoil what else is numbers for the most part; any other text does where
    hardly a row has some and the numbers are many. ``3+`` beside 0, 1 and 2 is a category.
    """
    text = values.str.strip()
    number = pd.to_numeric(text, errors="coerce").notna()
    if number.all() or number.mean() <= 0.5:
        return None
    others = values[~number]
    if text[~number].str.lower().isin(_MARKS).all():
        return others
    many = text[number].nunique()
    return others if many > 5 and (number.mean() > 0.9 or many > 20) else None


def row_counter(values: "pd.Series[Any]") -> bool:
    """Whether a column only counts the rows: whole numbers, each once, without a gap."""
    if len(values) < FEWEST_ROWS or not pd.api.types.is_integer_dtype(values.dtype) or values.isna().any():
        return False
    numbers = values.to_numpy(np.float64)
    return bool(np.ptp(numbers) == len(numbers) - 1 and values.is_unique)


def ascending(values: "pd.Series[Any]") -> bool:
    """Whether a column of whole numbers only rises, or only falls, from row to row: a key or a time."""
    if len(values) < FEWEST_ROWS or not pd.api.types.is_integer_dtype(values.dtype) or values.isna().any():
        return False
    steps = np.diff(values.to_numpy(np.float64))
    return bool((steps > 0).all() or (steps < 0).all())


def gives_away(values: "pd.Series[Any]", labels: NDArray[Any]) -> bool:
    """Whether a column tells the label by itself: rows in its order have the label of the row before, nearly always.

    Equal values are in random order, so a value that goes with several labels does not count.
    """
    codes = pd.factorize(labels)[0]
    there = values.notna().to_numpy(bool)
    if there.mean() < 0.9 or len(codes) < FEWEST_ROWS:
        return False
    codes, shares = codes[there], np.unique(codes, return_counts=True)[1] / len(codes)
    if (shares**2).sum() > 0.8:  # one class is nearly everything, so the row before tells little
        return False
    numeric = pd.api.types.is_numeric_dtype(values.dtype)
    order = values[there].to_numpy(np.float64) if numeric else pd.factorize(values[there].astype(str), sort=True)[0]
    mixed = np.random.default_rng(0).permutation(len(codes))
    codes = codes[mixed[np.argsort(order[mixed], kind="stable")]]
    return int((codes[1:] != codes[:-1]).sum()) <= len(shares) - 1 + ASTRAY * len(codes)


def check_classes(values: NDArray[Any], where: str) -> tuple[str, ...]:
    """What is to be told of a column that is to hold classes.

    Args:
        values: its labels, ``int64 [n]`` or ``str [n]``, one per row.
        where: the file and column, for messages.

    Raises:
        UsageError: it is a key or a quantity.
    """
    found, counts = np.unique(values, return_counts=True)
    if values.dtype.kind == "i" and len(found) > 2 and np.array_equal(found, np.arange(-1, len(found) - 1)):
        rows = f"{counts[0]:,} of {len(values):,} rows"
        return (f"{where}: -1 counts as a class ({rows}); if it stands for no label, leave those cells empty",)
    if len(values) < FEWEST_ROWS or len(found) <= len(values) ** 0.5:
        return ()
    mend = f"name the column of classes with {setting('label', 'COLUMN')}"
    if len(found) == len(values):
        raise UsageError(f"{where}: looks like an id, every row has another value; {mend}")
    if len(found) > len(values) / 2:
        raise UsageError(
            f"{where}: looks like an id or free text, {len(found):,} values in {len(values):,} rows; {mend}"
        )
    if values.dtype.kind != "i" or len(found) <= MANY_CLASSES:
        return ()
    gaps = int(found[-1]) - int(found[0]) + 1 > len(found)
    if gaps and (counts == 1).mean() > LONE:
        raise UsageError(
            f"{where}: looks like a quantity, {len(found):,} different whole numbers from {found[0]} to {found[-1]}, "
            f"many of them once; this is no regression: {mend}, or make a few classes of it, such as low and high"
        )
    return (
        (f"{where}: {len(found):,} whole numbers are taken as so many classes; are they a quantity?",) if gaps else ()
    )


def check_length(names: "pd.Series[Any]", where: str, what: str) -> None:
    """Raises UsageError of a name, an id or a class, that is longer than any name should be."""
    if pd.api.types.is_numeric_dtype(names.dtype):
        return
    lengths = names.astype(str).str.len()
    if len(lengths) and lengths.max() > LONGEST_NAME:
        row = int(lengths.to_numpy().argmax())
        raise UsageError(
            f"{where}: row {row} has {what} of {int(lengths.max()):,} characters; at most {LONGEST_NAME:,} are kept, "
            f"since every row would cost as much memory; shorten it ({listed([str(names.iloc[row])[:20]])}...)"
        )
