"""How does the learning rate change from epoch to epoch?"""

import math
from functools import partial

from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    LambdaLR,
    LRScheduler,
    MultiStepLR,
)

from earlylearn.errors import UsageError, setting

SCHEDULES = {
    "constant": "the learning rate never changes",
    "multistep:40,80:0.01": "multiplied by the factor (here 0.01) after each of the epochs listed",
    "cosine": "one half cosine from the learning rate to 0 over all epochs",
    "one-cycle": "up from near 0 over the first fifth of the epochs, then down to near 0, both along a line",
    "cosine:10:0.001": "cosine annealing with warm restarts: period in epochs, lowest learning rate",
}


def make_schedule(spec: str, optimizer: Optimizer, *, epochs: int) -> LRScheduler:
    """The schedule named, to be stepped once after every epoch.

    Args:
        spec: one of the forms in `SCHEDULES`.
        optimizer: whose learning rate it sets.
        epochs: length of the run, for ``cosine`` and ``one-cycle``.

    Raises:
        UsageError: the text is none of the forms.
    """
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
