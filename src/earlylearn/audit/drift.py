"""Which classes lose labels to which, one way more often than the other, and how does that rank labels?

A model that cannot tell two classes apart mistakes each for the other, and an estimate of how labels go wrong takes
that for noise. People who give a rare class the name of a common one do not give the common one the rare one's name. So
what goes one way is evidence about labels, and what goes both ways alike may be about the model: it is left out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CLEAR = 10.0  # standard deviations above what chance makes one way
PSEUDO = 0.5  # rows in every cell, so that none is impossible


@dataclass(frozen=True)
class Drift:
    """How labels of one class become another's more often than the other way round.

    Attributes:
        tilt: ``float64 [C, C]``, how much more often class k was given label j than it would be if as many went back.
        flow: ``float64 [C, C]``, rows sum to 1: how labels go wrong, told apart by class only where it goes one way.
        score: how clearly there is a drift: the chi-square of the differences, in standard deviations from its mean.
    """

    tilt: NDArray[np.float64]
    flow: NDArray[np.float64]
    score: float

    @property
    def clear(self) -> bool:
        """Whether labels drift, beyond doubt."""
        return self.score > CLEAR


def drift_of(counts: NDArray[np.float64]) -> Drift:
    """The drift in expected numbers ``[C, C]`` of rows of class k (rows) that were given label j (columns)."""
    classes = len(counts)
    both_ways = (counts + counts.T) / 2
    pairs = np.triu_indices(classes, 1)
    differences, sums = (counts - counts.T)[pairs], (counts + counts.T)[pairs]
    chi_square = float((differences**2 / np.maximum(sums, PSEUDO)).sum())
    free = len(sums)
    back = np.minimum(counts, counts.T)
    np.fill_diagonal(back, 0)
    even = back.sum() / (2 * free) + PSEUDO
    flow = counts - back + even * (1 - np.eye(classes))
    return Drift(
        tilt=(counts + PSEUDO) / (both_ways + PSEUDO),
        flow=flow / flow.sum(axis=1, keepdims=True),
        score=(chi_square - free) / float(np.sqrt(2 * free)),
    )


def no_drift(classes: int) -> Drift:
    """Where nothing can be told: ranks by the beliefs as they are."""
    return Drift(np.ones((classes, classes)), np.full((classes, classes), 1 / classes), 0.0)
