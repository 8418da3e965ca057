"""Can some hyperplane through the origin give every example its given label, and what proves the answer?"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

from earlylearn.errors import EarlylearnError
from earlylearn_paper.theory.linear_model import Floats

TOLERANCE = 1e-6


@dataclass(frozen=True)
class Separation:
    """An answer and its proof, which has been checked against the data.

    Attributes:
        separable: whether some theta has label_i theta'x_i > 0 for all i.
        certificate: if so such a theta, ``[p]``, scaled to label_i theta'x_i >= 1. If not, weights ``[n]``, >= 0 and of
            sum 1, with sum_i weight_i label_i x_i = 0: no theta can have a positive product with every term.
        violation: by how much the certificate fails, at most 1e-6: 1 - min_i label_i theta'x_i, or the largest
            entry of the weighted sum, in absolute value.
    """

    separable: bool
    certificate: Floats
    violation: float


def separate(signed: Floats) -> Separation:
    """Decide by linear programming whether the examples ``signed [n, p]``, label_i x_i, lie in one open half space.

    Exactly one of the two certificates exists (Gordan). The hyperplane has no intercept, as in the model; the
    supplement's "linearly separable" may have one, which only helps, and its count of separable subsets is that of
    hyperplanes through the origin.

    Raises:
        EarlylearnError: the solver gave up, or its certificate does not pass the check.
    """
    n, p = signed.shape
    signed = signed.astype(np.float64)
    plane = linprog(np.zeros(p), A_ub=-signed, b_ub=-np.ones(n), bounds=(None, None), method="highs")
    if plane.status == 0:
        return _checked(True, plane.x, float(1 - (signed @ plane.x).min()))
    sums = np.vstack([signed.T, np.ones(n)])
    weights = linprog(np.zeros(n), A_eq=sums, b_eq=np.eye(p + 1)[p], bounds=(0, None), method="highs")
    if weights.status != 0:
        raise EarlylearnError(
            f"separability of {n} points in {p} dimensions could not be decided: {plane.message} {weights.message}"
        )
    found = np.maximum(weights.x, 0)
    found /= found.sum()
    return _checked(False, found, float(np.abs(found @ signed).max()))


def _checked(separable: bool, certificate: Floats, violation: float) -> Separation:
    if violation > TOLERANCE:
        raise EarlylearnError(f"the certificate of separability fails its check by {violation:.1e}")
    return Separation(separable, certificate, max(violation, 0.0))
