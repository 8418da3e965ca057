"""How does a CSV, TSV or Parquet table become inputs, labels and ids?"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earlylearn.data.answers import NONE, Answers, answers_in_columns, answers_in_file, empty_ones, is_long
from earlylearn.data.labelled import LabelledData, Unlabelled, no_features
from earlylearn.data.pictures import Pictures
from earlylearn.data.readers.classes import class_codes, class_names, label_values, written_as
from earlylearn.data.readers.disk_table import DiskTable
from earlylearn.data.readers.features import Missing, encode_columns, fit_columns, text_values
from earlylearn.data.readers.frames import TEXT_SUFFIXES, gaps_as_written, read_frame
from earlylearn.data.readers.images import natural_augmentation
from earlylearn.data.readers.paths import listed
from earlylearn.data.readers.remarks import counters, of_features, of_values, without_header
from earlylearn.data.readers.roles import (
    Table,
    check_roles,
    image_files,
    require,
    row_ids,
    rows_with_label,
    true_labels,
)
from earlylearn.data.readers.suspects import check_classes
from earlylearn.data.readers.table_store import Kept, TableStore, disk_table
from earlylearn.data.schema import Column, Schema
from earlylearn.data.surveyed import survey_once
from earlylearn.errors import UsageError, setting

AT_ONCE = 2.0**28  # bytes in memory of a table to predict, which is looked at once and needs no more
MAJORITY = "label by majority"  # the column of given labels where several people's are given instead


def read_table(
    path: Path,
    name: str,
    *,
    label: str | None,
    image: str | None = None,
    id_column: str | None = None,
    true_label: str | None = None,
    text: Sequence[str] = (),
    drop: Sequence[str] = (),
    show: Sequence[str] = (),
    annotators: Sequence[str] = (),
    missing: Missing = "refuse",
    image_size: int | None = None,
    like: LabelledData | None = None,
    frame: pd.DataFrame | None = None,
) -> LabelledData:
    """A table with a label column, and either a column of image paths or feature columns, some of them free text.

    Columns without a header (a saved row index) are left out of the features. Ids are the id column's values,
    else row numbers from 0. `like` gives the classes and the schema of the training data to a test table. `frame` is
    the table itself, if it is in memory.
    Pictures are not decoded, texts not encoded: see `LabelledData.pictures` and `LabelledData.cells`.

    Raises:
        UsageError: see `earlylearn.data.sources.load`.
    """
    schema = like.schema if like else {}
    words = [c["name"] for c in schema.get("columns", []) if c["type"] in ("category", "text")]
    labels = [c for c in (label, true_label) if c]
    if like and written_as(like.classes) == "text":
        words, labels = words + labels, []
    texts = [*(c for c in (image, id_column) if c), *text, *words]
    how = _How(
        label, image, id_column, true_label, tuple(text), tuple(drop), tuple(show), tuple(annotators), missing, like
    )
    if frame is None and _may_be_stored(how, schema):
        with disk_table(path, texts, labels, how.key(schema)) as found:
            if found is not None:
                return _read(*found, path, name, how, image_size)
    there = read_frame(path if frame is None else frame, texts, labels)
    return _read(there, None, path, name, how._replace(in_memory=frame is not None), image_size)


class _How(NamedTuple):
    """How a table is to be read, see `read_table`."""

    label: str | None
    image: str | None
    id_column: str | None
    true_label: str | None
    text: tuple[str, ...]
    drop: tuple[str, ...]
    show: tuple[str, ...]
    annotators: tuple[str, ...]
    missing: Missing
    like: LabelledData | None
    in_memory: bool = False

    def key(self, schema: Schema) -> dict[str, Any]:
        """What of it decides how the features are, and what is told of them."""
        people = self.annotators
        file = Path(people[0]).stat() if is_long(people) and Path(people[0]).exists() else None
        return {**self._asdict(), "like": schema, "file": file and [file.st_size, file.st_mtime_ns]}

    def roles(self, columns: Iterable[str]) -> list[str]:
        """The columns that are no features and are looked at all the same."""
        named = [self.label, self.id_column, self.true_label, *self.show, *self.annotators]
        return [name for name in dict.fromkeys(named) if name is not None and name in columns]


def _may_be_stored(how: _How, schema: Schema) -> bool:
    """Whether the features are all that is large: paths of pictures, and texts for an encoder, are read as ever."""
    texts = how.text or any(column["type"] == "text" for column in schema.get("columns", []))
    return how.image is None and not texts and schema.get("kind") != "images"


def _read(
    frame: Table, store: TableStore | None, path: Path, name: str, how: _How, image_size: int | None
) -> LabelledData:
    """`read_table` of a table that is in memory, or on the disk with a store for its features."""
    label, image, id_column, true_label, like = how.label, how.image, how.id_column, how.true_label, how.like
    answers: Answers | None = None
    gaps: tuple[str, ...] = ()
    if how.annotators and like is None:
        answers, gaps = _answers(frame, store, path, name, how)
        label = MAJORITY if label is None else label
        frame = frame.assign(**{label: answers.majority()})
    if label is None:
        raise UsageError(
            f"{name}: give the label column with {setting('label', 'COLUMN')}; the columns are {listed(frame.columns)}"
        )
    for role, column in (
        ("label", label),
        ("image", image),
        ("id_column", id_column),
        ("true_label", true_label if like is None else None),
    ):
        require(frame, column, setting(role, column), name)
    if like is None:
        taken = (label, image, id_column, true_label)
        check_roles(frame, name, text=how.text, drop=how.drop, show=how.show, image=image, taken=taken)
    gaps = gaps or _gaps(frame, store, path, (label,), how)
    there, notes = rows_with_label(frame[label], name, label, gaps)
    given = label_values(frame[label].iloc[there], f"{name}, column {label!r}")
    truth = true_labels(frame, true_label, label, given, name)
    classes = like.classes if like else _classes(given, truth, gaps, f"{name}, column {label!r}")
    if like is None:
        notes += check_classes(given, f"{name}, column {label!r}")
    kept = None if store is None else store.find()
    if kept is not None:
        schema, found = kept.schema, _Inputs(kept.inputs, _no_cells(frame), None, kept.notes)
    else:
        schema, said = _schema(frame, there, given, path, name, how._replace(label=label), image_size)
        found = _inputs(frame, schema, path, name, store)
        found = found._replace(notes=(*said, *found.notes))
        if store is not None:
            store.keep(schema, found.notes, gaps, _frame_of(frame, how.roles(frame.columns)))
    codes = np.zeros(len(frame), np.int64)
    codes[there] = class_codes(given, classes, f"{name}, column {label!r}")
    shown = [column for column in how.show if column not in found.cells]
    data = LabelledData(
        name=name,
        inputs=found.inputs,
        labels=codes,
        classes=classes,
        ids=row_ids(frame, id_column, name) if store is None or id_column else store.row_numbers(len(frame)),
        true_labels=None if truth is None else class_codes(truth, classes, f"{name}, column {true_label!r}"),
        schema=schema,
        augment=natural_augmentation(schema) if schema["kind"] == "images" else "none",
        pictures=found.pictures,
        cells=pd.concat([found.cells, _frame_of(frame, shown)], axis=1),
        answers=answers,
        notes=(*notes, *(() if answers is None else answers.notes), *found.notes),
    )
    return data if len(there) == len(frame) else data.subset(there)


def _classes(given: NDArray[Any], truth: NDArray[Any] | None, gaps: Sequence[str], where: str) -> tuple[str, ...]:
    """The names of the classes; UsageError of one alone where another may have been taken for no label."""
    classes = class_names(given, *([] if truth is None else [truth]))
    if len(classes) < 2 and gaps:
        raise UsageError(
            f"{where}: only one class ({classes[0]}), for {listed(map(repr, gaps), 3)} counts as no label; if that is "
            "a class, call it otherwise"
        )
    return classes


def _schema(
    frame: Table,
    there: NDArray[np.int64],
    given: NDArray[Any],
    path: Path,
    name: str,
    how: _How,
    image_size: int | None,
) -> tuple[Schema, tuple[str, ...]]:
    """How the rows become inputs, and what is to be told of that; of a test table as those of the training table do."""
    if how.like is not None:
        return how.like.schema, ()
    if how.image is not None:
        schema, said_of_images = survey_once(image_files(frame, how.image, path, name), image_size, path.parent)
        return schema | {"image": how.image, "id_column": how.id_column}, said_of_images
    aside = {how.label, how.id_column, how.true_label, *how.text, *how.drop, *how.annotators}
    aside |= set(how.show) - set(how.text)
    bare = [c for c in frame.columns if c not in aside and c.startswith("Unnamed: ")]
    features = frame.drop(columns=[c for c in frame.columns if c in aside or c in bare])
    counting, said = counters(features, name)
    said = [*without_header(frame.drop(columns=[c for c in frame.columns if c not in bare]), name), *said]
    features = features.drop(columns=counting)
    if len(features.columns) == 0 and not how.text:
        others = listed(c for c in (how.label, how.id_column, how.true_label, *counting) if c)
        raise UsageError(
            f"{name}: no feature column beside {others}; add numeric columns, or name the column of image paths "
            f"with {setting('image', 'COLUMN')}, of texts with {setting('text', ['COLUMN'])}"
        )
    texts: list[Column] = [{"name": column, "type": "text"} for column in how.text]
    columns = [*fit_columns(features, name, how.missing), *texts]
    schema = {"kind": "table", "columns": columns, "id_column": how.id_column, "missing": how.missing}
    rows = frame if len(there) == len(frame) else frame.take(there)
    return schema, (*said, *of_features(rows, columns, given, name))


def _gaps(frame: Table, store: TableStore | None, path: Path, labels: Sequence[str], how: _How) -> tuple[str, ...]:
    """What stands in the cells of a text file's columns of labels that count as empty."""
    if how.in_memory or path.suffix.lower() not in TEXT_SUFFIXES:
        return ()
    kept = None if store is None else store.gaps
    return gaps_as_written(path, _frame_of(frame, labels)) if kept is None else kept


def _frame_of(table: Table, names: Sequence[str]) -> pd.DataFrame:
    """Some columns of a table, in memory."""
    return table.frame(names) if isinstance(table, DiskTable) else table[list(names)]


def _no_cells(table: Table) -> pd.DataFrame:
    return pd.DataFrame(index=pd.RangeIndex(len(table)))


def _answers(
    frame: Table, store: TableStore | None, path: Path, name: str, how: _How
) -> tuple[Answers, tuple[str, ...]]:
    """What each of several people called each row, and what stands in the table's cells that count as no answer."""
    gaps: tuple[str, ...] = ()
    if is_long(how.annotators):
        found = answers_in_file(how.annotators[0], row_ids(frame, how.id_column, name).tolist())
    else:
        found = answers_in_columns(frame, how.annotators, name)
        gaps = _gaps(frame, store, path, how.annotators, how)
        found = replace(found, notes=empty_ones(name, int((found.labels == NONE).sum()), found.labels.size, gaps))
    if how.label is None or how.label not in frame.columns:
        return found, gaps
    unread = f"{name}: {how.label!r} is not read: the label is what most annotators gave a row"
    return replace(found, notes=(*found.notes, unread)), gaps


def table_inputs(path: Path, schema: Schema) -> Unlabelled:
    """The inputs and ids of a table without labels, encoded as `schema` says; other columns are ignored."""
    name, id_column = str(path), schema.get("id_column")
    if schema["kind"] == "table" and not any(column["type"] == "text" for column in schema["columns"]):
        words = [column["name"] for column in schema["columns"] if column["type"] == "category"]
        texts = [*(column for column in (id_column,) if column), *words]
        with disk_table(path, texts, (), {"to predict": name, "schema": schema}, AT_ONCE) as found:
            if found is not None:
                return _stored_inputs(*found, schema, path, name)
    return _table_inputs(path, schema, name, path)


def _stored_inputs(table: DiskTable, store: TableStore, schema: Schema, path: Path, name: str) -> Unlabelled:
    """`table_inputs` of a table on the disk, through a store for its features."""
    id_column = schema.get("id_column")
    id_column = id_column if id_column in table.columns else None
    kept = store.find()
    if kept is None:
        found = _inputs(table, schema, path, name, store)
        store.keep(schema, found.notes, (), _frame_of(table, [id_column] if id_column else []))
        kept = Kept(schema, found.notes, found.inputs)
    ids = row_ids(table, id_column, name) if id_column else store.row_numbers(len(table))
    return Unlabelled(inputs=kept.inputs, ids=ids, cells=_no_cells(table), notes=kept.notes)


def frame_inputs(frame: pd.DataFrame, schema: Schema, name: str) -> Unlabelled:
    """The same of a DataFrame, which messages call by a name; paths of images count from where Python runs."""
    return _table_inputs(frame, schema, name, Path(name))


def _table_inputs(table: Path | pd.DataFrame, schema: Schema, name: str, path: Path) -> Unlabelled:
    image, id_column = schema.get("image"), schema.get("id_column")
    if schema["kind"] == "images" and image is None:
        raise UsageError(f"{name}: the model was not trained on a table; give a folder or an .npz of images")
    words = [c["name"] for c in schema.get("columns", []) if c["type"] in ("category", "text")]
    frame = read_frame(table, [c for c in (image, id_column) if c] + words)
    require(frame, image, f"the training data's {setting('image', image)}", name)
    found = _inputs(frame, schema, path, name)
    ids = row_ids(frame, id_column if id_column in frame.columns else None, name)
    return Unlabelled(inputs=found.inputs, ids=ids, pictures=found.pictures, cells=found.cells, notes=found.notes)


class _Inputs(NamedTuple):
    inputs: NDArray[np.float32]
    cells: pd.DataFrame
    pictures: Pictures | None
    notes: tuple[str, ...] = ()


def _inputs(frame: Table, schema: Schema, path: Path, name: str, store: TableStore | None = None) -> _Inputs:
    """What a table's rows are made of: its columns as features, and pictures or texts for an encoder."""
    if schema["kind"] == "images":
        image = schema.get("image")
        if image is None:
            raise UsageError(f"{name}: the training data are images from no table; give a folder or an .npz of images")
        cells = _frame_of(frame, [image])
        return _Inputs(
            no_features(len(frame)), cells, Pictures(image_files(frame, image, path, name), schema, path.parent)
        )
    if isinstance(frame, DiskTable):
        assert store is not None
        encoded, said = store.encode(frame, schema["columns"], name)
        return _Inputs(encoded, _no_cells(frame), None, said)
    inputs = encode_columns(frame, schema["columns"], name)
    cells = frame[[c["name"] for c in schema["columns"] if c["type"] != "vector"]].copy()
    for column in (c["name"] for c in schema["columns"] if c["type"] == "text"):
        cells[column] = text_values(frame, column, name, schema.get("missing", "refuse"))
    return _Inputs(inputs, cells, None, of_values(frame, schema["columns"], name))
