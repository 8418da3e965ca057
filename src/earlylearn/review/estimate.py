"""How many labels are wrong, how sure is that, and when may the review stop: from the probe alone?"""

import math
from dataclasses import dataclass
from typing import Literal

LEVEL = 0.95
Z = 1.959963984540054  # two-sided normal quantile of LEVEL
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
        """The interval in rows, outwards to whole ones."""
        return math.floor(self.low * self.of), math.ceil(self.high * self.of)


def wilson(wrong: int, drawn: int, population: int) -> tuple[float, float]:
    """The 95 % Wilson interval of a share, with correction for a finite population.

    ``drawn`` of ``population`` rows were looked at and ``wrong`` of them are wrong. The sample counts as
    m' = m (N - 1) / (N - m) rows, so that the interval closes when everything has been looked at.
    """
    if not drawn:
        return 0.0, 1.0
    share = wrong / drawn
    if drawn >= population:
        return share, share
    m = drawn * (population - 1) / (population - drawn)
    centre = (share + Z**2 / (2 * m)) / (1 + Z**2 / m)
    half = Z / (1 + Z**2 / m) * math.sqrt(share * (1 - share) / m + Z**2 / (4 * m**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def clopper_pearson(wrong: int, drawn: int, population: int) -> tuple[float, float]:
    """The exact 95 % binomial interval: wider, right even where hardly any label is wrong."""
    from scipy.stats import beta

    if not drawn:
        return 0.0, 1.0
    if drawn >= population:
        return wrong / drawn, wrong / drawn
    tail = (1 - LEVEL) / 2
    low = float(beta.ppf(tail, wrong, drawn - wrong + 1)) if wrong else 0.0
    high = float(beta.ppf(1 - tail, wrong + 1, drawn - wrong)) if wrong < drawn else 1.0
    return low, high


def share_wrong(answers: list[Answer], population: int, *, exact: bool = False) -> Interval:
    """The share of wrong labels among ``population`` rows, from a probe of them drawn at random.

    Args:
        answers: of the probe's rows that were looked at; nothing else may be in it, or the share is too high: the
            worst rows are looked at first because they are the worst.
        population: rows the probe was drawn from.
        exact: by Clopper and Pearson, for shares near 0; else by Wilson.
    """
    drawn, unsure, wrong = len(answers), answers.count("unsure"), answers.count("wrong")
    interval = clopper_pearson if exact else wilson
    low, high = interval(wrong, drawn, population)[0], interval(wrong + unsure, drawn, population)[1]
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
        why = f"look at {ENOUGH_FOR_STOP} flagged labels before you judge whether to go on"
        return Remaining(low, high, flagged, unflagged, False, why)
    wrong = sum(answer != "right" for answer in tail)
    found = f"{wrong} of the last {ENOUGH_FOR_STOP} flagged labels were wrong or could not be told"
    if wrong < WORTH_LOOKING * ENOUGH_FOR_STOP:
        return Remaining(low, high, flagged, unflagged, True, f"{found}: the rest is hardly worth the time")
    return Remaining(low, high, flagged, unflagged, False, f"{found}: looking on finds more")
