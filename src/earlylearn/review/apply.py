"""How does a corrected copy of the user's data come to be, with nothing of the original touched?"""

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from earlylearn.data.labelled import LabelledData
from earlylearn.data.readers.corrections import Corrected, Correction, correct
from earlylearn.data.readers.frames import as_csv, read_frame, separator_of
from earlylearn.errors import UsageError, setting
from earlylearn.files import write_parts

CELLS = 2**20  # of a table of text in memory at a time


@dataclass(frozen=True)
class Applied:
    """What was written.

    Attributes:
        out: the folder or file.
        rows: rows in it.
        changed, excluded, kept, unsure: rows relabelled, left out, looked at and kept, left as they are in doubt.
        renamed: pictures whose name was taken in their new class, and which carry their old class in front.
    """

    out: Path
    rows: int
    changed: int
    excluded: int
    kept: int
    unsure: int
    renamed: int = 0


def apply(
    data: LabelledData,
    path: Path | None,
    corrections: Sequence[Correction],
    out: Path,
    *,
    source: str,
    label: str | None = None,
    id_column: str | None = None,
    copy: bool = False,
) -> Applied:
    """Write the data again with corrected labels.

    A folder becomes a folder of links (or copies); a table the same table with the label column replaced; an ``.npz``
    the same arrays with ``y`` replaced; a built-in set a ``.csv`` of ids and labels for ``labels``.

    Args:
        data: the rows with the given labels that were reviewed.
        path: where they were read from; None for built-in sets and arrays in memory.
        corrections: see `earlylearn.data.readers.corrections.correct`.
        out: the folder or file to make.
        source: what to call the corrections in errors.
        label: label column of a table.
        id_column: id column of a table.
        copy: copy pictures instead of linking to them.

    Raises:
        UsageError: a correction does not fit, or ``out`` is there already or cannot be written.
    """
    given = [data.classes[k] for k in data.labels]
    corrected = correct([str(name) for name in data.ids], given, data.classes, corrections, source)
    if out.exists():
        raise UsageError(f"{setting('out', str(out))}: exists already; name another, the data stay as they are")
    try:
        renamed = 0
        if path is None:
            _write_labels(data, corrected, out)
        elif path.is_dir():
            renamed = _write_folder(data, given, corrected, path, out, copy=copy)
        elif path.suffix.lower() == ".npz":
            _write_arrays(data, corrected, path, out)
        else:
            _write_table(data, corrected, path, out, label=str(label), id_column=id_column)
    except OSError as error:
        raise UsageError(
            f"{setting('out', str(out))}: {error.strerror or error}; choose a place you may write to"
        ) from None
    rows = len(data) - len(corrected.excluded)
    return Applied(out, rows, corrected.changed, len(corrected.excluded), corrected.kept, corrected.unsure, renamed)


def _write_folder(
    data: LabelledData, given: list[str], corrected: Corrected, path: Path, out: Path, *, copy: bool
) -> int:
    """``out/<class>/...`` for ``path/<class>/...``, also below ``train/``; the number of files renamed."""
    gone, taken, renamed = set(corrected.excluded), Counter[str](), 0
    stays = {str(data.ids[row]) for row in range(len(data)) if row not in gone and corrected.labels[row] == given[row]}
    for row, name in enumerate(str(name) for name in data.ids):
        if row in gone:
            continue
        parts = Path(name).parts
        where = 1 if parts[0] == "train" and len(parts) > 2 and parts[0] != given[row] else 0
        new = Path(*parts[:where], corrected.labels[row], *parts[where + 1 :])
        if corrected.labels[row] != given[row] and (new.as_posix() in stays or taken[new.as_posix()]):
            new = new.with_name(f"{given[row]}-{new.name}")
            renamed += 1
        taken[new.as_posix()] += 1
        _place(path / name, out / new, copy=copy)
    if (path / "test").is_dir() and any(str(name).startswith("train/") for name in data.ids):
        _place(path / "test", out / "test", copy=copy)
    return renamed


def _place(old: Path, new: Path, *, copy: bool) -> None:
    new.parent.mkdir(parents=True, exist_ok=True)
    if not copy:
        os.symlink(old.resolve(), new)
    elif old.is_dir():
        shutil.copytree(old, new)
    else:
        shutil.copy2(old, new)


def _write_table(
    data: LabelledData, corrected: Corrected, path: Path, out: Path, *, label: str, id_column: str | None
) -> None:
    """The same table: every cell as it stands but for the labels; rows nobody trained on stay too."""
    text = path.suffix.lower() in (".csv", ".tsv")
    if out.suffix.lower() != path.suffix.lower():
        raise UsageError(f"{setting('out', str(out))}: the data are a {path.suffix} table; name a file that ends so")
    roles = [label, *([id_column] if id_column is not None and id_column != label else [])]
    frame = _text_table(path, roles) if text else read_frame(path)
    ids = frame[id_column].astype(str) if id_column is not None else frame.index.astype(str)
    row_of = {str(name): row for row, name in enumerate(ids)}
    rows = [row_of[str(name)] for name in data.ids]
    spelling = dict(zip((data.classes[k] for k in data.labels), frame[label].iloc[rows].tolist(), strict=True))
    changed = {
        row: _as_written(new, spelling, f"{path}, column {label!r}")
        for row, new, old in zip(rows, corrected.labels, (data.classes[k] for k in data.labels), strict=True)
        if new != old
    }
    gone = [rows[row] for row in corrected.excluded]
    out.parent.mkdir(parents=True, exist_ok=True)
    if text:
        write_parts(out, _text_parts(path, label, changed, gone))
    else:
        _corrected_rows(frame, label, changed, gone).to_parquet(out, index=False)


def _text_table(path: Path, columns: list[str] | None = None, **how: Any) -> Any:
    """Every cell as the text it is; with ``chunksize`` some rows at a time."""
    separator = separator_of(path)
    return pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False, usecols=columns, **how)


def _text_parts(path: Path, label: str, changed: dict[int, Any], gone: list[int]) -> Iterator[bytes]:
    """The corrected table some rows at a time: it may be larger than memory."""
    at_once = max(1, CELLS // len(_text_table(path, nrows=0).columns))
    with _text_table(path, chunksize=at_once) as parts:
        for k, part in enumerate(parts):
            corrected = _corrected_rows(part, label, changed, gone)
            yield as_csv(corrected, separator=separator_of(path), header=not k).encode()


def _corrected_rows(frame: pd.DataFrame, label: str, changed: dict[int, Any], gone: list[int]) -> pd.DataFrame:
    """Rows, whose index counts those of the file, with labels replaced and some left out."""
    column = frame[label].copy()
    for row in frame.index.intersection(list(changed)):
        column.at[row] = changed[row]
    return frame.assign(**{label: column}).drop(index=frame.index.intersection(gone))


def _as_written(label: str, spelling: dict[str, Any], place: str) -> Any:
    """A class as the file writes it in other rows; a text where its labels are texts."""
    if label in spelling:
        return spelling[label]
    if all(isinstance(value, str) for value in spelling.values()):
        return label
    raise UsageError(f"{place}: no row has the class {label!r}, so it is not known how to write it; add it by hand")


def _write_arrays(data: LabelledData, corrected: Corrected, path: Path, out: Path) -> None:
    if out.suffix.lower() != ".npz":
        raise UsageError(f"{setting('out', str(out))}: the data are an .npz file; name a file that ends so")
    with np.load(path, allow_pickle=False) as file:
        arrays: dict[str, Any] = dict(file)
    n = len(arrays["y"])
    y = arrays["y"].tolist()  # not in place: a text array would cut a longer name
    spelling = {data.classes[k]: y[int(data.ids[row])] for row, k in enumerate(data.labels)}
    old = [data.classes[k] for k in data.labels]
    for row, new in enumerate(corrected.labels):
        if new != old[row]:
            y[int(data.ids[row])] = _as_written(new, spelling, f"{path}, array 'y'")
    keep = np.setdiff1d(np.arange(n), [int(data.ids[row]) for row in corrected.excluded])
    arrays = {
        name: each[keep] if each.ndim and len(each) == n else each
        for name, each in {**arrays, "y": np.array(y)}.items()
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out, **arrays)


def _write_labels(data: LabelledData, corrected: Corrected, out: Path) -> None:
    if out.suffix.lower() != ".csv":
        raise UsageError(f"{setting('out', str(out))}: labels of a built-in set become a .csv file; name one")
    gone = set(corrected.excluded)
    kept = [row for row in range(len(data)) if row not in gone]
    out.parent.mkdir(parents=True, exist_ok=True)
    frame = pd.DataFrame({"id": data.ids[kept], "label": [corrected.labels[row] for row in kept]})
    out.write_text(as_csv(frame), encoding="utf-8", newline="")
