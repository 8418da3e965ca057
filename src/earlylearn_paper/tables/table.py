"""How is a table of the paper filled: which runs stand behind which cell, and what is kept from earlier commands?"""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from importlib.metadata import version
from typing import Any

import pandas as pd

from earlylearn.errors import UsageError
from earlylearn.recipes import find_recipe
from earlylearn.study.statistics import summarize
from earlylearn_paper.experiment import Cell, Findings, Verdict
from earlylearn_paper.records import Finished
from earlylearn_paper.tables.judge import Judge
from earlylearn_paper.tables.picture import dots_figure
from earlylearn_paper.tables.published import TABLES, Table
from earlylearn_paper.work import Work

NOT_RUN = "not run yet"
MADE_WITH = "made_with"
KEPT = ("test_last", "test_at_best_val", "test_best", "memorized_last", "wrong_fraction", "seconds")


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a cell's number comes from.

    Attributes:
        part: the study; cells of one part share its settings.
        method: as of `earlylearn.compare`.
        settings: of the study, beside those of the work.
        measure: what is measured of a run: a share in [0, 1] of `KEPT`, shown in per cent, or a function of the run
            that gives the number in the table's unit.
        why: what is to be known of the number.
    """

    part: str
    method: str
    settings: dict[str, Any] = field(default_factory=dict)
    measure: str | Callable[[Finished], float] = "test_at_best_val"
    why: str = ""


# By row and column: a source, or why there is none.
Plan = Mapping[tuple[str, str], Source | str]


def findings(
    name: str,
    work: Work,
    plan: Plan,
    judge: Judge,
    *,
    caption: str,
    derive: Callable[[pd.DataFrame], pd.DataFrame] = lambda runs: runs,
) -> Findings:
    """Fill a table, judge it and draw it.

    Args:
        name: of the table.
        work: what is asked.
        plan: for every cell of the table.
        judge: from the cells to the verdicts, pure.
        caption: of the figure: what is compared with what.
        derive: numbers that need those of other cells, added to the runs.
    """
    table = TABLES[name]
    runs = derive(_all_runs(name, work, plan, _train(work, plan)))
    cells = fill(table, plan, runs)
    verdicts: list[Verdict] = judge(cells)
    data = {name: pd.DataFrame([vars(cell) for cell in cells]), f"{name}-runs": runs}
    figure = dots_figure(cells, unit=table.unit, caption=caption)
    return Findings(verdicts=verdicts, data=data, figures={name: figure} if figure else {}, cells=cells)


def fill(table: Table, plan: Plan, runs: pd.DataFrame) -> list[Cell]:
    """Every cell of a table.

    Args:
        table: the published numbers.
        plan: where ours come from.
        runs: ``row, column, value`` of every run, the value in the table's unit.
    """
    values = {key: list(part["value"]) for key, part in runs.groupby(["row", "column"])} if len(runs) else {}
    cells = []
    for row in table.rows:
        for column in table.columns:
            published, source = table.numbers.get((row, column)), plan[row, column]
            ours = summarize(values.get((row, column), []))
            not_run = "" if ours else f"{NOT_RUN}: ask for row {row}"
            why = source if isinstance(source, str) else not_run or source.why
            cells.append(
                Cell(
                    row=row,
                    column=column,
                    paper=published.mean if published else None,
                    paper_sd=published.sd if published else None,
                    ours=ours["mean"] if ours else None,
                    sd=ours["sd"] if ours else None,
                    n=ours["n"] if ours else 0,
                    why=why,
                )
            )
    return cells


def _train(work: Work, plan: Plan) -> pd.DataFrame:
    """Train what is wanted, and a row per cell and run."""
    parts: dict[str, list[tuple[tuple[str, str], Source]]] = defaultdict(list)
    for place, source in plan.items():
        if isinstance(source, Source) and work.wants(*place):
            parts[source.part].append((place, source))
    rows = []
    for part, wanted in parts.items():
        methods = list(dict.fromkeys(source.method for _, source in wanted))
        runs = work.train(part, methods, **wanted[0][1].settings)
        for (row, column), source in wanted:
            for run in runs.get(source.method, ()):
                known: dict[str, Any] = dict(run.outcome)
                measure = source.measure
                value = 100 * known[measure] if isinstance(measure, str) else measure(run)
                about = {"row": row, "column": column, "method": source.method, "seed": run.seed}
                about[MADE_WITH] = made_with(source, work)
                rows.append({**about, "value": float(value), **{key: known[key] for key in KEPT}})
    return pd.DataFrame(rows, columns=["row", "column", "method", "seed", "value", *KEPT, MADE_WITH])


def made_with(source: Source, work: Work) -> str:
    """A short mark of all that a cell's runs come from: this software's version, their settings and their recipe."""
    settings = {**work.settings["training"], **source.settings}
    recipe = asdict(find_recipe(settings["recipe"]))
    about = json.dumps([work.settings, source.settings, source.method, recipe], sort_keys=True)
    return f"{version('earlylearn')}-{sha256(about.encode()).hexdigest()[:12]}"


def _all_runs(name: str, work: Work, plan: Plan, trained: pd.DataFrame) -> pd.DataFrame:
    """What was trained now, and for other cells what an earlier command left in the folder, made in the same way.

    A full table takes days: it is made cell by cell, some of it perhaps on another machine.
    """
    listed = work.folder / f"{name}-runs.csv"
    if work.overwrite or not listed.exists():
        return trained
    try:
        earlier = pd.read_csv(listed)
    except (ValueError, OSError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"{listed}: cannot be read ({reason}); restore it, or move it away") from None
    if not {"row", "column", MADE_WITH} <= set(earlier):
        return trained
    now = {place: made_with(source, work) for place, source in plan.items() if isinstance(source, Source)}
    places = zip(earlier["row"], earlier["column"], earlier[MADE_WITH], strict=True)
    kept = earlier[[not work.wants(row, column) and now.get((row, column)) == made for row, column, made in places]]
    return pd.concat([part for part in (kept, trained) if len(part)], ignore_index=True) if len(kept) else trained
