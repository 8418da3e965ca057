"""Which rows are held out to pick the epoch, and which as a test set?"""

import numpy as np
from numpy.typing import NDArray

from earlylearn.data.labelled import LabelledData
from earlylearn.errors import UsageError, setting

HELD_OUT_SEED = 0  # of the rows that test_fraction holds out; the same whatever the user's seed


def stratified_split(
    labels: NDArray[np.int64], fraction: float, generator: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Hold out the same share of every given label, as the paper does (exactly 10 % per class there).

    Unlike scikit-learn's stratified splits it takes classes of a single example: those stay in the training part.

    Args:
        labels: ``int64 [n]`` given labels.
        fraction: share held out, 0 <= fraction < 1; 0 holds out nothing.
        generator: where the draw comes from.

    Returns:
        Training rows and held-out rows, ``int64``, each ascending.

    Raises:
        UsageError: the fraction is out of range, or holds out nothing although it is above 0.
    """
    if not 0 <= fraction < 1:
        raise UsageError(f"{setting('val_fraction', fraction)}: must satisfy 0 <= fraction < 1; 0.1 is usual")
    held_out = [
        rows[: min(round(fraction * len(rows)), len(rows) - 1)]
        for rows in (generator.permutation(np.flatnonzero(labels == c)) for c in np.unique(labels))
    ]
    validation = np.sort(np.concatenate(held_out))
    if fraction and not len(validation):
        raise UsageError(
            f"{setting('val_fraction', fraction)}: holds out none of {len(labels)} examples; "
            "raise it, or 0 to train without picking an epoch"
        )
    return others(len(labels), validation), validation


def others(n: int, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows of n that are not among these, ascending, ``int64``."""
    left = np.ones(n, dtype=bool)
    left[rows] = False
    return np.flatnonzero(left)


def hold_out(data: LabelledData, fraction: float) -> tuple[LabelledData, LabelledData]:
    """Training and test part, every class in the same share, rows in their order; always the same ones.

    Raises:
        UsageError: a class has one row alone, or one part would have too few.
    """
    from sklearn.model_selection import train_test_split  # takes half a second, which most commands need not wait

    counts = np.bincount(data.labels, minlength=len(data.classes))
    if counts[counts > 0].min() < 2:
        lone = data.classes[int(np.flatnonzero(counts == 1)[0])]
        raise UsageError(
            f"{setting('test_fraction', fraction)}: the class {lone!r} has one row, which cannot be in both parts; "
            f"add rows, remove the class, or give {setting('test', 'DATA')}"
        )
    try:
        train, test = train_test_split(
            np.arange(len(data)), test_size=fraction, stratify=data.labels, random_state=HELD_OUT_SEED
        )
    except ValueError as error:
        raise UsageError(
            f"{setting('test_fraction', fraction)}: of {len(data)} rows too few are left in one part for "
            f"{np.count_nonzero(counts)} classes; give another share or {setting('test')}"
        ) from error
    return data.subset(np.sort(train)), data.subset(np.sort(test))


def stratified_folds(labels: NDArray[np.int64], folds: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """A fold number 0..folds-1 for every row, ``int64 [n]``; every class, and all rows, are spread evenly over them."""
    number = np.empty(len(labels), dtype=np.int64)
    dealt = 0
    for label in np.unique(labels):
        rows = generator.permutation(np.flatnonzero(labels == label))
        number[rows] = (dealt + np.arange(len(rows))) % folds
        dealt += len(rows)
    return number
