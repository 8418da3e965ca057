"""Which labels are made wrong on purpose, and what became of them in a run?"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from earlylearn.data.labelled import LabelledData
from earlylearn.errors import UsageError, setting
from earlylearn.report.diagnosed import CanaryKind, Share

FEWEST, USUAL, LARGEST = 100, 0.05, 0.1  # canaries, unless they are more than the largest share of the rows
LEAST = 10  # canaries, fewer of which say nothing
FLOOR = 1e-6  # of a probability, so that a model that is quite sure still likes one other label more than another
KINDS: tuple[CanaryKind, CanaryKind] = ("random", "likeness")

Likes = Callable[[NDArray[np.int64]], NDArray[np.floating]]


@dataclass(frozen=True)
class Canaries:
    """Wrong labels planted on purpose: half at random, half such as a model itself would mistake.

    Attributes:
        rows: ``int64 [m]``, ascending.
        given: ``int64 [m]``, the labels that the data have.
        planted: ``int64 [m]``, what takes their place; differs in every row.
        alike: ``bool [m]``, planted by likeness.
    """

    rows: NDArray[np.int64]
    given: NDArray[np.int64]
    planted: NDArray[np.int64]
    alike: NDArray[np.bool_]

    def into(self, data: LabelledData) -> LabelledData:
        """The data with the planted labels; those that they replace count as the true ones."""
        labels = data.labels.copy()
        labels[self.rows] = self.planted
        return data.with_labels(labels, data.labels)

    def frame(self, data: LabelledData) -> pd.DataFrame:
        """A row per canary, for people and to be read back."""
        names = np.asarray(data.classes)
        return pd.DataFrame(
            {
                "id": data.ids[self.rows],
                "index": self.rows,
                "kind": np.where(self.alike, KINDS[1], KINDS[0]),
                "given_label": names[self.given],
                "planted_label": names[self.planted],
            }
        )

    @classmethod
    def read(cls, path: Path, data: LabelledData) -> "Canaries":
        """What `frame` wrote; UsageError if the file is not that of these data."""
        position = {name: k for k, name in enumerate(data.classes)}
        try:
            frame = pd.read_csv(path, dtype=str, keep_default_na=False)
            rows = frame["index"].to_numpy(np.int64)
            given, planted = (
                np.array([position[name] for name in frame[column]], np.int64)
                for column in ("given_label", "planted_label")
            )
            canaries = cls(rows, given, planted, (frame["kind"] == KINDS[1]).to_numpy())
            if not (data.labels[rows] == given).all():
                raise ValueError("its given labels are others")
        except (OSError, ValueError, LookupError) as error:
            raise UsageError(
                f"{path}: is not as it was written ({error}); restore the file, or give {setting('overwrite', True)}"
            ) from None
        return canaries


def how_many(rows: int, share: float | None) -> int:
    """The number of canaries for so many rows; UsageError if the share leaves too few of either to say anything.

    Args:
        rows: of the data.
        share: as asked for; None for 5 %, on small data up to 10 % so that there are a hundred.
    """
    if share is not None and not 0 < share <= 0.5:
        raise UsageError(f"{setting('share', share)}: must be above 0 and at most 0.5; 0.05 is usual")
    number = min(max(FEWEST, round(USUAL * rows)), int(LARGEST * rows)) if share is None else round(share * rows)
    if number < LEAST:
        raise UsageError(
            f"{setting('share', share)}: of {rows} rows {number} would be planted, and {LEAST} are the fewest that say "
            "anything; raise it, or give more data"
        )
    return number


def plant(data: LabelledData, number: int, likes: Likes | None, rng: np.random.Generator) -> Canaries:
    """Choose rows at random, and a wrong label for each.

    Half get one of the other labels at random, but not the one that a model believes in: where the given label is
    wrong, that may be the right one. Half get one drawn from what the model says of the row, its given label left out.
    The mistakes that people make lie mostly between the two (docs/diagnose.md).

    Args:
        data: the rows; those that it sets aside to validate with are left alone.
        number: of canaries.
        likes: probabilities ``[m, C]`` of rows ``[m]``; None plants all at random.
        rng: the only source of chance.
    """
    rows = np.arange(len(data)) if data.val_rows is None else np.setdiff1d(np.arange(len(data)), data.val_rows)
    classes = len(data.classes)
    # Of two classes a row whose label the model does not believe in has no label left to be planted at random.
    rows = rng.permutation(rows)[: number if classes > 2 else len(rows)]
    said = None if likes is None else likes(rows)
    given = data.labels[rows]
    allowed = np.arange(classes) != given[:, None]
    if said is not None:
        allowed[np.arange(len(rows)), said.argmax(1)] = False
    alike = np.arange(len(rows)) < (0 if said is None else number // 2)
    usable = alike | allowed.any(1)
    kept = np.flatnonzero(usable)[:number]
    planted = _drawn(allowed.astype(np.float64), rng)
    if said is not None:
        weights = np.maximum(said.astype(np.float64), FLOOR)
        weights[np.arange(len(rows)), given] = 0
        planted[alike] = _drawn(weights[alike], rng)
    kept = kept[np.argsort(rows[kept])]
    return Canaries(rows[kept], given[kept], planted[kept], alike[kept])


def _drawn(weights: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """A position for each row of weights ``[m, C]``, drawn in proportion to them."""
    # The first whose cumulative weight exceeds a uniform number is such a draw.
    draws = rng.random((len(weights), 1)) * weights.sum(1, keepdims=True)
    return np.asarray((weights.cumsum(1) > draws).argmax(1))


def share_of(hits: NDArray[np.bool_]) -> Share:
    """The share of rows that hit, with Wilson's 95 % interval; all of [0, 1] without rows."""
    count = len(hits)
    if not count:
        return {"share": 0.0, "low": 0.0, "high": 1.0, "of": 0}
    found = stats.binomtest(int(hits.sum()), count).proportion_ci(method="wilson")
    return {"share": float(hits.mean()), "low": float(found.low), "high": float(found.high), "of": count}


def last_agrees(issues: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether the last epoch that saw a row predicted its label: it was learned once more often than forgotten."""
    return np.asarray(issues["times_learned"] - issues["times_forgotten"] > 0)
