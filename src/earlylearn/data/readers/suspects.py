"""Which columns only name the rows or give the label away, and is the label column one of classes at all?"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earlylearn.data.readers.alike import UNKNOWN, of_classes
from earlylearn.data.readers.notations import NUMBER, other_notation
from earlylearn.data.readers.paths import listed
from earlylearn.errors import UsageError, setting

FEWEST_ROWS = 20  # of which anything is concluded from how the values lie
MANY_CLASSES = 20  # beyond which whole numbers are looked at as a quantity might be
LONE = 0.05  # share of classes with one row each above which whole numbers are a quantity
MOST_LOOKED_AT = 100_000  # rows, spread over the labels, of which it is asked whether a column gives the label away
ASTRAY = 0.02  # share of rows by which a column that gives the label away may be wrong
FEWEST_SENTENCES = 0.1  # different values per row from which a column of sentences is looked at as text
WORDS = 4  # of a value, from which it reads like a sentence
LONGEST_NAME = 1000  # characters of a class or an id; as text of fixed width a longer one costs its length in every row

_MARKS = UNKNOWN | {".", "*", "x", "none", "nil", "na", "n.a", "nat", "#name?", "#num!", "#null!", "#error!", "#n/a!"}
_BOUND = re.compile(rf"[<>≤≥~≈]=?\s?{NUMBER}")  # of a value that was not measured itself


_STAND_INS = tuple(
    sign * float(value) for sign in (-1, 1) for value in (99, 999, 9999, 99999, 999999, 32767, 32768, 65535, 2**31 - 1)
)


def reads_as_text(values: "pd.Series[Any]", categories: Sequence[str | None]) -> bool:
    """Whether a column of categories is rather one of sentences: many, that mostly have four words or more.

    Args:
        values: the column.
        categories: its different values.
    """
    said = [each for each in categories if each is not None]
    if len(said) < max(FEWEST_ROWS, len(values) * FEWEST_SENTENCES):
        return False
    return float(np.median([len(each.split()) for each in said])) >= WORDS


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
    if text[number].nunique() > 5 and text[~number].map(lambda each: _BOUND.fullmatch(each) is not None).all():
        return others
    many = text[number].nunique()
    return others if many > 5 and (number.mean() > 0.9 or many > 20) else None


def row_counter(values: "pd.Series[Any]") -> bool:
    """Whether a column only counts the rows: whole numbers, each once, without a gap."""
    if len(values) < FEWEST_ROWS or not pd.api.types.is_integer_dtype(values.dtype) or values.isna().any():
        return False
    return bool(int(values.max()) - int(values.min()) == len(values) - 1 and values.is_unique)


def ascending(values: "pd.Series[Any]") -> bool:
    """Whether a column of whole numbers only rises, or only falls, from row to row: a key or a time."""
    if len(values) < FEWEST_ROWS or not pd.api.types.is_integer_dtype(values.dtype) or values.isna().any():
        return False
    return bool(values.is_unique and (values.is_monotonic_increasing or values.is_monotonic_decreasing))


def gives_away(values: "pd.Series[Any]", labels: NDArray[Any]) -> bool:
    """Whether a column tells the label by itself: rows in its order have the label of the row before, nearly always.

    Equal values are in random order, so a value that goes with several labels does not count.
    """
    if len(values) > MOST_LOOKED_AT:  # by label, for labels may take turns, and every so many-th row have the same
        rows = np.argsort(pd.factorize(labels)[0], kind="stable")[:: -(-len(values) // MOST_LOOKED_AT)]
        values, labels = values.iloc[rows], labels[rows]
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


class StandIn(NamedTuple):
    """A number that stands for a missing one, as it seems: how often, and between what the others are."""

    value: float
    rows: int
    low: float
    high: float


def stand_in(values: NDArray[np.float64]) -> StandIn | None:
    """A number such as -999 that lies far from all others; None where there is none."""
    if len(values) < FEWEST_ROWS:
        return None
    for value in _STAND_INS:
        here = values == value
        if not here.any():
            continue
        rest = values[~here & np.isfinite(values)]
        if len(rest) < 2:
            continue
        low, high = float(rest.min()), float(rest.max())
        if max(low - value, value - high) > max(high - low, 1.0):
            return StandIn(value, int(here.sum()), low, high)
    return None


def check_classes(values: NDArray[Any], where: str) -> tuple[str, ...]:
    """What is to be told of a column that is to hold classes.

    Args:
        values: its labels, ``int64 [n]`` or ``str [n]``, one per row.
        where: the file and column, for messages.

    Raises:
        UsageError: it is a key or a quantity.
    """
    found, counts = np.unique(values, return_counts=True)
    told = of_classes(values, where)
    if len(values) < FEWEST_ROWS or len(found) <= len(values) ** 0.5:
        return told
    mend = f"name the column of classes with {setting('label', 'COLUMN')}"
    if len(found) == len(values):
        raise UsageError(f"{where}: looks like an id, every row has another value; {mend}")
    if len(found) > len(values) / 2:
        raise UsageError(
            f"{where}: looks like an id or free text, {len(found):,} values in {len(values):,} rows; {mend}"
        )
    if len(found) <= MANY_CLASSES:
        return told
    if values.dtype.kind != "i":
        what = other_notation(pd.Series(found.astype(object)))
        if what is not None:
            raise UsageError(f"{where}: looks like a quantity, {len(found):,} different {what}; {mend}")
        return told
    gaps = int(found[-1]) - int(found[0]) + 1 > len(found)
    if gaps and (counts == 1).mean() > LONE:
        raise UsageError(
            f"{where}: looks like a quantity, {len(found):,} different whole numbers from {found[0]} to {found[-1]}, "
            f"many of them once; this is no regression: {mend}, or make a few classes of it, such as low and high"
        )
    asked = f"{where}: {len(found):,} whole numbers are taken as so many classes; are they a quantity?"
    return (*told, asked) if gaps else told


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
