"""What do the losses of an epoch come to, of this process's examples and of all?"""

from typing import NamedTuple

from torch import Tensor

from earlylearn.loop.processes import Processes


class Taken(NamedTuple):
    """A step that was taken: its examples, its losses; of several processes what this one's count for, and all rows."""

    examples: int
    losses: dict[str, Tensor]
    share: float | Tensor = 1.0
    whole: Tensor | None = None


class Means:
    """Means over the examples of an epoch, summed where the losses lie, read when asked."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.count = 0
        self.weight: float | Tensor = 0.0

    def add(self, taken: Taken) -> None:
        """Count a step in."""
        weight = taken.examples * taken.share
        self.count += taken.examples
        self.weight = self.weight + weight
        for name, value in taken.losses.items():
            if name in self.sums and not isinstance(weight, Tensor):
                self.sums[name].add_(value, alpha=weight)
            elif name in self.sums:
                self.sums[name].add_(value * weight)
            else:
                self.sums[name] = value * weight

    def read(self) -> dict[str, float]:
        """Of this process's examples."""
        return {name: float(total) / float(self.weight) for name, total in self.sums.items()}

    def of_all(self, processes: Processes) -> dict[str, float]:
        """Of those of all."""
        sums = processes.added({name: float(total) for name, total in self.sums.items()})
        return {name: total / self.count for name, total in sums.items()}
