"""Which wrong label does an example get when the noise depends on what it looks like?"""

import numpy as np
from numpy.typing import NDArray

from earlylearn.errors import UsageError

_ROWS_AT_ONCE = 4096  # bounds the float64 copy of the inputs: 100 MB for 32 x 32 colour images


def flip_rates(n: int, rate: float, rng: np.random.Generator, *, spread: float = 0.1) -> NDArray[np.float64]:
    """Draw each example's own probability of a wrong label: a normal N(rate, spread^2) kept to [0, 1].

    Draws outside [0, 1] are drawn again, which is the truncated normal by definition. Near the ends the mean
    moves inwards: rate 0.1 makes 12.9 % wrong labels, rate 0.2 makes 20.6 %; at 0.3 and above (up to 0.7) it
    is within 0.05 points. Rate 0 is taken to mean no noise at all.
    """
    if rate == 0:
        return np.zeros(n)
    rates = rng.normal(rate, spread, size=n)
    while len(outside := np.flatnonzero((rates < 0) | (rates > 1))):
        rates[outside] = rng.normal(rate, spread, size=len(outside))
    return rates


def instance_dependent(
    inputs: NDArray[np.uint8] | NDArray[np.float32],
    true: NDArray[np.int64],
    classes: int,
    rate: float,
    rng: np.random.Generator,
    *,
    spread: float = 0.1,
) -> NDArray[np.int64]:
    """Draw labels by Algorithm 2 of Xia et al. 2020, "Part-dependent label noise" (PMD noise).

    Example i of class y gets its own flip rate q_i (see `flip_rates`), and its own distribution of wrong
    labels: the softmax of ``x_i W_y`` without the entry y, times q_i, where ``W_y ~ N(0, 1)`` is one random
    ``[d, C]`` projection per class; the label y keeps 1 - q_i. Hence similar inputs of a class get the same
    wrong label.

    As in the authors' code, images enter as raw numbers 0 .. 255, so that the softmax nearly always puts all
    its mass on one class. Differs from the released code: feature tables (which it does not treat) are
    standardised column by column, or the column with the largest unit would decide alone.

    Args:
        inputs: ``uint8 [n, channels, height, width]`` or ``float32 [n, d]``.
        true: ``int64 [n]`` true labels in ``0 .. classes - 1``.
        classes: C, at least 2.
        rate: mean of the flip rates before truncation, in [0, 1].
        rng: the only source of randomness.
        spread: standard deviation of the flip rates, above 0; 0.1 in the paper.

    Returns:
        ``int64 [n]`` given labels.

    Raises:
        UsageError: ``spread`` is not positive.
    """
    if spread <= 0:
        raise UsageError(f"instance noise: spread is {spread:g}; give a number above 0, e.g. 0.1")
    rates = flip_rates(len(true), rate, rng, spread=spread)
    drawn = rng.random(len(true))
    flat = inputs.reshape(len(inputs), -1)
    shift, scale = np.zeros(flat.shape[1]), np.ones(flat.shape[1])
    if inputs.ndim == 2:
        shift = flat.mean(axis=0, dtype=np.float64)
        scale = flat.std(axis=0, dtype=np.float64)
        scale[scale == 0] = 1.0  # a constant column then adds nothing

    given = true.copy()
    for label in range(classes):
        # Drawn for absent classes too: the noise of one class must not hang on another one's presence.
        projection = rng.standard_normal((flat.shape[1], classes))
        rows_of_label = np.flatnonzero(true == label)
        for start in range(0, len(rows_of_label), _ROWS_AT_ONCE):
            rows = rows_of_label[start : start + _ROWS_AT_ONCE]
            logits = ((flat[rows] - shift) / scale) @ projection
            logits[:, label] = -np.inf
            weights = np.exp(logits - logits.max(axis=1, keepdims=True))
            chances = rates[rows, None] * weights / weights.sum(axis=1, keepdims=True)
            chances[:, label] = 1 - rates[rows]
            cumulative = np.cumsum(chances, axis=1)
            # Dividing by the last entry makes it exactly 1, which no draw reaches: the index stays below C.
            given[rows] = (cumulative / cumulative[:, -1:] <= drawn[rows, None]).sum(axis=1)
    return given
