"""In which order, and how augmented, do rows reach the network?"""

import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from earlylearn.data.request import Augmentation
from earlylearn.errors import UsageError, setting
from earlylearn.loop.augment import apply, check_images, choose_crops, suitable_pad
from earlylearn.loop.own_augment import Augment, augment_own
from earlylearn.loop.processes import Processes

Numbers = tuple[Any, ...]  # floats and tensors


class Batch(NamedTuple):
    """What a loss sees of one step.

    Attributes:
        index: ``int64 [B]`` rows of the data set, unique within a batch.
        views: one or more augmented versions of the inputs, ``[B, ...]`` each.
        label: ``int64 [B]`` given labels.
        numbers: what `Method.numbers` gave for this step.
        whole: where several processes train, the rows and given labels of the whole step, of which a part is this
            process's; None where there is one.
        part: where the batch is whole none the less (`Method.whole_batches`), its rows that are this process's.
    """

    index: Tensor  # type: ignore[assignment]  # the contract's word, though tuples have a method of that name
    views: tuple[Tensor, ...]
    label: Tensor
    numbers: Numbers = ()
    whole: "Draw | None" = None
    part: slice = slice(None)

    @property
    def share(self) -> float:
        """The share of the step's examples that is this process's: what its mean counts for in the step's."""
        return 1.0 if self.whole is None else len(self.index[self.part]) / len(self.whole.rows)


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
        batch_size: examples per step. The last batch of a pass is smaller; a last batch of one example joins
            the batch before it, because batch normalisation cannot take it.
        augment: what happens to images on the way; or a user's own function, see `earlylearn.loop.own_augment`.
        crop: side of the random square cut out of larger images when they are augmented, in place of padding; None
            leaves their size alone. Images not augmented keep theirs: the network takes the centre itself.
        balanced: batches per pass over all training rows in which the classes of the given labels are equally
            frequent, chosen anew every time (supplement G.3, Clothing1M); None passes over every row. A class with too
            few rows for its share contributes each once.
        on_disk: the inputs are a file that is mapped into memory: while one batch trains, a thread reads the next.
        order: random numbers of the order of examples (on the CPU).
        augmentation: random numbers of crops and flips (on the CPU).
        processes: those that train; each is given its part of every batch.
        whole_batches: each is given the whole batch, and told its part.
    """

    def __init__(
        self,
        inputs: Tensor,
        draws: Sequence[Draw],
        *,
        batch_size: int,
        augment: Augmentation | Augment,
        crop: int | None = None,
        balanced: int | None = None,
        on_disk: bool = False,
        order: torch.Generator,
        augmentation: torch.Generator,
        processes: Processes | None = None,
        whole_batches: bool = False,
    ) -> None:
        self.processes, self.whole_batches = processes or Processes(), whole_batches
        if batch_size < 2:
            raise UsageError(f"{setting('batch_size', batch_size)}: must be at least 2")
        self.inputs, self.draws, self.batch_size = inputs, list(draws), batch_size
        self.augment, self.order, self.augmentation = augment, order, augmentation
        self.crop, self.balanced, self.on_disk = crop, balanced, on_disk
        if isinstance(augment, str) and augment != "none":
            check_images(inputs.shape[1:], crop)
            height, width = inputs.shape[-2:]
            self.pad, self.spare = (suitable_pad(height, width), 0) if crop is None else (0, height - crop)

    def rows(self, draw: int = 0) -> Tensor:
        """The training rows ``int64 [m]`` of a draw; its number wraps around."""
        return self.draws[draw % len(self.draws)].rows

    def batches(
        self, views: int = 1, *, draw: int = 0, rows: Tensor | None = None, batch_size: int | None = None
    ) -> "BatchSequence":
        """Every training row once (or a `balanced` sample), in a new order, in ``views`` augmented versions each.

        Args:
            views: versions of each input.
            draw: which of the draws; its number wraps around.
            rows: go through these rows instead of all training rows.
            batch_size: examples per step instead of the usual number, at least 2.
        """
        return BatchSequence(
            self, views, draw % len(self.draws), rows, self.batch_size if batch_size is None else batch_size
        )

    def in_order(self, rows: Tensor, classes: int = 1) -> Iterator[tuple[Tensor, Tensor]]:
        """(index, inputs) of the rows as they come, not augmented, as many as `evaluation_size` says."""
        for index in rows.split(evaluation_size(self.inputs, classes)):
            yield index, self.take(index)

    def take(self, index: Tensor) -> Tensor:
        """The inputs of some rows, where `index` lies: the data may lie elsewhere (a file larger than memory)."""
        return self.inputs.index_select(0, index.to(self.inputs.device)).to(index.device)

    def read(self, index: Tensor) -> Tensor:
        """The inputs of rows ``index`` (on the processor) off the disk, ready to go to a GPU while it computes."""
        x = self.inputs.index_select(0, index)
        return x.pin_memory() if self.draws[0].rows.device.type == "cuda" else x

    def balanced_rows(self, rows: Tensor, labels: Tensor) -> Tensor:
        """As many rows of each class, at random, none twice, as make `balanced` batches."""
        present = labels[rows].unique()
        share = max(1, (self.balanced or 0) * self.batch_size // len(present))
        chosen = []
        for label in present:
            members = rows[labels[rows] == label]
            chosen.append(members[torch.randperm(len(members), generator=self.order)[:share].to(rows.device)])
        return torch.cat(chosen)

    def choose_crop(self, examples: int) -> Tensor:
        """Where each example is cropped and whether it is mirrored: ``int64 [3, B]``, empty without augmentation.

        Of a user's own augmentation it is the batch's seed, ``int64 [1]``.
        """
        if self.augment == "none":
            return torch.empty(0, dtype=torch.int64)
        if not isinstance(self.augment, str):  # a seed decides all
            return torch.randint(2**62, (1,), generator=self.augmentation)
        flip = self.augment == "crop+flip"
        dy, dx, mirrored = choose_crops(
            examples, pad=self.pad, spare=self.spare, flip=flip, generator=self.augmentation
        )
        return torch.stack((dy, dx, mirrored.long()))

    def augmented(self, x: Tensor, crop: Tensor) -> Tensor:
        """The view ``[B, ...]`` of these inputs that `choose_crop` decided on."""
        if not isinstance(self.augment, str):
            return augment_own(self.augment, x, int(crop)) if len(x) else x
        if not len(x):  # of a step that has fewer examples than there are processes
            return x[..., : self.crop, : self.crop]
        return x if self.augment == "none" else apply(x, crop[0], crop[1], crop[2], self.pad, self.crop)


class Order(NamedTuple):
    """All that is decided of a batch before it is made.

    Attributes:
        index: ``int64 [B]`` rows.
        crops: one per view, see `earlylearn.loop.augment.choose_crops`: ``int64 [3, B]``, empty without augmentation.
        whole: the rows of the whole step, where several processes have a part of it each.
    """

    index: Tensor  # type: ignore[assignment]  # see Batch
    crops: tuple[Tensor, ...]
    whole: Tensor | None = None


class BatchSequence:
    """One way through some rows, the sequence of its batches; begun anew each time it is iterated.

    What chance decides (`orders`) is apart from what follows from it (`make`), so that the latter can be part of a
    step that is recorded and replayed.

    Args:
        data: where the inputs are.
        views: see `Batches.batches`.
        draw: the same.
        rows: the same.
        batch_size: the same.
    """

    def __init__(self, data: Batches, views: int, draw: int, rows: Tensor | None, batch_size: int) -> None:
        self.data, self.views, self.draw, self.rows, self.batch_size = data, views, draw, rows, batch_size

    def __iter__(self) -> Iterator[Batch]:
        if self.data.on_disk:
            return self._reading_ahead()
        return (self.make(order) for order in self.orders())

    def orders(self) -> Iterator[Order]:
        """Choose the batches one after another."""
        for index in self._indices():
            yield self._order(index)

    def _order(self, index: Tensor) -> Order:
        crops = tuple(self.data.choose_crop(len(index)).to(index.device, non_blocking=True) for _ in range(self.views))
        if not self.data.processes.several:
            return Order(index, crops)
        if self.data.whole_batches:
            return Order(index, crops, index)
        part = self.data.processes.part(len(index))
        own = not isinstance(self.data.augment, str)  # a seed for all: every process draws of its own
        return Order(index[part], tuple(crop + part.start if own else crop[..., part] for crop in crops), index)

    def _indices(self) -> tuple[Tensor, ...]:
        """The rows of every batch, in a new order."""
        rows = self.rows
        if rows is None:
            trained, labels = self.data.draws[self.draw]
            rows = trained if self.data.balanced is None else self.data.balanced_rows(trained, labels)
        order = torch.randperm(len(rows), generator=self.data.order).to(rows.device)
        return rows[order].tensor_split(
            [step * self.batch_size for step in range(1, _steps(len(rows), self.batch_size))]
        )

    def _reading_ahead(self) -> Iterator[Batch]:
        # Crops are chosen when their batch's turn comes: passes that take turns have the same as without reading ahead.
        indices = self._indices()
        part = (lambda count: slice(None)) if self.data.whole_batches else self.data.processes.part
        on_host = [whole[part(len(whole))] for whole in torch.cat(indices).cpu().split([len(each) for each in indices])]
        with ThreadPoolExecutor(1) as reader:
            ahead = reader.submit(self.data.read, on_host[0])
            for index, following in zip(indices, [*on_host[1:], None], strict=True):
                x = ahead.result()
                if following is not None:
                    ahead = reader.submit(self.data.read, following)
                yield self.make(self._order(index), x.to(index.device, non_blocking=True))

    def make(self, order: Order, x: Tensor | None = None) -> Batch:
        """The batch of an order, from its inputs if they were read already: tensor operations alone."""
        if x is None:
            x = self.data.take(order.index)
        views = tuple(self.data.augmented(x, crop) for crop in order.crops)
        labels = self.data.draws[self.draw].labels
        whole = None if order.whole is None else Draw(order.whole, labels.index_select(0, order.whole))
        part = self.data.processes.part(len(order.index)) if self.data.whole_batches else slice(None)
        return Batch(order.index, views, labels.index_select(0, order.index), whole=whole, part=part)


def as_tensor(inputs: NDArray[Any]) -> Tensor:
    """Inputs as a tensor that shares their memory, or their file; nobody here writes to them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(np.ascontiguousarray(inputs))


def evaluation_size(inputs: Tensor, classes: int = 1) -> int:
    """How many of these inputs to evaluate at a time: 1000, or what has 2^24 numbers (2^21 logits of many classes)."""
    return max(1, min(1000, 2**24 // inputs[0].numel(), 2**21 // classes))


def _steps(rows: int, batch_size: int) -> int:
    return max(1, rows // batch_size + (rows % batch_size > 1))
