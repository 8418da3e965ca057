"""What is the loss of rows that weigh differently, are left out, or whose numbers nobody may wait for?"""

from typing import NamedTuple

import torch
from torch import Tensor

from earlylearn.losses.elr import Parts, weighted_parts
from earlylearn.losses.index_checks import Counts
from earlylearn.losses.targets import averaged, first_places


class Settings(NamedTuple):
    """Of an `ELRLoss`, which describes them; ``weight`` is ``[C]``."""

    lam: float
    beta: float
    weight: Tensor | None
    ignore_index: int
    label_smoothing: float
    reduction: str
    repeats: bool


class Averaged(NamedTuple):
    """What the table is to hold after a batch.

    Attributes:
        place: ``int64 [R]`` rows of the table; its last for what is not kept.
        rows: ``float32 [R, C]``.
    """

    place: Tensor
    rows: Tensor


def counted_parts(
    logits: Tensor,
    labels: Tensor,
    index: Tensor,
    table: Tensor,
    counts: Counts,
    settings: Settings,
    kept: Tensor | None,
) -> tuple[Parts, Averaged]:
    """Loss and gradient of rows, and their targets, averaged but not yet written; waits for nothing.

    Args:
        logits: ``[R, C]``.
        labels: ``int64 [R]``, anything, or ``[R, C]`` shares.
        index: ``int64 [R]``, anything.
        table: ``float32`` targets and a last row for what is not kept.
        counts: where mistakes in labels and index are counted.
        settings: of the loss.
        kept: ``bool [R]``, the rows that have a target, if somebody has looked at them: then nothing is counted.
    """
    spare, numbers = len(table) - 1, labels if labels.ndim == 1 else None
    used = torch.ones_like(index, dtype=torch.bool) if numbers is None else numbers != settings.ignore_index
    if kept is None:
        place = counts.count(index, numbers, used, spare)
        kept = used & first_places(place) if settings.repeats else used
    else:
        place = index
    kept = kept & (place != spare)
    averages = table

    def targets(probability: Tensor) -> Tensor:
        nonlocal averages
        averages = averaged(table, place, probability, beta=settings.beta)
        return averages

    labels, weight = weighing(labels, used, logits, settings)
    parts = weighted_parts(logits, labels, weight, targets, settings.lam)
    finite = ~averages[:, 0].isnan()  # a logit that is not finite makes its whole row so
    counts.not_finite.add_((kept & ~finite).sum())
    return _reduced(parts, settings), Averaged(place.where(kept & finite, spare), averages)


def standing_parts(logits: Tensor, labels: Tensor, index: Tensor, table: Tensor, settings: Settings) -> Parts:
    """Loss and gradient with the targets as they stand."""
    used = torch.ones_like(index, dtype=torch.bool) if labels.ndim > 1 else labels != settings.ignore_index
    labels, weight = weighing(labels, used, logits, settings)
    place = index.clamp(0, len(table) - 1)
    return _reduced(weighted_parts(logits, labels, weight, lambda _: table[place], settings.lam), settings)


def weighing(labels: Tensor, used: Tensor, logits: Tensor, settings: Settings) -> tuple[Tensor, Tensor]:
    """Labels and weights ``[R]`` of rows, as `weighted_parts` takes them; a mean's divisor is in them.

    As CrossEntropyLoss has it: the mean over class numbers divides by the weights of the rows in use, the mean over
    shares by their number. Smoothing and class weights go into coefficients of each class's -log p.
    """
    dtype = torch.float64 if logits.dtype == torch.float64 else torch.float32
    classes, smoothing = logits.shape[1], settings.label_smoothing
    of_class = None if settings.weight is None else settings.weight.to(logits.device, dtype)
    weight = used.to(dtype)
    if labels.ndim == 1:
        labels = labels.clamp(0, classes - 1)
        if of_class is not None:
            weight = weight * of_class[labels]
        total = weight.sum() if settings.reduction == "mean" else weight.new_ones(())
        share = 1 / total.where(total > 0, 1)  # where all labels are ignored the loss is 0
        if smoothing:
            each = used.to(dtype).unsqueeze(1) * (weight.new_ones(classes) if of_class is None else of_class)
            dense = each * (share * smoothing / classes)
            dense.scatter_add_(1, labels.unsqueeze(1), (weight * share * (1 - smoothing)).unsqueeze(1))
            return dense, weight * share
        return labels, weight * share
    dense = labels.to(dtype)
    if of_class is not None:
        weight = (dense * of_class).sum(1)
    dense = dense * (1 - smoothing) + smoothing / classes
    if of_class is not None:
        dense = dense * of_class
    divisor = len(dense) if settings.reduction == "mean" else 1
    return dense / divisor, weight / divisor


def _reduced(parts: Parts, settings: Settings) -> Parts:
    if settings.reduction == "none":
        return parts
    return Parts(parts.ce.sum(), parts.regularizer.sum(), parts.gradient)
