"""How does a CSV, TSV or Parquet table become inputs, labels and ids?"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earlylearn.data.answers import Answers, answers_in_columns, answers_in_file, is_long
from earlylearn.data.labelled import LabelledData, Unlabelled, no_features
from earlylearn.data.pictures import Pictures
from earlylearn.data.readers.classes import class_codes, class_names, label_values, written_as
from earlylearn.data.readers.features import Missing, encode_columns, fit_columns, text_values
from earlylearn.data.readers.frames import TEXT_SUFFIXES, gaps_as_written, read_frame
from earlylearn.data.readers.images import natural_augmentation, survey
from earlylearn.data.readers.paths import listed, reading
from earlylearn.data.readers.remarks import counters, of_features, of_values, without_header
from earlylearn.data.readers.suspects import check_classes, check_length
from earlylearn.data.schema import Column, Schema
from earlylearn.errors import UsageError, call, setting

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
    as_text = frame is None and path.suffix.lower() in TEXT_SUFFIXES
    if like and written_as(like.classes) == "text":
        words, labels = words + labels, []
    frame = read_frame(
        path if frame is None else frame, [c for c in (image, id_column) if c] + list(text) + words, labels
    )
    answers = None
    if annotators and like is None:
        answers = _answers(frame, annotators, id_column, name)
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
        _require(frame, column, setting(role, column), name)
    if like is None:
        _check_roles(
            frame, name, text=text, drop=drop, show=show, image=image, taken=(label, image, id_column, true_label)
        )
    gaps = gaps_as_written(path, label, frame[label]) if as_text else ()
    there, notes = rows_with_label(frame[label], name, label, gaps)
    given = label_values(frame[label][there], f"{name}, column {label!r}")
    truth = _true_labels(frame, true_label, label, given, name)
    classes = like.classes if like else _classes(given, truth, gaps, f"{name}, column {label!r}")

    if like is None:
        notes += check_classes(given, f"{name}, column {label!r}")
    if like is None and image is None:
        aside = {label, id_column, true_label, *text, *drop, *annotators, *(set(show) - set(text))}
        bare = [c for c in frame.columns if c not in aside and c.startswith("Unnamed: ")]
        features = frame[[c for c in frame.columns if c not in aside and c not in bare]]
        counting, said = counters(features, name)
        features, notes = features.drop(columns=counting), (*notes, *without_header(frame[bare], name), *said)
        if features.shape[1] == 0 and not text:
            others = listed(c for c in (label, id_column, true_label, *counting) if c)
            raise UsageError(
                f"{name}: no feature column beside {others}; add numeric columns, or name the column of image paths "
                f"with {setting('image', 'COLUMN')}, of texts with {setting('text', ['COLUMN'])}"
            )
        texts: list[Column] = [{"name": column, "type": "text"} for column in text]
        columns = [*fit_columns(features, name, missing), *texts]
        schema = {"kind": "table", "columns": columns, "id_column": id_column, "missing": missing}
        notes += of_features(frame.iloc[there], columns, given, name)
    elif like is None:
        schema, said_of_images = survey(_files(frame, str(image), path, name), image_size)
        schema |= {"image": image, "id_column": id_column}
        notes += said_of_images
    found = _inputs(frame, schema, path, name)
    shown = [column for column in show if column not in found.cells]
    codes = np.zeros(len(frame), np.int64)
    codes[there] = class_codes(given, classes, f"{name}, column {label!r}")
    data = LabelledData(
        name=name,
        inputs=found.inputs,
        labels=codes,
        classes=classes,
        ids=_ids(frame, id_column, name),
        true_labels=None if truth is None else class_codes(truth, classes, f"{name}, column {true_label!r}"),
        schema=schema,
        augment=natural_augmentation(schema) if schema["kind"] == "images" else "none",
        pictures=found.pictures,
        cells=pd.concat([found.cells, frame[shown]], axis=1),
        answers=answers,
        notes=(*notes, *found.notes),
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


def _true_labels(
    frame: pd.DataFrame, true_label: str | None, label: str, given: NDArray[Any], name: str
) -> NDArray[Any] | None:
    """The values of a column of true labels, which must have something in common with the given ones."""
    if true_label is None or true_label not in frame.columns:
        return None
    truth = label_values(frame[true_label], f"{name}, column {true_label!r}")
    if not set(truth.astype(str)) & set(given.astype(str)):
        raise UsageError(
            f"{setting('true_label', true_label)}: none of its values, such as {str(truth[0])!r}, is a label in "
            f"{label!r}, such as {str(given[0])!r}; name the column that holds the true ones of those labels"
        )
    return truth


def _answers(frame: pd.DataFrame, annotators: Sequence[str], id_column: str | None, name: str) -> Answers:
    if is_long(annotators):
        return answers_in_file(annotators[0], _ids(frame, id_column, name).tolist())
    return answers_in_columns(frame, annotators, name)


def table_inputs(path: Path, schema: Schema) -> Unlabelled:
    """The inputs and ids of a table without labels, encoded as `schema` says; other columns are ignored."""
    return _table_inputs(path, schema, str(path), path)


def frame_inputs(frame: pd.DataFrame, schema: Schema, name: str) -> Unlabelled:
    """The same of a DataFrame, which messages call by a name; paths of images count from where Python runs."""
    return _table_inputs(frame, schema, name, Path(name))


def _table_inputs(table: Path | pd.DataFrame, schema: Schema, name: str, path: Path) -> Unlabelled:
    image, id_column = schema.get("image"), schema.get("id_column")
    if schema["kind"] == "images" and image is None:
        raise UsageError(f"{name}: the model was not trained on a table; give a folder or an .npz of images")
    words = [c["name"] for c in schema.get("columns", []) if c["type"] in ("category", "text")]
    frame = read_frame(table, [c for c in (image, id_column) if c] + words)
    _require(frame, image, f"the training data's {setting('image', image)}", name)
    found = _inputs(frame, schema, path, name)
    ids = _ids(frame, id_column if id_column in frame.columns else None, name)
    return Unlabelled(inputs=found.inputs, ids=ids, pictures=found.pictures, cells=found.cells, notes=found.notes)


class _Inputs(NamedTuple):
    inputs: NDArray[np.float32]
    cells: pd.DataFrame
    pictures: Pictures | None
    notes: tuple[str, ...] = ()


def rows_with_label(
    column: "pd.Series[Any]", name: str, label: str, gaps: Sequence[str] = ()
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """The rows that have a label, and what is to be told of the others: they do not train, and are never flagged.

    Args:
        column: of labels.
        name: of the data.
        label: of the column.
        gaps: what stands in cells that count as empty.

    Raises:
        UsageError: no row has one.
    """
    empty = column.isna() | column.map(lambda value: isinstance(value, str) and not value.strip())
    there = np.flatnonzero(~empty.to_numpy(bool))
    if not len(there):
        raise UsageError(f"{name}, column {label!r}: no row has a label; name the column that holds them")
    if len(there) == len(column):
        return there, ()
    written = f" (written {listed(map(repr, gaps), 3)}; if that is a class, call it otherwise)" if gaps else ""
    return there, (
        f"{name}: {len(column) - len(there):,} of {len(column):,} rows have no {label!r}{written}, the first is row "
        f"{int(np.flatnonzero(empty)[0])}: they are left out, {call('predict')} will label them",
    )


def _inputs(frame: pd.DataFrame, schema: Schema, path: Path, name: str) -> _Inputs:
    """What a table's rows are made of: its columns as features, and pictures or texts for an encoder."""
    if schema["kind"] == "images":
        image = schema.get("image")
        if image is None:
            raise UsageError(f"{name}: the training data are images from no table; give a folder or an .npz of images")
        return _Inputs(no_features(len(frame)), frame[[image]], Pictures(_files(frame, image, path, name), schema))
    inputs = encode_columns(frame, schema["columns"], name)
    cells = frame[[c["name"] for c in schema["columns"] if c["type"] != "vector"]].copy()
    for column in (c["name"] for c in schema["columns"] if c["type"] == "text"):
        cells[column] = text_values(frame, column, name, schema.get("missing", "refuse"))
    return _Inputs(inputs, cells, None, of_values(frame, schema["columns"], name))


def _check_roles(
    frame: pd.DataFrame,
    name: str,
    *,
    text: Sequence[str],
    drop: Sequence[str],
    show: Sequence[str],
    image: str | None,
    taken: Sequence[str | None],
) -> None:
    """Raises unless all columns named are there, and none is asked to be two things."""
    if taken[0] == taken[-1]:
        raise UsageError(
            f"{setting('true_label', taken[0])}: is the column of given labels; name another, or leave it out"
        )
    if image is not None and text:
        raise UsageError(f"{setting('text', text)}: {setting('image', image)} gives the features; leave one out")
    for option, columns in (("text", text), ("drop", drop), ("show", show)):
        for column in columns:
            _require(frame, column, setting(option, [column]), name)
            others = [*taken, *(drop if option == "text" else ())]
            if option != "show" and column in others:
                raise UsageError(
                    f"{setting(option, [column])}: is named for something else too; name each column for one thing"
                )


def _files(frame: pd.DataFrame, image: str, path: Path, name: str) -> list[Path]:
    """The image files that a column names, relative to the table's folder."""
    files = []
    for row, value in enumerate(frame[image]):
        place = f"{name}, column {image!r}: row {row}"
        if not isinstance(value, str) or not value.strip():
            raise UsageError(f"{place} has no image path; fill it in or remove the row")
        file = path.parent / value.strip()
        with reading(file, "check its permissions"):
            there = file.is_file()
        if not there:
            raise UsageError(
                f"{place}: no such file {value!r}; paths count from the table's folder; correct it or remove the row"
            )
        files.append(file)
    return files


def _ids(frame: pd.DataFrame, id_column: str | None, name: str) -> NDArray[np.str_]:
    if id_column is None:
        return np.arange(len(frame)).astype(str)
    column = frame[id_column]
    place = f"{name}, column {id_column!r}"
    check_length(column, place, "an id")
    empty = np.flatnonzero(column.isna())
    if len(empty):
        raise UsageError(f"{place}: row {empty[0]} has no id; fill it in or leave out {setting('id_column')}")
    ids = column.map(str)
    twice = np.flatnonzero(ids.duplicated())
    if len(twice):
        first = int(np.flatnonzero(ids == ids.iloc[twice[0]])[0])
        raise UsageError(
            f"{place}: rows {first} and {twice[0]} have the same id {ids.iloc[twice[0]]!r}; "
            f"make ids unique or leave out {setting('id_column')}"
        )
    return ids.to_numpy(dtype=str)


def _require(frame: pd.DataFrame, column: str | None, culprit: str, name: str) -> None:
    if column is not None and column not in frame.columns:
        like = next((each for each in frame.columns if each.strip().lower() == column.strip().lower()), None)
        hint = f"; did you mean {like!r}?" if like is not None else ""
        raise UsageError(f"{culprit}: {name} has no such column{hint}; it has {listed(map(_seen, frame.columns))}")


def _seen(column: str) -> str:
    """A column's name, in quotes where it has blanks that would not be seen."""
    return column if column == column.strip() and column else repr(column)
