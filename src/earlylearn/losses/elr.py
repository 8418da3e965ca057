"""What is the early-learning regularized loss, and its gradient, in one pass over the batch?"""

import math
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from earlylearn.errors import UsageError
from earlylearn.losses.targets import CLAMP, averaged, clamped

LOG2_E = math.log2(math.e)
_zero_where_clamped = torch.ops.aten.hardtanh_backward.grad_input  # looking it up costs, at every step


class Parts(NamedTuple):
    """What a batch gives: ce + lam * regularizer is the loss.

    Attributes:
        ce: cross-entropy, float32 (float64 of float64 logits); a scalar, or ``[R]``, a number a row.
        regularizer: log(1 - <t, p>), without lam; the same shape.
        gradient: ``[R, C]`` of the loss, or of each row's loss, with respect to its logits.
        loss: their sum, if somebody has it already.
    """

    ce: Tensor
    regularizer: Tensor
    gradient: Tensor
    loss: Tensor | None = None


def mean_parts(logits: Tensor, labels: Tensor, targets: Callable[[Tensor], Tensor], lam: float | Tensor) -> Parts:
    """Means over the batch, and dL/dz: Lemma 2 taken by hand while the probabilities are at hand.

    With t constant, p = softmax(z), q = clamp(p), d = 1 - <t, q>, v = t q lam / (B d) where the clamp is inactive,
    else 0: dL/dz = p (1 / B + sum(v)) - v - y / B. Automatic differentiation of the same formula reads and writes
    the [B, C] matrix some 48 times. Matrices change in place wherever they can: a fresh one costs more than the
    arithmetic on it.
    """
    # Half precision rounds 1 - 1e-4 to 1 and the loss to -inf. From float32 logits on, autocast changes
    # nothing: no operation below is on its lists of lower precision.
    z = logits if logits.dtype == torch.float64 else logits.float()
    share = 1 / max(1, len(z))
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
    elif torch.compiler.is_compiling():  # what it compiles cannot add a number that depends on the batch's size
        gradient.scatter_add_(1, column, gradient.new_full((1, 1), -share).expand_as(column))
    else:
        gradient.scatter_(1, column, -share, reduce="add")
    return Parts(ce, regularizer, gradient)


def weighted_parts(
    logits: Tensor, labels: Tensor, weight: Tensor, targets: Callable[[Tensor], Tensor], lam: float
) -> Parts:
    """The same for rows that weigh differently, one by one: what class weights, smoothing and left out rows need.

    Args:
        logits: ``[R, C]``.
        labels: ``int64 [R]``, or ``[R, C]`` coefficients of -log p, the weights in them.
        weight: ``[R]`` of a row's regularizer, and of its cross-entropy where labels are numbers. A row that weighs
            nothing gives 0 and gets no gradient, whatever its logits.
        targets: as in `elr_loss`.
        lam: regularization coefficient.
    """
    z = logits if logits.dtype == torch.float64 else logits.float()
    weight = weight.unsqueeze(1)
    x = z - z.amax(1, keepdim=True)
    dense = labels.is_floating_point()
    column = labels if dense else labels.unsqueeze(1)
    mass = labels.sum(1, keepdim=True) if dense else weight
    used = (weight != 0) | (mass != 0)
    at_label = (labels * x).sum(1, keepdim=True) if dense else x.gather(1, column).mul_(weight)
    p = x.mul_(LOG2_E).exp2_()
    total = p.sum(1, keepdim=True)
    p.div_(total)
    ce = total.log_().mul_(mass).sub_(at_label).where(used, 0)
    q = clamped(p)
    v = q.mul_(targets(q))
    d = torch.rsub(v.sum(1, keepdim=True), 1)
    regularizer = d.log().mul_(weight).where(used, 0)
    _zero_where_clamped(v, p, CLAMP, 1 - CLAMP, grad_input=v)
    v.mul_(d.reciprocal_().mul_(weight * lam))
    gradient = p.mul_(v.sum(1, keepdim=True).add_(mass)).sub_(v)
    if dense:
        gradient.sub_(labels)
    else:
        gradient.scatter_add_(1, column, -weight)
    return Parts(ce.squeeze(1), regularizer.squeeze(1), gradient.masked_fill_(~used, 0))


def averaging_parts(
    logits: Tensor, labels: Tensor, table: Tensor, index: Tensor, beta: float, lam: float
) -> tuple[Parts, Tensor]:
    """`mean_parts` with targets from the rows ``index`` of a table; and what these rows are to become."""
    rows = table

    def targets(probability: Tensor) -> Tensor:
        nonlocal rows
        rows = averaged(table, index, probability, beta=beta)
        return rows

    return mean_parts(logits, labels, targets, lam), rows


def writing_parts(
    logits: Tensor, labels: Tensor, table: Tensor, index: Tensor, beta: float, lam: float
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The same, writing the rows, and as tensors: what compiles to one pass.

    After the parts and the loss comes which rows, ``bool [B]``, are not finite: a logit that is not makes its whole
    row so. Those, and what a negative index names, go into the table's last row.
    """
    lost = index

    def targets(probability: Tensor) -> Tensor:
        nonlocal lost
        rows = averaged(table, index, probability, beta=beta)
        lost = rows[:, 0].isnan()
        table.index_copy_(0, index.where(~lost & (index >= 0), len(table) - 1), rows)
        return rows

    ce, regularizer, gradient, _ = mean_parts(logits, labels, targets, lam)
    return ce, regularizer, gradient, ce + lam * regularizer, lost


@cache
def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function through torch.compile, compiled once per process.

    Raises:
        UsageError: when called, if there is no working compiler.
    """
    faster = torch.compile(function)

    def call(*args: Any) -> Any:
        try:
            return faster(*args)
        except RuntimeError as error:
            if type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
                raise UsageError(
                    f"ELRLoss(compile=True) found no working compiler ({type(error).__name__}); install one (g++; on a "
                    "GPU: Triton), or leave compile out: the loss is the same"
                ) from error
            raise

    return call


class _WithGradient(torch.autograd.Function):
    """A loss whose gradient is known as soon as its value is."""

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, parts: Parts | Callable[[Tensor], Parts], lam: float | Tensor, made: list[Parts]
    ) -> Tensor:
        if callable(parts):
            parts = parts(logits)
        ctx.gradient, ctx.dtype = parts.gradient, logits.dtype
        made.append(parts)
        return parts.ce + lam * parts.regularizer if parts.loss is None else parts.loss

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None, None]:
        if torch.is_grad_enabled():
            raise NotImplementedError("the early-learning loss has no second derivative; use create_graph=False")
        each = upstream if upstream.ndim == 0 else upstream.unsqueeze(1)
        return (ctx.gradient * each).to(ctx.dtype), None, None, None


_attach: Callable[..., Tensor] = _WithGradient.apply


def with_gradient(
    logits: Tensor, parts: Parts | Callable[[Tensor], Parts], lam: float | Tensor
) -> tuple[Tensor, Parts]:
    """ce + lam * regularizer, differentiable with respect to the logits; and the parts.

    Args:
        logits: ``[R, C]``.
        parts: made of these logits, or the function that makes them.
        lam: regularization coefficient.
    """
    made: list[Parts] = []  # not an output, each of which costs a step some 5 microseconds
    return _attach(logits, parts, lam, made), made[0]


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
    loss, parts = with_gradient(logits, partial(mean_parts, labels=labels, targets=make, lam=lam), lam)
    return loss, parts.ce, parts.regularizer
