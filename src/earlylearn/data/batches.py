"""In which order, and how augmented, do rows reach the network?"""

import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
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
        crop: side of the random square cut out of larger images when they are augmented, in place of padding; None
            leaves their size alone. Images not augmented keep theirs: the network takes the centre itself.
        balanced: batches per sweep over all training rows in which the classes of the given labels are equally
            frequent, drawn anew every time (supplement G.3, Clothing1M); None sweeps over every row. A class with too
            few rows for its share contributes each once.
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
        crop: int | None = None,
        balanced: int | None = None,
        order: torch.Generator,
        augmentation: torch.Generator,
    ) -> None:
        if batch_size < 2:
            raise UsageError(f"--batch-size {batch_size}: must be at least 2")
        self.inputs, self.draws, self.batch_size = inputs, list(draws), batch_size
        self.augment, self.order, self.augmentation = augment, order, augmentation
        self.crop, self.balanced = crop, balanced

    def rows(self, draw: int = 0) -> Tensor:
        """The training rows ``int64 [m]`` of a draw; its number wraps around."""
        return self.draws[draw % len(self.draws)].rows

    def batches(
        self, views: int = 1, *, draw: int = 0, rows: Tensor | None = None, batch_size: int | None = None
    ) -> Iterator[Batch]:
        """Every training row once (or a `balanced` sample), in a new order, in ``views`` augmented versions each.

        Args:
            views: versions of each input.
            draw: which of the draws; its number wraps around.
            rows: go through these rows instead of all training rows.
            batch_size: examples per step instead of the usual number, at least 2.
        """
        trained, labels = self.draws[draw % len(self.draws)]
        if rows is None:
            rows = trained if self.balanced is None else self._balanced(trained, labels)
        size = self.batch_size if batch_size is None else batch_size
        order = torch.randperm(len(rows), generator=self.order).to(rows.device)
        steps = _steps(len(rows), size)
        for step in range(steps):
            stop = len(rows) if step == steps - 1 else (step + 1) * size
            index = rows[order[step * size : stop]]
            x = self.take(index)
            yield Batch(index, tuple(self._augmented(x) for _ in range(views)), labels.index_select(0, index))

    def in_order(self, rows: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """(index, inputs) of the rows as they come, not augmented: for evaluation."""
        for index in rows.split(evaluation_size(self.inputs)):
            yield index, self.take(index)

    def take(self, index: Tensor) -> Tensor:
        """The inputs of some rows, where `index` lies: the data may lie elsewhere (a file larger than memory)."""
        return self.inputs.index_select(0, index.to(self.inputs.device)).to(index.device)

    def _balanced(self, rows: Tensor, labels: Tensor) -> Tensor:
        """As many rows of each class, drawn without replacement, as make `balanced` batches."""
        present = labels[rows].unique()
        share = max(1, (self.balanced or 0) * self.batch_size // len(present))
        drawn = []
        for label in present:
            members = rows[labels[rows] == label]
            drawn.append(members[torch.randperm(len(members), generator=self.order)[:share].to(rows.device)])
        return torch.cat(drawn)

    def _augmented(self, x: Tensor) -> Tensor:
        if self.augment == "none":
            return x
        pad = suitable_pad(*x.shape[-2:]) if self.crop is None else 0
        flip = self.augment == "crop+flip"
        return crop_and_flip(x, pad=pad, size=self.crop, flip=flip, generator=self.augmentation)


def as_tensor(inputs: NDArray[Any]) -> Tensor:
    """Inputs as a tensor that shares their memory, or their file; nobody here writes to them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(np.ascontiguousarray(inputs))


def evaluation_size(inputs: Tensor) -> int:
    """How many of these inputs to evaluate at a time: 1000, or as many large images as have 2^24 numbers."""
    return max(1, min(1000, 2**24 // inputs[0].numel()))


def _steps(rows: int, batch_size: int) -> int:
    return max(1, rows // batch_size + (rows % batch_size > 1))
