"""Which names would a person read as one, stand for no label, or for several: classes that are hardly meant?"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earlylearn.data.readers.paths import listed

FEWEST_ROWS = 20  # of which a class with one row is told
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")  # of a width of zero
_PARTS = re.compile(r"\s*[;|,/+&]\s*")
UNKNOWN = frozenset(  # how people and spreadsheets write that something is not known
    {"?", "-", "--", "unknown", "missing", "n.a.", "not available", "undefined", "tbd"}
    | {"\\n", "#n/a", "#value!", "#ref!", "#div/0!"}
)
_NO_LABELS = UNKNOWN | {"unlabeled", "unlabelled", "no label", "not labeled", "not labelled", "todo", "pending"}
_NO_NUMBERS = frozenset({-9999, -999, -100, -99, -9, -1, 99, 255, 999, 9999, 32767, 65535})


def reading(name: str) -> str:
    """What a person reads: without case, blanks around and between, marks of no width, zeros in front of a number."""
    plain = " ".join(_UNSEEN.sub("", unicodedata.normalize("NFKC", name)).casefold().split())
    number = re.fullmatch(r"([+-]?)0*(\d+)(?:\.0*)?", plain)
    return f"{number[1].removeprefix('+')}{number[2]}" if number else plain


def alike(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Names that read alike, together; those that stand alone are left out."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(reading(name), []).append(name)
    return [tuple(group) for group in found.values() if len(group) > 1]


def of_names(names: Iterable[str], what: str, where: str) -> tuple[str, ...]:
    """A line about names that read alike, and one about such as go over several lines, if there are some.

    Args:
        names: all different.
        what: they are, such as ``classes``.
        where: the file and column, for the line.
    """
    names = list(names)
    broken = [name for name in names if "\n" in name or "\r" in name]
    lines: tuple[str, ...] = ()
    if broken:
        lines = (
            f"{where}: {len(broken)} of the {what} go over several lines, such as {broken[0][:60]!r}; if a quotation "
            "mark is missing there, rows are lost",
        )
    groups = alike(names)
    if not groups:
        return lines
    plain = all(name.isascii() for name in groups[0][:2])
    first = " and ".join(map(repr if plain else ascii, groups[0][:2]))  # what looks the same is told by its code
    number = sum(map(len, groups))
    told = f"{where}: {number} {what} read alike, such as {first}, and count as {number}; if one is meant, write it so"
    return (*lines, told)


def of_classes(values: NDArray[Any], where: str) -> tuple[str, ...]:
    """What is to be told of classes that are hardly meant as they stand: a line for each kind.

    Args:
        values: the labels, ``int64 [n]`` or ``str [n]``, one per row.
        where: the file and column, for the lines.
    """
    found, counts = np.unique(values, return_counts=True)
    names = [str(each) for each in found]
    lines = [*of_names(names, "classes", where)]
    rows = dict(zip(names, counts.tolist(), strict=True))
    for name in _standing_for_none(found, names):
        shown = name if found.dtype.kind == "i" else repr(name)
        lines.append(
            f"{where}: {shown} counts as a class ({rows[name]:,} of {len(values):,} rows); if it stands for no label, "
            "leave those cells empty"
        )
    several = [name for name in names if _is_several(name, rows)]
    if several:
        lines.append(
            f"{where}: {several[0]!r} counts as a class of its own, though its parts are classes; a row has one label"
        )
    lone = [name for name in names if rows[name] == 1]
    if lone and len(values) >= FEWEST_ROWS:
        have = "has" if len(lone) == 1 else "have"
        lines.append(
            f"{where}: {len(lone):,} of {len(names):,} classes {have} one row: {listed(map(repr, lone), 3)}; misspelt?"
        )
    return tuple(lines)


def _standing_for_none(found: NDArray[Any], names: Sequence[str]) -> list[str]:
    """Classes that stand for no label as a rule: a number apart from classes that are counted from 0 or 1; a sign."""
    if found.dtype.kind != "i":
        return [name for name in names if name.strip().lower() in _NO_LABELS] if len(names) > 1 else []
    for place in (0, len(found) - 1):
        rest = np.delete(found, place)
        counted = len(rest) > 1 and rest[0] in (0, 1) and int(rest[-1]) - int(rest[0]) == len(rest) - 1
        next_to = found[place] in (rest[-1] + 1 if len(rest) else 0, 0)
        if counted and not next_to and int(found[place]) in _NO_NUMBERS:
            return [names[place]]
    return []


def _is_several(name: str, names: Iterable[str]) -> bool:
    parts = [part for part in _PARTS.split(name) if part]
    return len(parts) > 1 and set(parts) <= set(names)
