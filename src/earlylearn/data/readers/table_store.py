"""How does a table larger than memory become a matrix on the disk, once, which training maps into memory?"""

import json
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earlylearn.data.cache import CACHE_VARIABLE, digest_bytes, kept, make, places, write_index
from earlylearn.data.counting import counted, say
from earlylearn.data.mapped import npy_header, row_numbers
from earlylearn.data.readers.disk_table import CELLS, DiskTable, ParquetColumns, Source, TextColumns
from earlylearn.data.readers.features import check_columns, encode_columns
from earlylearn.data.readers.frames import separator_of
from earlylearn.data.readers.header import check_names, check_text
from earlylearn.data.readers.paths import reading
from earlylearn.data.readers.remarks import of_values
from earlylearn.data.room import memory_for_data
from earlylearn.data.schema import Column, Schema
from earlylearn.data.waiting import one_at_a_time
from earlylearn.errors import UsageError

FORMAT = 1
_NUMBER = 16  # bytes of a cell on its way to a feature, in memory: as read, as float32, and joined to the others
_LIST = 4  # times the bytes of a column of lists
_CELL = 24  # of a cell of text: what of the file's own bytes comes on top
_END = 2**16  # bytes of a file's beginning and end that tell it from another


class Kept(NamedTuple):
    """What a store has of a table.

    Attributes:
        schema: how its features are read.
        notes: what was told of them.
        inputs: ``float32 [n, d]``, mapped from the disk, to be read only.
    """

    schema: Schema
    notes: tuple[str, ...]
    inputs: NDArray[np.float32]


@dataclass
class TableStore:
    """The features of one table, read in one way, in a folder.

    Attributes:
        folder: where they lie.
        name: what the table is called.
        index: what the folder says of them; None until they are there.
    """

    folder: Path
    name: str
    index: dict[str, Any] | None = field(default=None)

    @property
    def scratch(self) -> Path:
        """A folder for what is needed on the way."""
        return self.folder / "scratch"

    @property
    def gaps(self) -> tuple[str, ...] | None:
        """What stands in cells of the label column that count as empty; None where that is not known yet."""
        return None if self.index is None else tuple(self.index["gaps"])

    def open(self) -> bool:
        """Whether whole features lie there, as they were written."""

        def fits(index: dict[str, Any], inputs: NDArray[Any]) -> bool:
            same = index["format"] == FORMAT and index["shape"] == list(inputs.shape)
            return bool(same and inputs.dtype == np.float32)

        found = kept(self.folder / "inputs.npy", self.name, fits, _checksum)
        self.index = None if found is None else found[1]
        return found is not None

    def find(self) -> Kept | None:
        """The features, if they are there."""
        if self.index is None:
            return None
        inputs = np.load(self.folder / "inputs.npy", mmap_mode="r")
        return Kept(self.index["schema"], tuple(self.index["notes"]), inputs)

    def encode(
        self, table: DiskTable, columns: Sequence[Column], where: str
    ) -> tuple[NDArray[np.float32], tuple[str, ...]]:
        """Read the features of a table column by column, and lay them row by row: inputs, and what is to be told.

        Errors as of `encode_columns`, and UsageError if the disk has not enough room.
        """
        check_columns(table, columns, where)
        self._check_room(len(table), columns)
        self.scratch.mkdir(parents=True, exist_ok=True)
        beside, widths = self.scratch / "columns", list[int]()
        notes: tuple[str, ...] = ()
        with (
            beside.open("wb") as file,
            counted("reading", "read", f"columns of {self.name}", len(columns)) as advance,
        ):
            for column in columns:
                width, said = _write_column(file, table, column, where)
                widths.append(width)
                notes += said
                advance(1)
        _lay_rows(beside, len(table), widths, self.folder / "inputs.npy")
        beside.unlink()
        return np.load(self.folder / "inputs.npy", mmap_mode="r"), notes

    def keep(self, schema: Schema, notes: Sequence[str], gaps: Sequence[str], roles: pd.DataFrame) -> None:
        """Write down what belongs to the features that `encode` wrote; in `roles` the columns that are none."""
        path = self.folder / "inputs.npy"
        inputs = np.load(path, mmap_mode="r")
        try:
            roles.to_parquet(self.folder / "roles.parquet", engine="pyarrow", index=False)
        except (ValueError, TypeError, OverflowError) as error:  # a cell that no column of Parquet holds
            say(f"{self.name}: cannot be kept for next time ({' '.join(str(error).split())[:160]})")
            return
        _write_row_numbers(self.folder / "ids.npy", len(inputs))
        self.index = {
            "format": FORMAT,
            "shape": list(inputs.shape),
            "checksum": _checksum(inputs),
            "schema": schema,
            "notes": list(notes),
            "gaps": list(gaps),
        }
        write_index(path, self.index)
        say(
            f"{self.name}: {len(inputs):,} rows are kept in {self.folder} ({inputs.nbytes / 1e9:,.2f} GB) for next time"
        )

    def row_numbers(self, rows: int) -> NDArray[np.str_]:
        """``str [rows]``, the numbers of rows from 0 as text, mapped from the disk."""
        path = self.folder / "ids.npy"
        with suppress(OSError, ValueError):
            there = np.load(path, mmap_mode="r")
            if there.shape == (rows,):
                return np.asanyarray(there)
        _write_row_numbers(path, rows)
        return np.asanyarray(np.load(path, mmap_mode="r"))

    def _check_room(self, rows: int, columns: Sequence[Column]) -> None:
        width = sum(column.get("length", len(column.get("categories", "x"))) for column in columns)
        needed, free = 8 * rows * width, shutil.disk_usage(self.folder).free
        if needed > free:
            raise UsageError(
                f"{self.folder}: {rows:,} rows of {width:,} features need {needed / 1e9:,.1f} GB while they are read "
                f"and half of that afterwards, {free / 1e9:,.1f} GB are free; free some, or name another folder in the "
                f"environment variable {CACHE_VARIABLE}"
            )


@contextmanager
def disk_table(
    path: Path, text: Sequence[str], labels: Sequence[str], asked: Mapping[str, Any], enough: float = math.inf
) -> Iterator[tuple[DiskTable, TableStore] | None]:
    """A table that is too large to be read into memory, and where its features are kept; None of any other.

    Args:
        path: the file.
        text: columns that are text, whatever they hold.
        labels: columns of labels.
        asked: all else that decides what becomes of its columns, JSON-ready.
        enough: bytes beyond which a table goes to the disk if it can, though there is memory for it.

    Raises:
        UsageError: the file cannot be read, or its features cannot be kept anywhere.
    """
    room = memory_for_data()
    most, needed = min(enough, math.inf if room is None else room), _in_memory(path)
    if needed <= most or (room is not None and needed <= room and not _can_be_kept(path)):
        yield None
        return
    name = path.name
    key = _key(path, [*text, *labels], asked)
    for place in places(path.parent):  # one that was made before may lie where nothing can be written now
        store = TableStore(place / "tables" / key, name)
        if store.open():
            yield _opened(path, text, labels, store), store
            return
    store = TableStore(_writable(path) / "tables" / key, name)
    store.folder.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(store.folder / "lock", f"reads {name}"):
        try:
            if not store.open():
                limit = f"the memory that data may take here ({most / 1e9:,.1f} GB)"
                say(f"{name}: does not fit into {limit}: it goes to the disk")
                shutil.rmtree(store.scratch, ignore_errors=True)
                store.scratch.mkdir(parents=True)
            with _disk_errors(store.folder):
                yield _opened(path, text, labels, store), store
        finally:
            shutil.rmtree(store.scratch, ignore_errors=True)


def _opened(path: Path, text: Sequence[str], labels: Sequence[str], store: TableStore) -> DiskTable:
    here: dict[str, pd.Series[Any]] = {}
    if store.index is not None:
        roles = pd.read_parquet(store.folder / "roles.parquet", engine="pyarrow")
        here = {str(name): column for name, column in roles.items()}
    if path.suffix.lower() in (".parquet", ".pq"):
        source: Source = ParquetColumns(path)
        check_names(source.names, path)
        return DiskTable(source, here)
    if store.index is None:
        check_text(path, separator_of(path))
    return DiskTable(
        TextColumns(path, text, labels, store.scratch, None if store.index is None else store.index["shape"][0]),
        here,
    )


def _in_memory(path: Path) -> float:
    """About how many bytes of memory reading the table at once would take."""
    size = path.stat().st_size
    if path.suffix.lower() in (".parquet", ".pq"):
        try:
            import pyarrow.parquet as pq

            with reading(path, "give a readable Parquet file"), pq.ParquetFile(path) as file:
                groups = (file.metadata.row_group(k).total_byte_size for k in range(file.metadata.num_row_groups))
                return float(max(_NUMBER * file.metadata.num_rows * file.metadata.num_columns, _LIST * sum(groups)))
        except (ImportError, UsageError):  # the reader in memory says what is wrong
            return 0
    with reading(path, "check its permissions"), path.open("rb") as opened:
        begins = opened.read(2**20)
    cells = begins.count(separator_of(path).encode()) + begins.count(b"\n")
    return size + _CELL * size * cells / max(1, len(begins))


def _key(path: Path, text: Sequence[str], asked: Mapping[str, Any]) -> str:
    """What tells a file, and a way of reading it, from others: size, time, how it begins and ends."""
    with reading(path, "restore the file"), path.open("rb") as file:
        found = path.stat()
        parts = [file.read(_END)]
        file.seek(max(0, found.st_size - _END))
        parts.append(file.read(_END))
    said = json.dumps(
        [FORMAT, version("earlylearn"), path.suffix.lower(), found.st_size, found.st_mtime_ns, sorted(text), asked],
        default=str,
    )
    return digest_bytes([said.encode(), *parts])[:32]


def _writable(path: Path) -> Path:
    tried = places(path.parent)
    for place in tried:
        with suppress(OSError):
            make(place)
            return place
    raise UsageError(
        f"{path}: does not fit into memory, and cannot be kept in {' nor in '.join(map(str, tried))}; allow writing, "
        f"or name another folder in the environment variable {CACHE_VARIABLE}"
    )


def _can_be_kept(path: Path) -> bool:
    try:
        return bool(_writable(path))
    except UsageError:
        return False


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"{error.filename or folder}: {error.strerror or error}; free the disk, or name another folder in the "
            f"environment variable {CACHE_VARIABLE}"
        ) from error


def _write_column(file: BinaryIO, table: DiskTable, column: Column, where: str) -> tuple[int, tuple[str, ...]]:
    """Append the features ``float32 [n, width]`` of a column to a file: how many there are, and what is to be told."""
    if table.is_list(column["name"]):
        start = 0
        for part in table.parts(column["name"]):
            file.write(encode_columns(part.to_frame(), [column], where, start).data)
            start += len(part)
        return column["length"], ()
    values = table[column["name"]].to_frame(column["name"])
    width, step = len(column.get("categories", "x")), len(values)
    if column["type"] != "number":  # a median needs all of a column, categories are many features a row
        width = column.get("length", width)
        step = max(1, CELLS // width)
    for start in range(0, len(values), step):
        rows = values.iloc[start : start + step]
        file.write(np.ascontiguousarray(encode_columns(rows, [column], where, start)).data)
    return width, of_values(values, [column], where)


def _lay_rows(beside: Path, rows: int, widths: Sequence[int], out: Path) -> None:
    """Columns that lie one after another become rows ``float32 [rows, sum of widths]`` of an .npy file."""
    starts = np.concatenate([[0], np.cumsum(widths)]) * rows * 4
    parts = [
        np.memmap(beside, np.float32, "r", int(start), (rows, width))
        for start, width in zip(starts, widths, strict=False)
    ]
    step = max(1, CELLS // max(1, sum(widths)))
    with out.open("wb") as file:
        file.write(npy_header("<f4", (rows, int(sum(widths)))))
        for start in range(0, rows, step):
            file.write(np.concatenate([part[start : start + step] for part in parts], axis=1).data)


def _write_row_numbers(path: Path, rows: int) -> None:
    with path.open("wb") as file:
        for k, part in enumerate(row_numbers(rows)):
            if not k:
                file.write(npy_header(part.dtype.str, (rows,)))
            file.write(part.tobytes())


def _checksum(inputs: NDArray[np.float32]) -> str:
    step = max(1, CELLS // max(1, inputs.shape[1]))
    return digest_bytes(inputs[start : start + step].tobytes() for start in range(0, len(inputs), step))
