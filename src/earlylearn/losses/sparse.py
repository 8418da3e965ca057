"""How are targets of thousands of classes kept in 66 bytes a row: the largest few, and the rest spread evenly?"""

import torch
from torch import Tensor, nn

from earlylearn.losses.targets import averaged_rows

KEPT = 16  # entries of a row
MOST_CLASSES = 2**15  # that a signed 16-bit number tells apart


class SparseTargets(nn.Module):
    """A table ``[n, C]`` of targets of which each row's `KEPT` largest entries are kept, as 16-bit numbers.

    Of the largest entry its distance from 1 is kept: a saturated target's distance is what ELR's gradient divides by,
    and a number of 16 bits beside 1 has no digits left for it. All other classes share what remains in equal parts.

    Args:
        n: rows.
        classes: C, at least 2.

    Attributes:
        entries: ``int16 [n, K]`` classes (``int32`` of more than 32,768), the largest first; K = min(16, C - 1).
        values: ``float16 [n, K]``, their targets, of the first 1 - target.
        rest: ``float16 [n]``, the sum of all other classes' targets.
    """

    entries: Tensor
    values: Tensor
    rest: Tensor

    def __init__(self, n: int, classes: int) -> None:
        super().__init__()
        self.classes, self.kept = classes, min(KEPT, classes - 1)
        dtype = torch.int16 if classes <= MOST_CLASSES else torch.int32
        self.register_buffer("entries", torch.arange(self.kept, dtype=dtype).repeat(n, 1))
        self.register_buffer("values", torch.zeros(n, self.kept, dtype=torch.float16))
        self.values[:, 0] = 1
        self.register_buffer("rest", torch.zeros(n, dtype=torch.float16))

    def rows(self, index: Tensor) -> Tensor:
        """The targets of the rows ``int64 [B]``: ``float32 [B, C]``."""
        values = self.values.index_select(0, index).float()
        values[:, 0] = 1 - values[:, 0]
        share = self.rest.index_select(0, index).float() / (self.classes - self.kept)
        dense = share.unsqueeze(1).repeat(1, self.classes)
        return dense.scatter_(1, self.entries.index_select(0, index).long(), values)

    @torch.no_grad()
    def update(self, index: Tensor, probability: Tensor, *, beta: float) -> Tensor:
        """`earlylearn.losses.targets.update_targets`; the rows returned are those before they are cut short."""
        rows = averaged_rows(self.rows(index), probability, beta=beta)
        values, entries = rows.topk(self.kept, 1)
        rest = rows.scatter(1, entries, 0).sum(1)
        values[:, 0] = 1 - values[:, 0]
        for table, new in ((self.entries, entries), (self.values, values), (self.rest, rest)):
            table.index_copy_(0, index, new.to(table.dtype))
        return rows
