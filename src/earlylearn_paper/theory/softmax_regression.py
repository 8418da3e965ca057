"""How does a two-class softmax regression learn and memorise under cross-entropy, ELR and KL regularization?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from earlylearn.errors import UsageError
from earlylearn.losses.targets import CLAMP, check_beta
from earlylearn_paper.theory.linear_model import Floats, Mask, Mixture, draw_mixture, draw_start, mean_over

LOSSES = ("ce", "elr", "kl")


@dataclass(frozen=True)
class Curves:
    """What training did, at the recorded iterations; arrays are ``float64 [S, R]``, a row per seed.

    ``p`` and ``t`` below are the model's probability and the target at the true class, ``y`` is 1 there where the
    given label is right, else 0. Iteration k is the state after k steps of gradient descent; t is the target that
    step k + 1 uses, which has taken in p already. A mean over no examples is NaN.

    Attributes:
        iteration: ``int64 [R]``.
        clean_correct: share of the examples with a clean label that are predicted correctly.
        wrong_correct: share of the examples with a wrong label predicted as their true class.
        clean_error, clean_error_sd: mean and standard deviation of p - y over the clean labels.
        wrong_error, wrong_error_sd: the same over the wrong labels.
        clean_size, clean_size_sd, wrong_size, wrong_size_sd: the same of the absolute value of p - y.
        clean_pull, wrong_pull: mean of the regularizer's part of the gradient at the true class: lambda g for ELR
            (Lemma 2; 0 where the clamp is active), lambda (p sum(t) - t) for KL, 0 for cross-entropy.
        target_correct: share of all examples whose largest target is at the true class.
        clean_probability, wrong_probability: mean of p.
        wrong_probability_max: the largest p among the wrong labels.
    """

    iteration: NDArray[np.int64]
    clean_correct: Floats
    wrong_correct: Floats
    clean_error: Floats
    clean_error_sd: Floats
    wrong_error: Floats
    wrong_error_sd: Floats
    clean_size: Floats
    clean_size_sd: Floats
    wrong_size: Floats
    wrong_size_sd: Floats
    clean_pull: Floats
    wrong_pull: Floats
    target_correct: Floats
    clean_probability: Floats
    wrong_probability: Floats
    wrong_probability_max: Floats

    @property
    def clean_incorrect(self) -> Floats:
        """Share of the examples with a clean label that are predicted wrongly."""
        return 1 - self.clean_correct

    @property
    def wrong_memorized(self) -> Floats:
        """Share of the examples with a wrong label that are predicted as that label."""
        return 1 - self.wrong_correct


def log_spaced(iterations: int, count: int = 200) -> list[int]:
    """At most ``count`` different iterations between 1 and the last, evenly spread on a logarithmic axis."""
    return sorted({round(k) for k in np.geomspace(1, iterations, count)})


def train_softmax_regression(
    loss: str,
    *,
    lam: float = 3.0,
    beta: float = 0.7,
    n: int = 50,
    p: int = 100,
    sigma: float = 0.1,
    flipped: float = 0.4,
    lr: float = 0.1,
    iterations: int = 10_000,
    start: float = 0.1,
    seeds: int | Sequence[int] = 10,
    record: Sequence[int] | None = None,
) -> Curves:
    """Train the model of Figure A.1 by full-batch gradient descent on Theta, a 2 x p matrix, for every seed.

    Only the difference theta of Theta's rows matters: their mean stays what it was. theta starts uniform on a sphere.

    Args:
        loss: "ce"; "elr" (equation 7, with the released code's clamp); or "kl" (equation 17). Targets are averaged
            with every loss; cross-entropy does not use them (supplement D).
        lam: regularization coefficient lambda >= 0.
        beta: temporal ensembling momentum, 0 <= beta < 1.
        n: number of examples.
        p: number of dimensions.
        sigma: standard deviation of the clusters.
        flipped: share of the labels that are wrong, exactly.
        lr: step size.
        iterations: number of steps.
        start: radius of that sphere. The supplement's analysis takes 2, and says nothing of the figure's start; from a
            large one, ELR may learn and then keep a wrong direction (docs/theory.md).
        seeds: how many (0, 1, ...) or which ones.
        record: iterations to record, between 0 and ``iterations``; by default 200 spread over a logarithmic axis.

    Raises:
        UsageError: an argument is out of range.
    """
    settings = {"n": n, "p": p, "sigma": sigma, "flipped": flipped, "lr": lr, "iterations": iterations, "start": start}
    return train_softmax_regressions(loss, [(lam, beta)], seeds=seeds, record=record, **settings)[0]  # type: ignore[arg-type]


def train_softmax_regressions(
    loss: str,
    points: Sequence[tuple[float, float]],
    *,
    n: int = 50,
    p: int = 100,
    sigma: float = 0.1,
    flipped: float = 0.4,
    lr: float = 0.1,
    iterations: int = 10_000,
    start: float = 0.1,
    seeds: int | Sequence[int] = 10,
    record: Sequence[int] | None = None,
) -> list[Curves]:
    """`train_softmax_regression` for several pairs (lam, beta) at once, on the same data; one Curves each."""
    data = draw_mixture(n, p, sigma=sigma, flipped=flipped, seeds=seeds)
    theta = draw_start(p, radius=start, seeds=seeds)
    return regress(data, theta, loss, points, lr=lr, iterations=iterations, record=record)


def regress(
    data: Mixture,
    theta: Floats,
    loss: str,
    points: Sequence[tuple[float, float]],
    *,
    lr: float,
    iterations: int,
    record: Sequence[int] | None = None,
) -> list[Curves]:
    """The same on data that are there, from the differences ``theta [S, p]``; see `train_softmax_regression`."""
    if loss not in LOSSES:
        raise UsageError(f"loss {loss!r} is not known; choose one of {', '.join(LOSSES)}")
    for lam, beta in points:
        check_beta(beta)
        if not lam >= 0:
            raise UsageError(f"lam is {lam}; the regularization coefficient must be >= 0")
    if iterations < 1 or not lr > 0:
        raise UsageError(f"iterations={iterations}, lr={lr}: needs at least one step of positive size")
    kept = sorted(set(log_spaced(iterations) if record is None else record))
    if not kept or kept[0] < 0 or kept[-1] > iterations:
        raise UsageError(f"record must name iterations between 0 and {iterations}")
    recorded: list[dict[str, Floats]] = []
    wanted = set(kept)
    for iteration, state in zip(range(kept[-1] + 1), descent(data, theta, loss, points, lr), strict=False):
        if iteration in wanted:
            recorded.append(_record(state, data.wrong[:, None]))
    records = {name: np.stack([each[name] for each in recorded], axis=-1) for name in recorded[0]}
    return [
        Curves(np.array(kept), **{name: values[:, g] for name, values in records.items()}) for g in range(len(points))
    ]


class State(NamedTuple):
    """Every example before a step, at its true class, ``float64 [S, G, n]`` for S seeds and G pairs (lam, beta).

    Attributes:
        probability: p.
        error: p - y.
        pull: the regularizer's part of the gradient.
        target: t, which has taken in p.
        mass: ``[G, 1]``, sum of the target over both classes.
    """

    probability: Floats
    error: Floats
    pull: Floats
    target: Floats
    mass: Floats


def descent(
    data: Mixture, theta: Floats, loss: str, points: Sequence[tuple[float, float]], lr: float
) -> Iterator[State]:
    """Gradient descent without end from the differences ``theta [S, p]``, in the space of the n predictions.

    The two rows of the gradient are opposite, so Theta matters by its rows' difference theta alone. Let u_i be
    the logit of the true class minus that of the other one, theta'a_i, and G_i the loss's gradient there. Then
    theta <- theta - (2 lr / n) sum_i a_i G_i, so u <- u - (2 lr / n) K G with K = A A': no p any more.
    """
    lam, beta = (np.array(column, dtype=float)[:, None] for column in zip(*points, strict=True))
    n = data.wrong.shape[1]
    step = data.aligned @ data.aligned.transpose(0, 2, 1) * (-2 * lr / n)
    u = np.repeat((data.aligned @ theta[:, :, None])[:, None, :, 0], len(points), axis=1)
    y = np.where(data.wrong, 0.0, 1.0)[:, None]
    target, mass = np.zeros(u.shape), np.zeros_like(beta)
    while True:
        probability = expit(u)
        clamped = np.clip(probability, CLAMP, 1 - CLAMP)
        target = beta * target + (1 - beta) * clamped  # clamped two-class probabilities still sum to 1
        mass = beta * mass + (1 - beta)
        pull = _pull(loss, probability, clamped, target, mass, lam)
        error = probability - y
        yield State(probability, error, pull, target, mass)
        u = u + (error + pull) @ step


def _pull(loss: str, prob: Floats, q: Floats, t: Floats, mass: Floats, lam: Floats) -> Floats:
    """The regularizer's gradient at the true class; at the other class it is the opposite."""
    if loss == "ce":
        return np.zeros_like(prob)
    if loss == "kl":
        return lam * (prob * mass - t)
    other = mass - t
    g = (other - t) * prob * (1 - prob) / (1 - t * q - other * (1 - q))
    return lam * np.where(prob == q, g, 0.0)


def _record(state: State, wrong: Mask) -> dict[str, Floats]:
    prob, error, pull, t, mass = state
    size = np.abs(error)
    right = prob > 0.5
    clean = ~wrong
    return {
        "clean_correct": mean_over(right, clean),
        "wrong_correct": mean_over(right, wrong),
        "clean_error": mean_over(error, clean),
        "clean_error_sd": _sd(error, clean),
        "wrong_error": mean_over(error, wrong),
        "wrong_error_sd": _sd(error, wrong),
        "clean_size": mean_over(size, clean),
        "clean_size_sd": _sd(size, clean),
        "wrong_size": mean_over(size, wrong),
        "wrong_size_sd": _sd(size, wrong),
        "clean_pull": mean_over(pull, clean),
        "wrong_pull": mean_over(pull, wrong),
        "target_correct": (2 * t > mass).mean(-1),
        "clean_probability": mean_over(prob, clean),
        "wrong_probability": mean_over(prob, wrong),
        "wrong_probability_max": np.where(wrong, prob, -np.inf).max(-1),
    }


def _sd(values: Floats, where: Mask) -> Floats:
    return np.sqrt(mean_over((values - mean_over(values, where)[..., None]) ** 2, where))
