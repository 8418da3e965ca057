"""How do images, tokens and soft labels become rows of logits, of labels and of the table?"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from earlylearn.errors import UsageError


class Rows(NamedTuple):
    """A batch as rows, one for each label that it holds.

    Attributes:
        logits: ``[R, C]``, any floating dtype.
        labels: ``int64 [R]``, or ``[R, C]`` of a floating dtype: soft or several labels.
        places: ``int64 [R]`` rows of the table; None where no index was given.
        shape: of the batch's labels, ``[B]`` or ``[B, d1, ...]``: what an unreduced loss looks like.
    """

    logits: Tensor
    labels: Tensor
    places: Tensor | None
    shape: torch.Size


def class_dimension(logits: Tensor, labels: Tensor, classes: int, before: int | None) -> int:
    """Which dimension of the logits counts classes: 1 as in CrossEntropyLoss, or the last, as token models have it.

    Args:
        logits: two or more dimensions.
        labels: of the logits' shape (soft), or of it without the dimension of the classes.
        classes: C.
        before: what it was in earlier batches, if that is known: it decides where both fit.

    Raises:
        UsageError: neither fits, or both do and nothing is known from before.
    """
    shape = logits.shape
    last = len(shape) - 1
    if last < 1:
        raise UsageError(f"logits have shape {list(shape)}; expected [batch, {classes}]")
    soft = labels.shape == shape
    fits = [
        dim
        for dim in ((1, last) if last > 1 else (1,))
        if shape[dim] == classes and (soft or labels.shape == shape[:dim] + shape[dim + 1 :])
    ]
    if len(fits) == 2:
        if before is None:
            raise UsageError(
                f"logits have shape {list(shape)} with {classes} classes, which dimension counts them cannot be told; "
                "pass rows: input.flatten(0, 1), target.flatten() and an index of the target's shape"
            )
        return before
    if not fits:
        expected = f"[batch, {classes}]" if last == 1 else f"[batch, {classes}, ...] or [batch, ..., {classes}]"
        if classes not in (shape[1], shape[last]):
            raise UsageError(f"logits have shape {list(shape)}; expected {expected}")
        without = shape[:1] + shape[2:] if shape[1] == classes else shape[:last]
        raise UsageError(
            f"labels have shape {list(labels.shape)}; expected int64 {list(without)} of class numbers, "
            f"or {list(shape)} of their shares, as the logits {list(shape)}"
        )
    return fits[0]


def as_rows(logits: Tensor, labels: Tensor, index: Tensor | None, dim: int, each: int) -> Rows:
    """The batch as rows.

    Args:
        logits: ``[B, C]``, ``[B, C, d1, ...]`` or ``[B, d1, ..., C]``.
        labels: ``[B, d1, ...]``, or soft, of the logits' shape.
        index: ``int64 [B]`` examples, or an array of rows of the table of the labels' shape.
        dim: of the classes, see `class_dimension`.
        each: rows of the table that belong to an example: the most labels one has.
    """
    if logits.ndim > 2:
        soft = labels.shape == logits.shape
        logits = logits.movedim(dim, -1)
        shape, logits = logits.shape[:-1], logits.flatten(0, -2)
        labels = labels.movedim(dim, -1).flatten(0, -2) if soft else labels.flatten()
    else:
        shape = logits.shape[:1]
    if not len(logits):
        raise UsageError(f"logits have shape {list(shape)}; an empty batch has no loss")
    if labels.dtype != torch.int64:
        labels = _usable(labels, logits)
    return Rows(logits, labels, None if index is None else _rows_of(index, shape, each), shape)


def as_tensor(values: ArrayLike | Tensor, what: str) -> Tensor:
    """Labels or an index given as a tensor, an array or a list.

    Raises:
        UsageError: they are no numbers.
    """
    if isinstance(values, Tensor):
        return values
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise UsageError(
            f"{what} holds {array.dtype} ({array.flat[0]!r}) where numbers were expected; "
            "RowIds gives ids of any kind the numbers of rows"
            if array.size
            else f"{what} is empty"
        )
    return torch.from_numpy(np.ascontiguousarray(array))


def _usable(labels: Tensor, logits: Tensor) -> Tensor:
    if labels.ndim == 2:  # soft, or several labels, perhaps as integers
        return labels.to(torch.float64 if logits.dtype == torch.float64 else torch.float32)
    if labels.is_floating_point() or labels.is_complex():
        raise UsageError(
            f"labels have dtype {labels.dtype} and shape {list(labels.shape)}; expected int64 class numbers, "
            f"or shares [{len(logits)}, classes]"
        )
    return labels.long()


def _rows_of(index: Tensor, shape: torch.Size, each: int) -> Tensor:
    if index.dtype == torch.bool or index.is_floating_point() or index.is_complex():
        raise UsageError(
            f"index has dtype {index.dtype}; expected int64 [{shape[0]}], the position of each example in the "
            "training set"
        )
    index = index.long()
    if index.shape == shape:
        return index.flatten() if len(shape) > 1 else index
    if index.shape != shape[:1]:
        raise UsageError(
            f"index has shape {list(index.shape)}; expected int64 [{shape[0]}], the position of each example in the "
            f"training set{f', or {list(shape)}, a row for each label' if len(shape) > 1 else ''}"
        )
    labels = shape[1:].numel()
    if labels > each or (len(shape) > 2 and labels != each):
        raise UsageError(
            f"an example has {labels} labels and rows_per_example is {each}; build ELRLoss with "
            f"rows_per_example={labels}" + (", the most that one has" if len(shape) == 2 else "")
        )
    return (index.unsqueeze(1) * each + torch.arange(labels, device=index.device)).flatten()
