"""Which of several models agree best with the given labels, which do not differ, and how much does each then count?"""

from typing import NamedTuple

import torch
from torch import Tensor

CLEARLY = 2.5  # standard errors by which a setting has to be behind to be given up early
SHARPNESS = 0.5  # standard errors behind the best at which a setting counts exp(-1/2) of it


class Standing(NamedTuple):
    """How models compare.

    Attributes:
        agreement: ``float64 [S]``, in [0, 1].
        behind: ``float64 [S]``, by how many standard errors of the paired difference each is behind the best; 0 of the
            best itself.
    """

    agreement: Tensor
    behind: Tensor

    @property
    def best(self) -> int:
        """The position of the best; of equals, the first."""
        return int(self.agreement.argmax())


def row_weights(labels: Tensor, classes: int) -> Tensor:
    """How much each row counts, ``float64 [m]`` of sum 1: half of it the same for all rows, half for all classes.

    Agreement over rows alone is best served by a model that answers the commonest class; over classes alone, by one
    that overdoes the rarest. The mean of both ranks models most as their accuracy on clean labels does (docs/LOG.md).
    """
    counts = torch.bincount(labels, minlength=classes).double()
    return 0.5 / len(labels) + 0.5 / (counts[labels] * (counts > 0).sum())


def compare(right: Tensor, weights: Tensor) -> Standing:
    """Compare models by the rows on which they agree with the given labels.

    The paired difference of two models over rows that weigh u is ``sum u (a - b)``, its standard error
    ``sqrt(sum u^2 (a - b)^2)``; with equal weights their ratio is McNemar's.

    Args:
        right: ``[m, S]``, 1 where model s agrees with the label of a row, 0 where not, or in between.
        weights: ``float64 [m]`` of sum 1, see `row_weights`.
    """
    right = right.double()
    agreement = weights @ right
    lead = right[:, agreement.argmax(), None] - right
    error = (weights.square() @ lead.square()).sqrt()
    behind = (weights @ lead) / error.where(error > 0, 1)
    return Standing(agreement, behind)


def shares(standing: Standing) -> Tensor:
    """How much each model counts in their mean, ``float64 [S]`` of sum 1: the less, the further it is behind."""
    counts = torch.exp(-0.5 * (standing.behind / SHARPNESS).square())
    return counts / counts.sum()


def not_beaten(standing: Standing, most: int) -> list[int]:
    """The positions of models that are not clearly beaten, at most so many of the best, in their order."""
    ranked = standing.agreement.argsort(descending=True, stable=True)
    return sorted(int(s) for s in ranked[:most] if standing.behind[s] <= CLEARLY)
