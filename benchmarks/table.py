"""How much faster does the table of targets take up a batch than by lists of indices?

`earlylearn.losses.targets.update_targets` against the released code's lines, which turn the indices into a list and
index by it: update of the rows of one batch of 128, and the updated rows as the loss needs them.

Run:
    python -m benchmarks table
"""

import itertools
import statistics
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.plain import ReleasedLoss
from benchmarks.timing import interleaved, ratio
from earlylearn.losses.targets import update_targets

ROWS, BATCH, BETA = 45_000, 128, 0.7
CLASSES = (10, 100)
GOALS: dict[str, str] = {}


def sides(classes: int) -> dict[str, Callable[[], object]]:
    """An update of either table with the next of several batches."""
    generator = torch.Generator().manual_seed(0)
    index = torch.randperm(ROWS, generator=generator)[: 16 * BATCH].split(BATCH)
    probability = torch.softmax(torch.randn(BATCH, classes, generator=generator), 1)
    released, ours = ReleasedLoss(ROWS, classes, beta=BETA), torch.zeros(ROWS, classes)
    plain_turn, our_turn = itertools.cycle(index), itertools.cycle(index)

    def plain() -> Tensor:
        rows = next(plain_turn).tolist()
        released.update(rows, probability)
        return released.targets[rows]

    return {"plain": plain, "ours": lambda: update_targets(ours, next(our_turn), probability, beta=BETA)}


def measure(rounds: int = 9) -> dict[str, float]:
    """Microseconds of both ways, and the ratio of their times: medians over the rounds."""
    result = {}
    for classes in CLASSES:
        times = interleaved(sides(classes), rounds)
        for name, values in times.items():
            result[f"c{classes}_{name}_us"] = 1e6 * statistics.median(values)
        result[f"c{classes}_plain_to_ours"] = ratio(times["plain"], times["ours"])
    return result
