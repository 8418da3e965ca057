"""What is the linear model of supplement A.1: its data, its loss, and gradient descent from a sphere?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earlylearn.errors import EarlylearnError, UsageError
from earlylearn.runs.generators import seed_for

Floats = NDArray[np.floating]
Mask = NDArray[np.bool_]

RADIUS = 2.0  # norm of theta_0
EARLY = 0.1  # T is the first iteration at which theta'v reaches this


def seed_list(seeds: int | Sequence[int]) -> list[int]:
    """The seeds 0 .. seeds - 1, or the given ones; UsageError if there is none."""
    listed = list(range(seeds)) if isinstance(seeds, int) else list(seeds)
    if not listed:
        raise UsageError(f"seeds is {seeds}; at least one is needed")
    return listed


@dataclass(frozen=True)
class Mixture:
    """Draws of two Gaussian clusters with some labels wrong, one per seed (supplement A.1).

    The cluster means are +v and -v with v = e_1, the first coordinate: the noise is isotropic, so any other unit
    vector gives the same distributions.

    Attributes:
        aligned: ``[S, n, p]``, a_i = v - sigma z_i: the inputs are x_i = true_i a_i. Whatever the model says of an
            example is said best of a_i: theta predicts the true class if theta'a_i > 0.
        true: ``float [S, n]``, the cluster of each example, +1 or -1 with probability 1/2.
        wrong: ``bool [S, n]``, where the given label is the opposite of the true one.
        sigma: standard deviation of the noise in every coordinate.
    """

    aligned: Floats
    true: Floats
    wrong: Mask
    sigma: float

    @property
    def x(self) -> Floats:
        """The inputs, ``[S, n, p]``."""
        return self.aligned * self.true[..., None]

    @property
    def agrees(self) -> Floats:
        """+1 where the given label is right and -1 where it is wrong, ``[S, n]``: the given label is true * agrees."""
        return np.where(self.wrong, -1.0, 1.0).astype(self.aligned.dtype)


def draw_mixture(
    n: int,
    p: int,
    *,
    sigma: float,
    delta: float | None = None,
    flipped: float | None = None,
    seeds: int | Sequence[int] = 10,
    dtype: type[np.floating] = np.float64,
) -> Mixture:
    """Data of the model for every seed; a seed's data do not depend on the other seeds.

    Args:
        n: number of examples.
        p: number of dimensions.
        sigma: standard deviation of the noise, >= 0.
        delta: noise level Delta in [0, 1]: each label is replaced with this probability by a fair coin, so that it
            is wrong with probability Delta / 2.
        flipped: instead of delta, this share of the labels is wrong, exactly (rounded to whole examples).
        seeds: how many (0, 1, ...) or which ones.
        dtype: float64, or float32 where memory counts.

    Raises:
        UsageError: a size or share is out of range, or not exactly one of delta and flipped is given.
    """
    if (delta is None) == (flipped is None):
        raise UsageError("give one of delta (noise level of the model) and flipped (exact share of wrong labels)")
    share = delta if flipped is None else flipped
    if n < 1 or p < 1 or not sigma >= 0 or share is None or not 0 <= share <= 1:
        raise UsageError(
            f"n={n}, p={p}, sigma={sigma}, delta={delta}, flipped={flipped}: needs n, p >= 1, sigma >= 0 "
            "and a share between 0 and 1"
        )
    listed = seed_list(seeds)
    aligned = np.empty((len(listed), n, p), dtype)
    true = np.empty((len(listed), n), dtype)
    wrong = np.zeros((len(listed), n), bool)
    for s, seed in enumerate(listed):
        random = np.random.default_rng((seed_for(seed, "theory"), n, p))
        true[s] = random.choice((-1.0, 1.0), n)
        if flipped is None:
            wrong[s] = random.random(n) < share / 2
        else:
            wrong[s, random.permutation(n)[: round(share * n)]] = True
        random.standard_normal(out=aligned[s], dtype=dtype)
        aligned[s] *= -sigma
        aligned[s, :, 0] += 1
    return Mixture(aligned, true, wrong, sigma)


def draw_start(
    p: int,
    *,
    radius: float = RADIUS,
    orthogonal: bool = False,
    seeds: int | Sequence[int] = 10,
    dtype: type[np.floating] = np.float64,
) -> Floats:
    """theta_0, uniform on a sphere, for every seed, ``[S, p]``.

    Args:
        p: number of dimensions.
        radius: the sphere's; 2 in the supplement.
        orthogonal: uniform on that sphere's points with theta'v = 0: what a random start comes to as p grows.
        seeds: how many (0, 1, ...) or which ones.
        dtype: float64 or float32.
    """
    listed = seed_list(seeds)
    start = np.empty((len(listed), p), dtype)
    for s, seed in enumerate(listed):
        start[s] = np.random.default_rng((seed_for(seed, "theory start"), p)).standard_normal(p, dtype)
    if orthogonal:
        start[:, 0] = 0
    return np.asarray(start * (radius / np.linalg.norm(start, axis=1, keepdims=True)))


def loss(data: Mixture, theta: Floats) -> Floats:
    """L(theta) = mean_i log(1 + exp(-label_i theta'x_i)), ``[S]``, of one theta per seed, ``[S, p]``."""
    return np.asarray(np.logaddexp(0, -data.agrees * predictions(data, theta)).mean(1))


def predictions(data: Mixture, theta: Floats) -> Floats:
    """theta'a_i, ``[S, n]``: positive where the true class is predicted."""
    return (data.aligned @ theta[..., None])[..., 0]


def coefficients(data: Mixture, theta: Floats, *, k: float = 0.5) -> Floats:
    """true_i kappa_i = tanh(k theta'a_i) - agrees_i, ``[S, n]``, where kappa_i = tanh(k theta'x_i) - label_i."""
    return np.asarray(np.tanh(k * predictions(data, theta)) - data.agrees)


def gradient(data: Mixture, theta: Floats, *, k: float = 0.5) -> Floats:
    """The gradient ``[S, p]`` of the loss, (1 / 2n) sum_i x_i kappa_i (equation 10).

    Args:
        data: n examples per seed.
        theta: ``[S, p]``.
        k: 1/2 for the loss as stated; the supplement prints 1: right, but for a factor 2, if theta meant
            half of the difference of Theta's rows.
    """
    return np.asarray(pull_back(data, coefficients(data, theta, k=k)) / (2 * data.aligned.shape[1]))


def pull_back(data: Mixture, weights: Floats) -> Floats:
    """sum_i a_i weights_i, ``[S, p]``."""
    return (weights[:, None, :] @ data.aligned)[:, 0]


def accuracy(data: Mixture, theta: Floats, where: Mask | None = None) -> Floats:
    """Share ``[S]`` of the examples ``where [S, n]`` whose true class is predicted; of the wrong labels by default."""
    return mean_over(predictions(data, theta) > 0, data.wrong if where is None else where)


def mean_over(values: Floats | Mask, where: Mask) -> Floats:
    """Mean over the last axis of the entries ``where``; NaN if there is none."""
    count = where.sum(-1)
    return np.asarray(np.where(where, values, 0.0).sum(-1) / np.where(count, count, np.nan))


@dataclass(frozen=True)
class FirstPhase:
    """Gradient descent from iteration 0 to T, the first t >= 1 with theta_t'v >= 1/10; ``[S]`` or ``[S, p]``.

    Attributes:
        steps: T.
        start: theta_0.
        end: theta_T.
        correlation: the smallest -grad'v / |grad| over t < T.
        distance: the largest |theta_t - theta_0| over t < T.
        largest_gradient: the largest |grad| over t < T.
    """

    steps: NDArray[np.int64]
    start: Floats
    end: Floats
    correlation: Floats
    distance: Floats
    largest_gradient: Floats


def first_phase(data: Mixture, start: Floats, *, lr: float, k: float = 0.5, limit: int = 100_000) -> FirstPhase:
    """Descend from ``start [S, p]`` with step ``lr`` until every seed has reached its T.

    Raises:
        EarlylearnError: a seed has not reached it after ``limit`` steps.
    """
    theta = start.copy()
    end = start.copy()
    steps = np.zeros(len(start), dtype=np.int64)
    correlation = np.full(len(start), np.inf)
    distance, largest = np.zeros(len(start)), np.zeros(len(start))
    for step in range(1, limit + 1):
        going = steps == 0
        slope = gradient(data, theta, k=k)
        norm = np.linalg.norm(slope, axis=1)
        correlation[going] = np.minimum(correlation, -slope[:, 0] / norm)[going]
        distance[going] = np.maximum(distance, np.linalg.norm(theta - start, axis=1))[going]
        largest[going] = np.maximum(largest, norm)[going]
        theta -= lr * slope
        arrived = going & (theta[:, 0] >= EARLY)
        steps[arrived] = step
        end[arrived] = theta[arrived]
        if (steps > 0).all():
            return FirstPhase(steps, start, end, correlation, distance, largest)
    raise EarlylearnError(f"theta'v has not reached {EARLY} after {limit} steps of size {lr}; take a larger step")


@dataclass(frozen=True)
class Memorization:
    """Gradient descent until every given label is fitted; arrays are ``[S]``.

    Attributes:
        steps: the first iteration at which every given label is predicted; -1 if there was none.
        peak: the largest accuracy on wrong labels on the way.
        last: accuracy on wrong labels at the end.
    """

    steps: NDArray[np.int64]
    peak: Floats
    last: Floats


def memorize(data: Mixture, start: Floats, *, lr: float, k: float = 0.5, limit: int = 20_000) -> Memorization:
    """Descend from ``start [S, p]`` until each seed fits every given label, or for ``limit`` steps.

    The descent runs on the predictions u = A theta alone: u <- u - (lr / 2n) A A' kappa.
    """
    n = data.aligned.shape[1]
    step = data.aligned @ data.aligned.transpose(0, 2, 1) * (-lr / (2 * n))
    u, agrees = predictions(data, start)[:, None], data.agrees[:, None]
    steps = np.full(len(start), -1)
    peak = mean_over(u[:, 0] > 0, data.wrong)
    for iteration in range(1, limit + 1):
        u = u + (np.tanh(k * u) - agrees) @ step
        peak = np.maximum(peak, mean_over(u[:, 0] > 0, data.wrong))
        fitted = (u * agrees > 0).all((1, 2))
        steps[fitted & (steps < 0)] = iteration
        if (steps >= 0).all():
            break
    return Memorization(steps, peak, mean_over(u[:, 0] > 0, data.wrong))
