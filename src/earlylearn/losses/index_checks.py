"""Does the index identify examples, in every epoch?

Three mistakes spoil the table without a sound: an index beyond the training set, one example twice in a batch, and
positions in the batch in place of examples, which show by an example whose label differs from before. In the first
two passes over the data `Looks` tells of them at once where numbers lie on the processor, later at the end of a pass
or of an epoch. Where looking would make an accelerator wait, `Counts` counts them there, to be read at these times.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from earlylearn.errors import UsageError

NEVER = -(2**31)  # no label yet
FEW, MANY = 4_096, 1_000_000  # rows to look at together: so that it costs nothing; of 16 bytes each
Numbers = NDArray[np.int64]


def outside(what: str, n: int) -> UsageError:
    """An index beyond the table."""
    return UsageError(
        f"index holds {what}, outside 0..{n - 1}: num_examples={n} must be the size of the whole training set "
        "(not of a batch), and index the position in that set; if data are added, call resize_ first"
    )


def repeated(what: str) -> UsageError:
    """An example more than once in a batch."""
    return UsageError(
        f"index holds {what} twice in a batch, so its target is undefined: sample without replacement, "
        "or say repeats=True: the first then counts"
    )


def no_class(label: object, classes: int, ignore_index: int) -> UsageError:
    """A label that is no class."""
    return UsageError(
        f"a label is {label}, outside 0..{classes - 1}: num_classes is {classes}, ignore_index is {ignore_index}"
    )


def changed(row: int, before: int, now: int, n: int) -> UsageError:
    """An example that has another label than before."""
    return UsageError(
        f"example {row} had label {before} before and {now} now: index must number examples of the training set "
        f"(num_examples={n}), the same in every epoch, not positions in a batch; "
        "if you corrected labels, call labels_changed() first"
    )


class Looks:
    """Looks at batches whose numbers lie on the processor: at once, or later at many together.

    Args:
        n: examples, rows of the table.
        classes: C.
        ignore_index: label that is left out.
        repeats: whether an example may be in a batch more than once.

    Attributes:
        left: rows until two passes have been looked at, batch by batch.
        noted: rows that are still to be looked at.
    """

    def __init__(self, n: int, classes: int, ignore_index: int, repeats: bool) -> None:
        self.n, self.classes, self.ignore_index, self.repeats = n, classes, ignore_index, repeats
        self.left, self.noted, self._enough = 2 * n, 0, min(max(n, FEW), MANY)
        self._labels, self._stamps = np.full(n, NEVER, dtype=np.int64), np.zeros(n, dtype=np.int64)
        self._notes: list[bytes] = []

    def note(self, index: Numbers) -> None:
        """Look later at a batch's numbers; copies them."""
        self._notes.append(index.tobytes())
        self.noted += len(index)
        if self.noted >= self._enough:
            self.look_at_notes()

    def look_at_notes(self) -> None:
        """Look at what was noted; raises UsageError as `look` does."""
        notes, self._notes, self.noted = self._notes, [], 0
        if not notes:
            return
        numbers = np.frombuffer(b"".join(notes), np.int64)
        for extreme in (numbers.min(), numbers.max()):
            if not 0 <= extreme < self.n:
                raise outside(str(extreme), self.n)
        times = np.bincount(numbers)
        for note in notes if times.max() > 1 else ():  # in most passes no example comes twice at all
            index = np.frombuffer(note, np.int64)
            order = np.arange(len(index))
            self._stamps[index] = order  # each place is stamped with the row that names it
            if self._stamps.take(index).tobytes() != order.tobytes():
                self.look(index, None)

    def look(self, index: Numbers, labels: Numbers | None) -> NDArray[np.bool_]:
        """Which rows ``bool [R]`` have a target: neither ignored nor a repetition.

        Args:
            index: ``[R]``.
            labels: ``[R]``; None if soft.

        Raises:
            UsageError: the index does not identify examples, or a label is no class.
        """
        self.left -= len(index)
        beyond = index[(index < 0) | (index >= self.n)]
        if len(beyond):
            raise outside(str(beyond[0]), self.n)
        kept = np.ones(len(index), dtype=bool) if labels is None else labels != self.ignore_index
        if labels is not None:
            bad = labels[kept & ((labels < 0) | (labels >= self.classes))]
            if len(bad):
                raise no_class(bad[0], self.classes, self.ignore_index)
        values, first = np.unique(index[kept], return_index=True)
        if len(values) < np.count_nonzero(kept):
            if not self.repeats:
                raise repeated(f"example {values[np.bincount(np.searchsorted(values, index[kept])) > 1][0]}")
            first_of_each = np.flatnonzero(kept)[first]
            kept[:] = False
            kept[first_of_each] = True
        if labels is not None:
            self._remember(index[kept], labels[kept])
        return kept

    def forget_labels(self) -> None:
        """Accept other labels from now on."""
        self._labels[:] = NEVER
        self.left = 2 * self.n

    def _remember(self, index: Numbers, labels: Numbers) -> None:
        before = self._labels[index]
        differ = np.flatnonzero((before != NEVER) & (before != labels))
        if len(differ):
            row = differ[0]
            raise changed(int(index[row]), int(before[row]), int(labels[row]), self.n)
        self._labels[index] = labels


class Counts:
    """What the steps did since the last reading, where the numbers lie: nothing waits for an accelerator.

    Args:
        n: examples, rows of the table.
        device: of the table.

    Attributes:
        not_finite: ``int64``, rows whose logits were not finite.
    """

    def __init__(self, n: int, device: torch.device) -> None:
        self.n = n
        # Two places more: for an index beyond the table, and for rows whose label is ignored.
        self.visits = torch.zeros(n + 2, dtype=torch.int32, device=device)
        self.distinct = torch.zeros_like(self.visits)  # the same, but a batch counts an example once
        self.labels = torch.full((n + 2,), NEVER, dtype=torch.int32, device=device)
        self.labels_before = self.labels.clone()
        self.not_finite = torch.zeros((), dtype=torch.int64, device=device)

    def count(self, index: Tensor, labels: Tensor | None, used: Tensor, spare: int) -> Tensor:
        """Count a batch; its places in the table.

        Args:
            index: ``int64 [R]``, anything.
            labels: ``int64 [R]``, anything; None if soft.
            used: ``bool [R]``, the label is not ignored.
            spare: the place of what has none.
        """
        inside = index.clamp(-1, self.n).remainder(self.n + 1)  # -1 becomes n as well
        place = inside.where(used, self.n + 1)
        self.visits.index_add_(0, place, torch.ones_like(place, dtype=torch.int32))
        self.distinct.index_copy_(0, place, self.distinct.index_select(0, place).add_(1))
        if labels is not None:
            self.labels.index_copy_(0, place, labels.int())
        return place.where(place < self.n, spare)

    def forget_labels(self) -> None:
        """Accept other labels from now on."""
        self.labels.fill_(NEVER)
        self.labels_before.fill_(NEVER)

    def read(self, classes: int, ignore_index: int, repeats: bool) -> int:
        """How many rows' logits were not finite since the last reading; waits for the device.

        Raises:
            UsageError: the index did not identify examples, or a label was no class.
        """
        n = self.n
        now, before = self.labels[:n], self.labels_before[:n]
        twice = self.visits[:n] != self.distinct[:n]
        no_classes = (now != NEVER) & ((now < 0) | (now >= classes))
        found = torch.stack([twice, no_classes, (before != NEVER) & (now != before)])
        first = found.int().argmax(1)
        each = torch.cat([found.sum(1), first, now[first], before[first]]).view(4, 3).T.tolist()
        beyond, not_finite = int(self.visits[n]), int(self.not_finite)
        for counted in (self.visits, self.distinct, self.not_finite):
            counted.zero_()
        now[no_classes] = NEVER
        self.labels_before.copy_(self.labels)
        (times, row, _, _), (no_class_times, _, label, _), (differ, other, label_now, label_before) = each
        if beyond:
            raise outside(f"{beyond} numbers", n)
        if times and not repeats:
            raise repeated(f"example {row}")
        if no_class_times:
            raise no_class(label, classes, ignore_index)
        if differ:
            raise changed(other, label_before, label_now, n)
        return not_finite


def recording() -> bool:
    """Whether a CUDA graph is being recorded, in which nothing may be read."""
    return torch.cuda.is_available() and torch.cuda.is_current_stream_capturing()
