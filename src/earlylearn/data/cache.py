"""Where is kept what was computed from a user's data, so that it need not be computed again?"""

import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

CACHE_VARIABLE = "EARLYLEARN_CACHE"
HIDDEN = ".earlylearn"  # beside the data; readers of folders pass it over
LEVELS = 2  # folders above the data in which one is looked for: train/CLASS of a data set


def chosen() -> Path | None:
    """The folder that the environment variable EARLYLEARN_CACHE names; None without it."""
    value = os.environ.get(CACHE_VARIABLE)
    return Path(value).expanduser() if value else None


def places(beside: Path | None) -> list[Path]:
    """The folders in which a cache may lie, the first choice first: the one named, beside the data, the user's own.

    A folder within data that have a cache (one class of them, to be predicted) shares it.
    """
    named = chosen()
    if named is not None:
        return [named]
    home = os.environ.get("XDG_CACHE_HOME")
    own = Path(home) if home else Path("~/.cache").expanduser()
    return [*([] if beside is None else [_nearest(beside)]), own / "earlylearn"]


def _nearest(folder: Path) -> Path:
    """The hidden folder of this one, or of one of the next above it which has one already."""
    folder = folder.absolute()
    there = [each / HIDDEN for each in (folder, *folder.parents[:LEVELS]) if (each / HIDDEN).is_dir()]
    return there[0] if there else folder / HIDDEN


def make(place: Path) -> None:
    """Make the folder and try to write into it; OSError if that fails."""
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=place):
        pass


def digest_bytes(parts: Iterable[bytes | memoryview]) -> str:
    """A digest of bytes one after another, in hexadecimal; it tells what a store holds or is asked for."""
    found = hashlib.blake2b(digest_size=32)
    for part in parts:
        found.update(part)
    return found.hexdigest()
