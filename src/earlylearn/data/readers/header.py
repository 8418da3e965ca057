"""Is a file a text table at all, and has every column a name of its own, before any value is read?"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from earlylearn.data.readers.beginnings import LOOKED_AT, what_it_is
from earlylearn.data.readers.paths import check_file, reading
from earlylearn.errors import UsageError

_BLOCK = 2**24  # bytes looked at at a time
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


def check_text(path: Path, separator: str) -> None:
    """Raises UsageError unless a file is text, and every column of its header has a name of its own.

    pandas would call the second column ``y`` ``y.1``: a copy of the labels among the features.
    """
    check_file(path)
    with reading(path, "give a UTF-8 table with a header line"):
        check_beginning(path)
        _refuse_nul(path)
        _refuse_other_separator(path, separator)
        first = pd.read_csv(path, sep=separator, header=None, nrows=1, dtype=str, keep_default_na=False)
    check_names([str(name) for name in first.iloc[0]], path)


def check_beginning(path: Path) -> None:
    """Raises UsageError of a file that is empty, or begins as one of another kind does."""
    with path.open("rb") as file:
        beginning = file.read(LOOKED_AT)
    if not beginning.strip():
        raise UsageError(f"{path}: is empty; give a table with a header line, or the right file")
    if (what := what_it_is(path)) is not None:
        raise UsageError(f"{path}: {what}")


def _refuse_other_separator(path: Path, separator: str) -> None:
    """A table whose fields something else separates, in its header and the line below it alike."""
    with path.open(encoding="utf-8-sig", newline=None) as file:
        header, below = file.readline(), file.readline()
    if separator in header:
        return
    for other, name in _SEPARATORS.items():
        if other != separator and other in header and header.count(other) == below.count(other):
            comma = " (and write numbers with a decimal point)" if other == ";" and "," in below else ""
            raise UsageError(
                f"{path}: its fields are separated by {name}, not by {_SEPARATORS[separator]}; save it with "
                f"{_SEPARATORS[separator]}{comma}" + (", or let its name end in .tsv" if other == "\t" else "")
            )


def check_names(names: Sequence[str], path: Path) -> None:
    """Raises UsageError if two columns have one name, blanks around it aside."""
    bare = [name.strip() for name in names]
    twice = next((name for k, name in enumerate(bare) if name and name in bare[:k]), None)
    if twice is not None:
        places = [str(k + 1) for k, name in enumerate(bare) if name == twice]
        raise UsageError(
            f"{path}: {len(places)} columns are called {twice!r} (columns {', '.join(places)}); rename or remove them, "
            "one must be left"
        )


def _refuse_nul(path: Path) -> None:
    """A NUL byte is of no text: what follows it in its cell would be lost."""
    with path.open("rb") as file:
        lines = 1
        while block := file.read(_BLOCK):
            place = block.find(b"\0")
            if place >= 0:
                lines += block.count(b"\n", 0, place)
                raise UsageError(f"{path}: line {lines} has a NUL byte, which no text has; save the table as UTF-8")
            lines += block.count(b"\n")
