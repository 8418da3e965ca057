"""How many labels are wrong, how sure is that, and when may the review stop: from the probe alone?"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

LEVEL = 0.95
ENOUGH_FOR_STOP = 50  # flagged rows in a row that say whether looking on is worth it
WORTH_LOOKING = 0.10  # share of wrong labels among them below which it is not

Answer = Literal["right", "wrong", "unsure"]


@dataclass(frozen=True)
class Interval:
    """A share with its 95 % interval.

    Attributes:
        share: the point estimate, unsure answers counted half; None without an answer.
        low, high: the interval; unsure answers count as right for the lower end and as wrong for the upper.
        looked_at: answers it is from.
        unsure: how many of them could not be told.
        of: rows that it speaks of.
    """

    share: float | None
    low: float
    high: float
    looked_at: int
    unsure: int
    of: int

    def rows(self) -> tuple[int, int]:
        """The interval in rows."""
        return round(self.low * self.of), round(self.high * self.of)


def exact_interval(wrong: int, drawn: int, population: int) -> tuple[float, float]:
    """The exact 95 % interval of the share of wrong labels among a finite number of rows.

    ``drawn`` of ``population`` rows were looked at and ``wrong`` of them are wrong. The ends are the smallest and the
    largest number of wrong rows under which a draw like this is not too unlikely (2.5 % each side, hypergeometric). It
    covers the truth in at least 95 of 100 draws whatever the share, where Wilson's interval falls to 93, and it closes
    when everything has been looked at.
    """
    if not drawn:
        return 0.0, 1.0
    tail = (1 - LEVEL) / 2

    def too_few(k: int) -> bool:
        return probability(range(wrong, drawn + 1), drawn, k, population) <= tail

    def too_many(k: int) -> bool:
        return probability(range(wrong + 1), drawn, k, population) <= tail

    low, high = wrong, population - (drawn - wrong)  # what was seen bounds it
    first, last = _first(lambda k: not too_few(k), low, high), _first(too_many, low, high + 1) - 1
    return first / population, max(first, last) / population


def probability(counts: range, drawn: int, wrong: int, population: int) -> float:
    """That as many rows as one of ``counts`` are wrong among ``drawn`` of ``population`` rows, of which ``wrong`` are.

    The hypergeometric distribution, of which `scipy.stats` would take half a second to import.
    """
    from scipy.special import gammaln

    j = np.arange(max(counts.start, drawn - (population - wrong)), min(counts.stop, wrong + 1))

    def log_ways(of: Any, taken: Any) -> Any:
        return gammaln(of + 1) - gammaln(taken + 1) - gammaln(of - taken + 1)

    every = log_ways(population, drawn)
    return float(np.exp(log_ways(wrong, j) + log_ways(population - wrong, drawn - j) - every).sum())


def _first(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The smallest number from ``low`` on for which it holds, by bisection; ``high`` if for none before it."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def share_wrong(answers: list[Answer], population: int) -> Interval:
    """The share of wrong labels among ``population`` rows, from a probe of them drawn at random.

    Args:
        answers: of the probe's rows that were looked at; nothing else may be in it, or the share is too high: the
            worst rows are looked at first because they are the worst.
        population: rows the probe was drawn from.
    """
    drawn, unsure, wrong = len(answers), answers.count("unsure"), answers.count("wrong")
    low, high = exact_interval(wrong, drawn, population)[0], exact_interval(wrong + unsure, drawn, population)[1]
    return Interval((wrong + unsure / 2) / drawn if drawn else None, low, high, drawn, unsure, population)


@dataclass(frozen=True)
class Remaining:
    """How many wrong labels probably remain in the data after this review.

    Attributes:
        low, high: of all rows that nobody looked at; 95 % intervals of the two parts added, which is on the safe side.
        flagged, unflagged: the parts, in rows: (low, high).
        stop: whether going on with the worst rows is hardly worth it.
        why: the reason in words.
    """

    low: int
    high: int
    flagged: tuple[int, int]
    unflagged: tuple[int, int]
    stop: bool
    why: str


def remaining(latest: list[Answer], unreviewed: int, outside: Interval, unreviewed_outside: int) -> Remaining:
    """How many wrong labels are left, and whether to stop.

    Args:
        latest: answers to the flagged rows looked at worst first, in that order; the last 50 speak for the rest.
        unreviewed: flagged rows nobody looked at.
        outside: share of wrong labels among the rows that are not flagged.
        unreviewed_outside: rows not flagged that nobody looked at.
    """
    tail = latest[-ENOUGH_FOR_STOP:]
    inside = share_wrong(tail, max(unreviewed + len(tail), 1))
    flagged = (math.floor(inside.low * unreviewed), math.ceil(inside.high * unreviewed))
    unflagged = (math.floor(outside.low * unreviewed_outside), math.ceil(outside.high * unreviewed_outside))
    low, high = flagged[0] + unflagged[0], flagged[1] + unflagged[1]
    if not unreviewed:
        return Remaining(low, high, flagged, unflagged, True, "every flagged label was looked at")
    if len(tail) < ENOUGH_FOR_STOP:
        more = min(ENOUGH_FOR_STOP - len(tail), unreviewed)
        labels = "label" if more == 1 else "labels"
        why = f"look at {more} more flagged {labels}, then it can be said whether going on is worth it"
        return Remaining(low, high, flagged, unflagged, False, why)
    wrong = sum(answer != "right" for answer in tail)
    found = f"{wrong} of the last {ENOUGH_FOR_STOP} flagged labels were wrong or could not be told"
    if wrong < WORTH_LOOKING * ENOUGH_FOR_STOP:
        return Remaining(low, high, flagged, unflagged, True, f"{found}: the rest is hardly worth the time")
    return Remaining(low, high, flagged, unflagged, False, f"{found}: looking on finds more")
