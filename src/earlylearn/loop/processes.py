"""Which part of every step is this process's, and how do several come to the numbers that one would have?

All have the whole data and draw the same order from the same seed. Each takes a stretch of every batch; gradients are
added up, so that a step is the one that a single process would take of the whole batch. What is kept of a row changes
where the row was, and goes to all others after the pass: until then nobody else looks at it.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor, nn

from earlylearn.errors import EarlylearnError

BLOCK_BYTES = 2**24  # of rows that travel at once


class ProcessLost(EarlylearnError):
    """Another process of the run ended, or did not answer for as long as Fabric waits (half an hour)."""


class Processes:
    """Those that train one run; of which this is one.

    Args:
        rank: number of this process, from 0.
        world: how many there are; more than one are a group of `torch.distributed` already.
    """

    def __init__(self, rank: int = 0, world: int = 1) -> None:
        self.rank, self.world = rank, world
        self._seed = torch.initial_seed()

    @property
    def several(self) -> bool:
        """Whether there is more than this one."""
        return self.world > 1

    def part(self, count: int, rank: int | None = None) -> slice:
        """The stretch of so many things that is a process's, of this one unless another is named; may be empty."""
        rank = self.rank if rank is None else rank
        return slice(rank * count // self.world, (rank + 1) * count // self.world)

    def parts(self, wholes: Sequence[Tensor]) -> list[Tensor]:
        """For every process, what of these tensors is its: the stretches of all of them in a row."""
        return [torch.cat([whole[self.part(len(whole), rank)] for whole in wholes]) for rank in range(self.world)]

    def own_chance(self, epoch: int) -> None:
        """Have what a network draws (dropout) differ from the first process's; the same when an epoch is repeated."""
        if self.rank:
            torch.default_generator.manual_seed((self._seed + epoch * self.world + self.rank) % 2**63)

    @torch.no_grad()
    def add_gradients(self, network: nn.Module) -> None:
        """Put the sum over the processes in place of the gradients of a network's weights: one message in all."""
        weights = [weight for weight in network.parameters() if weight.requires_grad]
        kept = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in weights]
        if not kept:
            return
        packed = torch.cat([gradient.reshape(-1) for gradient in kept])
        with answered():
            dist.all_reduce(packed)
        for weight, gradient, total in zip(weights, kept, packed.split([each.numel() for each in kept]), strict=True):
            gradient.copy_(total.view(gradient.shape))  # in place: the layout in memory is the weight's
            weight.grad = gradient

    @torch.no_grad()
    def spread(self, rows: Sequence[Tensor], tables: Iterable[Tensor]) -> None:
        """Have everybody's rows as they are with the process that had them.

        Args:
            rows: for every process ``int64 [m]``, no row twice.
            tables: ``[n, ...]``, changed in place.
        """
        for table in tables:
            step = max(1, BLOCK_BYTES // max(1, table[:1].nbytes))
            for rank, theirs in enumerate(rows):
                for block in theirs.split(step) if len(theirs) else ():
                    said = table.index_select(0, block)
                    with answered():
                        dist.broadcast(said.view(-1).view(torch.uint8), rank)  # as bytes: gloo lacks some types
                    if rank != self.rank:
                        table.index_copy_(0, block, said)

    def added(self, numbers: dict[str, float]) -> dict[str, float]:
        """The sums over the processes of numbers by name, of which a process may lack some."""
        said: list[dict[str, float]] = [{} for _ in range(self.world)]
        with answered():
            dist.all_gather_object(said, numbers)
        names = dict.fromkeys(name for each in said for name in each)
        return {name: sum(each.get(name, 0.0) for each in said) for name in names}


@contextmanager
def answered() -> Iterator[None]:
    """Speak to the others; ProcessLost if one of them is gone."""
    try:
        yield
    except RuntimeError as error:
        raise ProcessLost(
            f"another process of this run ended or does not answer ({str(error).splitlines()[0][:200]}); the last "
            "checkpoint is kept"
        ) from error
