"""How is a numpy file read without ever running what is in it?"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earlylearn.data.readers.paths import listed, reading
from earlylearn.data.room import check_room
from earlylearn.errors import UsageError

MEND = "save it again with numpy.save or numpy.savez from plain number or text arrays"


def npz_keys(path: Path) -> list[str]:
    """The names of the arrays in an .npz file.

    Raises:
        UsageError: the file is not a readable .npz.
    """
    with _loaded(path, path) as archive:
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise UsageError(f"{path}: is one array, not an .npz archive; {MEND}")
        return list(archive.files)


def npz_array(path: Path, key: str) -> NDArray[Any]:
    """One array of an .npz file; arrays of pickled objects are refused.

    Raises:
        UsageError: there is no such key (the message lists them), or it is not a plain array.
    """
    keys = npz_keys(path)
    if key not in keys:
        raise UsageError(f"{path}: has no array {key!r}; it has {listed(keys)}")
    with _loaded(path, f"{path}, array {key!r}") as archive:
        _check_size(archive, path, key)
        value = archive[key]
    if not isinstance(value, np.ndarray):
        raise UsageError(f"{path}: {key!r} is not an array; {MEND}")
    return value


def npy_array(path: Path) -> NDArray[Any]:
    """The array of an .npy file; pickled objects are refused.

    Raises:
        UsageError: the file is not a readable .npy.
    """
    with _loaded(path, path) as value:
        if not isinstance(value, np.ndarray):
            raise UsageError(f"{path}: holds several arrays; name it .npz")
        return value


def _is_numpy_or_pickle(path: Path) -> bool:
    """Whether a file begins as an .npz, an .npy or a pickle does."""
    with open(path, "rb") as file:
        return file.read(6).startswith((b"PK", b"\x93NUMPY", b"\x80"))


@contextmanager
def _loaded(path: Path, what: object) -> Iterator[Any]:
    """What numpy.load gives, with the file closed again and every failure one line."""
    with reading(what, MEND), open(path, "rb") as file:
        try:
            yield np.load(file, allow_pickle=False)
        except ValueError as error:
            if "allow_pickle" in str(error):  # numpy's own words advise to load it all the same
                if not _is_numpy_or_pickle(path):
                    raise UsageError(f"{what}: is no numpy file; {MEND}") from error
                raise UsageError(f"{what}: holds pickled objects, which could run code; {MEND}") from error
            raise


def _check_size(archive: Any, path: Path, key: str) -> None:
    """Refuse an array that unpacked is larger than the memory there is; what it says of its own size counts, too."""
    member = next(each for each in archive.zip.infolist() if each.filename.removesuffix(".npy") == key)
    with archive.zip.open(member) as file:
        major, _ = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
    size = max(member.file_size, math.prod(shape) * dtype.itemsize)
    check_room(size, f"{path}, array {key!r}", "save fewer rows, or in a smaller type")
