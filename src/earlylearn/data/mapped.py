"""How are some rows taken of an array that is mapped from the disk, and looked at some at a time?"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 2**24  # bytes looked at or copied at a time


def blocks(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """An array ``[n, ...]`` some rows at a time."""
    step = max(1, BLOCK // max(1, array.nbytes // max(1, len(array))))
    return (array[start : start + step] for start in range(0, len(array), step))


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
    with _nameless(array) as file:
        for start in range(0, len(rows), step):
            file.write(np.ascontiguousarray(array[rows[start : start + step]]).tobytes())
        file.flush()
        copy = np.memmap(file, array.dtype, "r", shape=(len(rows), *array.shape[1:]))
    copy.filename = array.filename  # whose folder takes the next copy
    return copy


def _nameless(array: "np.memmap[Any, Any]") -> IO[bytes]:
    if array.filename is not None:
        try:
            return tempfile.TemporaryFile(dir=Path(array.filename).parent)
        except OSError:  # the folder may be another's
            pass
    return tempfile.TemporaryFile()
