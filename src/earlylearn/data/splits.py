"""Which rows are held out to pick the epoch?"""

import numpy as np
from numpy.typing import NDArray

from earlylearn.errors import UsageError, setting


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
    return np.setdiff1d(np.arange(len(labels)), validation), validation
