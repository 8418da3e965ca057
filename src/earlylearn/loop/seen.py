"""What did the method say of each row in this epoch: a few numbers a row, however many classes there are?"""

from collections.abc import Callable

import torch
from torch import Tensor

BLOCK = 2**20  # logits that wait to be boiled down together, 4 MiB: one by one costs a step more than its own loss


class Seen:
    """What an epoch needs of the latest logits of every row; the logits themselves are not kept.

    It is begun anew in every epoch, hence in no state dict.

    Args:
        labels: ``int64 [n]`` given labels.
        true: ``int64 [n]`` true labels, or None where they are unknown.
        regularizer: see `Method.regularizer_gradient`; asked only where the truth is known.

    Attributes:
        loss: ``float32 [n]``, cross-entropy against the given label; NaN of a row of which nothing was said.
        margin: ``float32 [n]``, logit of the given label minus the largest other one.
        predicted: ``int64 [n]``, the class of the largest logit; -1 of a row of which nothing was said.
        at_true: ``float32 [n]``, probability of the true class; None where the truth is unknown.
        pull: ``float32 [n]``, the regularizer's gradient with respect to the true class's logit; NaN where the
            method has none; None where the truth is unknown.
    """

    def __init__(
        self,
        labels: Tensor,
        true: Tensor | None = None,
        regularizer: Callable[[Tensor, Tensor], Tensor | None] | None = None,
    ) -> None:
        self.labels, self.true, self.regularizer = labels, true, regularizer
        self.loss, self.margin = (torch.full(labels.shape, torch.nan, device=labels.device) for _ in range(2))
        self.predicted = torch.full_like(labels, -1)
        self.at_true, self.pull = (None if true is None else self.loss.clone() for _ in range(2))
        self._waiting: list[tuple[Tensor, Tensor]] = []
        self._numbers = 0

    @property
    def nbytes(self) -> int:
        """Bytes of what is kept of all rows."""
        return sum(numbers.nbytes for numbers in self.kept)

    @property
    def kept(self) -> list[Tensor]:
        """What is kept, ``[n]`` each."""
        kept = (self.loss, self.margin, self.predicted, self.at_true, self.pull)
        return [numbers for numbers in kept if numbers is not None]

    def begin(self) -> None:
        """Forget everything: an epoch begins."""
        self._waiting.clear()
        self._numbers = 0
        for numbers in (self.loss, self.margin, self.at_true, self.pull):
            if numbers is not None:
                numbers.fill_(torch.nan)
        self.predicted.fill_(-1)

    def release(self) -> None:
        """Keep nothing any more: after the last epoch, when others need the memory."""
        self._waiting.clear()
        for name in ("loss", "margin", "predicted", "at_true", "pull"):
            numbers = getattr(self, name)
            setattr(self, name, None if numbers is None else numbers[:0].clone())

    def add(self, rows: Tensor, logits: Tensor) -> None:
        """Write down what is said of rows ``int64 [m]`` now, ``[m, C]`` of any floating dtype.

        Rows that come twice before `settle` must not say different things.
        """
        self._waiting.append((rows, logits.detach()))
        self._numbers += logits.numel()
        if self._numbers >= BLOCK:
            self.settle()

    @torch.no_grad()
    def settle(self) -> None:
        """Boil down what waits."""
        if self._waiting:
            rows, logits = self._waiting[0]
            if len(self._waiting) > 1:
                rows, logits = (torch.cat(each) for each in zip(*self._waiting, strict=True))
            self._waiting.clear()
            self._numbers = 0
            step = max(1, BLOCK // logits.shape[1])
            for part, said in zip(rows.split(step), logits.split(step), strict=True):
                self._boil_down(part, said.float())

    def _boil_down(self, rows: Tensor, logits: Tensor) -> None:
        column = self.labels.index_select(0, rows).unsqueeze(1)
        given = logits.gather(1, column).squeeze(1)
        self.predicted.index_copy_(0, rows, logits.argmax(1))
        self.loss.index_copy_(0, rows, logits.logsumexp(1) - given)
        if self.true is not None and self.at_true is not None and self.pull is not None:
            at_true = self.true.index_select(0, rows).unsqueeze(1)
            self.at_true.index_copy_(0, rows, torch.softmax(logits, 1).gather(1, at_true).squeeze(1))
            pull = None if self.regularizer is None else self.regularizer(rows, logits)
            if pull is not None:
                self.pull.index_copy_(0, rows, pull.gather(1, at_true).squeeze(1))
        others = logits.scatter(1, column, -torch.inf)
        self.margin.index_copy_(0, rows, given - others.amax(1))
