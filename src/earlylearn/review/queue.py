"""Which rows does a reviewer look at, in which order, so that what is found may be generalised?

Looking at the worst rows mends most per minute and says nothing of the others. So three kinds of rows are mixed: the
worst, a probe of the flagged ones (one row at random of each of m equal slices of their ranking), and rows at random
of those not flagged. Who answers cannot tell which is which: the kinds come in random order, and every row looks alike.
"""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, takewhile

import numpy as np
import pandas as pd
from numpy.typing import NDArray

PROBE = 50  # flagged rows of the probe
OUTSIDE = 40  # rows not flagged
COUNT = 200  # rows of a review when nothing else is said
TURNS = "AAAAAPPPUU"  # of ten rows, in random order; A: worst first, P: probe, U: not flagged
SAMPLE = 50  # rows of a review that are drawn from all


@dataclass(frozen=True)
class Queue:
    """The rows of a review, the same for every reviewer and after every restart.

    Attributes:
        order: ids in the order in which they are shown, each once.
        probe: ids of the probe, in random order; those shown as the worst may be among them.
        outside: ids of rows that are not flagged, in random order.
        worst: ids of flagged rows, worst first, as far as this review goes.
        flagged, unflagged: how many rows of the data are.
        turns: of each row of the probe, how many rows of ``order`` were to be looked at when its turn came. Until then
            it speaks for the others only if it comes among the worst first, which would count the worst too often.
    """

    order: list[str]
    probe: list[str]
    outside: list[str]
    worst: list[str]
    flagged: int
    unflagged: int
    turns: list[int] = field(default_factory=list)

    def probed(self, answered: Container[str]) -> list[str]:
        """The rows of the probe that count once these were answered, whoever chose to answer what.

        The first of them without a gap, and none before its turn: which rows these are does not hang on their labels.
        """
        front = sum(row in answered for row in self.order)
        come = [row for k, row in enumerate(self.probe) if k >= len(self.turns) or self.turns[k] <= front]
        return without_gap(come, answered)


def without_gap(drawn: Sequence[str], answered: Container[str]) -> list[str]:
    """The rows of a random order up to the first that was not answered: as random as all of them."""
    return list(takewhile(answered.__contains__, drawn))


def slices(ranked: Sequence[str], m: int, generator: np.random.Generator) -> list[str]:
    """One row at random of each of ``m`` slices of a ranking, as equal as can be; in random order."""
    m = min(m, len(ranked))
    bounds = np.linspace(0, len(ranked), m + 1).astype(int)
    drawn = [ranked[int(generator.integers(low, high))] for low, high in pairwise(bounds)]
    generator.shuffle(drawn)
    return drawn


def make_queue(issues: pd.DataFrame, *, seed: int, count: int = COUNT, pair: tuple[str, str] | None = None) -> Queue:
    """Draw the queue of a review.

    Args:
        issues: ``label_issues.csv`` of the run; flagged rows are ranked by ``label_quality``, lowest first.
        seed: of the probe.
        count: rows in all; fewer if there are not so many flags beside the rows drawn at random.
        pair: only rows with this given and this suggested label, worst first and without a probe.
    """
    ranked = issues.sort_values(["label_quality", "index"], kind="stable")
    flags = ranked["is_label_issue"].to_numpy(bool)
    inside = ranked["id"][flags].astype(str).tolist()
    outside = ranked["id"][~flags].astype(str).tolist()
    if pair is not None:
        chosen = ranked[(ranked["given_label"] == pair[0]) & (ranked["predicted_label"] == pair[1]) & flags]
        worst = chosen["id"].astype(str).tolist()[:count]
        return Queue(worst, [], [], worst, len(inside), len(outside))
    generator = np.random.default_rng(seed)
    unflagged_rows = slices(outside, min(OUTSIDE, max(1, count // 5)), generator)
    probe = slices(inside, min(PROBE, max(1, 3 * count // 10)), generator)
    order, turns = _interleave(inside, probe, unflagged_rows, generator)
    shown = set(order[:count])
    worst = [row for row in inside if row in shown]
    return Queue(order[:count], probe, unflagged_rows, worst, len(inside), len(outside), turns)


def _interleave(
    worst: list[str], probe: list[str], outside: list[str], generator: np.random.Generator
) -> tuple[list[str], list[int]]:
    """The three kinds mixed, every row once, and `Queue.turns`.

    A row of the probe that was among the worst already spends its turn; a kind that is through leaves its turns to the
    others.
    """
    order: dict[str, None] = {}
    turns: list[int] = []
    inside, without = iter(worst), iter(outside)
    left = True
    while left or len(turns) < len(probe):
        before = len(order)
        for kind in generator.permutation(list(TURNS)):
            if kind == "P" and len(turns) < len(probe):
                order[probe[len(turns)]] = None
                turns.append(len(order))
            elif kind != "P" and (row := _next(inside if kind == "A" else without, order)) is not None:
                order[row] = None
        left = len(order) > before
    return list(order), turns


def _next(rows: Iterator[str], shown: Container[str]) -> str | None:
    return next((row for row in rows if row not in shown), None)


def clean_to(posterior: NDArray[np.float64], probe_wrong: Sequence[tuple[float, bool]], target: float) -> int | None:
    """How many of the least sure rows must be looked at so that at most a share ``target`` of all labels is wrong.

    PAC labels (Candes, Ilyas, Zrnic, 2025): for a threshold u, the error of accepting every row of uncertainty below u
    is at most the upper bound of its mean over the rows drawn at random; the largest u whose bound is within
    ``target`` is taken, and a person looks at the rest.

    Args:
        posterior: ``float64 [n]`` probability that the accepted label of a row is right.
        probe_wrong: of rows drawn at random with replacement: that probability, and whether the label was wrong.
        target: accepted share of wrong labels, 95 % sure.

    Returns:
        The number of rows to look at, or None while the probe is too small to say.
    """
    uncertainty = 1 - posterior
    drawn = np.array([1 - p for p, _ in probe_wrong])
    wrong = np.array([w for _, w in probe_wrong], dtype=np.float64)
    if len(drawn) < 2:
        return None
    best = None
    for threshold in np.unique(np.append(drawn, np.nextafter(uncertainty.max(), 2))):
        losses = wrong * (drawn < threshold)
        if _upper_bound(losses) <= target:
            best = int((uncertainty >= threshold).sum())
        else:
            break
    return best


def _upper_bound(losses: NDArray[np.float64]) -> float:
    """One-sided 95 % upper bound of the mean of 0/1 losses, exact: Clopper and Pearson."""
    from scipy.special import betaincinv  # scipy.stats takes half a second to import

    wrong = int(losses.sum())
    return 1.0 if wrong == len(losses) else float(betaincinv(wrong + 1, len(losses) - wrong, 0.95))
