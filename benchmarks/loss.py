"""How long does the ELR loss take, next to the released code's and to plain cross-entropy?

All sides are called as in a training loop, on ready logits, forward and backward, in steady state: `ELRLoss` with
its first passes' checks behind it, the released loss with a list of indices, as its code passes it. Each call takes
the next of several batches, so that the table's rows are not all in the processor's cache. The sides run in turn
within each round, on processor time, so that a busy machine slows all alike.

Run:
    python -m benchmarks loss
"""

import itertools
import statistics
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.plain import ReleasedLoss
from benchmarks.timing import interleaved, ratio
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

    released = ReleasedLoss(n, classes, lam=LAM, beta=BETA)
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


def measure(rounds: int = 9, *, compiled: bool = True) -> dict[str, float]:
    """Microseconds of each side, and its ratio to the released loss: medians over interleaved rounds.

    The keys of C classes and batch B begin with ``c{C}_b{B}_``. The number of threads is the caller's; the command
    line sets one. Compiling takes some ten seconds a shape.
    """
    result = {}
    for classes, batch in SHAPES:
        steps = sides(classes, batch, compiled=compiled)
        times = interleaved(steps, rounds)
        for name, values in times.items():
            key = f"c{classes}_b{batch}_{name}"
            result[f"{key}_us"] = 1e6 * statistics.median(values)
            if name != "literal":
                result[f"{key}_to_literal"] = ratio(values, times["literal"])
    return result
