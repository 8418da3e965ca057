"""Is a file a text table at all, and has every column a name of its own, before any value is read?"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from earlylearn.data.readers.paths import check_file, reading
from earlylearn.errors import UsageError

_BLOCK = 2**24  # bytes looked at at a time


def check_text(path: Path, separator: str) -> None:
    """Raises UsageError unless a file is text, and every column of its header has a name of its own.

    pandas would call the second column ``y`` ``y.1``: a copy of the labels among the features.
    """
    check_file(path)
    with reading(path, "give a UTF-8 table with a header line"):
        _refuse_nul(path)
        first = pd.read_csv(path, sep=separator, header=None, nrows=1, dtype=str, keep_default_na=False)
    check_names([str(name) for name in first.iloc[0]], path)


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
