"""How does the learning rate change from epoch to epoch?"""

import inspect
import math
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    LambdaLR,
    LRScheduler,
    MultiStepLR,
    ReduceLROnPlateau,
)

from earlylearn.errors import UsageError, setting
from earlylearn.plugins import cause

LENGTHS = ("T_max", "T_0", "total_iters", "total_steps")  # what PyTorch's classes call their length
SCHEDULES = {
    "constant": "the learning rate never changes",
    "multistep:40,80:0.01": "multiplied by the factor (here 0.01) after each of the epochs listed",
    "cosine": "one half cosine from the learning rate to 0 over all epochs",
    "one-cycle": "up from near 0 over the first fifth of the epochs, then down to near 0, both along a line",
    "cosine:10:0.001": "cosine annealing with warm restarts: period in epochs, lowest learning rate",
}


class Schedule(Protocol):
    """What the loop asks of a schedule; every `LRScheduler` of PyTorch answers."""

    def step(self) -> None:
        """Set the learning rates of the next epoch."""

    def get_last_lr(self) -> list[Any]:
        """The learning rates of the groups."""

    def state_dict(self) -> dict[str, Any]:
        """Where it is."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up a state of `state_dict`."""


def make_schedule(
    spec: str | Callable[[Optimizer, int], LRScheduler], optimizer: Optimizer, *, epochs: int, warmup: int = 0
) -> Schedule:
    """The schedule named, to be stepped once after every epoch.

    Args:
        spec: one of the forms in `SCHEDULES`; or a user's own function from optimizer and epochs to a scheduler of
            PyTorch.
        optimizer: whose learning rate it sets.
        epochs: length of the run, for ``cosine`` and ``one-cycle``.
        warmup: over so many first epochs the rates of the schedule rise along a line from 1 / (warmup + 1) of theirs.

    Raises:
        UsageError: the text is none of the forms, or an own schedule cannot be made.
    """
    schedule = _named(spec, optimizer, epochs=epochs) if isinstance(spec, str) else _own(spec, optimizer, epochs)
    return WarmUp(schedule, optimizer, warmup) if warmup else schedule


def _own(make: Callable[[Optimizer, int], LRScheduler], optimizer: Optimizer, epochs: int) -> LRScheduler:
    asked = setting("schedule", getattr(make, "__qualname__", type(make).__name__))
    if isinstance(make, type) and make.__module__ == LRScheduler.__module__:
        second = list(inspect.signature(make).parameters)[1]
        if second not in LENGTHS:
            raise UsageError(
                f"{asked}: takes {second} where it would be given the number of epochs; give a function: "
                f"lambda optimizer, epochs: {make.__name__}(optimizer, ...), stepped once an epoch"
            )
    try:
        made = make(optimizer, epochs)
    except Exception as error:
        raise UsageError(f"{asked}: cannot be made: {cause(error)}; it is given the optimizer and epochs") from error
    if not isinstance(made, LRScheduler):
        raise UsageError(f"{asked}: makes a {type(made).__name__}; return a torch.optim.lr_scheduler.LRScheduler")
    if isinstance(made, ReduceLROnPlateau):
        raise UsageError(f"{asked}: ReduceLROnPlateau is stepped by a measure, here it is by epochs; give another")
    return made


class WarmUp:
    """Another schedule, whose rates it lowers in the first epochs.

    Args:
        schedule: the other; it never sees that they were lowered.
        optimizer: the optimizer of both.
        epochs: in epoch e, from 0, the rates are (e + 1) / (epochs + 1) of the schedule's, and never more than them.
    """

    def __init__(self, schedule: LRScheduler, optimizer: Optimizer, epochs: int) -> None:
        self.schedule, self.optimizer, self.epochs, self.epoch = schedule, optimizer, epochs, 0
        self._lower()

    def step(self) -> None:
        """Set the learning rates of the next epoch."""
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate
        self.schedule.step()
        self.epoch += 1
        self._lower()

    def _lower(self) -> None:
        self.rates = [group["lr"] for group in self.optimizer.param_groups]
        share = min(1.0, (self.epoch + 1) / (self.epochs + 1))
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * share

    def get_last_lr(self) -> list[Any]:
        """The learning rates of the groups."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Where both are."""
        return {"schedule": self.schedule.state_dict(), "rates": list(self.rates), "epoch": self.epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up a state of `state_dict`."""
        self.schedule.load_state_dict(state_dict["schedule"])
        self.rates, self.epoch = list(state_dict["rates"]), state_dict["epoch"]


def _named(spec: str, optimizer: Optimizer, *, epochs: int) -> LRScheduler:
    name, *arguments = spec.split(":")
    try:
        match name, arguments:
            case "constant", []:
                return LambdaLR(optimizer, _unchanged)
            case "multistep", [milestones, factor]:
                steps = [int(epoch) for epoch in milestones.split(",")]
                if steps == sorted(set(steps)) and steps[0] > 0 and 0 < float(factor) < math.inf:
                    return MultiStepLR(optimizer, steps, float(factor))
            case "cosine", []:
                return CosineAnnealingLR(optimizer, epochs)
            case "one-cycle", []:
                return LambdaLR(optimizer, partial(_one_cycle, epochs=epochs))
            case "cosine", [period, lowest]:
                if int(period) > 0 and 0 <= float(lowest) < math.inf:
                    return CosineAnnealingWarmRestarts(optimizer, int(period), eta_min=float(lowest))
    except ValueError:
        pass
    raise UsageError(f"{setting('schedule', spec)}: not a schedule; write one like {', '.join(SCHEDULES)}")


def _unchanged(epoch: int) -> float:
    return 1.0


def _one_cycle(epoch: int, *, epochs: int) -> float:
    """The height of a triangle with its peak at a fifth, at the middle of the epoch, as a share of its peak."""
    where = (epoch + 0.5) / epochs
    return min(where / 0.2, (1 - where) / 0.8)
