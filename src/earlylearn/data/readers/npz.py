"""How is a numpy file read without ever running what is in it?"""

import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from earlylearn.data.readers.beginnings import never_data
from earlylearn.data.readers.paths import listed, reading
from earlylearn.data.room import check_room, memory_for_data
from earlylearn.errors import UsageError

_NAMES = 26  # bytes of an entry of an archive before the lengths of its name
_AS_READ = 2  # times its size that an array takes as it is read and looked at
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
        mapped = _mapped_member(archive, path, key)
        if mapped is not None:
            return mapped
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
    with reading(path, MEND), path.open("rb") as file:
        mapped = _mapped(file, path) if file.read(6) == b"\x93NUMPY" else None
    if mapped is not None:
        return mapped
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
                    instead = never_data(path) or f"is no numpy file; {MEND}"
                    raise UsageError(f"{what}: {instead}") from error
                raise UsageError(f"{what}: holds pickled objects, which could run code; {MEND}") from error
            raise


def _mapped_member(archive: Any, path: Path, key: str) -> NDArray[Any] | None:
    """`_mapped` of an array in an archive, if it lies there as it is, not compressed."""
    if not isinstance(archive, np.lib.npyio.NpzFile):
        return None
    member = _member(archive, key)
    if member.compress_type != zipfile.ZIP_STORED:
        return None
    with path.open("rb") as file:
        file.seek(member.header_offset + _NAMES)
        lengths = file.read(4)  # of the name and of what comes behind it
        start = member.header_offset + _NAMES + 4
        start += int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
        return _mapped(file, path, start)


def _mapped(file: BinaryIO, path: Path, start: int = 0) -> NDArray[Any] | None:
    """An array mapped from the disk, where it would take too much of the memory and is what a network takes.

    Args:
        file: opened.
        path: of the same file.
        start: where in it the array's header begins.
    """
    file.seek(start)
    shape, by_column, dtype = read_header(file)
    most = memory_for_data()
    if by_column or not shape or most is None or dtype.str not in ("<f4", "|u1"):
        return None
    size = math.prod(shape) * dtype.itemsize
    if size * _AS_READ <= most or file.tell() + size > path.stat().st_size or not size:
        return None
    return np.memmap(path, dtype, "r", file.tell(), shape)


def read_header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type of an array, from where its header begins; the file is then where its numbers begin."""
    major, _ = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
    found: tuple[tuple[int, ...], bool, np.dtype[Any]] = read(file)
    return found


def _member(archive: Any, key: str) -> zipfile.ZipInfo:
    found: zipfile.ZipInfo = next(each for each in archive.zip.infolist() if each.filename.removesuffix(".npy") == key)
    return found


def _check_size(archive: Any, path: Path, key: str) -> None:
    """Refuse an array that unpacked is larger than the memory there is; what it says of its own size counts, too."""
    member = _member(archive, key)
    with archive.zip.open(member) as file:
        shape, _, dtype = read_header(file)
    size = max(member.file_size, math.prod(shape) * dtype.itemsize)
    mend = "save it as float32 with numpy.savez, not compressed, which is read from the disk; or fewer rows"
    check_room(size, f"{path}, array {key!r}", mend)
