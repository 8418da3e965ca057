"""How are the columns of a table read one at a time, when the whole does not fit into memory?"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earlylearn.data.readers.classes import as_written
from earlylearn.data.readers.frames import maybe_rounded, separator_of, whole_numbers
from earlylearn.data.readers.paths import reading
from earlylearn.data.readers.precision import MOST_EXACT
from earlylearn.errors import UsageError

CELLS = 2**22  # of a table of text read at a time, and numbers of a part of a column of lists


class Source(Protocol):
    """Where columns come from."""

    @property
    def names(self) -> Sequence[str]:
        """Of the columns, in their order."""

    @property
    def lists(self) -> frozenset[str]:
        """Those that hold lists."""

    @property
    def rows(self) -> int:
        """How many there are."""

    def column(self, name: str) -> "pd.Series[Any]":
        """A whole column."""

    def parts(self, name: str) -> Iterator["pd.Series[Any]"]:
        """A column some rows at a time."""


class DiskTable:
    """What of a DataFrame the reader of tables asks for, of a table on the disk; a column is read when it is wanted.

    What looks at a whole column (for its median, its categories, or whether it is an id) is thus written once for both.

    Args:
        source: the file.
        here: columns that are in memory already.
        without: columns that are left out.
        taken: ``int64``, the rows that are meant; None means all.
    """

    def __init__(
        self,
        source: Source,
        here: "Mapping[str, pd.Series[Any]] | None" = None,
        without: frozenset[str] = frozenset(),
        taken: NDArray[np.int64] | None = None,
    ) -> None:
        self.source, self.here, self.without, self.taken = source, dict(here or {}), without, taken

    @property
    def columns(self) -> "pd.Index[str]":
        """The names."""
        names = [*self.source.names, *(name for name in self.here if name not in self.source.names)]
        return pd.Index([name for name in names if name not in self.without], dtype=object)

    def __len__(self) -> int:
        return self.source.rows if self.taken is None else len(self.taken)

    def __getitem__(self, name: str) -> "pd.Series[Any]":
        column = self.here[name] if name in self.here else self.source.column(name)
        return column if self.taken is None else column.iloc[self.taken].reset_index(drop=True)

    def frame(self, names: Sequence[str]) -> pd.DataFrame:
        """Some columns, in memory."""
        return pd.DataFrame({name: self[name] for name in names}, index=pd.RangeIndex(len(self)))

    def items(self) -> Iterator[tuple[str, "pd.Series[Any]"]]:
        """Names and columns one after another; of a column of lists the first part, see `parts`."""
        for name in self.columns:
            yield name, next(self.parts(name)) if self.is_list(name) else self[name]

    def is_list(self, name: str) -> bool:
        """Whether a column holds lists, of which a whole one may not fit into memory."""
        return name not in self.here and name in self.source.lists

    def parts(self, name: str) -> Iterator["pd.Series[Any]"]:
        """A column of lists some rows at a time."""
        start = 0
        for part in self.source.parts(name):
            stop = start + len(part)
            if self.taken is None:
                yield part
            else:
                rows = self.taken[(self.taken >= start) & (self.taken < stop)] - start
                yield part.iloc[rows].reset_index(drop=True)
            start = stop

    def drop(self, *, columns: Sequence[str]) -> "DiskTable":
        """The table without some columns."""
        return DiskTable(self.source, self.here, self.without | set(columns), self.taken)

    def take(self, rows: NDArray[np.int64]) -> "DiskTable":
        """Some rows, in ascending order."""
        return DiskTable(self.source, self.here, self.without, rows if self.taken is None else self.taken[rows])

    def assign(self, **columns: Any) -> "DiskTable":
        """The table with a column more, of all its rows."""
        return DiskTable(
            self.source, {**self.here, **{k: pd.Series(v) for k, v in columns.items()}}, self.without, self.taken
        )


class ParquetColumns:
    """The columns of one Parquet file, as `pandas.read_parquet` gives them.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.path = path
        with reading(path, "give a readable Parquet file"), pq.ParquetFile(path) as file:
            self.rows = int(file.metadata.num_rows)
            schema = file.schema_arrow
            self.names = [str(name) for name in schema.empty_table().to_pandas().columns]  # without a saved index
        kinds = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
        self.lists = frozenset(field.name for field in schema if any(kind(field.type) for kind in kinds))

    def column(self, name: str) -> "pd.Series[Any]":
        """See `Source`."""
        with reading(self.path, "give a readable Parquet file"):
            frame = pd.read_parquet(self.path, engine="pyarrow", columns=[name])
            if maybe_rounded(frame):
                frame = pd.read_parquet(self.path, engine="pyarrow", columns=[name], dtype_backend="numpy_nullable")
        return frame[name].reset_index(drop=True)

    def parts(self, name: str) -> Iterator["pd.Series[Any]"]:
        """See `Source`."""
        import pyarrow.parquet as pq

        with (
            reading(self.path, "give a readable Parquet file"),
            pq.ParquetFile(self.path, memory_map=True, pre_buffer=False) as file,
        ):
            for batch in file.iter_batches(batch_size=self._rows_of_part(name), columns=[name]):
                if len(batch):
                    yield batch.to_pandas()[name].reset_index(drop=True)

    def _rows_of_part(self, name: str) -> int:
        import pyarrow.parquet as pq

        with pq.ParquetFile(self.path, memory_map=True, pre_buffer=False) as file:
            first = next(file.iter_batches(batch_size=1, columns=[name]), None)
        length = 1 if first is None or first.column(0).null_count else len(first.column(0)[0])
        return max(1, CELLS // max(1, length))


class _Converted(NamedTuple):
    """A table of text as Parquet files.

    Attributes:
        files: some rows each, cells as they were taken for.
        texts: the same rows, of the columns in `mixed`, `large` and `huge` alone, as text.
        rows: in all.
        kinds: what was found in each column, see `_kind_of`.
        mixed: columns that hold text in some rows and something else in others.
        large: columns of numbers that a float may have rounded.
        huge: columns of whole numbers beyond 64 bits, which are in `texts` alone.
    """

    files: list[Path]
    texts: list[Path]
    rows: int
    kinds: dict[str, set[str]]
    mixed: set[str]
    large: set[str]
    huge: set[str]


def _joined(files: Sequence[Path], name: str) -> "pd.Series[Any]":
    parts = [pd.read_parquet(file, engine="pyarrow", columns=[name])[name] for file in files]
    return pd.concat(parts, ignore_index=True)


class TextColumns:
    """The columns of a table of text, as `pandas.read_csv` gives them of the whole file.

    It is read once, some rows at a time, into Parquet files. What a column holds is decided when all of it was seen:
    one of numbers with a text in the last row is text everywhere, as if it had been read at once.

    Args:
        path: the file.
        text: columns that are text, whatever they hold.
        labels: columns of labels, see `earlylearn.data.readers.classes.as_written`.
        scratch: a folder for the Parquet files, which whoever made it deletes.
        known: how many rows there are, if that is known.
    """

    lists: frozenset[str] = frozenset()

    def __init__(
        self, path: Path, text: Sequence[str], labels: Sequence[str], scratch: Path, known: int | None = None
    ) -> None:
        self.path, self.text, self.labels, self.scratch, self.known = path, text, labels, scratch, known
        self.separator = separator_of(path)
        with reading(path, "give a UTF-8 table with a header line"):
            self.names = [str(name) for name in pd.read_csv(path, sep=self.separator, nrows=0).columns]

    @property
    def rows(self) -> int:
        """See `Source`."""
        return self._converted.rows if self.known is None else self.known

    def column(self, name: str) -> "pd.Series[Any]":
        """See `Source`."""
        found = self._converted
        if name in found.mixed:
            return _joined(found.texts, name)
        if name in found.huge:
            raw = _joined(found.texts, name)
            whole = whole_numbers(raw)
            return raw if whole is None else whole
        column = _joined(found.files, name)
        if "text" in found.kinds[name]:  # a part without any is not text
            column = column.astype("str")
        if name in self.labels:
            return as_written(column)
        if name in found.large and maybe_rounded(column.to_frame()):
            whole = whole_numbers(_joined(found.texts, name))
            return column if whole is None else whole
        return column

    def parts(self, name: str) -> Iterator["pd.Series[Any]"]:
        """See `Source`."""
        yield self.column(name)

    @cached_property
    def _converted(self) -> "_Converted":
        kinds: dict[str, set[str]] = {name: set() for name in self.names}
        large, huge = set[str](), set[str]()
        files: list[Path] = []
        rows = 0
        for part in self._read(dict.fromkeys([*self.text, *self.labels], str)):
            if not isinstance(part.index, pd.RangeIndex):
                raise UsageError(f"{self.path}: rows have more fields than the header; name every column in the header")
            part.columns = pd.Index([str(name) for name in part.columns])
            for name, column in part.items():
                kinds[str(name)] |= _kind_of(column)
                if column.dtype.kind in "iuf" and float(column.abs().max()) > MOST_EXACT:
                    large.add(str(name))
                elif column.dtype.kind == "O" and kinds[str(name)] == {"number"}:  # Parquet has no numbers as large
                    huge.add(str(name))
            files.append(
                self._write(part.drop(columns=[name for name in part if name in huge]), f"all-{len(files):05d}")
            )
            rows += len(part)
        if not rows:
            raise UsageError(f"{self.path}: the table has no rows; give one row per example")
        mixed = {name for name, found in kinds.items() if len(found) > 1}
        again = sorted(mixed | large | huge)
        texts: list[Path] = []
        for part in self._read(dict.fromkeys(again, str), again) if again else ():
            texts.append(self._write(part, f"text-{len(texts):05d}"))
        return _Converted(files, texts, rows, kinds, mixed, large, huge)

    def _read(self, dtype: Mapping[str, type], only: list[str] | None = None) -> Iterator[pd.DataFrame]:
        at_once = max(1, CELLS // max(1, len(self.names)))
        with (
            reading(self.path, "give a UTF-8 table with a header line"),
            pd.read_csv(
                self.path, sep=self.separator, dtype=dict(dtype), usecols=only, low_memory=False, chunksize=at_once
            ) as parts,
        ):
            yield from parts

    def _write(self, part: pd.DataFrame, name: str) -> Path:
        file = self.scratch / f"{name}.parquet"
        part.to_parquet(file, engine="pyarrow", index=False)
        return file


def _kind_of(column: "pd.Series[Any]") -> set[str]:
    """What cells hold: numbers, bools or text, of which two in one column make text of both; nothing of empty cells."""
    if column.isna().all():
        return set()
    inferred = pd.api.types.infer_dtype(column, skipna=True)
    if inferred == "boolean":
        return {"bool"}
    number = pd.api.types.is_numeric_dtype(column.dtype) or inferred == "integer"
    return {"number"} if number else {"text"}
