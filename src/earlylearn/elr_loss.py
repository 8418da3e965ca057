"""What is the early-learning regularized loss, and its gradient, in one pass over the batch?"""

import math
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from earlylearn.errors import UsageError
from earlylearn.targets import CLAMP, check_beta, clamped, new_targets, target_beliefs, update_targets

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


def _updating_table(
    logits: Tensor, labels: Tensor, table: Tensor, index: Tensor, beta: float, lam: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The same with targets from the rows ``index`` of a table, which it updates first: what can be compiled."""
    return _value_and_gradient(logits, labels, partial(update_targets, table, index, beta=beta), lam)


@cache
def _compiled() -> Callable[..., tuple[Tensor, Tensor, Tensor, Tensor]]:
    return torch.compile(_updating_table)


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


def _differentiable(logits: Tensor, compute: Callable[[Tensor], tuple[Tensor, ...]]) -> tuple[Tensor, Tensor, Tensor]:
    parts: list[Tensor] = []
    loss = _WithGradient.apply(logits, compute, parts)
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
    return _differentiable(logits, partial(_value_and_gradient, labels=labels, targets=make, lam=lam))


class ELRLoss(nn.Module):
    """Early-learning regularization (ELR) for a training loop of your own: a drop-in for cross-entropy.

    Three lines change: build it with the size of the training set, let the data set yield each example's index
    (`IndexedDataset`), pass the index with the logits.

    Args:
        num_examples: n, rows of the training set; an index lies in 0 .. n - 1.
        num_classes: C.
        lam: regularization coefficient lambda >= 0 (equation 7). Paper: 3 for CIFAR-10 with symmetric noise, 1
            with asymmetric noise, 7 for CIFAR-100.
        beta: temporal ensembling momentum, 0 <= beta < 1 (Algorithm 1). Paper: 0.7, 0.9, 0.9 for the same.
        compile: run the arithmetic through torch.compile: the same loss in some 60 % of the time for few classes,
            after some ten seconds of compiling at the first batch of a shape. Needs a C++ compiler (on a GPU: Triton).

    Attributes:
        targets: ``float32 [n, C]`` buffer of running averages of the model's probabilities; in the state dict,
            moves with ``.to()``.
        parts: the last call's cross-entropy and regularizer, detached: watch these, the sum may be negative.

    Raises:
        UsageError: a size or hyperparameter is out of range, the index does not identify examples or a label is out
            of range (looked for in the first two sweeps over the data), or there is no compiler to ``compile`` with.

    Differs from the released code: lam is an argument rather than a global setting; the table is a buffer, so
    checkpoints carry it; float32 under mixed precision; an index that does not identify examples is an error.

    Do not put it inside a DistributedDataParallel module: its buffer broadcast would overwrite other ranks' rows.
    """

    targets: Tensor
    _label_seen: Tensor

    def __init__(
        self, num_examples: int, num_classes: int, *, lam: float = 3.0, beta: float = 0.7, compile: bool = False
    ) -> None:
        super().__init__()
        if num_examples < 1 or num_classes < 2:
            raise UsageError(
                f"ELRLoss(num_examples={num_examples}, num_classes={num_classes}): "
                "needs at least one example and two classes"
            )
        if not lam >= 0:
            raise UsageError(f"lam is {lam}; the regularization coefficient must be >= 0")
        self.lam, self.beta = float(lam), check_beta(beta)
        self.compiled = compile
        self.parts: dict[str, Tensor] = {}
        self.register_buffer("targets", new_targets(num_examples, num_classes))
        # Mistakes with the index show within two sweeps over the data; after those the checks, which make an
        # accelerator wait, stop.
        self.register_buffer("_label_seen", torch.full((num_examples,), -1, dtype=torch.int64), persistent=False)
        self._rows_to_check = 2 * num_examples

    def forward(self, logits: Tensor, labels: Tensor, index: Tensor | None = None) -> Tensor:
        """Scalar float32 loss of a batch; updates ``targets[index]`` first.

        Args:
            logits: ``[B, C]``, any floating dtype.
            labels: ``int64 [B]`` given labels.
            index: ``int64 [B]``, which training example each row is: unique in the batch, the same example
                under the same number in every epoch.
        """
        index = self._check(logits, labels, index)
        compute = partial(
            _compiled() if self.compiled else _updating_table,
            labels=labels,
            table=self.targets,
            index=index,
            beta=self.beta,
            lam=self.lam,
        )
        try:
            loss, ce, regularizer = _differentiable(logits, compute)
        except RuntimeError as error:
            if self.compiled and type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
                raise UsageError(
                    f"ELRLoss(compile=True) found no working compiler ({type(error).__name__}); install one (g++; on a "
                    "GPU: Triton), or leave compile out: the loss is the same"
                ) from error
            raise
        self.parts = {"ce": ce, "elr": regularizer}
        return loss

    def beliefs(self) -> Tensor:
        """Targets as probabilities ``[n, C]`` for `find_label_issues`; NaN rows were never seen."""
        return target_beliefs(self.targets)

    def _check(self, logits: Tensor, labels: Tensor, index: Tensor | None) -> Tensor:
        n, classes = self.targets.shape
        if index is None:
            raise UsageError(
                "ELRLoss needs the index of every example: wrap the data set, "
                "loader = DataLoader(IndexedDataset(dataset), ...), then criterion(logits, labels, index)"
            )
        if logits.ndim != 2 or logits.shape[1] != classes:
            raise UsageError(f"logits have shape {list(logits.shape)}; expected [batch, {classes}]")
        if not len(logits) or labels.shape != (len(logits),) or labels.dtype != torch.int64:
            raise UsageError(
                f"labels have shape {list(labels.shape)} and dtype {labels.dtype}; expected int64 [{len(logits)}]"
            )
        if index.shape != labels.shape or index.dtype not in (torch.int64, torch.int32):
            raise UsageError(
                f"index has shape {list(index.shape)} and dtype {index.dtype}; expected int64 [{len(logits)}], "
                "the position of each example in the training set"
            )
        index = index.to(self.targets.device, torch.int64)
        if self._rows_to_check > 0:
            self._check_rows(n, labels.to(index.device), index)
        return index

    def _check_rows(self, n: int, labels: Tensor, index: Tensor) -> None:
        self._rows_to_check -= len(index)
        low, high = int(index.min()), int(index.max())
        if low < 0 or high >= n:
            raise UsageError(
                f"index holds {low if low < 0 else high}, outside 0..{n - 1}: num_examples={n} must be the size "
                "of the whole training set (not of a batch), and index the position in that set"
            )
        classes = self.targets.shape[1]
        if int(labels.min()) < 0 or int(labels.max()) >= classes:
            raise UsageError(f"a label is outside 0..{classes - 1}: num_classes is {classes}")
        if len(index.unique()) != len(index):
            raise UsageError(
                "index holds the same example twice in a batch, so its target is undefined: "
                "sample without replacement, and without padding when several processes share the data"
            )
        before = self._label_seen[index]
        changed = ((before >= 0) & (before != labels)).nonzero()
        if len(changed):
            row = int(changed[0])
            raise UsageError(
                f"example {int(index[row])} had label {int(before[row])} before and {int(labels[row])} now: index "
                "must number examples of the training set, the same in every epoch, not positions in a batch "
                f"(num_examples={n}, batch of {len(index)})"
            )
        self._label_seen[index] = labels


class IndexedDataset(Dataset[tuple[Any, ...]]):
    """A map-style data set whose items end with their index: ``(x, y)`` becomes ``(x, y, index)``.

    Wrap the outermost data set, the one the loader samples from, so that the index counts its rows.

    Raises:
        UsageError: the data set has no length, or an item is not a tuple or list.
    """

    def __init__(self, dataset: Dataset[Any]) -> None:
        if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
            raise UsageError(
                f"IndexedDataset needs a data set with a length and positions, got {type(dataset).__name__}; "
                "an iterable-style data set has no index to remember examples by"
            )
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        item = self.dataset[index]
        if not isinstance(item, (tuple, list)):
            raise UsageError(
                f"IndexedDataset expects items (input, label), item {index} is a {type(item).__name__}; "
                "return a tuple from the data set"
            )
        return (*item, index)
