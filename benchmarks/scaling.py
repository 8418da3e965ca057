"""Does an epoch of n rows cost n times what a row costs, from a thousand rows to a hundred thousand?

Whole runs of ELR on 20 random columns: training, evaluation, records and checkpoints, perceptron, batches of 128.
What an epoch costs is the difference between a longer and a shorter run, so that reading and reporting cancel.

Run:
    python -m benchmarks scaling
"""

import itertools
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import earlylearn
from benchmarks.timing import timed
from earlylearn.data.labelled import LabelledData

SIZES = (1_000, 10_000, 100_000)
COLUMNS, CLASSES, SHORT, LONG = 20, 10, 1, 4
GOALS = {"10000_to_1000": "<= 1.1", "100000_to_10000": "<= 1.1"}


def columns(n: int) -> LabelledData:
    """Random columns, each class around a centre of its own."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, n)
    centres = rng.normal(size=(CLASSES, COLUMNS))
    return LabelledData(
        name="random columns",
        inputs=(centres[labels] + rng.normal(size=(n, COLUMNS))).astype(np.float32),
        labels=labels,
        classes=tuple(map(str, range(CLASSES))),
        ids=np.arange(n).astype(str),
    )


def epoch_seconds(data: LabelledData) -> float:
    """Processor seconds of one epoch of a run."""
    with tempfile.TemporaryDirectory() as folder:

        def run(epochs: int) -> float:
            settings = {"network": "mlp:64", "batch_size": 128, "noise": "symmetric:0.4", "accelerator": "cpu"}
            out = Path(folder) / str(epochs)
            return timed(lambda: earlylearn.train(data, "elr", epochs=epochs, out=out, quiet=True, **settings))

        return (run(LONG) - run(SHORT)) / (LONG - SHORT)


def measure(rounds: int = 9, *, sizes: Sequence[int] = SIZES) -> dict[str, float]:
    """Microseconds per row and epoch, and their growth from size to size: medians over a third of the rounds."""
    data = {n: columns(n) for n in sizes}
    epoch_seconds(data[sizes[0]])
    costs: dict[int, list[float]] = {n: [] for n in sizes}
    for _ in range(max(1, rounds // 3)):
        for n, rows in data.items():
            costs[n].append(epoch_seconds(rows) / n)
    cost = {n: statistics.median(values) for n, values in costs.items()}
    growth = {f"{b}_to_{a}": cost[b] / cost[a] for a, b in itertools.pairwise(sizes)}
    return {**{f"{n}_rows_us": 1e6 * value for n, value in cost.items()}, **growth}
