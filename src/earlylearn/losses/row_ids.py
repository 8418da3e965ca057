"""Which row of the table is an example that is known by an id: a file name, a key, a hash?"""

from collections.abc import Hashable, Iterable

import torch
import torch.distributed as dist
from torch import Tensor
from torch.utils.data import get_worker_info

from earlylearn.errors import UsageError


class RowIds:
    """Numbers examples by ids of any kind: for data without positions, that grow, or come as a stream.

    ``rows = RowIds()``; then in the loop ``index = rows(batch["id"])``, ``criterion.resize_(len(rows))``. An id that
    was not there before gets the next row. Keep ``rows.ids`` beside the checkpoint: ``RowIds(ids)`` restores it.

    Args:
        ids: in the order of the table's rows, such as those of a checkpoint, or of the whole training set: under
            several processes all must be known from the start, or rows would mean other examples in each.

    Raises:
        UsageError: an id comes twice or cannot be looked up.
    """

    def __init__(self, ids: Iterable[Hashable] = ()) -> None:
        self._rows: dict[Hashable, int] = {}
        for row, name in enumerate(_listed(ids)):
            if self._rows.setdefault(_usable(name), row) != row:
                raise UsageError(f"id {name!r} comes twice, in rows {self._rows[name]} and {row}; ids must be unique")

    def __call__(self, ids: Iterable[Hashable]) -> Tensor:
        """Rows ``int64 [B]`` of a batch's ids: a list, a tensor or an array of them."""
        return torch.tensor([self._row(name) for name in _listed(ids)], dtype=torch.int64)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def ids(self) -> list[Hashable]:
        """All ids, in the order of their rows."""
        return list(self._rows)

    def _row(self, name: Hashable) -> int:
        row = self._rows.get(_usable(name))
        if row is None:
            if get_worker_info() is not None:
                raise UsageError(
                    f"id {name!r} is new, and a loader's worker cannot number it for the others: "
                    "call RowIds in the training loop, on the batch's ids"
                )
            if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
                raise UsageError(
                    f"id {name!r} is new, and each of several processes would number it its own way: "
                    "give all ids from the start, RowIds(ids)"
                )
            row = self._rows[name] = len(self._rows)
        return row


def _listed(ids: Iterable[Hashable]) -> Iterable[Hashable]:
    values: Iterable[Hashable] = ids.tolist() if hasattr(ids, "tolist") else ids
    return values


def _usable(name: Hashable) -> Hashable:
    try:
        hash(name)
    except TypeError:
        raise UsageError(f"id {name!r} is a {type(name).__name__}; an id must be a number, a text or a tuple") from None
    if name != name:
        raise UsageError("an id is not a number (NaN), so it equals no other; give the example a name")
    return name
