"""Which settings of small heads compete where nobody has tuned?"""

from typing import NamedTuple


class Setting(NamedTuple):
    """One way of training a head.

    Attributes:
        hidden: with hidden layers, or linear.
        lam: regularization coefficient lambda; 0 is cross-entropy.
        aligned: the targets' class shares are held to those of the given labels, see `earlylearn.methods.auto`.
    """

    hidden: bool
    lam: float
    aligned: bool

    def __str__(self) -> str:
        loss = f"ELR lambda {self.lam:g}" if self.lam else "cross-entropy"
        return f"{'hidden' if self.hidden else 'linear'} head, {loss}{' aligned' if self.aligned else ''}"


# Out of lambda 0, 1, 3, 5, 10, 20, each with no, half or whole alignment: these alone lose nothing (docs/LOG.md).
LOSSES = ((0.0, False), (1.0, False), (3.0, False), (3.0, True), (10.0, True))
GRID = tuple(Setting(hidden, lam, aligned) for hidden in (False, True) for lam, aligned in LOSSES)
