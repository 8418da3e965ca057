"""Do the numbers of a table say what the paper's say?

Pure functions from cells to verdicts. A number agrees with the paper's if they differ by no more than one point, or
than two standard errors of the difference where that is more: re-runs by others differ by a point and more, and Tables
2 to 4 print no standard deviation.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from math import sqrt
from typing import Literal

from earlylearn.paper.experiment import Cell, Verdict
from earlylearn.paper.published import DRAWS

Judge = Callable[[list[Cell]], list[Verdict]]
Side = Literal["paper", "ours"]
TOLERANCE = 1.0  # points
RULE = "within 1 point, or 2 standard errors where that is more"


def numbers(cells: Iterable[Cell], side: Side) -> dict[tuple[str, str], float]:
    """The known numbers of one side, by row and column."""
    found = {(cell.row, cell.column): cell.paper if side == "paper" else cell.ours for cell in cells}
    return {place: value for place, value in found.items() if value is not None}


def leads(
    cells: Iterable[Cell], rows: Sequence[str], others: Sequence[str], columns: Sequence[str], side: Side
) -> dict[str, float]:
    """By column, the best of ``rows`` minus the best of ``others``, in the table's unit.

    Only where all of them are known; rows that the paper itself leaves empty are not asked for.
    """
    cells = list(cells)
    published, known = numbers(cells, "paper"), numbers(cells, side)
    found = {}
    for column in columns:
        mine, theirs = ([(row, column) for row in each if (row, column) in published] for each in (rows, others))
        if mine and theirs and all(place in known for place in (*mine, *theirs)):
            found[column] = max(known[place] for place in mine) - max(known[place] for place in theirs)
    return found


def all_above(least: float) -> Callable[[Sequence[float]], bool]:
    """Whether every value is above a limit."""
    return lambda values: all(value > least for value in values)


def growing(values: Sequence[float]) -> bool:
    """Whether every value is above the one before."""
    return all(later > earlier for earlier, later in pairwise(values))


def lead_verdict(
    claim: str,
    cells: Sequence[Cell],
    rows: Sequence[str],
    others: Sequence[str],
    columns: Sequence[str],
    shows: Callable[[Sequence[float]], bool],
    *,
    least: int = 1,
) -> Verdict:
    """A claim about the lead of some systems over others (see `leads`), in points.

    Args:
        claim: what must show.
        cells: of the table.
        rows, others, columns: as of `leads`.
        shows: whether the leads, in the order of the columns, show it.
        least: columns needed to judge.
    """
    paper, ours = (leads(cells, rows, others, columns, side) for side in ("paper", "ours"))
    holds = shows(list(ours.values())) if len(ours) >= least else None
    return Verdict(claim, signed(paper), signed(ours), holds)


def agrees(cell: Cell) -> bool | None:
    """Whether a number agrees with the paper's, by this module's rule; None where either is missing."""
    if cell.paper is None or cell.ours is None:
        return None
    error = sqrt((cell.paper_sd or 0) ** 2 / DRAWS + (cell.sd or 0) ** 2 / cell.n)
    return abs(cell.ours - cell.paper) <= max(TOLERANCE, 2 * error)


def number_verdicts(cells: Sequence[Cell]) -> list[Verdict]:
    """A verdict per row with numbers of ours: whether all of them agree with the paper's."""
    verdicts = []
    for row in dict.fromkeys(cell.row for cell in cells):
        compared = [cell for cell in cells if cell.row == row and agrees(cell) is not None]
        if compared:
            good = sum(bool(agrees(cell)) for cell in compared)
            verdicts.append(
                Verdict(
                    f"{row}: the paper's numbers ({RULE})",
                    ", ".join(f"{cell.column} {_spread(cell.paper, cell.paper_sd)}" for cell in compared),
                    ", ".join(f"{cell.column} {_spread(cell.ours, cell.sd)}" for cell in compared)
                    + f": {good} of {len(compared)}",
                    good == len(compared),
                )
            )
    return verdicts


def measured(cells: Iterable[Cell], prefix: str = "") -> bool:
    """Whether any row that begins so has a number of ours."""
    return any(cell.ours is not None for cell in cells if cell.row.startswith(prefix))


def signed(values: dict[str, float]) -> str:
    """Differences by name as text, in points."""
    return ", ".join(f"{column} {value:+.1f}" for column, value in values.items()) or "not measured"


def _spread(mean: float | None, sd: float | None) -> str:
    return f"{mean:.2f}" + ("" if sd is None else f" ± {sd:.2f}")
