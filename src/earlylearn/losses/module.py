"""Which loss replaces cross-entropy in a training loop of one's own?"""

from functools import partial

import torch
from torch import Tensor, nn

from earlylearn.errors import UsageError
from earlylearn.losses.elr import compiled, differentiable, updating_table
from earlylearn.losses.targets import check_beta, new_targets, target_beliefs


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
            compiled() if self.compiled else updating_table,
            labels=labels,
            table=self.targets,
            index=index,
            beta=self.beta,
            lam=self.lam,
        )
        try:
            loss, ce, regularizer = differentiable(logits, compute)
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
