"""What is shown of a row that is to be looked at: its original, the classes, and the rows most like it?"""

from dataclasses import dataclass
from textwrap import shorten
from typing import Any, TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earlylearn.audit.neighbours import Neighbours
from earlylearn.data.labelled import LabelledData
from earlylearn.data.originals import Originals, Picture
from earlylearn.errors import UsageError

BRIEF = 240  # characters of a row in the overview, and of a row that is like another


class NeighbourRow(TypedDict):
    """A row like the one in question."""

    id: str
    label: str
    text: str


class Item(TypedDict):
    """What the page shows of a row."""

    id: str
    given: str
    suggested: str
    confidence: float | None
    classes: list[str]
    picture: bool
    cells: list[tuple[str, str]]
    reason: str
    like_given: list[NeighbourRow]
    like_suggested: list[NeighbourRow]


@dataclass
class Rows:
    """The rows of a run, as a review shows them.

    Attributes:
        data: inputs, ids and the given labels the run was trained with.
        issues: ``label_issues.csv`` of the run, a row per row of the data.
        originals: the rows as the user's files have them.
        beliefs: ``float32 [n, C]`` probabilities of each label, or None.
        features: ``[n, d]`` for the neighbours; the inputs themselves if None.
    """

    data: LabelledData
    issues: pd.DataFrame
    originals: Originals
    beliefs: NDArray[np.floating[Any]] | None = None
    features: NDArray[np.generic] | None = None

    def __post_init__(self) -> None:
        self.position = {str(name): row for row, name in enumerate(self.data.ids)}
        self._predicted = self.issues["predicted_label"].astype(str).tolist()  # asked of every row of a long queue
        self._neighbours: Neighbours | None = None

    def index(self, row: str) -> int:
        """The position of an id; UsageError if the data have no such row."""
        found = self.position.get(row)
        if found is None:
            raise UsageError(f"{row!r}: the data have no such row")
        return found

    def given(self, row: str) -> str:
        """The label a row has now."""
        return self.data.classes[int(self.data.labels[self.index(row)])]

    def suggested(self, row: str) -> str:
        """The label the model would give it: the most probable other one, where it believes the given label."""
        index, given = self.index(row), self.given(row)
        predicted = self._predicted[index]
        if predicted != given:
            return predicted
        return next(name for name in self._probable(row) if name != given)

    def ordered(self, row: str) -> list[str]:
        """All classes: the suggested one, the given one, then the others, the most probable first.

        By probability alone the given label would come first where the model believes it, and tell which rows were
        drawn at random.
        """
        return list(dict.fromkeys([self.suggested(row), self.given(row), *self._probable(row)]))

    def _probable(self, row: str) -> list[str]:
        index = self.index(row)
        if self.beliefs is not None and np.isfinite(self.beliefs[index]).all():
            return [self.data.classes[k] for k in np.argsort(-self.beliefs[index], kind="stable")]
        first = dict.fromkeys([self._predicted[index], self.given(row)])
        return [*first, *(name for name in self.data.classes if name not in first)]

    def item(self, row: str) -> Item:
        """Everything that the page shows of a row."""
        index, given, suggested = self.index(row), self.given(row), self.suggested(row)
        picture = self.originals.picture(index)
        quality = self.issues["label_quality"].iloc[index]
        return Item(
            id=row,
            given=given,
            suggested=suggested,
            confidence=None if pd.isna(quality) else 1 - float(quality),
            classes=self.ordered(row),
            picture=picture is not None,
            cells=self.originals.cells(index),
            reason=str(self.issues["reason"].iloc[index]) if "reason" in self.issues else "",
            like_given=self._like(index, given),
            like_suggested=self._like(index, suggested),
        )

    def brief(self, row: str) -> str:
        """A row of a table in a line, cut short; empty of a picture without words."""
        return shorten(self.originals.describe(self.index(row)), BRIEF, placeholder=" ...")

    def warm(self) -> None:
        """Read the table and look for neighbours now, so that the first row does not wait for it."""
        self.item(str(self.data.ids[0]))

    def picture(self, row: str) -> Picture | None:
        """The picture of a row, or None."""
        return self.originals.picture(self.index(row))

    def _like(self, index: int, name: str) -> list[NeighbourRow]:
        if self._neighbours is None:
            features = self.data.inputs if self.features is None else self.features
            self._neighbours = Neighbours(features, self.data.labels)
        label = self.data.classes.index(name)
        return [
            NeighbourRow(
                id=str(self.data.ids[near]),
                label=name,
                text=shorten(self.originals.describe(near), BRIEF, placeholder=" ..."),
            )
            for near in self._neighbours.of_class(index, label)
        ]
