"""Which wrong label does an example get when the noise depends on its true class alone?

Every function here takes the true labels and a seeded generator, and returns new labels; none changes its
arguments. Counts are exact wherever the literature leaves the choice, so that the requested rate is the one
that is made.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from earlylearn.errors import UsageError, setting

Labels = NDArray[np.int64]

CIFAR10_FLIPS = {
    "truck": "automobile",
    "bird": "airplane",
    "cat": "dog",
    "dog": "cat",
    "deer": "horse",
}
CIFAR10_CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)


def count_of(rate: float, n: int) -> int:
    """The number ``ceil(rate * n)`` of examples that noise of this rate touches.

    Rounded to six places first: 0.07 * 100 is 7.000000000000001 in floating point and means 7, not 8.
    """
    return math.ceil(round(rate * n, 6))


def symmetric(true: Labels, classes: int, rate: float, rng: np.random.Generator) -> Labels:
    """Give exactly ``ceil(rate * n)`` examples a label uniform over all classes, the true one included.

    Equation (1) of Liu et al. 2020 (ELR), up to the count, which is fixed here and in the released ELR and
    DivideMix code, and binomial in the equation. The share of wrong labels is ``rate * (1 - 1 / C)`` on
    average: "40 %" makes 36 % wrong labels for ten classes.
    """
    given = true.copy()
    touched = rng.permutation(len(true))[: count_of(rate, len(true))]
    given[touched] = rng.integers(classes, size=len(touched))
    return given


def symmetric_excluding(true: Labels, classes: int, rate: float, rng: np.random.Generator) -> Labels:
    """Give exactly ``ceil(rate * n)`` examples a label uniform over the C - 1 wrong ones.

    The symmetric noise of Co-teaching (Han et al. 2018). Differs from the released code: the count is exact,
    there every label is drawn from the transition matrix on its own.
    """
    given = true.copy()
    touched = rng.permutation(len(true))[: count_of(rate, len(true))]
    # A step of 1 .. C-1 around the circle of classes never comes back to the true one.
    given[touched] = (true[touched] + rng.integers(1, classes, size=len(touched))) % classes
    return given


def pair(true: Labels, classes: int, rate: float, rng: np.random.Generator) -> Labels:
    """Give exactly ``ceil(rate * n)`` examples the next class, the last class the first one.

    The pair flipping of Co-teaching (Han et al. 2018). Differs from the released code: the count is exact,
    there every label is drawn from the transition matrix on its own.
    """
    given = true.copy()
    touched = rng.permutation(len(true))[: count_of(rate, len(true))]
    given[touched] = (true[touched] + 1) % classes
    return given


def per_class_flip(true: Labels, becomes: Sequence[int], rate: float, rng: np.random.Generator) -> Labels:
    """Give exactly ``ceil(rate * n_c)`` examples of each true class c the label ``becomes[c]``.

    The scheme of Patrini et al. 2017, which the paper names for asymmetric noise; ``becomes[c] == c`` leaves
    a class alone.
    """
    given = true.copy()
    for source, target in enumerate(becomes):
        if source != target:
            rows = rng.permutation(np.flatnonzero(true == source))
            given[rows[: count_of(rate, len(rows))]] = target
    return given


def per_class_flip_sequential(true: Labels, becomes: Sequence[int], rate: float, rng: np.random.Generator) -> Labels:
    """Flip as `per_class_flip`, but look classes up, one after the other, in the already modified labels.

    What the released ELR and ELR+ code does. In CIFAR-10 cats are flipped before dogs, so 40 % of the cats
    that became dogs are flipped back: at rate 0.4 only 24 % of the cats and 18.4 % of all labels are wrong
    on average, where the scheme that the paper cites makes 40 % and 20 %.
    """
    given = true.copy()
    for source, target in enumerate(becomes):
        if source != target:
            rows = rng.permutation(np.flatnonzero(given == source))
            given[rows[: count_of(rate, len(rows))]] = target
    return given


def cifar10_flips(classes: Sequence[str], kind: str) -> list[int]:
    """What each CIFAR-10 class becomes: truck -> automobile, bird -> airplane, cat <-> dog, deer -> horse.

    Raises:
        UsageError: the classes are not CIFAR-10's.
    """
    if sorted(classes) != sorted(CIFAR10_CLASSES):
        shown = ", ".join(classes[:3]) + (", ..." if len(classes) > 3 else "")
        raise UsageError(
            f"{setting('noise', kind)}: made for the ten CIFAR-10 classes ({', '.join(CIFAR10_CLASSES)}), the data has "
            f"{len(classes)} ({shown}); use pair:RATE or matrix:FILE"
        )
    return [classes.index(CIFAR10_FLIPS.get(name, name)) for name in classes]


def next_in_group(groups: Sequence[int]) -> list[int]:
    """For each class the next one, circularly, among the classes of the same group."""
    becomes = []
    for own, group in enumerate(groups):
        members = [other for other, its_group in enumerate(groups) if its_group == group]
        becomes.append(members[(members.index(own) + 1) % len(members)])
    return becomes


def flip_matrix(becomes: Sequence[int], rate: float) -> NDArray[np.float64]:
    """The C x C transition matrix that keeps class c with 1 - rate, and turns it into ``becomes[c]``."""
    matrix = np.eye(len(becomes)) * (1 - rate)
    matrix[np.arange(len(becomes)), list(becomes)] += rate
    return matrix


def from_matrix(true: Labels, matrix: NDArray[np.float64], rng: np.random.Generator) -> Labels:
    """Draw each given label on its own from the row of its true class.

    Args:
        true: ``int64 [n]`` true labels.
        matrix: ``[C, C]``, ``matrix[i, j]`` the probability that true class i is labelled j; rows sum to 1.
        rng: one uniform number per example is drawn.
    """
    drawn = rng.random(len(true))
    given = true.copy()
    for source in np.unique(true):
        rows = np.flatnonzero(true == source)
        cumulative = np.cumsum(matrix[source])
        # Dividing by the last entry makes it exactly 1, which no draw reaches: the index stays below C.
        given[rows] = np.searchsorted(cumulative / cumulative[-1], drawn[rows], side="right")
    return given
