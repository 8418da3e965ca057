"""What is a labelled data set: inputs, given labels, stable ids, and true labels where they are known?"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earlylearn.data.answers import Answers
from earlylearn.data.mapped import MANY, blocks, rows_of
from earlylearn.data.pictures import Pictures
from earlylearn.data.request import Augmentation
from earlylearn.data.schema import Schema
from earlylearn.errors import UsageError

FEWEST_FEATURES, MOST_FEATURES = 64, 8192  # of an array that counts as embeddings


class Fitted(Protocol):
    """An encoder with something of its own to keep; see `earlylearn.encoders.fitted`."""

    def save(self, folder: Path) -> None:
        """Write it into a folder."""


@dataclass(frozen=True, kw_only=True)
class LabelledData:
    """Row i holds an input, its given label, a stable id and, where it is known, its true label.

    Attributes:
        name: what the user called the data, e.g. ``digits`` or a path.
        inputs: ``uint8 [n, channels, height, width]`` images, or ``float32 [n, d]`` features, all finite.
        labels: ``int64 [n]`` given labels in ``0 .. len(classes) - 1``, possibly wrong.
        classes: class names in the order of the label integers; at least two.
        ids: ``str [n]`` stable, unique names of the rows (file path, table key or row number).
        true_labels: ``int64 [n]``, or None where the truth is unknown.
        schema: how more inputs of the same kind are read; JSON-ready.
        augment: the augmentation that suits these inputs when the user names none.
        val_rows: ``int64``, rows the data set itself sets aside to pick the epoch with, or None.
        val: the user's own validation set, to pick the epoch with, neither trained on nor audited; or None.
        checksum: what tells these inputs from others where they are too many to be read again (see
            `earlylearn.data.image_store`); empty where they can be.
        notes: what was changed, left out or guessed when they were read, a line each, for the user to see.
        pictures: the pictures behind rows whose inputs are features of them, or not decoded yet; else None.
        cells: of a table, the columns that make up the inputs, those still to be encoded and those only to be shown, in
            the table's own words; None where there is no table.
        answers: what each of several people called each row, of which the given label is the majority; else None.
        places: ``int64 [n]``, the row of the user's own file that each row is, where some were left out or set aside.
        fitted: an encoder that was fitted on these rows, which a run keeps to predict with; else None.
        copied: of a test or validation set, how many of its rows are rows of the training data; None where that was
            not looked for.

    Raises:
        UsageError: a shape, dtype, label or id breaks the description above.
    """

    name: str
    inputs: NDArray[Any]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    ids: NDArray[np.str_]
    true_labels: NDArray[np.int64] | None = None
    schema: Schema = field(default_factory=Schema)
    augment: Augmentation = "none"
    val_rows: NDArray[np.int64] | None = None
    val: "LabelledData | None" = None
    checksum: str = ""
    notes: tuple[str, ...] = ()
    pictures: Pictures | None = None
    cells: pd.DataFrame | None = None
    answers: Answers | None = None
    places: NDArray[np.int64] | None = None
    fitted: Fitted | None = None
    copied: int | None = None

    def __post_init__(self) -> None:
        n = len(self.inputs)
        if n == 0:
            raise UsageError(f"{self.name}: no examples; give data with at least two classes")
        if len(self.classes) < 2:
            raise UsageError(
                f"{self.name}: only one class ({', '.join(self.classes) or 'none'}); "
                "a classifier needs at least two, check the label column or the sub-folders"
            )
        self._check_inputs()
        self._check_labels("labels", self.labels)
        if self.true_labels is not None:
            self._check_labels("true_labels", self.true_labels)
        if len(self.ids) != n or not _all_differ(self.ids):
            raise UsageError(f"{self.name}: ids must be {n} different names, one per example")

    def _check_inputs(self) -> None:
        if self.is_image:
            if self.inputs.dtype != np.uint8:
                raise UsageError(f"{self.name}: images must be uint8 0..255, found {self.inputs.dtype}")
        elif self.inputs.ndim == 2 and self.inputs.dtype == np.float32:
            start = 0
            for part in blocks(self.inputs):
                bad = np.flatnonzero(~np.isfinite(part).all(axis=1))
                if len(bad):
                    raise UsageError(
                        f"{self.name}: row {start + bad[0]} has a value that is not finite; remove or impute it"
                    )
                start += len(part)
        else:
            raise UsageError(
                f"{self.name}: inputs must be uint8 [n, channels, height, width] or float32 [n, d], "
                f"found {self.inputs.dtype} {list(self.inputs.shape)}"
            )

    def _check_labels(self, what: str, labels: NDArray[np.int64]) -> None:
        n, classes = len(self.inputs), len(self.classes)
        if labels.shape != (n,):
            raise UsageError(f"{self.name}: {len(labels)} {what} for {n} examples; give exactly one label per example")
        wrong = np.flatnonzero((labels < 0) | (labels >= classes))
        if len(wrong):
            raise UsageError(
                f"{self.name}: {what}[{wrong[0]}] is {labels[wrong[0]]}, outside 0..{classes - 1} ({classes} classes)"
            )

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def is_image(self) -> bool:
        """Whether the inputs are images (``[n, channels, height, width]``) rather than feature rows."""
        return self.inputs.ndim == 4

    @property
    def is_embedding(self) -> bool:
        """Whether the inputs are features that a network, or TF-IDF, made; told by their origin, or by their number."""
        if self.inputs.ndim != 2 or self.inputs.shape[1] > MOST_FEATURES:
            return False
        vectors = any(column["type"] == "vector" for column in self.schema.get("columns", ()))
        flat = self.schema.get("kind") == "array" and len(self.schema["shape"]) == 1
        told = "encoder" in self.schema or "made_by" in self.schema
        return told or ((vectors or flat) and self.inputs.shape[1] >= FEWEST_FEATURES)

    @property
    def is_encoded(self) -> bool:
        """Whether an encoder is known to have made all features, not only those of a table's texts."""
        noted = self.schema.get("encoder")
        if noted is None:
            return "made_by" in self.schema
        return sum(noted["widths"].values()) == int(self.inputs.shape[1])

    def subset(self, rows: NDArray[np.int64]) -> "LabelledData":
        """The rows named, in that order."""
        return replace(
            self,
            inputs=rows_of(self.inputs, rows),
            labels=self.labels[rows],
            ids=rows_of(self.ids, rows),
            true_labels=None if self.true_labels is None else self.true_labels[rows],
            val_rows=None if self.val_rows is None else np.flatnonzero(np.isin(rows, self.val_rows)),
            pictures=None if self.pictures is None else self.pictures.subset(rows),
            cells=None if self.cells is None else self.cells.iloc[rows].reset_index(drop=True),
            answers=None if self.answers is None else self.answers.rows(rows),
            places=(np.arange(len(self)) if self.places is None else self.places)[rows],
        )

    def with_labels(self, labels: NDArray[np.int64], true_labels: NDArray[np.int64] | None) -> "LabelledData":
        """The same inputs under other given labels."""
        return replace(self, labels=labels, true_labels=true_labels)

    def decoded(self) -> "LabelledData":
        """The same rows with their pictures as inputs: ``uint8 [n, channels, height, width]``; see `Pictures.once`."""
        val = self.val and self.val.decoded()
        if self.pictures is None:
            return replace(self, val=val) if val is not self.val else self
        inputs, checksum = self.pictures.once()
        notes = (*self.notes, *told_together(self.pictures, inputs, self.ids, self.name))
        return replace(self, inputs=inputs, pictures=None, checksum=checksum, notes=notes, val=val)


@dataclass(frozen=True, kw_only=True)
class Unlabelled:
    """Rows to predict: as of `LabelledData`, without labels.

    Attributes:
        inputs: as of `LabelledData`.
        ids: ``str [n]``.
        pictures: as of `LabelledData`.
        cells: as of `LabelledData`.
        notes: as of `LabelledData`.
    """

    inputs: NDArray[Any]
    ids: NDArray[np.str_]
    pictures: Pictures | None = None
    cells: pd.DataFrame | None = None
    notes: tuple[str, ...] = ()

    def decoded(self) -> "Unlabelled":
        """The same rows with their pictures as inputs: ``uint8 [n, channels, height, width]``."""
        return self if self.pictures is None else replace(self, inputs=self.pictures.decoded(), pictures=None)


def _all_differ(ids: NDArray[np.str_]) -> bool:
    """Whether no id occurs twice. Those that are mapped are row numbers; of many, numbers made of them are compared."""
    if isinstance(ids, np.memmap):
        return True
    if len(ids) > MANY:
        sums = [pd.util.hash_array(part.astype(object), categorize=False) for part in blocks(ids)]
        if len(np.unique(np.concatenate(sums))) == len(ids):
            return True
    return len(set(ids.tolist())) == len(ids)


def told_together(pictures: Pictures, inputs: NDArray[Any], ids: NDArray[np.str_], name: str) -> tuple[str, ...]:
    """A line about pictures that differ and became the same inputs ``[n, ...]``, if there are any."""
    found, looked_at = pictures.fell_together(inputs)
    if not found:
        return ()
    one, other = found[0]
    return (
        f"{name}: {len(found):,} of {looked_at:,} pictures differ from another, and are the same to a network, such "
        f"as {ids[one]} and {ids[other]}: of several frames the first counts, what is transparent is white, and large "
        "ones are made small",
    )


def no_features(rows: int) -> NDArray[np.float32]:
    """The inputs of rows before anything was encoded: ``float32 [rows, 0]``."""
    return np.zeros((rows, 0), np.float32)
