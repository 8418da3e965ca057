"""Which data set, system and noise do a row and a column of Tables 1 and 2 name?"""

from collections.abc import Iterator
from typing import NamedTuple

from earlylearn_paper.tables.published import Table


class Place(NamedTuple):
    """A cell: row ``cifar10/elr`` and column ``sym40``, taken apart.

    Attributes:
        row, column: as the table has them.
        data: ``cifar10`` or ``cifar100``.
        system: as this software calls the method, where it has it.
        kind: of noise, ``sym`` or ``asym``.
        rate: of noise, a share.
    """

    row: str
    column: str
    data: str
    system: str
    kind: str
    rate: float

    @property
    def cifar_noise(self) -> str:
        """The paper's noise on CIFAR itself."""
        return cifar_noise(self.data, self.kind, self.rate)

    @property
    def digits_noise(self) -> str:
        """What stands in for it on digits, where no class resembles one other: pair noise for asymmetric noise."""
        return f"{'symmetric' if self.kind == 'sym' else 'pair'}:{self.rate}"


def places(table: Table) -> Iterator[Place]:
    """Every cell, row by row."""
    for row in table.rows:
        for column in table.columns:
            data, system = row.split("/")
            kind, rate = split(column)
            yield Place(row, column, data, system, kind, rate)


def split(column: str) -> tuple[str, float]:
    """``sym40`` as its kind, ``sym`` or ``asym``, and its rate."""
    return column[:-2], int(column[-2:]) / 100


def cifar_noise(data: str, kind: str, rate: float) -> str:
    """The paper's noise of that kind on CIFAR, asymmetric noise as its text has it."""
    asymmetric = {"cifar10": "cifar10-asymmetric", "cifar100": "cifar100-superclass"}
    return f"{'symmetric' if kind == 'sym' else asymmetric[data]}:{rate}"
