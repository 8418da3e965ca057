"""Which columns of a table cannot be features as they are, and what would make the table work?"""

from collections.abc import Sequence
from typing import Any, Literal

import pandas as pd

from earlylearn.data.readers.disk_table import DiskTable
from earlylearn.errors import UsageError, setting

WORDS, LETTERS = 3, 12  # of a typical value: more is free text; letters count where a script writes no blanks
_UNSPACED = r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]"


class ColumnFault(UsageError):
    """A column that cannot be a feature.

    Args:
        message: the whole story, for a column that is the only one at fault.
        column: its name.
        reason: the same in a few words, for a list of them.
        use: the setting that would take it: ``text``, ``drop``, or ``mend`` where the values want correcting first.
    """

    def __init__(self, message: str, column: str, reason: str, use: Literal["text", "drop", "mend"]) -> None:
        super().__init__(message)
        self.column, self.reason, self.use = column, reason, use

    def __reduce__(self) -> Any:
        return type(self), (self.message, self.column, self.reason, self.use)


def is_free_text(present: "pd.Series[Any]") -> bool:
    """Whether the values, all text, are sentences rather than names, codes or keys."""
    words = present.map(lambda value: len(value.split())).median()
    unspaced = present.str.count(_UNSPACED).median()
    return bool(words >= WORDS or unspaced >= LETTERS)


def together(faults: Sequence[ColumnFault], rest: pd.DataFrame | DiskTable, where: str, *, impute: bool) -> UsageError:
    """One error that names every faulty column and the settings with which the table would be read.

    Args:
        faults: at least one.
        rest: the columns that are in order.
        where: the table, for the message.
        impute: whether missing values are filled already.
    """
    if len(faults) == 1 and faults[0].use == "mend":
        return faults[0]
    text = [fault.column for fault in faults if fault.use == "text"]
    drop = [fault.column for fault in faults if fault.use != "text"]
    named = [f"{fault.column!r} ({fault.reason})" for fault in faults]
    gaps = not impute and any(bool(column.isna().any()) for _, column in rest.items())
    settings = [setting(name, columns) for name, columns in (("text", text), ("drop", drop)) if columns]
    if gaps:
        settings.append(setting("missing", "impute"))
    what = "column" if len(named) == 1 else f"{len(named)} columns"
    verb = "is no feature as it stands" if len(named) == 1 else "are no features as they stand"
    key = f", or {setting('id_column', drop[0])} if it is the key" if len(drop) == 1 and _is_key(faults) else ""
    return UsageError(f"{where}, {what} {', '.join(named)}: {verb}; give {' '.join(settings)}{key}")


def _is_key(faults: Sequence[ColumnFault]) -> bool:
    return any(fault.use == "drop" and "different" in fault.reason for fault in faults)
