"""What is the early-learning regularized loss of many heads at once, each on rows of its own?"""

from collections.abc import Callable

import torch
from torch import Tensor

from earlylearn.losses.elr import Parts, with_gradient
from earlylearn.losses.targets import CLAMP, clamped


def heads_loss(
    logits: Tensor, labels: Tensor, part: Tensor, targets: Callable[[Tensor], Tensor], lam: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Equation 7 for every head, from logits and targets; a head's loss is the mean over those rows that train it.

    Args:
        logits: ``float32 [B, H, C]`` of H heads.
        labels: ``int64 [B]`` given labels.
        part: ``float32 [B, H]``, 1 where the row trains the head, 0 where it is held out of it.
        targets: makes the targets ``[B, H, C]``, constant for the gradient, from the clamped probabilities of this very
            batch; it may change them in place.
        lam: ``float32 [H]``, regularization coefficients; 0 is cross-entropy.

    Returns:
        Loss, cross-entropy and regularizer, each the mean over the heads; the latter two are detached. The *gradient*
        is that of the sum: every head gets its own, whole, as if it were trained alone. Last the logarithms of the
        probabilities, ``[B, H, C]``, detached.
    """
    log_p = _log_softmax(logits.detach())
    loss, parts = with_gradient(logits, _parts(log_p, labels, part, targets, lam), 1.0)
    return loss, parts.ce, parts.regularizer, log_p


def _log_softmax(logits: Tensor) -> Tensor:
    """Along the last dimension, computed along the first: of ten classes the former takes twenty times as long."""
    return torch.log_softmax(logits.movedim(2, 0).contiguous(), 0).movedim(0, 2).contiguous()


def _parts(log_p: Tensor, labels: Tensor, part: Tensor, targets: Callable[[Tensor], Tensor], lam: Tensor) -> Parts:
    """Lemma 2 as in `earlylearn.losses.elr`, with a weight of each row in each head in place of 1 / B."""
    column = labels.view(-1, 1, 1).expand(-1, log_p.shape[1], 1)
    weight = (part / part.sum(0).clamp(min=1)).unsqueeze(2)
    p = log_p.exp()
    inside = (p > CLAMP) & (p < 1 - CLAMP)
    q = clamped(p)
    v = targets(q.clone()).mul(q)
    d = 1 - v.sum(2, keepdim=True)
    ce = -(weight * log_p.gather(2, column)).sum((0, 2)).mean()
    per_head = (weight * d.log()).sum((0, 2))
    v = v.mul_(inside).div_(d).mul_(lam.view(1, -1, 1))
    gradient = p.mul_(1 + v.sum(2, keepdim=True)).sub_(v)
    gradient.scatter_add_(2, column, gradient.new_full((1, 1, 1), -1.0).expand_as(column))
    return Parts(ce, per_head.mean(), gradient.mul_(weight), ce + (lam * per_head).mean())
