"""How do several processes, each with rows of its own, come to the same table after every step?

Each process averages its rows, for its loss needs them at once. The averaged rows then go to all processes, who write
them in the same order: the tables are equal bit by bit. They travel while the backward pass runs, and are written
before anybody looks at the table again.
"""

import torch
import torch.distributed as dist
from torch import Tensor

from earlylearn.errors import UsageError
from earlylearn.losses.targets import first_places


def processes(group: "dist.ProcessGroup | bool") -> int:
    """How many processes share the table: of a group, or of all where ``group`` is True."""
    if group is False or not dist.is_available() or not dist.is_initialized():
        return 1
    return dist.get_world_size(None if group is True else group)


class SharedRows:
    """Rows on their way between processes.

    Samplers fill an epoch's last step with examples that were there before, so that all processes take the same
    number of steps. Such an example is not averaged a second time: in a pass in which no example came twice, those
    that come twice in the very step that completes it are filling.

    Args:
        table: ``float32``, at least n + 1 rows; the last is for what is not kept.
        n: examples.
        group: of processes; True for all.
    """

    def __init__(self, table: Tensor, n: int, group: "dist.ProcessGroup | bool") -> None:
        self.group: dist.ProcessGroup | None = None if isinstance(group, bool) else group
        self.world = dist.get_world_size(self.group)
        self.room = 0  # rows that each process sends
        self._work: dist.Work | None = None
        self._arrived = table.new_zeros(0)
        self._n, self._spare = n, len(table) - 1
        self._pass_of = torch.zeros(len(table), dtype=torch.int32, device=table.device)
        self._pass = self._pass_of.new_ones(())
        self._left = self._pass_of.new_full((), n)  # examples that this pass has not seen
        self._repeated = self._pass_of.new_zeros((), dtype=torch.bool)  # whether it saw one twice

    def agree(self, table: Tensor, rows: int) -> None:
        """Begin with the first process's table, and with room for the largest first batch."""
        dist.broadcast(table, dist.get_global_rank(self.group, 0) if self.group else 0, group=self.group)
        most = torch.tensor(rows, device=table.device)
        dist.all_reduce(most, dist.ReduceOp.MAX, group=self.group)
        self.room = int(most)

    def send(self, place: Tensor, rows: Tensor) -> None:
        """Begin to send rows to all processes.

        Args:
            place: ``int64 [R]`` in the table; n for what is not kept.
            rows: ``float32 [R, C]``, what the table is to hold there.
        """
        if len(place) > self.room:
            raise UsageError(
                f"a batch holds {len(place)} labels, the first held {self.room} at most: where several processes "
                "share a table, the first batch of one must be as large as any"
            )
        packed = rows.new_empty(self.room, 2 + rows.shape[1])
        # A number's 8 bytes travel as two float32: as one, rows beyond 2^24 would become others.
        packed[:, :2] = place.new_full((self.room, 1), self._spare).view(torch.float32)
        packed[: len(place), :2] = place.unsqueeze(1).view(torch.float32)
        packed[: len(place), 2:] = rows
        self._arrived = rows.new_empty(self.world * self.room, 2 + rows.shape[1])
        waits = torch.compiler.is_compiling()  # a traced program cannot hold what is on its way
        # PyTorch 2.13 renames it and warns of the older name, the only one that PyTorch 2.6 has.
        gather = getattr(dist, "all_gather_single", None) or dist.all_gather_into_tensor
        self._work = gather(self._arrived, packed, group=self.group, async_op=not waits)

    def write(self, table: Tensor) -> None:
        """Wait for what is on its way and write it into the table."""
        if not len(self._arrived):
            return
        if self._work is not None:
            self._work.wait()
        place = self._arrived[:, :2].contiguous().view(torch.int64).squeeze(1)
        rows = self._arrived[:, 2:]
        self._work, self._arrived = None, table.new_zeros(0)
        table.index_copy_(0, self._places(place), rows)
        table[self._spare].zero_()

    def _places(self, place: Tensor) -> Tensor:
        """Where rows go: of equal ones the first, filling nowhere."""
        first = first_places(place) & (place != self._spare)
        new = first & (self._pass_of[place] != self._pass)
        found = new.sum()
        completes = found == self._left
        written = first & (new | ~completes | self._repeated)
        self._pass_of[place] = self._pass
        self._repeated = (self._repeated | (first & ~new).any()) & ~completes
        self._left = torch.where(completes, self._n, self._left - found)
        self._pass = self._pass + completes
        return place.where(written, self._spare)
