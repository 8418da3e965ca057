"""What does the model believe of each example on average over time: the per-example target table?"""

import torch
from torch import Tensor

from earlylearn.errors import UsageError

CLAMP = 1e-4  # keeps 1 - <t, p> away from 0: the regularizer is never below log(1e-4) = -9.21


def clamped(probability: Tensor) -> Tensor:
    """Probabilities clamped to [1e-4, 1 - 1e-4], as the released loss clamps them."""
    return probability.clamp(CLAMP, 1 - CLAMP)


def are_probabilities(logits: Tensor) -> bool:
    """Whether what should be logits ``[B, C]`` were put through a softmax: rows of 0 .. 1 that sum to 1; waits."""
    rows = logits.detach().float()
    return bool(((rows >= 0) & (rows <= 1)).all() & ((rows.sum(1) - 1).abs() < 1e-3).all())


def check_beta(beta: float) -> float:
    """Return ``beta`` if it is a temporal ensembling momentum, 0 <= beta < 1; else raise UsageError."""
    if not 0 <= beta < 1:
        raise UsageError(f"beta is {beta}; the temporal ensembling momentum must satisfy 0 <= beta < 1")
    return float(beta)


def averaged(table: Tensor, index: Tensor, probability: Tensor, *, beta: float) -> Tensor:
    """What `update_targets` writes into the rows ``index``, ``[B, ..., C]``, without writing it."""
    return averaged_rows(table.index_select(0, index), probability, beta=beta)


def averaged_rows(rows: Tensor, probability: Tensor, *, beta: float) -> Tensor:
    """The same of rows of a table, ``[B, ..., C]``, changed in place."""
    mass = probability.sum(-1, keepdim=True)
    return rows.mul_(beta).addcdiv_(probability, mass, value=1 - beta)


@torch.no_grad()
def update_targets(table: Tensor, index: Tensor, probability: Tensor, *, beta: float) -> Tensor:
    """Temporal ensembling, t <- beta t + (1 - beta) p / sum(p), for the rows ``index`` (Algorithm 1).

    Args:
        table: ``float32 [n, ..., C]``, changed in place.
        index: ``int64 [B]``, unique rows of the table.
        probability: ``[B, ..., C]``, non-negative, classes last; renormalised, so that each adds the mass 1 - beta.
        beta: temporal ensembling momentum, 0 <= beta < 1.

    Returns:
        The updated rows, a copy ``[B, ..., C]``. After k updates a row sums to 1 - beta^k: there is no bias
        correction, which is an implicit ramp-up of the regularization.
    """
    rows = averaged(table, index, probability, beta=beta)
    table.index_copy_(0, index, rows)
    return rows


def share_factor(mean: Tensor, given: Tensor, align: float) -> Tensor:
    """By what targets are multiplied so that their class shares come near those of the given labels: ``[..., C]``.

    Args:
        mean: ``[..., C]`` mean target of the rows that train, of any mass; all 0 before anything was seen.
        given: ``[C]`` share of each class among the given labels; sum 1.
        align: 0 leaves the shares as they are, 1 makes them those of the labels, in between by the power.
    """
    mass = mean.sum(-1, keepdim=True)
    factor = (given / (mean / mass.clamp(min=CLAMP)).clamp(min=CLAMP)) ** align
    return torch.where(mass > 0, factor, 1.0)


def share_aligned(targets: Tensor, factor: Tensor) -> Tensor:
    """Targets ``[..., C]`` times a factor per class, each row with the mass that it had."""
    aligned = targets * factor
    return aligned.mul_(targets.sum(-1, keepdim=True) / aligned.sum(-1, keepdim=True).clamp(min=CLAMP**2))


def target_beliefs(table: Tensor) -> Tensor:
    """Targets ``[..., C]`` as probabilities: divided by their mass 1 - beta^k; NaN where nothing was seen."""
    mass = table.sum(-1, keepdim=True)
    return table / mass.where(mass > 0, torch.nan)


def first_places(place: Tensor) -> Tensor:
    """``bool [R]``: which of the numbers ``int64 [R]`` is the first of its kind."""
    order = place.argsort(stable=True)
    ordered = place[order]
    first = torch.ones_like(place, dtype=torch.bool)
    first[order[1:]] = ordered[1:] != ordered[:-1]
    return first
