"""Which rows does a reviewer look at, in which order, so that what is found may be generalised?

Looking at the worst rows mends most per minute and says nothing of the others. So three kinds of rows are mixed: the
worst, a probe of the flagged ones (one row at random of each of m equal slices of their ranking), and rows at random
of those not flagged. Who answers cannot tell which is which.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

PROBE = 50  # flagged rows of the probe
OUTSIDE = 30  # rows not flagged
COUNT = 200  # rows of a review when nothing else is said
PATTERN = "APAUA"  # A: worst first, P: probe, U: not flagged; one row in five is not flagged


@dataclass(frozen=True)
class Queue:
    """The rows of a review, the same for every reviewer and after every restart.

    Attributes:
        order: ids in the order in which they are shown, each once.
        probe: ids of the probe, in random order; those shown as the worst may be among them.
        outside: ids of rows that are not flagged, in random order.
        worst: ids of flagged rows, worst first, as far as this review goes.
        flagged, unflagged: how many rows of the data are.
    """

    order: list[str]
    probe: list[str]
    outside: list[str]
    worst: list[str]
    flagged: int
    unflagged: int


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
    probe = slices(inside, min(PROBE, max(1, 2 * count // 5)), generator)
    order = _interleave(inside, probe, unflagged_rows)[:count]
    shown = set(order)
    return Queue(order, probe, unflagged_rows, [row for row in inside if row in shown], len(inside), len(outside))


def _interleave(worst: list[str], probe: list[str], outside: list[str]) -> list[str]:
    """The three kinds mixed by `PATTERN`, every row once; a kind that is through leaves its turns to the others."""
    turns = {"A": iter(worst), "P": iter(probe), "U": iter(outside)}
    order: dict[str, None] = {}
    through: set[str] = set()
    while len(through) < len(turns):
        for kind in PATTERN:
            row = next((row for row in turns[kind] if row not in order), None)
            if row is None:
                through.add(kind)
            else:
                order[row] = None
    return list(order)


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
