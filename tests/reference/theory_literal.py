"""What are the linear model, its descent and softmax regression, one example and one automatic gradient at a time?"""

import math

import torch

from tests.reference.elr_literal import LiteralELRLoss
from tests.reference.elr_variants_literal import LiteralKL


def literal_loss(theta, x, labels):
    """(1 / n) sum_i log(1 + exp(-label_i theta'x_i)) (supplement A.1), theta and rows of x as lists."""
    total = 0.0
    for row, label in zip(x, labels, strict=True):
        total += math.log(1 + math.exp(-label * sum(w * c for w, c in zip(theta, row, strict=True))))
    return total / len(x)


def literal_gradient(theta, x, labels, k):
    """(1 / 2n) sum_i x_i (tanh(k theta'x_i) - label_i) (equation 10)."""
    gradient = [0.0] * len(theta)
    for row, label in zip(x, labels, strict=True):
        kappa = math.tanh(k * sum(w * c for w, c in zip(theta, row, strict=True))) - label
        for j, c in enumerate(row):
            gradient[j] += c * kappa / (2 * len(x))
    return gradient


def literal_descent(theta, x, labels, lr, k, steps):
    """theta_0, theta_1, ..., theta_steps."""
    path = [list(theta)]
    for _ in range(steps):
        slope = literal_gradient(path[-1], x, labels, k)
        path.append([w - lr * g for w, g in zip(path[-1], slope, strict=True)])
    return path


def literal_softmax_regression(loss, theta, x, labels, *, lam, beta, lr, iterations):
    """Softmax probabilities [n, 2] before each step, by gradient descent on Theta [2, p] with automatic gradients.

    x: float64 [n, p]; labels: int64 [n], 0 or 1; theta: the difference of Theta's rows at the start, [p].
    """
    n = len(x)
    weights = torch.stack([theta / 2, -theta / 2]).requires_grad_()
    elr = LiteralELRLoss(n, 2, lam, beta)
    elr.targets = elr.targets.double()
    kl = LiteralKL(n, 2, lam, beta)
    seen = []
    for _ in range(iterations + 1):
        logits = x @ weights.T
        seen.append(torch.softmax(logits, 1).detach())
        if loss == "elr":
            value = elr(list(range(n)), logits, labels)
        elif loss == "kl":
            value = kl.loss(lambda z: z, range(n), logits, labels.tolist())
        else:
            value = torch.nn.functional.cross_entropy(logits, labels)
        (slope,) = torch.autograd.grad(value, weights)
        with torch.no_grad():
            weights -= lr * slope
    return seen
