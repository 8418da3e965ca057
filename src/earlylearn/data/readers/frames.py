"""How does the file of a table become a frame in which every cell is what the file has?"""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from earlylearn.data.readers.classes import as_written
from earlylearn.data.readers.header import check_names, check_text
from earlylearn.data.readers.paths import check_file, reading
from earlylearn.data.readers.precision import MOST_EXACT
from earlylearn.errors import UsageError
from earlylearn.wording import missing

TEXT_SUFFIXES = (".csv", ".tsv")


def read_frame(path: Path | pd.DataFrame, text_columns: Iterable[str] = (), labels: Iterable[str] = ()) -> pd.DataFrame:
    """The table as it stands, `text_columns` as text (so that 007 stays 007), rows numbered from 0; or a DataFrame.

    Of a text table, `labels` are columns of labels: see `earlylearn.data.readers.classes.as_written`.

    Raises:
        UsageError: the file cannot be read, has no rows, or needs pyarrow.
    """
    if isinstance(path, pd.DataFrame):
        return _checked(path.copy(deep=False), "the DataFrame")
    suffix = path.suffix.lower()
    check_file(path)
    if suffix in (".parquet", ".pq"):
        try:
            import pyarrow  # noqa: F401
        except ImportError as error:
            raise UsageError(
                f"{path}: Parquet needs pyarrow, which is missing; run pip install 'earlylearn[parquet]'"
            ) from error
        with reading(path, "give a readable Parquet file"):
            frame = pd.read_parquet(path, engine="pyarrow")
            rounded = maybe_rounded(frame)
            if rounded:
                frame[rounded] = pd.read_parquet(
                    path, columns=rounded, engine="pyarrow", dtype_backend="numpy_nullable"
                )
        check_names([str(name) for name in frame.columns], path)
    else:
        separator = separator_of(path)
        check_text(path, separator)
        with reading(path, "give a UTF-8 table with a header line"):
            as_text = dict.fromkeys([*text_columns, *labels], str)
            frame = pd.read_csv(path, sep=separator, dtype=as_text, low_memory=False)
        if not isinstance(frame.index, pd.RangeIndex):
            raise UsageError(f"{path}: rows have more fields than the header; name every column in the header")
        frame = frame.assign(**{name: as_written(frame[name]) for name in labels if name in frame})
        frame = frame.assign(**_whole_numbers(frame, path, separator))
    return _checked(frame, str(path))


def gaps_as_written(path: Path, columns: pd.DataFrame) -> tuple[str, ...]:
    """What stands in the cells of some columns of a text table that count as empty, such as ``NA``; no blanks."""
    empty = columns.isna()
    names = list(columns.columns[empty.any().to_numpy(bool)])
    if not names:
        return ()
    with reading(path, "give a UTF-8 table with a header line"):
        raw = pd.read_csv(path, sep=separator_of(path), usecols=names, dtype=str, keep_default_na=False)
    if len(raw) != len(columns):
        return ()
    found = {cell.strip() for name in names for cell in raw[name][empty[name].to_numpy(bool)].unique()}
    return tuple(sorted(found - {""}))


def as_csv(frame: pd.DataFrame, *, separator: str = ",", header: bool = True) -> str:
    """A table as text of which every cell is read back as it is; pandas leaves a lone carriage return bare."""
    text: str = frame.to_csv(sep=separator, index=False, header=header)
    if "\r" in text:
        text = frame.to_csv(sep=separator, index=False, header=header, quoting=csv.QUOTE_NONNUMERIC)
    return text


def separator_of(path: Path) -> str:
    """What stands between the fields of a text table with this suffix."""
    return "\t" if path.suffix.lower() == ".tsv" else ","


def maybe_rounded(frame: pd.DataFrame) -> list[str]:
    """Columns of whole numbers that were read as floats, as gaps or their size make them, and too large for those."""
    found = []
    for name in frame.columns[(frame.dtypes == np.float64).to_numpy(bool)]:
        values = frame[name].to_numpy()
        values = values[np.isfinite(values)]
        if len(values) and np.abs(values).max() > MOST_EXACT and (values == np.floor(values)).all():
            found.append(str(name))
    return found


def _whole_numbers(frame: pd.DataFrame, path: Path, separator: str) -> dict[str, "pd.Series[Any]"]:
    """Such columns of a text table again, as Python's whole numbers, where they are written as such."""
    columns = maybe_rounded(frame)
    if not columns:
        return {}
    with reading(path, "give a UTF-8 table with a header line"):
        raw = pd.read_csv(path, sep=separator, usecols=columns, dtype=str)
    return {name: column for name in columns if (column := whole_numbers(raw[name])) is not None}


def whole_numbers(raw: "pd.Series[Any]") -> "pd.Series[Any] | None":
    """A column of texts as Python's whole numbers, None where one is missing; None if they are not written as such."""
    if not raw.dropna().str.strip().str.fullmatch(r"[+-]?\d+").all():
        return None
    # Not by `Series.map`, which makes floats of whole numbers beside a gap.
    return pd.Series([None if missing(cell) else int(cell) for cell in raw], dtype=object)


def _checked(frame: pd.DataFrame, path: str) -> pd.DataFrame:
    frame.columns = [str(c) for c in frame.columns]
    if frame.empty:
        raise UsageError(f"{path}: the table has no rows; give one row per example")
    return frame.reset_index(drop=True)
