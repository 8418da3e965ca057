"""What do the noise models do, written out one example at a time, as the papers and releases state them?

Each function makes the same calls to its generator as the fast version, so that results must be equal.
"""

import math

import numpy as np


def symmetric(true, classes, rate, rng):
    """ELR paper, eq. (1), with the count fixed: ceil(rate n) examples, uniform label, truth included."""
    given = [int(label) for label in true]
    order = rng.permutation(len(true))
    count = math.ceil(round(rate * len(true), 6))
    new = rng.integers(classes, size=count)
    for position in range(count):
        given[order[position]] = int(new[position])
    return np.array(given)


def asymmetric(true, rate, rng):
    """Patrini et al. 2017 on CIFAR-10's class numbers; every class is looked up in the true labels."""
    given = [int(label) for label in true]
    for source, target in ((2, 0), (3, 5), (4, 7), (5, 3), (9, 1)):
        rows = rng.permutation([row for row in range(len(true)) if true[row] == source])
        for position, row in enumerate(rows):
            if position < round(rate * len(rows), 6):
                given[row] = target
    return np.array(given)


def asymmetric_sequential(true, rate, rng):
    """The released ELR code: every class is looked up in labels that earlier classes have changed."""
    given = [int(label) for label in true]
    for source, target in ((2, 0), (3, 5), (4, 7), (5, 3), (9, 1)):
        rows = rng.permutation([row for row in range(len(given)) if given[row] == source])
        for position, row in enumerate(rows):
            if position < round(rate * len(rows), 6):
                given[row] = target
    return np.array(given)


def from_matrix(true, matrix, rng):
    """One uniform number per example against the running sum of its true class's row."""
    given = []
    for label, drawn in zip(true, rng.random(len(true)), strict=True):
        total, choice = 0.0, None
        for candidate, chance in enumerate(matrix[label]):
            total += chance
            if drawn < total:
                choice = candidate
                break
        given.append(choice)
    return np.array(given)


def instance_dependent(x, true, classes, rate, rng):
    """Xia et al. 2020, Algorithm 2, lines 1 to 7; ``x`` is ``[n, d]`` of the numbers used as they are."""
    flip_rates = rng.normal(rate, 0.1, size=len(true))
    while ((flip_rates < 0) | (flip_rates > 1)).any():
        outside = (flip_rates < 0) | (flip_rates > 1)
        flip_rates[outside] = rng.normal(rate, 0.1, size=outside.sum())
    drawn = rng.random(len(true))
    projections = [rng.standard_normal((x.shape[1], classes)) for _ in range(classes)]
    given = []
    for row, label in enumerate(true):
        logits = [float(x[row] @ projections[label][:, other]) for other in range(classes)]
        logits[label] = -math.inf
        top = max(logits)
        weights = [math.exp(logit - top) for logit in logits]
        chances = [flip_rates[row] * weight / sum(weights) for weight in weights]
        chances[label] = 1 - flip_rates[row]
        total, choice = 0.0, None
        for candidate, chance in enumerate(chances):
            total += chance
            if drawn[row] < total:
                choice = candidate
                break
        given.append(choice)
    return np.array(given)
