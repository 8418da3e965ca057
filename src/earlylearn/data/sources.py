"""Which data does the user mean, and how does it become labelled training and test sets?"""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any, Literal, NamedTuple, ParamSpec

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from earlylearn.data.builtin.sets import BUILTIN, read_builtin, read_builtin_test
from earlylearn.data.given_labels import answered, corrected, relabel
from earlylearn.data.labelled import LabelledData, Unlabelled
from earlylearn.data.readers.images import fit_arrays
from earlylearn.data.readers.kinds import COLUMNS, READERS
from earlylearn.data.readers.memory import IN_MEMORY, Columns, read_memory
from earlylearn.data.readers.paths import find
from earlylearn.data.request import DataSettings
from earlylearn.data.schema import Schema
from earlylearn.data.splits import hold_out
from earlylearn.errors import UsageError, setting
from earlylearn.values import describe, plain

_How = ParamSpec("_How")


class Loaded(NamedTuple):
    """What was loaded.

    Attributes:
        train: the training data.
        test: a separate test set with the same classes and schema; None when there is none.
    """

    train: LabelledData
    test: LabelledData | None

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be told of them, and of a validation set of the user's own, each line once."""
        parts = (self.train, self.test, self.train.val)
        return tuple(dict.fromkeys(note for part in parts if part is not None for note in part.notes))


class DataRequest(DataSettings, BaseModel):
    """What is asked of data, checked: the arguments of `load`."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


def name_of(data: Any) -> Any:
    """A path as text, such that it is a path even if a built-in set is called so; all else as it is."""
    if isinstance(data, os.PathLike):
        text = os.fspath(data)
        return f".{os.sep}{text}" if text in BUILTIN else text
    return data


def check_request(asked: Mapping[str, Any]) -> DataRequest:
    """The request of these fields; numbers of numpy and paths are taken as numbers and text.

    Raises:
        UsageError: a field is unknown, or its value of the wrong type or out of range.
    """
    try:
        return DataRequest(**{name: plain(name_of(value)) for name, value in asked.items()})
    except ValidationError as error:
        raise UsageError(describe(error)) from None


def read_rows(
    data: Any,
    *,
    data_dir: str | None = None,
    label: str | None = None,
    image: str | None = None,
    id_column: str | None = None,
    true_label: str | None = None,
    text: Sequence[str] = (),
    drop: Sequence[str] = (),
    show: Sequence[str] = (),
    annotators: Sequence[str] = (),
    labels: str | None = None,
    true_labels: str | None = None,
    corrections: str | None = None,
    missing: Literal["refuse", "impute"] = "refuse",
    image_size: int | None = None,
    skip_unreadable: bool = False,
    strict: bool = False,
    test: Any = None,
    val: Any = None,
    test_fraction: float = 0.0,
    limit: int | None = None,
) -> Loaded:
    """Reads labelled data: a built-in name, a folder of images, a table or an .npz file.

    Images become ``uint8 [n, 1 or 3, height, width]``, everything else ``float32 [n, d]`` features as they
    stand in the data, not standardised. For built-in data the labels count as the true labels. `load` decodes image
    files; `read_rows` leaves that to whoever wants them at another size (see `LabelledData.pictures`).

    Args:
        data: one of `BUILTIN`; a folder ``DIR/<class>/<image>`` (or ``DIR/train/..`` and ``DIR/test/..``); a
            .csv, .tsv, .parquet or .pq table; an .npz with x and y (and x_test, y_test, classes, ids); an .npy
            with its labels in `labels`; or what Python holds, see `earlylearn.data.readers.memory.read_memory`.
        data_dir: where the files of built-in data are.
        label: a table's column of given labels.
        image: a table's column of image paths, relative to the table; else the other columns are features.
        id_column: a table's column of unique ids; without it the row numbers are.
        true_label: a table's column of true labels.
        text: a table's columns of free text, which `earlylearn.train` gives to an encoder; one, or a list of them.
        drop: a table's columns to leave out.
        show: a table's columns to show beside its rows, not to learn from.
        annotators: a table's columns with the labels of several people, or a file of ``id, annotator, label``; the
            given label is then that of the majority.
        labels: ``FILE[:KEY]`` whose labels replace the given labels of the training rows.
        true_labels: ``FILE[:KEY]`` with the true labels of the training rows.
        corrections: a file of a review's corrections; joined by id, so rows that it does not name stay as they are, and
            rows that no class fits are left out.
        missing: whether a missing feature is refused, or filled with the median or a category of its own.
        image_size: the side of the square that images are brought to.
        skip_unreadable: leave out the images of a folder that cannot be read, and list them.
        strict: refuse the data where anything of them is left out, filled, cast or guessed: each `LabelledData.notes`.
        test: a second DATA of the same kind, the test set (in place of one that `data` has).
        val: a second DATA of the same kind, to pick the epoch by its labels; neither trained on nor audited.
        test_fraction: the share of rows held out as the test set, stratified and always the same, where there
            is no other test set.
        limit: keep the first so many training rows, after `test_fraction` took its rows; a label file may
            then cover just these, unless there is a `test_fraction`. Of built-in data that are larger than memory no
            others are even decoded; validation rows that they set aside are kept, and a label file covers what is kept.

    Raises:
        UsageError: the request or the data is wrong; one line with the culprit and the mend.
    """
    given, tested, validated = data, test, val
    data, test, val = (IN_MEMORY if is_in_memory(each) else each for each in (data, test, val))
    asked = check_request({name: value for name, value in locals().items() if name in DataRequest.model_fields})
    if asked.test is not None and asked.test_fraction:
        culprit = setting("test_fraction", asked.test_fraction)
        raise UsageError(f"{culprit}: {setting('test', asked.test)} gives the test set; leave one out")
    train, held_out = _read(given, asked)
    if asked.test is not None:
        second = _read(tested, asked, like=train)
        held_out = second.test or second.train
    validation = None if asked.val is None else _read_validation(validated, asked, train)
    # Of what is kept in a store, the reader left out what is beyond the limit.
    most = None if asked.data in BUILTIN and BUILTIN[asked.data].stored else asked.limit
    if asked.annotators and train.answers is None:
        train = answered(train, asked.annotators)
    if asked.strict:
        refuse_notes(Loaded(replace(train, val=validation), held_out).notes)
    train = relabel(train, asked.labels, asked.true_labels, None if asked.test_fraction else most)
    if asked.corrections is not None:
        train = corrected(train, asked.corrections)
    if asked.test_fraction:
        if held_out is not None:
            culprit = setting("test_fraction", asked.test_fraction)
            raise UsageError(f"{culprit}: {asked.data} has a test set of its own; leave it out")
        train, held_out = hold_out(train, asked.test_fraction)
    if most is not None and most < len(train):
        train = train.subset(np.arange(most))
    return Loaded(replace(train, val=validation), held_out)


def refuse_notes(notes: Sequence[str]) -> None:
    """Raises UsageError if there is anything to be told of data that are to be taken as they are or not at all."""
    if notes:
        more = f" (and {len(notes) - 1} more)" if len(notes) > 1 else ""
        raise UsageError(f"{notes[0]}{more}; mend the data, or leave out {setting('strict', True)}")


def _decoded(read: Callable[_How, Loaded]) -> Callable[_How, Loaded]:
    @wraps(read)
    def decoding(*arguments: _How.args, **how: _How.kwargs) -> Loaded:
        train, test = read(*arguments, **how)
        return Loaded(train.decoded(), test and test.decoded())

    return decoding


load = _decoded(read_rows)


def read_inputs(data: str, schema: Schema, *, data_dir: str | None = None) -> tuple[NDArray[Any], NDArray[np.str_]]:
    """What `read_unlabelled` reads with its pictures decoded: inputs and ids; for data that need no encoder."""
    rows = read_unlabelled(data, schema, data_dir=data_dir).decoded()
    return rows.inputs, rows.ids


def read_unlabelled(data: str | Path, schema: Schema, *, data_dir: str | None = None) -> Unlabelled:
    """Rows of data without labels, read exactly as the training data were; pictures are not decoded.

    Args:
        data: as for `load`, without labels (they are ignored): a folder holds images at any depth, one image
            file will do, built-in data stand for their test set.
        schema: the `LabelledData.schema` of the training data, possibly read back from JSON.
        data_dir: where the files of built-in data are.

    Raises:
        UsageError: the data cannot be read or are of another kind than the training data.
    """
    data = str(name_of(data))
    if data in BUILTIN:
        _same_kind(data, ("images",), schema)
        test = read_builtin_test(data, data_dir)
        return Unlabelled(inputs=fit_arrays(test.inputs, schema), ids=test.ids, notes=_beside(data))
    path, kind = find(data, BUILTIN)
    _same_kind(data, READERS[kind].accepts, schema)
    return READERS[kind].inputs(path, schema)


def folder_of(data: str, data_dir: str | None) -> Path | None:
    """The folder in which data lie; None of a built-in set that has none."""
    if data in BUILTIN:
        return None if data_dir is None else Path(data_dir).expanduser()
    path = Path(data).expanduser()
    return path if path.is_dir() else path.parent


def is_in_memory(data: object) -> bool:
    """Whether data are what Python holds, and not the name of any."""
    return data is not None and not isinstance(data, str | os.PathLike)


def _read_validation(data: Any, asked: DataRequest, train: LabelledData) -> LabelledData:
    """A validation set of the user's own."""
    named = setting("val", asked.val)
    if asked.val in BUILTIN and not is_in_memory(data):
        raise UsageError(
            f"{named}: {asked.val} has no validation set beside its test set, which must not pick anything; use "
            f"{setting('val_fraction', 0.1)}"
        )
    found = _read(data, asked, like=train, role="val")
    if found.test is not None:
        raise UsageError(f"{named}: has a training and a test part of its own; give the one that is to validate")
    return found.train


def _read(data: Any, asked: DataRequest, like: LabelledData | None = None, role: str = "test") -> Loaded:
    """The data and their own test set; `like` is the training data when this is to be their test or validation set."""
    if is_in_memory(data):
        columns = Columns(**{name: getattr(asked, name) for name in vars(Columns())})
        name = IN_MEMORY if like is None else f"{IN_MEMORY} {role}"
        return Loaded(read_memory(data, columns, name=name, like=like), None)
    data = name_of(data)
    if data in BUILTIN:
        found = _read_builtin(data, asked) if like is None else _read_builtin_test(data, asked.data_dir, like)
        return found._replace(train=replace(found.train, notes=(*found.train.notes, *_beside(data))))
    path, kind = find(data, BUILTIN)
    reader = READERS[kind]
    if like is None:
        _no_columns(data, reader.takes, asked)
    else:
        _same_kind(setting(role, data), reader.accepts, like.schema)
    return Loaded(*reader.read(path, data, like=like, **{name: getattr(asked, name) for name in reader.takes}))


def _beside(data: str) -> tuple[str, ...]:
    """What is to be told of a built-in set beside which something else lies under the same name."""
    if not Path(data).exists():
        return ()
    return (f"{data} is the built-in set; what lies here under that name is {os.path.join('.', data)}",)


def _read_builtin(data: str, asked: DataRequest) -> Loaded:
    _no_columns(data, (), asked)
    if asked.image_size is not None:
        raise UsageError(f"{setting('image_size', asked.image_size)}: {data} has a size of its own; leave it out")
    return Loaded(*read_builtin(data, asked.data_dir, asked.limit))


def _read_builtin_test(data: str, data_dir: str | None, like: LabelledData) -> Loaded:
    _same_kind(setting("test", data), ("images",), like.schema)
    test = read_builtin_test(data, data_dir)
    if like.classes != test.classes or like.schema != test.schema:
        raise UsageError(f"{setting('test', data)}: its classes or images differ from the training data's; give others")
    return Loaded(test, None)


def _no_columns(data: str, takes: Collection[str], asked: DataRequest) -> None:
    """Refuse a table's column that is named for data without columns."""
    for name in COLUMNS:
        if (column := getattr(asked, name)) not in (None, ()) and name not in takes:
            raise UsageError(f"{setting(name, column)}: names a table's column, but {data} is no table; leave it out")


def _same_kind(what: str, kinds: tuple[str, ...], schema: Schema) -> None:
    """Raises unless data of these kinds can be encoded like the training data."""
    words = {"images": "images", "table": "a table of features", "array": "an .npz of features"}
    if schema.get("kind") not in words:
        raise UsageError(f"{what}: the training data's schema has the kind {schema.get('kind')!r}; train again")
    if schema["kind"] not in kinds:
        raise UsageError(f"{what}: the training data are {words[schema['kind']]}; give data of the same kind")
