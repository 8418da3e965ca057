"""What became of the values of a table's columns that whoever gave them should know?"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earlylearn.data.readers.alike import of_names
from earlylearn.data.readers.disk_table import DiskTable
from earlylearn.data.readers.features import as_text, exact_numbers
from earlylearn.data.readers.paths import listed
from earlylearn.data.readers.precision import astray, beyond, collapsed, shifted, span
from earlylearn.data.readers.suspects import ascending, gives_away, reads_as_text, row_counter, stand_in
from earlylearn.data.schema import Column
from earlylearn.errors import setting

MOST_LINES = 5  # about columns of which the same is to be told


class _Remark(NamedTuple):
    """What became of values of a column.

    Attributes:
        kind: the end of a line about values of many columns; the line itself where each column is told alone.
        column: its name.
        values: how many.
        line: about this column alone, without the table.
    """

    kind: str
    column: str
    values: int
    line: str


def of_values(frame: pd.DataFrame, columns: Sequence[Column], where: str) -> tuple[str, ...]:
    """A line for every column of which values were filled, are in no category known, or fell together.

    The same of more than `MOST_LINES` columns is one line.

    Args:
        frame: the table, which `columns` encoded without complaint.
        columns: how it was encoded.
        where: the table, for the lines.
    """
    return _lines((each for column in columns for each in _of_column(frame[column["name"]], column, where)), where)


def _lines(remarks: Iterable[_Remark], where: str) -> tuple[str, ...]:
    kinds: dict[str, list[_Remark]] = {}
    for remark in remarks:
        kinds.setdefault(remark.kind, []).append(remark)
    lines: list[str] = []
    for kind, same in kinds.items():
        values, names = sum(remark.values for remark in same), [remark.column for remark in same]
        together = f"{values:,} values of the columns {listed(names, 3)} {kind}"
        lines += [remark.line for remark in same] if len(same) <= MOST_LINES else [together]
    return tuple(f"{where}: {line}" for line in lines)


def _of_column(values: "pd.Series[Any]", column: Column, where: str) -> Iterator[_Remark]:
    name = column["name"]
    if column["type"] == "number":
        numbers = exact_numbers(values, where)
        near = shifted(numbers, column.get("offset", 0.0))
        filled, fell = int((~np.isfinite(near)).sum()), _fell_together(numbers, near)
        low, high = column.get("range") or (0, 1)
        if pd.api.types.infer_dtype(values, skipna=True) == "boolean" and not (low >= 0 and high <= 1):
            line = f"are True or False, and count as 1 and 0; in training they were {low:.4g} to {high:.4g}"
            yield _Remark(
                line, name, int(values.notna().sum()), f"{_some(int(values.notna().sum()), values, name)} {line}"
            )
        if filled:
            line = f"{_some(filled, values, name)} are missing: the median fills them"
            yield _Remark("are missing: the median of its column fills each", name, filled, line)
        wide = shifted(numbers, 0.0)
        far = astray(wide, column.get("range") or span(wide))
        if len(far):
            low, high = column["range"]
            line = f"are far from those of training ({low:.4g} to {high:.4g}), such as {wide[far[0]]:.4g}: is that the "
            line = f"{_some(len(far), values, name)} {line}same unit?"
            yield _Remark("are far from those of training: are those the same units?", name, len(far), line)
        if fell is not None:
            line = f"{fell[0]:,} different values of {name!r} are {fell[1]:,} in the 32 bits of a network"
            kind = "differ from others by less than the 32 bits of a network tell apart"
            yield _Remark(kind, name, fell[0] - fell[1], line)
    elif column["type"] in ("category", "bool"):
        text, known = as_text(values, column["type"]), set(column["categories"])
        unseen = text[text.notna() & ~text.isin([each for each in known if each is not None])]
        filled = int(text.isna().sum())
        if filled:
            line = f"{_some(filled, values, name)} are missing: a category of their own"
            yield _Remark("are missing: a category of its own in each", name, filled, line)
        if len(unseen):
            first = str(unseen.iloc[0])
            like = next((each for each in known if each and each.strip().lower() == first.strip().lower()), None)
            was = f", which was {like!r} in training" if like else ""
            line = (
                f"{_some(len(unseen), values, name)} unseen in training, such as {first!r}{was}: they count as none of "
            )
            example = f", such as {first!r}{was}" if was else ""  # what was written otherwise is told apart
            kind = f"are unseen in training{example}: they count as none of the categories"
            yield _Remark(kind, name, len(unseen), f"{line}its categories")


def _some(number: int, values: "pd.Series[Any]", name: str) -> str:
    return f"{number:,} of {len(values):,} values of {name!r}"


def _fell_together(numbers: NDArray[Any], near: NDArray[np.float64]) -> tuple[int, int] | None:
    with np.errstate(over="ignore", invalid="ignore"):
        return collapsed(numbers if beyond(numbers) else near, near.astype(np.float32))


def counters(frame: pd.DataFrame | DiskTable, where: str) -> tuple[list[str], list[str]]:
    """Columns that only count the rows, and a line about each."""
    found = [str(name) for name, values in frame.items() if row_counter(values)]
    return found, [
        f"{where}: {name!r} only counts the rows, an id: left out of the features ({setting('id_column', name)} names "
        "rows by it; write its numbers with a decimal point to learn from them all the same)"
        for name in found
    ]


def without_header(frame: pd.DataFrame | DiskTable, where: str) -> tuple[str, ...]:
    """A line about columns without a header, which are no features, if any has a value: a row index, perhaps saved."""
    there = [name for name, values in frame.items() if values.notna().any()]
    if not there:
        return ()
    what = "1 column" if len(there) == 1 else f"{len(there)} columns"
    return (
        f"{where}: {what} without a header left out of the features ({listed(there, 3)}); name it to learn from it",
    )


def of_features(
    frame: pd.DataFrame | DiskTable, columns: Sequence[Column], labels: NDArray[Any], where: str
) -> tuple[str, ...]:
    """A line for every feature that may be an id, or tells the label by itself.

    Args:
        frame: the training table.
        columns: its features.
        labels: ``[n]`` in any form.
        where: the table, for the lines.
    """
    lines = [
        line
        for column in columns
        if column["type"] == "category"
        for line in of_names(
            [each for each in column["categories"] if each is not None], f"categories of {column['name']!r}", where
        )
    ]
    suspects = (each for column in columns for each in _suspect(frame[column["name"]], column, labels, where))
    return (*lines, *_lines(suspects, where))


def _suspect(values: "pd.Series[Any]", column: Column, labels: NDArray[Any], where: str) -> Iterator[_Remark]:
    name = column["name"]
    if column["type"] == "number" and (found := stand_in(shifted(exact_numbers(values, where), 0.0))) is not None:
        mend = f"for a missing one, empty those cells and give {setting('missing', 'impute')}"
        line = f"{_some(found.rows, values, name)} are {found.value:g}, far from the others ({found.low:.4g} to "
        line = f"{line}{found.high:.4g}); if that stands {mend}"
        yield _Remark(f"are {found.value:g}, far from the others; if that stands {mend}", name, found.rows, line)
    if column["type"] in ("vector", "text"):
        return
    if column["type"] == "category" and reads_as_text(values, column["categories"]):
        line = f"{name!r} reads like free text and counts as {len(column['categories']):,} categories; to learn from "
        line = f"{line}its words give {setting('text', [name])}"
        yield _Remark(line, name, len(values), line)
    line = ""
    if gives_away(values, labels):
        mend = "if it was made from the label, or rows are in the order of their labels, give "
        line = f"{name!r} tells the label by itself, nearly without fail; {mend}{setting('drop', [name])}"
    elif ascending(values):
        line = f"{name!r} rises or falls with every row; if it is an id, give {setting('id_column', name)} or "
        line = f"{line}{setting('drop', [name])}"
    if line:
        yield _Remark(line, name, len(values), line)  # each is told
