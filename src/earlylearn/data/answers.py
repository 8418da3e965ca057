"""What did each of several people call each row, in columns of a table or in a long table of its own?"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earlylearn.data.readers.disk_table import DiskTable
from earlylearn.data.readers.frames import TEXT_SUFFIXES, gaps_as_written, read_frame
from earlylearn.data.readers.paths import TABLE_SUFFIXES, listed
from earlylearn.errors import UsageError, did_you_mean, setting

LONG = ("id", "annotator", "label")
NONE = ""  # a row that somebody did not label


@dataclass(frozen=True)
class Answers:
    """Labels of several people.

    Attributes:
        annotators: their names.
        labels: ``str [n, annotators]``, `NONE` where somebody gave none.
        notes: what is to be told of them.
    """

    annotators: tuple[str, ...]
    labels: NDArray[np.str_]
    notes: tuple[str, ...] = ()

    def majority(self) -> NDArray[np.str_]:
        """The label that most gave each row, ``str [n]``; ties go to what is commoner among all answers.

        `NONE` where nobody answered.
        """
        names, codes = np.unique(self.labels, return_inverse=True)
        codes = codes.reshape(self.labels.shape)
        votes = np.stack([(codes == k).sum(1) for k in range(len(names))], axis=1).astype(float)
        votes[:, names == NONE] = 0
        found = names[(votes + votes.sum(0) / (votes.sum() + 1)).argmax(1)]
        return np.where(votes.any(1), found, NONE)

    def codes(self, classes: Sequence[str]) -> NDArray[np.int64]:
        """Positions in `classes`, ``int64 [n, annotators]``; -1 where somebody gave none.

        Raises:
            UsageError: somebody gave a label that is no class.
        """
        found = pd.Index(classes).get_indexer(pd.Index(self.labels.ravel())).reshape(self.labels.shape)
        strange = np.argwhere((found < 0) & (self.labels != NONE))
        if len(strange):
            row, who = strange[0]
            raise UsageError(
                f"{self.annotators[who]} called row {row} {str(self.labels[row, who])!r}, which is none of the classes "
                f"{listed(classes)}; correct it, or leave it empty"
            )
        return found.astype(np.int64)

    def rows(self, rows: NDArray[np.int64]) -> "Answers":
        """Those of the rows named, in that order."""
        return Answers(self.annotators, self.labels[rows])


def is_long(annotators: Sequence[str]) -> bool:
    """Whether this names a long table rather than columns."""
    return len(annotators) == 1 and Path(annotators[0]).suffix.lower() in TABLE_SUFFIXES


def answers_in_columns(frame: pd.DataFrame | DiskTable, columns: Sequence[str], name: str) -> Answers:
    """A column per person.

    Raises:
        UsageError: a column is missing or named twice, or there is but one.
    """
    for column in columns:
        if column not in frame.columns:
            raise UsageError(
                f"{setting('annotators', [column])}: {name} has no such column; "
                f"{did_you_mean(column, frame.columns)}it has {listed(frame.columns)}"
            )
    if len(columns) < 2:
        raise UsageError(
            f"{setting('annotators', list(columns))}: is one person; name a column for each, or a file with the "
            f"columns {', '.join(LONG)}"
        )
    if len(set(columns)) < len(columns):
        raise UsageError(f"{setting('annotators', list(columns))}: names a person twice; every vote counts once")
    return Answers(tuple(columns), np.stack([_texts(frame[column]) for column in columns], axis=1))


def answers_in_file(file: str, ids: Sequence[str]) -> Answers:
    """A long table with a line per answer: ``id, annotator, label``, joined by id, in any order.

    Raises:
        UsageError: the file cannot be read, lacks a column, names a row that the data have not, or has two answers of
            one person to one row.
    """
    path = Path(file)
    what = setting("annotators", [file])
    frame = read_frame(path, LONG)
    lacking = [column for column in LONG if column not in frame.columns]
    if lacking:
        raise UsageError(
            f"{what}: has no column {lacking[0]!r}; it needs {', '.join(LONG)}, and has {listed(frame.columns)}"
        )
    told = pd.DataFrame({column: _texts(frame[column]) for column in LONG})
    gaps = gaps_as_written(path, frame[["label"]]) if path.suffix.lower() in TEXT_SUFFIXES else ()
    notes = empty_ones(file, int((told["label"] == NONE).sum()), len(told), gaps)
    told = told[told["label"] != NONE]
    place = {name: row for row, name in enumerate(ids)}
    unknown = told["id"][~told["id"].isin(place)]
    if len(unknown):
        raise UsageError(
            f"{what}: has an answer to {unknown.iloc[0]!r}, which the data have not ({unknown.nunique()} such ids); "
            f"give the answers of these data, whose ids are like {ids[0]!r}"
        )
    twice = told[told.duplicated(["id", "annotator"])]
    if len(twice):
        who, row = twice.iloc[0][["annotator", "id"]]
        raise UsageError(f"{what}: {who!r} answered {row!r} twice; leave one of the two")
    people = tuple(sorted(told["annotator"].unique()))
    column = {name: k for k, name in enumerate(people)}
    longest = max([1, *map(len, told["label"])])
    labels = np.full((len(ids), len(people)), NONE, dtype=f"<U{longest}")
    labels[told["id"].map(place), told["annotator"].map(column)] = told["label"].to_numpy(str)
    return Answers(people, labels, notes)


def empty_ones(where: str, empty: int, answers: int, gaps: Sequence[str]) -> tuple[str, ...]:
    """A line about answers that count as none though something is written there, such as NA or None."""
    if not gaps:
        return ()
    written = f"some of them written {listed(map(repr, gaps), 3)}"
    return (
        f"{where}: {empty:,} of {answers:,} answers count as none, {written}; if that is a class, call it otherwise",
    )


def _texts(column: "pd.Series[str]") -> NDArray[np.str_]:
    """Cells as texts without outer blanks; whole floats, as a column with gaps has them, as integers."""
    whole = pd.api.types.is_float_dtype(column) and bool((column.dropna() % 1 == 0).all())
    values = [NONE if pd.isna(value) else str(int(value) if whole else value).strip() for value in column]
    return np.array(values, dtype=str)
