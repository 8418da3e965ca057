"""What does a page need to know of one run?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earlylearn.documents import EpochRecord, Summary


def held_out_agreement(summary: Summary) -> float | None:
    """How often given labels are predicted by what did not train on them: held-out rows, else folds; None without."""
    held_out = summary["accuracy"]["val_last"]
    return held_out if held_out is not None or "choice" not in summary else summary["choice"]["agreement"]


class Person(NamedTuple):
    """How good one of several annotators is, as ``annotators.csv`` says; NaN of what cannot be known."""

    annotator: str
    annotations: int
    quality: float
    agreement: float
    worst_class: str


@dataclass(frozen=True, kw_only=True)
class RunView:
    """Everything that a page shows of one run; the caller builds it from the run folder.

    Attributes:
        summary: what ``summary.json`` holds; None stands for what cannot be known.
        config: what ``config.json`` holds, the resolved settings under flat keys.
        metrics: the lines of ``metrics.jsonl``.
        issues: ``label_issues.csv``, every row and not only the issues; labels are class names. Beside ``worst`` only
            the columns of which something is counted.
        classes: class names in the order of the label integers.
        image: the ``uint8 [C, H, W]`` picture of a row by its position; None where inputs are features.
        cells: column names and values of a row by its position, shown where there are no pictures.
        path: the run folder, for the commands that the page shows.
        again: the command that trains on corrected labels; None where no command can name the data.
        made: the date.
        worst: of the flagged rows of lowest quality, at least as many as a page shows, all columns, each under its
            position; None where ``issues`` has all.
        people: of rows that several people labelled, a line for each of them, the worst first: see `Person`.
    """

    summary: Summary
    config: Mapping[str, object]
    metrics: list[EpochRecord]
    issues: pd.DataFrame
    classes: list[str]
    image: Callable[[int], NDArray[np.uint8]] | None
    cells: Callable[[int], list[tuple[str, str]]] | None = None
    path: str = "RUN"
    again: str | None = None
    made: str = ""
    worst: pd.DataFrame | None = None
    people: tuple[Person, ...] = ()
