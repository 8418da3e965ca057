"""What became of the values of a table's columns that whoever gave them should know?"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earlylearn.data.readers.alike import of_names
from earlylearn.data.readers.disk_table import DiskTable
from earlylearn.data.readers.features import as_text, exact_numbers
from earlylearn.data.readers.paths import listed
from earlylearn.data.readers.precision import astray, beyond, collapsed, shifted, span
from earlylearn.data.readers.suspects import ascending, gives_away, row_counter, stand_in
from earlylearn.data.schema import Column
from earlylearn.errors import setting


def of_values(frame: pd.DataFrame, columns: Sequence[Column], where: str) -> tuple[str, ...]:
    """A line for every column of which values were filled, are in no category known, or fell together.

    Args:
        frame: the table, which `columns` encoded without complaint.
        columns: how it was encoded.
        where: the table, for the lines.
    """
    return tuple(line for column in columns for line in _of_column(frame[column["name"]], column, where))


def _of_column(values: "pd.Series[Any]", column: Column, where: str) -> Iterator[str]:
    name = column["name"]
    if column["type"] == "number":
        numbers = exact_numbers(values, where)
        near = shifted(numbers, column.get("offset", 0.0))
        filled, fell = int((~np.isfinite(near)).sum()), _fell_together(numbers, near)
        if filled:
            yield f"{where}: {filled:,} of {len(values):,} values of {name!r} are missing: the median fills them"
        wide = shifted(numbers, 0.0)
        far = astray(wide, column.get("range") or span(wide))
        if len(far):
            low, high = column["range"]
            yield (
                f"{where}: {len(far):,} of {len(values):,} values of {name!r} are far from those of training "
                f"({low:.4g} to {high:.4g}), such as {wide[far[0]]:.4g}: is that the same unit?"
            )
        if fell is not None:
            yield f"{where}: {fell[0]:,} different values of {name!r} are {fell[1]:,} in the 32 bits of a network"
    elif column["type"] in ("category", "bool"):
        text, known = as_text(values, column["type"]), set(column["categories"])
        unseen = text[text.notna() & ~text.isin([each for each in known if each is not None])]
        filled = int(text.isna().sum())
        if filled:
            yield f"{where}: {filled:,} of {len(values):,} values of {name!r} are missing: a category of their own"
        if len(unseen):
            first = str(unseen.iloc[0])
            like = next((each for each in known if each and each.strip().lower() == first.strip().lower()), None)
            was = f", which was {like!r} in training" if like else ""
            yield (
                f"{where}: {len(unseen):,} of {len(values):,} values of {name!r} unseen in training, such as "
                f"{first!r}{was}: they count as none of its categories"
            )


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
    lines: list[str] = []
    for column in columns:
        values = frame[column["name"]]
        if column["type"] == "category":
            known = [each for each in column["categories"] if each is not None]
            lines += of_names(known, f"categories of {column['name']!r}", where)
        elif column["type"] == "number" and (found := stand_in(shifted(exact_numbers(values, where), 0.0))) is not None:
            lines.append(
                f"{where}: {found.rows:,} of {len(values):,} values of {column['name']!r} are {found.value:g}, far "
                f"from the others ({found.low:.4g} to {found.high:.4g}); if that stands for a missing one, empty those "
                f"cells and give {setting('missing', 'impute')}"
            )
    for name in (column["name"] for column in columns if column["type"] not in ("vector", "text")):
        values = frame[name]
        if gives_away(values, labels):
            lines.append(
                f"{where}: {name!r} tells the label by itself, nearly without fail; if it was made from the label, or "
                f"rows are in the order of their labels, give {setting('drop', [name])}"
            )
        elif ascending(values):
            lines.append(
                f"{where}: {name!r} rises or falls with every row; if it is an id, give "
                f"{setting('id_column', name)} or {setting('drop', [name])}"
            )
    return tuple(lines)
