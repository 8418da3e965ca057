"""Where is kept what was computed from a user's data, so that it need not be computed again?"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earlylearn.data.counting import say
from earlylearn.files import from_json, write_json

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


def kept(
    path: Path,
    name: str,
    fits: Callable[[dict[str, Any], NDArray[Any]], bool],
    checksum: Callable[[NDArray[Any]], str],
) -> tuple[NDArray[Any], dict[str, Any]] | None:
    """An array that was kept, mapped from the disk, and what `write_index` wrote of it.

    None where there is none, or one that is not what its index says (cut short, altered), which is told.

    Args:
        path: of the .npy file; the index lies beside it.
        name: what it is of, for the message.
        fits: whether index and array are those that are wanted.
        checksum: of all that is in the array.
    """
    try:
        index = from_json(path.with_suffix(".json").read_text("utf-8"))
        array, known = np.load(path, mmap_mode="r"), index["checksum"]
        if not fits(index, array):
            raise ValueError("is of another kind")
        # A copy has another time, and so has what somebody wrote into: only then is all of it read.
        if index["modified"] != path.stat().st_mtime_ns:
            if checksum(array) != known:
                raise ValueError("was altered")
            with suppress(OSError):
                write_index(path, index)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        say(f"{path}: is no whole store of {name} any more ({' '.join(str(error).split())}); making it anew")
        return None
    return array, index


def write_index(path: Path, index: Mapping[str, Any]) -> None:
    """Write beside an array what is to be known of it, its ``checksum`` for one, and its time."""
    write_json(path.with_suffix(".json"), {**index, "modified": path.stat().st_mtime_ns})
