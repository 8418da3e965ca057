"""How are two ways of doing the same compared: in turn within each round, on processor time?

A busy machine slows both sides of a round alike, so figures are ratios within rounds, and medians over them.
"""

import statistics
import time
from collections.abc import Callable


def timed(work: Callable[[], object], repeats: int = 1) -> float:
    """Processor seconds of one call out of ``repeats``."""
    began = time.process_time()
    for _ in range(repeats):
        work()
    return (time.process_time() - began) / repeats


def interleaved(
    sides: dict[str, Callable[[], object]], rounds: int, *, seconds: float = 0.02
) -> dict[str, list[float]]:
    """Processor seconds of one call of each side, one value a round, after a first call that does not count.

    A turn repeats short calls until they take some ``seconds``: long enough to measure, shorter than most bursts of
    other work on the machine.
    """
    for work in sides.values():
        work()
    repeats = {name: max(1, int(seconds / max(timed(work), 1e-6))) for name, work in sides.items()}
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, work in sides.items():
            times[name].append(timed(work, repeats[name]))
    return times


def ratio(over: list[float], under: list[float]) -> float:
    """The median over the rounds of one side's time divided by the other's."""
    return statistics.median(a / b for a, b in zip(over, under, strict=True))
