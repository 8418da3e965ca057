"""What became of the values of a table's columns that whoever gave them should know?"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earlylearn.data.readers.features import as_numbers, as_text
from earlylearn.data.readers.precision import collapsed, shifted
from earlylearn.data.readers.suspects import ascending, gives_away, row_counter
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
        numbers = as_numbers(values, where)
        filled, fell = int((~np.isfinite(numbers)).sum()), _fell_together(numbers, column)
        if filled:
            yield f"{where}: {filled:,} of {len(values):,} values of {name!r} are missing: the median fills them"
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


def _fell_together(numbers: NDArray[np.float64], column: Column) -> tuple[int, int] | None:
    before = shifted(numbers, column.get("offset", 0.0))
    with np.errstate(over="ignore", invalid="ignore"):
        return collapsed(before, before.astype(np.float32))


def counters(frame: pd.DataFrame, where: str) -> tuple[list[str], list[str]]:
    """Columns that only count the rows, and a line about each."""
    found = [str(name) for name, values in frame.items() if row_counter(values)]
    return found, [
        f"{where}: {name!r} only counts the rows, an id: left out of the features ({setting('id_column', name)} names "
        "rows by it; write its numbers with a decimal point to learn from them all the same)"
        for name in found
    ]


def of_features(frame: pd.DataFrame, columns: Sequence[Column], labels: NDArray[Any], where: str) -> tuple[str, ...]:
    """A line for every feature that may be an id, or tells the label by itself.

    Args:
        frame: the training table.
        columns: its features.
        labels: ``[n]`` in any form.
        where: the table, for the lines.
    """
    lines = []
    for name in (column["name"] for column in columns if column["type"] not in ("vector", "text")):
        if gives_away(frame[name], labels):
            lines.append(
                f"{where}: {name!r} tells the label by itself, nearly without fail; if it was made from the label, or "
                f"rows are in the order of their labels, give {setting('drop', [name])}"
            )
        elif ascending(frame[name]):
            lines.append(
                f"{where}: {name!r} rises or falls with every row; if it is an id, give "
                f"{setting('id_column', name)} or {setting('drop', [name])}"
            )
    return tuple(lines)
