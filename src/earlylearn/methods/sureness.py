"""By which power are probabilities to be taken, so that labels nobody trained on bear them out?

Heads differ in how sure they are far more than in how often they are right: an ELR head says .999 where cross-entropy
says .6. In a mean of logarithms such a head outvotes others of many times its weight, and the mean is as sure as it.
"""

import math

import torch
from torch import Tensor

LEAST, MOST = 0.05, 4.0  # powers
NUMBERS = 2**22  # log probabilities, of rows spread evenly over the labels, that powers are fitted to,
FEWEST_ROWS = 2000  # but of no fewer rows; the error of a power is then some per cent
STEPS = 12  # of Newton's method
POWERS = tuple(0.05 * 1.25**k for k in range(19))  # to try together with a share of wrong labels: to 2.8
SHARES = tuple(k / 20 for k in range(13))  # to .6


def fitted(log_p: Tensor, labels: Tensor, weights: Tensor) -> tuple[Tensor, float]:
    """The power of each model, ``float32 [S]``, and that of their mean after it.

    Args:
        log_p: ``[m, S, C]`` log probabilities of rows that the models did not train on.
        labels: ``int64 [m]`` given labels.
        weights: ``float32 [S]`` of the mean.
    """
    step = max(1, math.ceil(len(labels) / max(FEWEST_ROWS, NUMBERS // log_p[:1].numel())))
    if step > 1:  # by label, for labels may take turns in the data, and every so many-th row then has the same
        rows = labels.argsort(stable=True)[::step]
        log_p, labels = log_p[rows], labels[rows]
    power = powers(log_p, labels).float()
    return power, power_of_truth(together(log_p, weights, power), labels)


def together(log_p: Tensor, weights: Tensor, power: Tensor) -> Tensor:
    """The weighed mean ``[m, C]`` of log probabilities ``[m, S, C]``, each taken by its power and normalised again."""
    return torch.einsum("msc,s->mc", torch.log_softmax(log_p * power.unsqueeze(1), 2), weights)


def powers(log_p: Tensor, labels: Tensor) -> Tensor:
    """The power of each model under which the labels are likeliest, ``float64 [S]`` in `LEAST` to `MOST`.

    Newton's method on a concave function: the slope is the mean of log p of the label less its expectation, the
    curvature its variance.

    Args:
        log_p: ``[m, S, C]`` log probabilities of rows that the models did not train on.
        labels: ``int64 [m]`` given labels.
    """
    log_p = log_p.double()
    at_label = log_p.gather(2, labels.view(-1, 1, 1).expand(-1, log_p.shape[1], 1)).squeeze(2)
    power = torch.ones(log_p.shape[1], dtype=torch.float64, device=log_p.device)
    for _ in range(STEPS):
        p = torch.softmax(power.view(1, -1, 1) * log_p, 2)
        mean = (p * log_p).sum(2)
        slope = (at_label - mean).mean(0)
        curvature = ((p * log_p.square()).sum(2) - mean.square()).mean(0)
        # Far from the solution a step may overshoot: at most by a factor of two.
        step = slope / curvature.clamp(min=1e-9)
        power = torch.minimum(torch.maximum(power + step, power / 2), power * 2).clamp(LEAST, MOST)
    return power


def power_of_truth(log_p: Tensor, labels: Tensor) -> float:
    """The power under which the labels are likeliest, if a share of them is replaced by any other class alike.

    Without that share, a model of data with 40 wrong labels in 100 would be told to say .6 where it is rightly sure.
    The share itself is estimated too roughly to be told to anybody.

    Args:
        log_p: ``[m, C]`` log probabilities of rows that the model did not train on.
        labels: ``int64 [m]`` given labels.
    """
    log_p, column, classes = log_p.double(), labels.unsqueeze(1), log_p.shape[1]
    shares = torch.tensor([share for share in SHARES if share < 1 - 1 / classes], dtype=torch.float64)
    shares = shares.to(log_p.device).unsqueeze(1)
    best, found = -math.inf, 1.0
    for power in POWERS:
        p = torch.softmax(power * log_p, 1).gather(1, column).T
        likelihood = float(((1 - shares) * p + shares / (classes - 1) * (1 - p)).log().mean(1).max())
        if likelihood > best:
            best, found = likelihood, power
    return found
