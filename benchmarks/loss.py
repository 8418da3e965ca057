"""How long does the ELR loss take, next to the released code's and to plain cross-entropy?

All sides are called as in a training loop, on ready logits, forward and backward, in steady state: `ELRLoss` with
its first sweeps' checks behind it, the released loss with a list of indices, as its code passes it. Each call takes
the next of several batches, so that the table's rows are not all in the processor's cache. The sides run in turn
within each round, on processor time, so that a busy machine slows all alike.

Run:
    python -m benchmarks loss
"""

import itertools
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from earlylearn import ELRLoss
from earlylearn.errors import UsageError

SHAPES = ((10, 128), (100, 128), (1000, 128), (10, 1024))  # classes, batch
BATCHES = 8
LAM, BETA = 3.0, 0.7
GOALS = {
    "c10_b128_fused_to_literal": "<= 0.35",
    "c10_b128_compiled_to_literal": "<= 0.35",
    "c1000_b128_fused_to_literal": "<= 0.35",
}


class ReleasedLoss:
    """The released loss restated: list-indexed targets, automatic differentiation through clamp, product and log."""

    def __init__(self, num_examples: int, num_classes: int) -> None:
        self.targets = torch.zeros(num_examples, num_classes)

    def __call__(self, index: list[int], logits: Tensor, labels: Tensor) -> Tensor:
        probability = torch.clamp(F.softmax(logits, dim=1), 1e-4, 1.0 - 1e-4)
        detached = probability.data.detach()
        self.targets[index] = BETA * self.targets[index] + (1 - BETA) * (detached / detached.sum(dim=1, keepdim=True))
        regularizer = ((1 - (self.targets[index] * probability).sum(dim=1)).log()).mean()
        return F.cross_entropy(logits, labels) + LAM * regularizer


def sides(classes: int, batch: int, *, compiled: bool) -> dict[str, Callable[[], object]]:
    """Name and one forward and backward of each side; ``compiled`` is left out where nothing compiles."""
    n = BATCHES * batch
    labels = torch.randint(classes, (n,))
    logits = [(torch.randn(batch, classes) * 2).requires_grad_() for _ in range(BATCHES)]
    rows = torch.randperm(n).split(batch)
    batches = [(z, labels[index], index, index.tolist()) for z, index in zip(logits, rows, strict=True)]

    def side(loss: Callable[[Tensor, Tensor, Tensor, list[int]], Tensor]) -> Callable[[], object]:
        turn = itertools.cycle(batches)

        def step() -> None:
            z, y, index, numbers = next(turn)
            z.grad = None
            loss(z, y, index, numbers).backward()

        for _ in range(2 * BATCHES):
            step()
        return step

    def ours(compile: bool) -> Callable[[Tensor, Tensor, Tensor, list[int]], Tensor]:
        criterion = ELRLoss(n, classes, lam=LAM, beta=BETA, compile=compile)
        return lambda z, y, index, numbers: criterion(z, y, index)

    released = ReleasedLoss(n, classes)
    result = {
        "literal": side(lambda z, y, index, numbers: released(numbers, z, y)),
        "ce": side(lambda z, y, index, numbers: F.cross_entropy(z, y)),
        "fused": side(ours(False)),
    }
    if compiled:
        try:
            result["compiled"] = side(ours(True))
        except UsageError:  # no compiler here
            return result
    return result


def timed(step: Callable[[], object], repeats: int) -> float:
    """Processor seconds of one call out of ``repeats``."""
    began = time.process_time()
    for _ in range(repeats):
        step()
    return (time.process_time() - began) / repeats


def measure(rounds: int = 9, *, compiled: bool = True) -> dict[str, float]:
    """Microseconds of each side, and its ratio to the released loss: medians over interleaved rounds.

    The keys of C classes and batch B begin with ``c{C}_b{B}_``. The number of threads is the caller's; the command
    line sets one. Compiling takes some ten seconds a shape.
    """
    result = {}
    for classes, batch in SHAPES:
        steps = sides(classes, batch, compiled=compiled)
        # Rounds of some 20 ms a side: shorter than most bursts of other work on the machine.
        repeats = {name: max(1, int(0.02 / timed(step, 4))) for name, step in steps.items()}
        times: dict[str, list[float]] = {name: [] for name in steps}
        for _ in range(rounds):
            for name, step in steps.items():
                times[name].append(timed(step, repeats[name]))
        for name, values in times.items():
            key = f"c{classes}_b{batch}_{name}"
            result[f"{key}_us"] = 1e6 * statistics.median(values)
            if name != "literal":
                pairs = zip(values, times["literal"], strict=True)
                result[f"{key}_to_literal"] = statistics.median(ours / literal for ours, literal in pairs)
    return {**result, "rounds": float(rounds), "threads": float(torch.get_num_threads())}
