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

    def tilt_to(self, labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """The tilt of every class to each row's given label, ``float64 [m, C]``."""
        return self.tilt[:, labels].T

    def flow_to(self, labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """The flow of every class to it, ``float64 [m, C]``."""
        return self.flow[:, labels].T

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
    # Matrices of one number each: of many classes they would be larger than the beliefs.
    shape = (classes, classes)
    return Drift(np.broadcast_to(1.0, shape), np.broadcast_to(1 / classes, shape), 0.0)
