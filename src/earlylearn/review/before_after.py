"""What did the corrections change: two runs on the same data, before and after, row by row?"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earlylearn.data.labelled import LabelledData
from earlylearn.report.page import template
from earlylearn.review.estimate import LEVEL
from earlylearn.runs.reread import reread
from earlylearn.runs.run import Run

PAGE = "before_after.html"
MOST_PAIRS = 12  # of a label and what it became that the page lists


@dataclass(frozen=True)
class Paired:
    """How often two runs were right on the same rows.

    Attributes:
        rows: how many.
        before, after: accuracy of either.
        only_before, only_after: rows that one of them alone got right.
        low, high: 95 % interval of ``after - before``, from the rows on which they differ.
    """

    rows: int
    before: float
    after: float
    only_before: int
    only_after: int
    low: float
    high: float

    @property
    def beyond_chance(self) -> bool:
        """Whether the interval leaves out no difference at all."""
        return self.low > 0 or self.high < 0


def paired(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> Paired:
    """Compare two runs by the rows that each got right: ``bool [n]`` each.

    The difference is (c - b) / n with b rows right only before and c only after, its variance
    ``(b + c - (c - b)^2 / n) / n^2``; one row is added to both b and c, so that no difference seen is not certainty.
    """
    n = len(before)
    b, c = int((before & ~after).sum()), int((after & ~before).sum())
    mean = (c - b) / n
    spread = math.sqrt((b + c + 2 - (c - b) ** 2 / n) / n**2)
    half = 1.96 * spread
    return Paired(n, float(before.mean()), float(after.mean()), b, c, mean - half, mean + half)


def run_before(after: Run) -> Run | None:
    """The run whose review corrected the labels of this one; None if there is none."""
    if after.config.corrections is None:
        return None
    folder = Path(after.config.corrections).resolve().parent.parent
    return Run(folder) if (folder / "config.json").exists() and (folder / "summary.json").exists() else None


def write_before_after(after: Run) -> Path | None:
    """Write ``before_after.html`` into a run made with corrections; None if the run before it is not known.

    Raises:
        UsageError: the data of one of the runs changed.
    """
    before = run_before(after)
    if before is None:
        return None
    path = after.folder.path / PAGE
    path.write_text(template("before_after.html.jinja").render(_facts(before, after)), encoding="utf-8")
    return path


def _facts(before: Run, after: Run) -> dict[str, Any]:
    old, new = reread(before), reread(after)
    test = None
    if old.test is not None and new.test is not None and before.classes == after.classes:
        test = _test(before, old.test, after, new.test)
    position = {str(name): row for row, name in enumerate(old.train.ids)}
    rows = [position[str(name)] for name in new.train.ids if str(name) in position]
    was = old.train.labels[rows]
    now = new.train.labels[: len(rows)]
    pairs: dict[tuple[str, str], int] = {}
    for first, second in zip(was[was != now], now[was != now], strict=True):
        pair = (old.train.classes[first], new.train.classes[second])
        pairs[pair] = pairs.get(pair, 0) + 1
    ranked = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
    return {
        "before": before.summary,
        "after": after.summary,
        "paths": (str(before.folder.path), str(after.folder.path)),
        "changed": int((was != now).sum()),
        "left_out": len(old.train) - len(new.train),
        "rows": len(old.train),
        "pairs": ranked[:MOST_PAIRS],
        "more": sum(number for _, number in ranked[MOST_PAIRS:]),
        "test": test,
        "level": LEVEL,
        "wrong": _wrong(old.train, new.train, rows),
    }


def _test(before: Run, old: LabelledData, after: Run, new: LabelledData) -> Paired | None:
    """How both runs do on the test rows they share, each with the inputs its own encoder makes of them."""
    place = {str(name): row for row, name in enumerate(old.ids)}
    shared = [(place[str(name)], row) for row, name in enumerate(new.ids) if str(name) in place]
    if not shared:
        return None
    was, now = (np.array(rows) for rows in zip(*shared, strict=True))
    truth = (new.labels if new.true_labels is None else new.true_labels)[now]
    return paired(before.predict(old.inputs[was]) == truth, after.predict(new.inputs[now]) == truth)


def _wrong(old: Any, new: Any, rows: list[int]) -> tuple[float, float] | None:
    """Share of wrong labels before and after, where the truth is known."""
    if old.true_labels is None:
        return None
    return float((old.labels != old.true_labels).mean()), float((new.labels != old.true_labels[rows]).mean())
