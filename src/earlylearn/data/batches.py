"""In which order, and how augmented, do rows reach the network?"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from earlylearn.data.augment import crop_and_flip, suitable_pad
from earlylearn.data.labelled import Augmentation
from earlylearn.errors import UsageError
from earlylearn.method import Batch


class Draw(NamedTuple):
    """Which rows train, under which labels.

    Attributes:
        rows: ``int64 [m]`` training rows.
        labels: ``int64 [n]`` given labels of all rows.
    """

    rows: Tensor
    labels: Tensor


class Batches:
    """The whole data set on one device, and the ways of going through it.

    Args:
        inputs: ``[n, ...]`` raw inputs: uint8 images or float32 features.
        draws: the training rows and labels; more than one only where the released ELR+ code is imitated, whose
            two networks see different splits and noise.
        batch_size: examples per step. The last batch of a sweep is smaller; a last batch of one example joins
            the batch before it, because batch normalisation cannot take it.
        augment: what happens to images on the way.
        order: random numbers of the order of examples (on the CPU).
        augmentation: random numbers of crops and flips (on the CPU).
    """

    def __init__(
        self,
        inputs: Tensor,
        draws: Sequence[Draw],
        *,
        batch_size: int,
        augment: Augmentation,
        order: torch.Generator,
        augmentation: torch.Generator,
    ) -> None:
        if batch_size < 2:
            raise UsageError(f"--batch-size {batch_size}: must be at least 2")
        self.inputs, self.draws, self.batch_size = inputs, list(draws), batch_size
        self.augment, self.order, self.augmentation = augment, order, augmentation

    def rows(self, draw: int = 0) -> Tensor:
        """The training rows ``int64 [m]`` of a draw; its number wraps around."""
        return self.draws[draw % len(self.draws)].rows

    def batches(
        self, views: int = 1, *, draw: int = 0, rows: Tensor | None = None, batch_size: int | None = None
    ) -> Iterator[Batch]:
        """Every training row once, in a new order, as ``views`` independently augmented versions.

        Args:
            views: versions of each input.
            draw: which of the draws; its number wraps around.
            rows: go through these rows instead of all training rows.
            batch_size: examples per step instead of the usual number, at least 2.
        """
        trained, labels = self.draws[draw % len(self.draws)]
        rows = trained if rows is None else rows
        size = self.batch_size if batch_size is None else batch_size
        order = torch.randperm(len(rows), generator=self.order).to(rows.device)
        steps = _steps(len(rows), size)
        for step in range(steps):
            stop = len(rows) if step == steps - 1 else (step + 1) * size
            index = rows[order[step * size : stop]]
            x = self.inputs.index_select(0, index)
            yield Batch(index, tuple(self._augmented(x) for _ in range(views)), labels.index_select(0, index))

    def in_order(self, rows: Tensor, batch_size: int = 1000) -> Iterator[tuple[Tensor, Tensor]]:
        """(index, inputs) of the rows as they come, not augmented: for evaluation."""
        for index in rows.split(batch_size):
            yield index, self.inputs.index_select(0, index)

    def _augmented(self, x: Tensor) -> Tensor:
        if self.augment == "none":
            return x
        pad = suitable_pad(*x.shape[-2:])
        return crop_and_flip(x, pad=pad, flip=self.augment == "crop+flip", generator=self.augmentation)


def _steps(rows: int, batch_size: int) -> int:
    return max(1, rows // batch_size + (rows % batch_size > 1))
