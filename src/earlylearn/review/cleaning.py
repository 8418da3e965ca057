"""How many rows must people look at so that few labels stay wrong, and which?

First rows drawn at random from all are looked at, then exactly those most suspicious rows without which more labels
than wanted might be wrong. The rest keep their given labels unseen.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from typing_extensions import TypedDict  # typing's own cannot be checked by pydantic before Python 3.12

from earlylearn.data.readers.corrections import Correction
from earlylearn.errors import UsageError, setting
from earlylearn.files import checked, read_json, write_json
from earlylearn.review.queue import clean_to

ALLOWED = 9.2  # rows drawn times the share wanted: then four wrong ones among those not looked at again are allowed


class Drawn(TypedDict):
    """Rows drawn at random from all: ``clean-PERCENT.json`` of a cleaning, ``sample.json``.

    Attributes:
        percent: of all labels that may stay wrong; 0 of a mere sample.
        order: ids of the rows, in the order in which they are shown.
    """

    percent: float
    order: list[str]


@dataclass(frozen=True)
class Cleaning:
    """How far a cleaning is.

    Attributes:
        percent: of all labels that may stay wrong.
        order: ids of the rows to look at that are known so far.
        drawn: how many of them were drawn at random.
        look_at: how many rows must be looked at in all; None before the drawn ones are.
        done: whether all of them were.
        line: where it stands, in words.
    """

    percent: float
    order: list[str]
    drawn: int
    look_at: int | None
    done: bool
    line: str


def draw(folder: Path, issues: pd.DataFrame, percent: float, *, seed: int) -> Drawn:
    """The random rows of this review for this share, drawn once and kept in its folder.

    Raises:
        UsageError: the share is out of range, or the file of an earlier draw is broken or of other data.
    """
    if not 0.5 <= percent <= 50:
        raise UsageError(f"{setting('clean_to', percent)}: must be between 0.5 and 50, percent of all labels")
    ids = issues["id"].astype(str)
    wanted = min(math.ceil(ALLOWED / (percent / 100)), len(ids))
    generator = np.random.default_rng([seed, round(100 * percent)])
    return {
        "percent": percent,
        "order": drawn_once(folder / f"clean-{percent:g}.json", ids, wanted, generator, percent),
    }


def drawn_once(
    path: Path, ids: "pd.Series[str]", wanted: int, generator: np.random.Generator, percent: float = 0
) -> list[str]:
    """So many ids drawn at random, in random order; those of the file if there is one, which else is written.

    Raises:
        UsageError: the file is broken, or of other data.
    """
    if path.exists():
        kept = checked(read_json(path), Drawn, path)
        gone = next(iter(set(kept["order"]) - set(ids)), None)
        if gone is not None:
            raise UsageError(f"{path}: has the row {gone!r}, which the data have not; it is of other data")
        return kept["order"]
    order = ids.iloc[generator.permutation(len(ids))[:wanted]].tolist()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"percent": percent, "order": order})
    return order


def cleaning(drawn: Drawn, issues: pd.DataFrame, settled: Mapping[str, Correction]) -> Cleaning:
    """Where it stands, by what was decided of each row; what could not be told counts as wrong.

    Rows are ordered by ``label_quality``, lowest first. Of all n labels, those of the rows not looked at stay as they
    are; by the rows drawn at random, no more than the wanted share of all labels is wrong among them, 95 % sure.
    """
    ranked = issues.sort_values(["label_quality", "index"], kind="stable")["id"].astype(str).tolist()
    total, percent = len(ranked), f"{drawn['percent']:g} %"
    open_ = sum(row not in settled for row in drawn["order"])
    if open_:
        line = (
            f"First {len(drawn['order']):,} rows drawn at random ({open_:,} to go): they say how many must be looked "
            f"at so that at most {percent} of all {total:,} labels are wrong."
        )
        return Cleaning(drawn["percent"], drawn["order"], len(drawn["order"]), None, False, line)
    place = {row: k for k, row in enumerate(ranked)}
    sure = (np.arange(total) + 1) / (total + 1)  # the most suspicious least; ranks, because qualities tie
    answers = [(float(sure[place[row]]), settled[row].decision != "keep") for row in drawn["order"]]
    wanted = total if (found := clean_to(sure, answers, drawn["percent"] / 100)) is None else found
    order = list(dict.fromkeys([*drawn["order"], *ranked[:wanted]]))
    left = sum(row not in settled for row in order)
    if left:
        line = (
            f"Look at {len(order):,} of the {total:,} rows in all ({left:,} to go). Then at most {percent} of all "
            "labels are wrong, 95 % sure."
        )
    else:
        line = (
            f"All {len(order):,} rows were looked at. With your corrections at most {percent} of all {total:,} labels "
            "are wrong, 95 % sure, if your answers are right."
        )
    return Cleaning(drawn["percent"], order, len(drawn["order"]), len(order), not left, line)
