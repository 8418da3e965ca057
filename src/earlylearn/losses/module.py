"""Which loss replaces cross-entropy in a training loop of one's own?"""

import math
import warnings
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Self

import torch
import torch.distributed as dist
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import Tensor

from earlylearn.errors import UsageError
from earlylearn.losses.elr import Parts, averaging_parts, compiled, with_gradient, writing_parts
from earlylearn.losses.flat import Rows, as_rows, as_tensor, class_dimension
from earlylearn.losses.index_checks import Counts, Looks, recording
from earlylearn.losses.processes import SharedRows, processes
from earlylearn.losses.settings import check_settings, class_weights
from earlylearn.losses.table import TargetTable
from earlylearn.losses.targets import are_probabilities, check_beta
from earlylearn.losses.weighted import Settings, counted_parts, standing_parts


class ELRLoss(TargetTable):
    """Early-learning regularization (ELR) for a training loop of your own: a drop-in for CrossEntropyLoss.

    Three lines change: build it with the size of the training set, let the data set yield each example's index
    (`IndexedDataset`, or `RowIds` for ids of any kind), pass the index with the logits.

    In evaluation mode, or where gradients are off (``torch.no_grad()``), it is cross-entropy: no index is needed,
    and no target changes. Under several processes (``torchrun``, DistributedDataParallel, whatever launches them) all
    keep the same table, the one that a single process would have.

    Args:
        num_examples: n, rows of the training set; an index lies in 0 .. n - 1.
        num_classes: C.
        lam: regularization coefficient lambda >= 0 (equation 7). Paper: 3 for CIFAR-10 with symmetric noise, 1
            with asymmetric noise, 7 for CIFAR-100.
        beta: temporal ensembling momentum, 0 <= beta < 1 (Algorithm 1). Paper: 0.7, 0.9, 0.9 for the same.
        weight: ``[C]``, what an example of each class weighs. Its regularizer weighs as much as its cross-entropy,
            or lambda would mean something else in every class.
        ignore_index: a label that is left out: it adds to no mean, gets no gradient and has no target.
        label_smoothing: as in CrossEntropyLoss, 0 .. 1, of the cross-entropy alone.
        reduction: ``mean``, ``sum`` or ``none``, as in CrossEntropyLoss.
        rows_per_example: the most labels that one example has, for tokens or pixels; label j of example i has row
            ``i * rows_per_example + j`` of the table.
        repeats: whether an example may be in a batch more than once, as when sampling with replacement; the first
            of its rows then counts for its target.
        sync: whether processes share one table, or the group of those that do.
        compile: run the arithmetic through torch.compile: the same loss in some 60 % of the time for few classes,
            after some ten seconds of compiling at the first batch of a shape. Needs a C++ compiler (on a GPU: Triton).

    Attributes:
        targets: ``float32 [n * rows_per_example, C]`` running averages of the model's probabilities; in the state
            dict, moves with ``.to()``, stays float32, loads from a checkpoint of any n.
        parts: the last training call's cross-entropy and regularizer, detached: watch these, the sum may be negative.

    Raises:
        UsageError: a size or hyperparameter is out of range, the index does not identify examples, a label is no
            class, or there is no compiler to ``compile`` with. On an accelerator, which nothing may wait for, mistakes
            of the numbers show at the end of the epoch: by `train`, `eval`, `check` or a pass over the data.

    Differs from the released code: lam is an argument rather than a global setting; checkpoints carry the table;
    float32 under mixed precision; an index that does not identify examples is an error.
    """

    weight: Tensor | None
    _looks: Looks
    _counts: Counts
    _shared: SharedRows | None
    _unchecked: int
    _check_after: int
    _traced: bool
    _unusual: bool
    _logits_seen: bool

    def __init__(
        self,
        num_examples: int,
        num_classes: int,
        *,
        lam: float = 3.0,
        beta: float = 0.7,
        weight: ArrayLike | Tensor | None = None,
        ignore_index: int = -100,
        label_smoothing: float = 0.0,
        reduction: Literal["mean", "sum", "none"] = "mean",
        rows_per_example: int = 1,
        repeats: bool = False,
        sync: bool | dist.ProcessGroup = True,
        compile: bool = False,
    ) -> None:
        check_settings(num_examples, num_classes, lam, label_smoothing, reduction, rows_per_example)
        super().__init__(num_examples * rows_per_example, num_classes)
        self.lam, self.beta = float(lam), check_beta(beta)
        self.ignore_index, self.label_smoothing, self.reduction = ignore_index, float(label_smoothing), reduction
        self.rows_per_example, self.repeats, self.sync, self.compiled = rows_per_example, repeats, sync, compile
        self.weight = class_weights(weight, num_classes)  # no buffer, for the reason that the table is none
        self.parts: dict[str, Tensor] = {}
        self._class_dimension: int | None = None
        self._left_out = 0
        self._forget()

    def forward(
        self,
        input: Tensor,
        target: Tensor | ArrayLike,
        index: Tensor | ArrayLike | None = None,
        *,
        update: bool = True,
    ) -> Tensor:
        """Loss of a batch, float32; averages its rows' targets first.

        Args:
            input: logits ``[B, C]``, ``[B, C, d1, ...]`` or ``[B, d1, ..., C]``, any floating dtype.
            target: given labels ``[B]`` or ``[B, d1, ...]``, integers; or of the logits' shape: shares of the classes,
                or 0 and 1 for several labels at once.
            index: ``[B]`` integers, which training example each is: unique in the batch, the same example under the
                same number in every epoch. Or of the labels' shape: a row of the table for each.
            update: False leaves the targets as they are: for a second forward pass of the same batch (SAM, L-BFGS).

        Returns:
            A scalar, or for ``reduction="none"`` a tensor of the labels' shape.
        """
        if not isinstance(input, Tensor):
            raise UsageError(f"input is a {type(input).__name__}; pass the logits, a tensor, such as output.logits")
        observes = self.training and torch.is_grad_enabled()
        if observes and update and (loss := self._usual_loss(input, target, index)) is not None:
            return loss
        if observes and index is None:
            raise UsageError(
                "ELRLoss needs the index of every example: wrap the data set, "
                "loader = DataLoader(IndexedDataset(dataset), ...), then criterion(logits, labels, index); "
                "in evaluation call criterion.eval() first"
            )
        batch = self._as_rows(input, as_tensor(target, "labels"), index)
        if not observes or batch.places is None:
            return self._cross_entropy(batch)
        if not self._logits_seen and not (torch.compiler.is_compiling() or recording()):
            self._logits_seen = True
            if are_probabilities(batch.logits):
                warnings.warn("input looks like probabilities; pass logits, without the softmax", stacklevel=2)
        with torch.no_grad():
            parts = self._parts(batch.logits.detach(), batch.labels, batch.places, update)
        loss, parts = with_gradient(batch.logits, parts, self.lam)
        self.parts = {"ce": parts.ce, "elr": parts.regularizer}
        if self.reduction == "none":
            self.parts = {name: part.view(batch.shape) for name, part in self.parts.items()}
            return loss.view(batch.shape)
        return loss

    if TYPE_CHECKING:
        __call__ = forward  # a module's own says nothing of its arguments

    def beliefs(self) -> Tensor:
        """Targets as probabilities ``[n, C]`` for `find_label_issues`; NaN rows were never seen."""
        self.check()
        return super().beliefs()

    @property
    def rows_left_out(self) -> int:
        """How many rows had logits that are not finite: their targets were left as they were. Waits for the device."""
        return self._left_out + int(self._counts.not_finite)

    def check(self) -> None:
        """Raise UsageError if the index did not identify examples since the last check; waits for the device."""
        self._looks.look_at_notes()
        if self._unchecked or self._traced:
            self._unchecked, self._traced = 0, False
            self._check_after = min(2 * self._check_after, self._rows)
            self._leave_out(self._counts.read(self._table.shape[1], self.ignore_index, self.repeats))

    def train(self, mode: bool = True) -> Self:
        """As every module's; looks, when an epoch's training ends, whether the index identified examples."""
        super().train(mode)
        self.check()
        return self

    def labels_changed(self) -> None:
        """Accept other labels than before: say so after you corrected some. Targets stay."""
        self.check()
        self._looks.forget_labels()
        self._counts.forget_labels()

    def resize_(self, rows: int) -> None:
        """Have room for more (or fewer) rows; see `TargetTable.resize_`."""
        self.check()
        super().resize_(rows)
        self._forget()

    def _as_rows(self, input: Tensor, target: Tensor, index: Tensor | ArrayLike | None) -> Rows:
        dim = class_dimension(input, target, self._table.shape[1], self._class_dimension)
        if input.ndim > 2 and self._class_dimension is None:
            self._class_dimension = dim
        numbers = None if index is None else as_tensor(index, "index")
        return as_rows(input, target, numbers, dim, self.rows_per_example)

    def _cross_entropy(self, batch: Rows) -> Tensor:
        logits = batch.logits if batch.logits.dtype == torch.float64 else batch.logits.float()
        loss = F.cross_entropy(
            logits,
            batch.labels.to(logits.device),
            None if self.weight is None else self.weight.to(logits),
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            reduction=self.reduction,
        )
        return loss.view(batch.shape) if self.reduction == "none" else loss

    def _usual_loss(self, logits: Tensor, labels: Any, index: Any) -> Tensor | None:
        """The loss of a batch as most are, in half the time; None, and nothing done, if it is another.

        Two passes over the data are done, rows weigh the same, numbers lie on the processor and are in range.
        """
        looks = self._looks
        if looks.left > 0 or torch.compiler.is_compiling() or not self._is_plain() or processes(self.sync) > 1:
            return None
        if not (isinstance(labels, Tensor) and isinstance(index, Tensor) and labels.is_cpu and index.is_cpu):
            return None
        shape, integers = logits.shape, torch.int64
        if not labels.shape == index.shape == shape[:1] or shape[-1] != looks.classes or not logits.is_cpu:
            return None
        if labels.dtype is not integers or index.dtype is not integers:
            return None
        try:
            loss, parts = with_gradient(logits, partial(self._plain_parts, labels=labels, index=index), self.lam)
        except (IndexError, RuntimeError):
            self._unusual = True
            return None
        self.__dict__["parts"] = {"ce": parts.ce, "elr": parts.regularizer}  # a module's setattr takes 3 us
        looks.note(index.numpy())
        return loss

    def _plain_parts(self, logits: Tensor, labels: Tensor, index: Tensor) -> Parts:
        """Means over a batch whose rows weigh the same; writes the averaged targets."""
        if self.compiled:
            *found, lost = compiled(writing_parts)(logits, labels, self._table, index, self.beta, self.lam)
            parts = Parts(*found)
        else:
            (ce, regularizer, gradient, _), rows = averaging_parts(
                logits, labels, self._table, index, self.beta, self.lam
            )
            parts = Parts(ce, regularizer, gradient, torch.add(ce, regularizer, alpha=self.lam))
        if not math.isfinite(parts.ce.item()):
            if not self.compiled:
                lost = rows[:, 0].isnan()
                self._table[index[~lost]] = rows[~lost]
            self._table[-1].zero_()
            self._leave_out(int(lost.sum()))
        elif not self.compiled:
            self._table.index_copy_(0, index, rows)
        return parts

    def _parts(self, logits: Tensor, labels: Tensor, index: Tensor, update: bool) -> Parts:
        """Loss and gradient of any batch; the averaged targets are written, or sent on their way."""
        if self._table.device != logits.device:
            self.to(logits.device)
        self._settle()
        shared = self._share(len(index)) if update else None
        kept = self._look(logits, labels, index) if update else None
        if kept is not None and shared is None and labels.ndim == 1 and self._is_plain() and bool(kept.all()):
            return self._plain_parts(logits, labels, index)
        settings = Settings(
            self.lam, self.beta, self.weight, self.ignore_index, self.label_smoothing, self.reduction, self.repeats
        )
        index, labels = index.to(logits.device), labels.to(logits.device)
        if not update:
            return standing_parts(logits, labels, index, self._table, settings)
        compute = counted_parts
        if self.compiled and not torch.compiler.is_compiling():
            compute = compiled(counted_parts)
        parts, (place, rows) = compute(logits, labels, index, self._table, self._counts, settings, kept)
        if shared is None:
            self._table.index_copy_(0, place, rows)
            self._table[-1].zero_()
        else:
            shared.send(place, rows)
        self._count(len(index))
        return parts

    def _is_plain(self) -> bool:
        special = self.weight is not None or self.label_smoothing or self.repeats or self._unusual
        return not special and self.reduction == "mean"

    def _look(self, logits: Tensor, labels: Tensor, index: Tensor) -> Tensor | None:
        """Which rows have a target, as `Looks` says; None where nobody looks."""
        if torch.compiler.is_compiling() or not (logits.is_cpu and labels.is_cpu and index.is_cpu):
            return None
        if self._looks.left <= 0 and not self._unusual:
            return None
        return torch.from_numpy(self._looks.look(index.numpy(), labels.numpy() if labels.ndim == 1 else None))

    def _count(self, rows: int) -> None:
        """Look at what the device counted after 1, 2, 4, ... batches and then once in a pass over the data."""
        if torch.compiler.is_compiling():
            self._traced = True  # numbers that change at every step would be compiled anew at every step
            return
        self._unchecked += rows
        self._check_after = self._check_after or rows
        if self._unchecked >= self._check_after and not recording():
            self.check()

    def _leave_out(self, rows: int) -> None:
        if rows:
            self._left_out += rows
            warnings.warn(
                f"{rows} rows had logits that are not finite; their targets are left as they were "
                "(rows_left_out counts them)",
                stacklevel=2,
            )

    def _share(self, rows: int) -> SharedRows | None:
        """How rows go to the other processes; None where there is but one."""
        if processes(self.sync) == 1:
            return None
        if self._shared is None:
            self._shared = SharedRows(self._table, self._rows, self.sync)
            self._shared.agree(self._table, rows)
        return self._shared

    def _settle(self) -> None:
        if self._shared is not None:
            self._shared.write(self._table)

    def _forget(self) -> None:
        """Begin anew to remember which example has which label, and with whom the table is shared."""
        self._looks = Looks(self._rows, self._table.shape[1], self.ignore_index, self.repeats)
        self._shared = None
        self._counts = Counts(self._rows, self._table.device)
        self._unchecked, self._check_after, self._traced, self._unusual = 0, 0, False, False
        self._logits_seen = False

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        device = self._table.device
        super()._apply(fn, recurse)
        if self.weight is not None:
            self.weight = self.weight.to(self._table.device)
        if self._table.device != device:
            self._forget()
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Without what belongs to this process: rows on their way are written first."""
        self._settle()
        return {**self.__dict__, "_shared": None}
