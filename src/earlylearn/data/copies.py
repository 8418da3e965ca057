"""Which rows of a test or validation set does another set have too, so that they are not unseen?"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earlylearn.data.labelled import LabelledData
from earlylearn.data.mapped import blocks
from earlylearn.data.sources import Loaded

LOOKED_AT = 20_000  # rows, evenly spread, of which distinct values are counted
VARIED = 0.5  # share of distinct rows from which on a column's values are measured ones, which do not recur by chance


def tell_copies(loaded: Loaded) -> Loaded:
    """The same data; their test and validation sets know how many of their rows are rows of another set, and tell it.

    A row is a copy if its inputs are, after reading, whatever file, order or format it came from; a picture also if
    its file is, byte for byte. Labels may differ. Rows of few values, such as answers to three questions, recur by
    chance: where they do so no more often than training rows among themselves, they are no copies.
    """
    train, test = loaded
    val = train.val
    if test is not None:
        copied = _copied(train, test)
        line = (
            f"{test.name}: {copied:,} of {len(test):,} test rows are rows of the training data, so a test accuracy is "
            "none of unseen rows; keep each row in one of the two"
        )
        test = replace(test, copied=copied, notes=(*test.notes, *([line] if copied else [])))
    if val is not None:
        copied, shared = _copied(train, val), 0 if test is None else _copied(test, val)
        lines = []
        if copied:
            lines.append(
                f"{val.name}: {copied:,} of {len(val):,} validation rows are rows of the training data, so the epoch "
                "that repeats its labels best is picked; keep each row in one of the two"
            )
        if shared:
            lines.append(
                f"{val.name}: {shared:,} of {len(val):,} validation rows are test rows, so test labels pick the epoch; "
                "keep each row in one of the two"
            )
        val = replace(val, copied=copied, notes=(*val.notes, *lines))
    return Loaded(replace(train, val=val), test)


def _copied(train: LabelledData, other: LabelledData) -> int:
    """How many rows of the other set are copies of a row of the first; 0 where they recur by chance."""
    if train.inputs.shape[1:] != other.inputs.shape[1:] or not train.inputs[:1].size:
        return 0
    known, asked = _hashes(train.inputs), _hashes(other.inputs)
    copies = np.isin(asked, known)
    if train.pictures is not None and other.pictures is not None:
        copies |= _same_files(train.pictures.source, other.pictures.source)
    return 0 if _by_chance(train, known, copies) else int(copies.sum())


def _hashes(inputs: NDArray[np.generic]) -> NDArray[np.int64]:
    """A number per row, ``int64 [n]``: equal for equal rows. Some rows are in memory at a time."""
    found = [np.zeros(0, np.int64)]
    for part in blocks(inputs):
        flat = np.ascontiguousarray(part).reshape(len(part), -1)
        if flat.dtype.kind == "f":
            flat = flat + np.zeros(1, flat.dtype)  # -0 is 0
        found.append(np.fromiter((hash(row.tobytes()) for row in flat), np.int64, len(flat)))
    return np.concatenate(found)


def _by_chance(train: LabelledData, hashes: NDArray[np.int64], copies: NDArray[np.bool_]) -> bool:
    """Whether training rows recur among themselves as often, and no column is too varied for that."""
    share = float(copies.mean())
    if not share or train.is_image or "encoder" in train.schema:
        return False
    _, first, counts = np.unique(hashes, return_index=True, return_counts=True)
    usual = float(counts[counts > 1].sum() / len(hashes))
    if share > usual + (3 * np.sqrt(usual * (1 - usual) * len(copies)) + 1) / len(copies):
        return False
    distinct = train.inputs[np.sort(first)[:: -(-len(first) // LOOKED_AT)]]
    return max(len(np.unique(column)) for column in distinct.T) < VARIED * len(distinct)


def _same_files(train: Sequence[Path] | NDArray[np.uint8], other: Sequence[Path] | NDArray[np.uint8]) -> Any:
    """Of each file of the others whether its bytes are those of one of the first, ``bool [m]``; False of pixels."""
    copies = np.zeros(len(other), np.bool_)
    if isinstance(train, np.ndarray) or isinstance(other, np.ndarray):
        return copies
    sizes = [file.stat().st_size for file in other]
    known: dict[int, set[int]] = {size: set() for size in sizes}  # files of no other size are read
    for file in train:
        if (size := file.stat().st_size) in known:
            known[size].add(hash(file.read_bytes()))
    for row, (file, size) in enumerate(zip(other, sizes, strict=True)):
        copies[row] = bool(known[size]) and hash(file.read_bytes()) in known[size]
    return copies
