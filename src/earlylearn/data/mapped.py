"""How are some rows taken of an array that is mapped from the disk, and looked at some at a time?"""

import io
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from earlylearn.errors import UsageError

BLOCK = 2**24  # bytes looked at or copied at a time
MANY = 100_000  # rows, of which ids would be among the largest things in memory


def blocks(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """An array ``[n, ...]`` some rows at a time."""
    step = max(1, BLOCK // max(1, array.nbytes // max(1, len(array))))
    return (array[start : start + step] for start in range(0, len(array), step))


def row_hashes(array: NDArray[Any]) -> NDArray[np.int64]:
    """A number per row ``[n, ...]``, ``int64 [n]``: equal for equal rows of one dtype, in this process.

    Some rows are in memory at a time; -0 is 0.
    """
    found = [np.zeros(0, np.int64)]
    for part in blocks(array):
        flat = np.ascontiguousarray(part).reshape(len(part), -1)
        if flat.dtype.kind == "f":
            flat = flat + np.zeros(1, flat.dtype)
        found.append(np.fromiter((hash(row.tobytes()) for row in flat), np.int64, len(flat)))
    return np.concatenate(found)


def npy_header(kind: str, shape: tuple[int, ...]) -> bytes:
    """What comes before the numbers of an .npy file whose rows lie one after another; `kind` such as ``<f4``."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": kind, "fortran_order": False, "shape": shape})
    return file.getvalue()


class Nameless(np.memmap[Any, Any]):
    """Rows in a file without a name: no other process can open it, and `filename` says only where copies go."""


def copied(array: "np.memmap[Any, Any]", parts: Iterable[NDArray[Any]]) -> "np.memmap[Any, Any]":
    """Parts ``[m, ...]`` one after another, mapped, in a file without a name beside that of another array."""
    rows, last = 0, None
    with _nameless(array) as file:
        try:
            for part in parts:
                last, rows = part, rows + len(part)
                file.write(np.ascontiguousarray(part).tobytes())
            file.flush()
        except OSError as error:
            raise UsageError(
                f"{array.filename}: some of its rows are copied beside it, and {error.strerror or error}; free the disk"
            ) from error
        assert last is not None  # there is a row
        copy = Nameless(file, last.dtype, "r", shape=(rows, *last.shape[1:]))
    copy.filename = array.filename  # whose folder takes the next copy
    return copy


def row_numbers(rows: int) -> Iterator[NDArray[np.str_]]:
    """The numbers of rows from 0 as text, some at a time, all of one width."""
    kind = np.dtype(f"<U{len(str(max(0, rows - 1)))}")
    step = max(1, BLOCK // kind.itemsize)
    return (np.arange(start, min(rows, start + step)).astype(kind) for start in range(0, rows, step))


def row_names(rows: int) -> NDArray[np.str_]:
    """The numbers of rows as ids; of many they lie in a file without a name, for text costs 84 bytes a row."""
    if rows > MANY:
        try:
            with tempfile.TemporaryFile() as file:
                kind = np.dtype(f"<U{len(str(rows - 1))}")
                file.writelines(part.tobytes() for part in row_numbers(rows))
                file.flush()
                return Nameless(file, kind, "r", shape=(rows,))
        except OSError:  # no room there
            pass
    return np.arange(rows).astype(str)


def rows_of(array: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[Any]:
    """The rows named, in that order; of a mapped array they are mapped too, since memory may not hold them.

    A range of rows stays where it is. Others are copied into a file without a name beside the first, which is gone with
    the process.
    """
    if not isinstance(array, np.memmap) or not len(rows):
        return np.asarray(array[rows])
    if rows[-1] - rows[0] + 1 == len(rows) and bool((np.diff(rows) == 1).all()):
        return array[rows[0] : rows[-1] + 1]
    step = max(1, BLOCK // max(1, array[:1].nbytes))
    return copied(array, (np.asarray(array[rows[start : start + step]]) for start in range(0, len(rows), step)))


def _nameless(array: "np.memmap[Any, Any]") -> IO[bytes]:
    if array.filename is not None:
        try:
            return tempfile.TemporaryFile(dir=Path(array.filename).parent)
        except OSError:  # the folder may be another's
            pass
    return tempfile.TemporaryFile()
