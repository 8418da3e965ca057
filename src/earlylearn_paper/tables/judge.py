"""Do the numbers of a table say what the paper's say?

Pure functions from cells to verdicts. A number agrees with the paper's if they differ by no more than one point, or
than two standard errors of the difference where that is more: re-runs by others differ by a point and more, and Tables
2 to 4 print no standard deviation. A claim about leads holds or fails beyond two standard errors, or is left open; of
one seed the sign alone counts.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from math import sqrt
from statistics import fmean
from typing import Literal

from earlylearn_paper.experiment import Cell, Verdict
from earlylearn_paper.tables.published import DRAWS

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
) -> dict[str, tuple[float, float]]:
    """By column, the best of ``rows`` minus the best of ``others``, in the table's unit, and its standard error.

    Only where all of them are known; rows that the paper itself leaves empty are not asked for. A number of one seed,
    or printed without standard deviation, counts as exact.
    """
    cells = list(cells)
    published, known = numbers(cells, "paper"), numbers(cells, side)
    squared = {(cell.row, cell.column): squared_error(cell, side) for cell in cells}
    found = {}
    for column in columns:
        mine, theirs = ([(row, column) for row in each if (row, column) in published] for each in (rows, others))
        if mine and theirs and all(place in known for place in (*mine, *theirs)):
            best, other = (max(side_, key=lambda place: known[place]) for side_ in (mine, theirs))
            found[column] = known[best] - known[other], sqrt(squared[best] + squared[other])
    return found


Shows = Callable[[Sequence[float], Sequence[float]], bool | None]


def all_above(least: float) -> Shows:
    """Whether every value is above a limit, beyond chance.

    Yes if all are, and their mean is by more than two standard errors; no if one is below by more than that; else None.
    """

    def shows(values: Sequence[float], errors: Sequence[float]) -> bool | None:
        if any(
            value < least - 2 * error or (not error and value <= least)
            for value, error in zip(values, errors, strict=True)
        ):
            return False
        return True if all(value > least for value in values) and mean_above(least)(values, errors) else None

    return shows


def mean_above(least: float) -> Shows:
    """Whether the mean is above a limit by more than two standard errors, below by as much, or neither (None)."""

    def shows(values: Sequence[float], errors: Sequence[float]) -> bool | None:
        mean, error = fmean(values), sqrt(sum(error**2 for error in errors)) / len(errors)
        return True if mean > least + 2 * error else False if mean <= least - 2 * error else None

    return shows


def growing(values: Sequence[float], errors: Sequence[float]) -> bool | None:
    """Whether every value is above the one before, beyond chance: as of `all_above`."""
    steps = [later - earlier for earlier, later in pairwise(values)]
    return all_above(0)(steps, [sqrt(one**2 + other**2) for one, other in pairwise(errors)])


def lead_verdict(
    claim: str,
    cells: Sequence[Cell],
    rows: Sequence[str],
    others: Sequence[str],
    columns: Sequence[str],
    shows: Shows,
) -> Verdict:
    """A claim about the lead of some systems over others (see `leads`), in points.

    It is judged once every column is measured for which the paper has the numbers.

    Args:
        claim: what must show.
        cells: of the table.
        rows, others, columns: as of `leads`.
        shows: whether the leads and their standard errors, in the order of the columns, show it; None: within chance.
    """
    paper, ours = (leads(cells, rows, others, columns, side) for side in ("paper", "ours"))
    leads_paper = signed({column: lead for column, (lead, _) in paper.items()})
    if len(ours) < len(paper):
        missing = f" ({len(ours)} of {len(paper)} columns measured)" if ours else ""
        return Verdict(claim, leads_paper, signed_with_error(ours) + missing, None)
    return judged(claim, leads_paper, ours, shows)


def judged(claim: str, paper: str, ours: dict[str, tuple[float, float]], shows: Shows) -> Verdict:
    """A verdict on differences with their standard errors, by name."""
    holds = shows([value for value, _ in ours.values()], [error for _, error in ours.values()])
    chance = " (two standard errors do not tell)" if holds is None else ""
    return Verdict(claim, paper, signed_with_error(ours) + chance, holds)


def without_spread(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Verdicts on numbers of one seed each: what they are is told, and whether it is more than chance left open."""
    note = " (one seed: no spread to judge by)"
    return [each if each.holds is None else replace(each, ours=each.ours + note, holds=None) for each in verdicts]


def agrees(cell: Cell) -> bool | None:
    """Whether a number agrees with the paper's, by this module's rule; None where either is missing."""
    if cell.paper is None or cell.ours is None:
        return None
    error = sqrt(squared_error(cell, "paper") + squared_error(cell, "ours"))
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


def signed_with_error(values: dict[str, tuple[float, float]]) -> str:
    """The same with standard errors, where they are known."""
    shown = (f"{name} {value:+.1f}" + (f" ± {error:.1f}" if error else "") for name, (value, error) in values.items())
    return ", ".join(shown) or "not measured"


def squared_error(cell: Cell, side: Side) -> float:
    """The squared standard error of a cell's number."""
    sd, n = (cell.paper_sd, DRAWS) if side == "paper" else (cell.sd, cell.n)
    return (sd or 0) ** 2 / n if n else 0.0


def _spread(mean: float | None, sd: float | None) -> str:
    return f"{mean:.2f}" + ("" if sd is None else f" ± {sd:.2f}")
