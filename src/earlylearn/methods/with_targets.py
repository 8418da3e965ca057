"""What do ELR and its relatives keep of each row: its target, a running average of what the model says?"""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from earlylearn.losses.sparse import SparseTargets
from earlylearn.losses.targets import check_beta, clamped, target_beliefs, update_targets

MOST_DENSE = 2**30  # numbers of a table, 4 GiB, beyond which rows are cut short where nothing else is asked for

Table = Annotated[
    Literal["auto", "dense", "top16"],
    Field(description="targets kept: dense float32, or the 16 largest per row in 66 bytes; auto: dense up to 4 GiB"),
]


class KeepsTargets(nn.Module):
    """Temporal ensembling of training and held-out rows: a base beside `Method` that brings no constructor.

    Attributes:
        beta: temporal ensembling momentum, 0 <= beta < 1.
        targets: ``float32 [n, C]``, or such a table per network, ``[networks, n, C]``; absent where rows are cut short.
        tables: a `SparseTargets` per network where they are; else empty.
    """

    beta: float
    targets: Tensor
    tables: nn.ModuleList

    def keep_targets(self, *shape: int, beta: float, table: str = "auto") -> None:
        """Begin with targets of 0 in that shape; to be called once, by the constructor of the method."""
        self.beta = check_beta(beta)
        *networks, n, classes = shape
        count = networks[0] if networks else 1
        sparse = table == "top16" or (table == "auto" and count * n * classes > MOST_DENSE)
        self.tables = nn.ModuleList(SparseTargets(n, classes) for _ in range(count * sparse))
        if not sparse:
            self.register_buffer("targets", torch.zeros(shape, dtype=torch.float32))

    def move_targets(self, index: Tensor, probability: Tensor, *, k: int = 0) -> Tensor:
        """Average clamped probabilities ``[B, C]`` into the rows of network k's table; returns the updated rows."""
        if self.tables:
            return self._sparse(k).update(index, probability, beta=self.beta)
        return update_targets(self._table(k), index, probability, beta=self.beta)

    def target_rows(self, index: Tensor, *, k: int = 0) -> Tensor:
        """Targets of rows ``int64 [m]`` in network k's table: a copy, ``float32 [m, C]``."""
        if self.tables:
            return self._sparse(k).rows(index)
        return self._table(k).index_select(0, index)

    def _sparse(self, k: int) -> SparseTargets:
        table = self.tables[k]
        assert isinstance(table, SparseTargets)
        return table

    def _table(self, k: int) -> Tensor:
        return self.targets if self.targets.ndim == 2 else self.targets[k]

    def row_tables(self) -> list[Tensor]:
        """The tables, of every network."""
        if self.tables:
            return list(self.tables.buffers())
        return [self._table(k) for k in range(1 if self.targets.ndim == 2 else len(self.targets))]

    def observe_held_out(self, index: Tensor, logits: Tensor) -> None:
        """Average the predictions of held-out rows over the epochs, as the training rows' are."""
        self.move_targets(index, said(logits))

    def label_beliefs(self, rows: Tensor | None = None) -> Tensor:
        """The targets as probabilities ``[n, C]``, or of some rows; of several networks their mean."""
        if rows is None:
            of = self._sparse(0).rest if self.tables else self._table(0)
            rows = torch.arange(len(of), device=of.device)
        count = len(self.tables) or (1 if self.targets.ndim == 2 else len(self.targets))
        beliefs = [target_beliefs(self.target_rows(rows, k=k)) for k in range(count)]
        return beliefs[0] if count == 1 else torch.stack(beliefs).nanmean(0)


def said(logits: Tensor) -> Tensor:
    """The probabilities of logits ``[B, C]``, any dtype, as targets average them: clamped, float32, constant."""
    return clamped(torch.softmax(logits.detach().float(), 1))
