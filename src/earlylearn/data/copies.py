"""Which rows of a test or validation set does another set have too, so that they are not unseen?"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earlylearn.data.labelled import LabelledData
from earlylearn.data.mapped import row_hashes
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
            f"{test.name}: {copied:,} of {len(test):,} test rows are rows of the training data, so the test accuracy "
            "is not one of unseen rows; keep one copy of each row"
        )
        test = replace(test, copied=copied, notes=(*test.notes, *([line] if copied else [])))
    if val is not None:
        copied, shared = _copied(train, val), 0 if test is None else _copied(test, val)
        lines = []
        if copied:
            lines.append(
                f"{val.name}: {copied:,} of {len(val):,} validation rows are rows of the training data, so the epoch "
                "that repeats its labels best is picked; keep one copy of each row"
            )
        if shared:
            lines.append(
                f"{val.name}: {shared:,} of {len(val):,} validation rows are test rows, so test labels pick the epoch; "
                "keep one copy of each row"
            )
        val = replace(val, copied=copied, notes=(*val.notes, *lines))
    return Loaded(replace(train, val=val), test)


def _copied(train: LabelledData, other: LabelledData) -> int:
    """How many rows of the other set are copies of a row of the first; 0 where they recur by chance."""
    if train.inputs.shape[1:] != other.inputs.shape[1:] or not train.inputs[:1].size:
        return 0
    known, asked = row_hashes(train.inputs), row_hashes(other.inputs)
    copies = np.isin(asked, known)
    if train.pictures is not None and other.pictures is not None:
        copies |= _same_files(train.pictures.source, other.pictures.source)
    return 0 if _by_chance(train, known, copies) else int(copies.sum())


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


def _same_files(
    train: Sequence[Path] | NDArray[np.uint8], other: Sequence[Path] | NDArray[np.uint8]
) -> NDArray[np.bool_]:
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
