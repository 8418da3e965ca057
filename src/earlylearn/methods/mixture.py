"""Which examples belong to the low one of the two groups that losses fall into (a mixture of two Gaussians)?"""

import warnings

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits


def rescaled(losses: NDArray[np.floating]) -> NDArray[np.float64]:
    """Losses ``[m]`` moved and scaled to 0 .. 1.

    One that is not finite counts as the largest, 1. If the finite ones are all equal, there is nothing to
    scale: they become 0.
    """
    values = np.asarray(losses, dtype=np.float64)
    finite = np.isfinite(values)
    scaled = np.ones(len(values))
    if finite.any():
        low, high = values[finite].min(), values[finite].max()
        scaled[finite] = (values[finite] - low) / (high - low) if high > low else 0.0
    return scaled


def clean_probability(losses: NDArray[np.floating], *, seed: int) -> NDArray[np.float64] | None:
    """Posterior probability ``[m]`` of the component with the smaller mean, after Arazo et al. 2019.

    Two Gaussians, fitted by expectation maximisation from a k-means start: at most 10 iterations, tolerance
    1e-2, 5e-4 added to the variances, which are DivideMix's settings (Li et al. 2020).

    Args:
        losses: ``[m]`` finite numbers on a scale of 0 .. 1, see `rescaled`.
        seed: of the k-means start.

    Returns:
        None where there are no two groups: fewer than two different losses, or a fit that is not finite.
        What to do then is the caller's to say.
    """
    if len(losses) < 2 or losses.min() == losses.max():
        return None
    from sklearn.exceptions import ConvergenceWarning  # here, because loading it takes as long as torch's rest
    from sklearn.mixture import GaussianMixture

    column = np.asarray(losses, dtype=np.float64).reshape(-1, 1)
    mixture = GaussianMixture(n_components=2, max_iter=10, tol=1e-2, reg_covar=5e-4, random_state=seed)
    # One thread: k-means adds up its threads' shares in the order they finish, which no seed repeats.
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # ten iterations are the published number
        try:
            posterior = mixture.fit(column).predict_proba(column)
        except ValueError:  # a component that lost all its examples
            return None
    return posterior[:, mixture.means_.argmin()] if np.isfinite(posterior).all() else None
