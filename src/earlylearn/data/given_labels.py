"""Under which labels do rows train: those of a file, of the majority of several people, of a review?"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from earlylearn.data.answers import LONG, answers_in_file, is_long
from earlylearn.data.labelled import LabelledData
from earlylearn.data.readers.classes import class_codes, label_values
from earlylearn.data.readers.corrections import correct, read_corrections
from earlylearn.data.readers.label_files import read_label_file
from earlylearn.data.readers.roles import rows_with_label
from earlylearn.data.readers.tables import MAJORITY
from earlylearn.errors import UsageError, setting


def relabel(train: LabelledData, labels: str | None, true_labels: str | None, limit: int | None) -> LabelledData:
    """The training data under the labels of files, which may cover only the first `limit` rows."""
    n = len(train)
    lengths = [n] if limit is None or limit >= n else [n, limit]
    given, truth = (
        None if spec is None else read_label_file(spec, name, train, lengths)
        for name, spec in (("labels", labels), ("true_labels", true_labels))
    )
    rows = min([n, *(len(found.codes) for found in (given, truth) if found is not None)])
    if rows < n:
        train = train.subset(np.arange(rows))
    notes = [note for found in (given, truth) if found is not None for note in found.notes]
    codes = train.labels if given is None else given.codes[:rows]
    true = train.true_labels if truth is None else truth.codes[:rows]
    return replace(train.with_labels(codes, true), notes=(*train.notes, *notes))


def answered(train: LabelledData, annotators: Sequence[str]) -> LabelledData:
    """Data that are no table, each row under the label that most people gave it in a long table.

    Rows that nobody answered are left out, as they are of a table.
    """
    if not is_long(annotators):
        raise UsageError(
            f"{setting('annotators', list(annotators))}: names a table's columns, but {train.name} is no table; give a "
            f"file with the columns {', '.join(LONG)}"
        )
    answers = answers_in_file(annotators[0], train.ids.astype(str).tolist())
    majority = answers.majority()
    there, notes = rows_with_label(pd.Series(majority), train.name, MAJORITY)
    codes = train.labels.copy()
    codes[there] = class_codes(label_values(majority[there], annotators[0]), train.classes, annotators[0])
    data = replace(train.with_labels(codes, train.true_labels), answers=answers)
    data = replace(data, notes=(*train.notes, *notes, *answers.notes))
    return data if len(there) == len(train) else data.subset(there)


def corrected(train: LabelledData, file: str) -> LabelledData:
    """The training data under corrected labels, without the rows that no class fits."""
    given = [train.classes[k] for k in train.labels]
    where = setting("corrections", file)
    done = correct(train.ids.astype(str).tolist(), given, train.classes, read_corrections(Path(file)), where)
    position = {name: k for k, name in enumerate(train.classes)}
    labels = np.array([position[name] for name in done.labels], dtype=np.int64)
    train = train.with_labels(labels, train.true_labels)
    if done.excluded:
        train = train.subset(np.setdiff1d(np.arange(len(train)), done.excluded))
    note = (
        f"{file}: {done.changed} labels changed, {len(done.excluded)} rows left out, {done.kept} looked at and kept, "
        f"{done.unsure} in doubt and as they were"
    )
    return replace(train, notes=(*train.notes, note))
