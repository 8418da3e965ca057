"""What is the early-learning regularized loss, and its gradient, in one pass over the batch?"""

import math
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor

from earlylearn.losses.targets import CLAMP, clamped, update_targets

LOG2_E = math.log2(math.e)
_zero_where_clamped = torch.ops.aten.hardtanh_backward.grad_input  # looking it up costs, at every step


def _value_and_gradient(
    logits: Tensor, labels: Tensor, targets: Callable[[Tensor], Tensor], lam: float | Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Loss, cross-entropy, regularizer and dL/dz: Lemma 2 taken by hand while the probabilities are at hand.

    With t constant, p = softmax(z), q = clamp(p), d = 1 - <t, q>, v = t q lam / (B d) where the clamp is inactive,
    else 0: dL/dz = p (1 / B + sum(v)) - v - y / B. Automatic differentiation of the same formula reads and writes
    the [B, C] matrix some 48 times. Matrices change in place wherever they can: a fresh one costs more than the
    arithmetic on it.
    """
    # Half precision rounds 1 - 1e-4 to 1 and the loss to -inf. From float32 logits on, autocast changes
    # nothing: no operation below is on its lists of lower precision.
    z = logits if logits.dtype == torch.float64 else logits.float()
    share = 1 / len(z)
    x = z - z.amax(1, keepdim=True)
    mixed = labels.is_floating_point()
    column = labels if mixed else labels.unsqueeze(1)
    at_label = (labels * x).sum(1, keepdim=True) if mixed else x.gather(1, column)
    p = x.mul_(LOG2_E).exp2_()  # exp took 126 us where scaling and exp2 took 54 (C = 1000)
    total = p.sum(1, keepdim=True)
    p.div_(total)
    ce = total.log_().sub_(at_label).mean()
    q = clamped(p)
    v = q.mul_(targets(q))
    d = torch.rsub(v.sum(1, keepdim=True), 1)
    regularizer = d.log().mean()
    _zero_where_clamped(v, p, CLAMP, 1 - CLAMP, grad_input=v)
    v.mul_(d.reciprocal_().mul_(lam * share))
    gradient = p.mul_(v.sum(1, keepdim=True).add_(share)).sub_(v)
    if mixed:
        gradient.sub_(labels, alpha=share)
    else:
        gradient.scatter_add_(1, column, gradient.new_full((1, 1), -share).expand_as(column))
    return ce + lam * regularizer, ce, regularizer, gradient


def updating_table(
    logits: Tensor, labels: Tensor, table: Tensor, index: Tensor, beta: float, lam: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The same with targets from the rows ``index`` of a table, which it updates first: what can be compiled."""
    return _value_and_gradient(logits, labels, partial(update_targets, table, index, beta=beta), lam)


@cache
def compiled() -> Callable[..., tuple[Tensor, Tensor, Tensor, Tensor]]:
    """`updating_table` through torch.compile, compiled once per process."""
    return torch.compile(updating_table)


class _WithGradient(torch.autograd.Function):
    """A loss whose gradient is known as soon as its value is.

    ``compute`` makes (loss, ce, regularizer, gradient) from the logits; the parts go into a list, because every
    further output of a Function costs each step some 5 microseconds.
    """

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, compute: Callable[[Tensor], tuple[Tensor, ...]], parts: list[Tensor]
    ) -> Tensor:
        loss, ce, regularizer, ctx.gradient = compute(logits)
        ctx.dtype = logits.dtype
        parts += (ce, regularizer)
        return loss

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None]:
        if torch.is_grad_enabled():
            raise NotImplementedError("the early-learning loss has no second derivative; use create_graph=False")
        return (ctx.gradient * upstream).to(ctx.dtype), None, None


def differentiable(logits: Tensor, compute: Callable[[Tensor], tuple[Tensor, ...]]) -> tuple[Tensor, Tensor, Tensor]:
    """The loss that ``compute`` makes of the logits, with its gradient attached; its two parts."""
    parts: list[Tensor] = []
    # PyTorch's own annotations leave this function out.
    loss: Tensor = _WithGradient.apply(logits, compute, parts)  # type: ignore[no-untyped-call]
    return loss, parts[0], parts[1]


def elr_loss(
    logits: Tensor, labels: Tensor, targets: Tensor | Callable[[Tensor], Tensor], lam: float | Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Cross-entropy plus early-learning regularization (equation 7), from logits and given targets.

    ``CE(z, y) + lam * mean_i log(1 - <t_i, p_i>)`` with p = softmax(z) clamped to [1e-4, 1 - 1e-4].

    Args:
        logits: ``[B, C]`` of any floating dtype; the arithmetic is float32 (float64 stays float64).
        labels: ``int64 [B]`` given labels, or ``[B, C]`` mixtures of them whose rows sum to 1 (mixup).
        targets: t, ``float32 [B, C]``, constant for the gradient; or a function that makes it from the clamped
            probabilities ``[B, C]`` of this very batch.
        lam: regularization coefficient, >= 0; a number or a scalar tensor.

    Returns:
        The loss, its cross-entropy and its regularizer (without lam): scalars, the latter two detached. The
        regularizer is never positive, so a negative loss is normal: look at the parts, never stop on the sum.
    """
    make = targets if callable(targets) else (lambda _: targets)
    return differentiable(logits, partial(_value_and_gradient, labels=labels, targets=make, lam=lam))
