"""How is a figure or table of the paper made again, by name, and what is left on disk?"""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, get_args

from filelock import FileLock, Timeout

from earlylearn.drawing.style import house_style
from earlylearn.errors import UsageError, did_you_mean, setting
from earlylearn.files import Contents, write_json
from earlylearn.runs.folder import environment
from earlylearn.study.workers import check_workers
from earlylearn.values import yes_or_no
from earlylearn.wording import command_line
from earlylearn_paper import EXPERIMENTS
from earlylearn_paper.experiment import Experiment, Findings, Result, Verdict, read_result
from earlylearn_paper.records import Record, Records, run_rows
from earlylearn_paper.work import ScaleName, Unfinished, Work

RESULT = "reproduction.json"


@dataclass(frozen=True)
class Reproduction:
    """A figure or table made again.

    Attributes:
        path: its folder: ``reproduction.json``, a CSV per part of the data, each figure as SVG and PNG, and the runs
            behind it in ``studies``.
        document: what ``reproduction.json`` holds.
    """

    path: Path
    document: Result


def find_experiment(name: str) -> Experiment:
    """The experiment of that name; UsageError if there is none."""
    if name not in EXPERIMENTS:
        meant = did_you_mean(name, EXPERIMENTS)
        raise UsageError(f"{name}: no such figure or table; {meant}choose from {', '.join(EXPERIMENTS)}, or all")
    return EXPERIMENTS[name]


def reproduce(
    name: str,
    *,
    scale: str = "quick",
    out: str | Path = "runs/paper",
    data_dir: str | None = None,
    rows: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    workers: int = 1,
    overwrite: bool = False,
    quiet: bool = False,
    records: str | Path | None = None,
    collect: bool = False,
    **changes: Any,
) -> Reproduction:
    """Make a figure or table of the paper again; asked again, finished runs are not repeated.

    Args:
        name: a key of `earlylearn_paper.EXPERIMENTS`.
        scale: ``quick``, in minutes on two processor cores; ``features`` and ``medium``, the paper's data on a
            processor, as a linear model on frozen features and from scratch; or ``full``, the paper's own, for a GPU.
        out: the folder in which ``NAME-SCALE`` is made.
        data_dir: where CIFAR or other data sets lie; the quick scale needs none.
        rows: only these rows of a table.
        columns: only these columns.
        workers: runs at a time.
        overwrite: repeat what is finished there.
        quiet: show no progress.
        records: a folder of records of finished runs (see `earlylearn_paper.records`), to which those made now are
            added; by default ``records`` in ``out``, which is looked through anyway. The quick scale has none.
        collect: train nothing; make it of the runs that are finished.
        changes: other settings than the scale's, by name (a test asks for fewer epochs).

    Raises:
        UsageError: an unknown name, scale, row, column or setting, or a folder that holds something else.
        EarlylearnError: a run failed; what is finished is kept. `Unfinished` where too little is to be collected.
    """
    experiment = find_experiment(name)
    if scale not in get_args(ScaleName):
        raise UsageError(f"{setting('scale', scale)}: must be one of {', '.join(get_args(ScaleName))}")
    chosen = experiment.at(scale)  # type: ignore[arg-type]
    if unknown := set(changes) - set(chosen.settings):
        culprit = setting(min(unknown), changes[min(unknown)])
        raise UsageError(f"{culprit}: no setting of {name}; it has {', '.join(chosen.settings)}")
    folder, own = Path(out) / f"{name}-{scale}", Path(out) / "records"
    work = Work(
        scale=scale,  # type: ignore[arg-type]
        settings={**chosen.settings, **changes},
        folder=folder,
        data_dir=data_dir,
        rows=_chosen(rows, experiment.rows, "rows", name),
        columns=_chosen(columns, experiment.columns, "columns", name),
        workers=check_workers(workers),
        overwrite=yes_or_no("overwrite", overwrite),
        quiet=quiet,
        records=Records(*dict.fromkeys((Path(records or own), own))) if scale != "quick" else None,
        collect=collect,
    )
    _contents(experiment).check(folder, overwrite=True)  # which keeps what is finished unless it is told not to
    with _alone(folder):
        return _make(experiment, work, folder, _command(name, scale, rows, columns))


def _make(experiment: Experiment, work: Work, folder: Path, command: str) -> Reproduction:
    """Do it, and write it down."""
    chosen = experiment.at(work.scale)
    began = time.monotonic()
    before = 0.0 if work.overwrite else _spent(folder, work)
    findings = experiment.reproduce(work)
    runs = work.records.used if work.records is not None else {}
    if work.collect and not runs:
        raise Unfinished(f"{experiment.name}, {work.scale} scale: none of its runs is finished")
    spent = sum(each["outcome"]["seconds"] for each in runs.values())
    document: Result = {
        "name": experiment.name,
        "title": experiment.title,
        "source": experiment.source,
        "scale": work.scale,
        "command": command,
        "hardware": chosen.hardware,
        "replaced": list(chosen.replaced),
        "settings": work.settings,
        "holds": _holds(findings.verdicts),
        "verdicts": [verdict.record() for verdict in findings.verdicts],
        "cells": [cell.record() for cell in findings.cells],
        "figures": [f"{figure}.png" for figure in findings.figures],
        "seconds": round(spent if runs else before + time.monotonic() - began, 1),
        "date": date.today().isoformat(),
        # Without the words of the command line, which name folders of this machine.
        "environment": _environment(list(runs.values())),
    }
    if runs:
        document["runs"] = run_rows(runs)
    _write(folder, findings, document)
    return Reproduction(folder, document)


def _environment(records: Sequence[Record]) -> dict[str, Any]:
    """Where it was made: where its last run was, or here."""
    known = records[-1]["environment"] if records else environment()
    return {name: value for name, value in known.items() if name != "command"}


def _spent(folder: Path, work: Work) -> float:
    """Seconds that earlier commands with these settings took, for runs that are not repeated."""
    if not (folder / RESULT).exists():
        return 0.0
    earlier = read_result(folder / RESULT)
    return float(earlier["seconds"]) if earlier["settings"] == json.loads(json.dumps(work.settings)) else 0.0


def _holds(verdicts: Sequence[Verdict]) -> bool | None:
    """Whether every claim that could be judged holds; None if none could."""
    judged = [verdict.holds for verdict in verdicts if verdict.holds is not None]
    return all(judged) if judged else None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Make the folder, and keep others out: what two commands find is put together in its files."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock", timeout=0):
            yield
    except Timeout:
        raise UsageError(
            f"{setting('out')}: another process is at {folder}; let it finish, or name another folder"
        ) from None
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise UsageError(f"{setting('out')}: {folder}: {error.strerror}; choose a folder you may write to") from None


def _write(folder: Path, findings: Findings, document: Result) -> None:
    write_json(folder / RESULT, document)
    for part, frame in findings.data.items():
        frame.to_csv(folder / f"{part}.csv", index=False)
    with house_style():
        for part, figure in findings.figures.items():
            for kind in ("svg", "png"):
                figure.savefig(folder / f"{part}.{kind}", dpi=110)


def _contents(experiment: Experiment) -> Contents:
    """What lies in the folder of a figure or table."""
    own = tuple(f"{experiment.name}*.{kind}" for kind in ("csv", "json", "svg", "png"))
    return Contents(f"the results of {experiment.name}", RESULT, partial(_is_of, experiment.name), own, ("studies",))


def _is_of(name: str, document: Any) -> bool:
    """Whether a JSON document is the result of the figure or table of that name."""
    return isinstance(document, dict) and document.get("name") == name and "verdicts" in document


def _chosen(listed: Sequence[str] | None, known: tuple[str, ...], which: str, name: str) -> tuple[str, ...] | None:
    """The rows or columns named in a list; None for all."""
    if listed is None:
        return None
    for each in [listed] if isinstance(listed, str) else listed:
        if each not in known:
            has = f"choose from {', '.join(known)}" if known else f"{name} has none; leave it out"
            raise UsageError(f"{setting(which, [each])}: not in {name}; {has}")
    return tuple(listed)


def _command(name: str, scale: str, rows: Sequence[str] | None, columns: Sequence[str] | None) -> str:
    cells = {which: ",".join(listed) for which, listed in (("rows", rows), ("columns", columns)) if listed}
    data = {"data_dir": "DIR"} if scale != "quick" and (name, scale) != ("figure-a1", "full") else {}
    return command_line("reproduce", name, settings={"scale": scale, **cells, **data})
