"""How does a run folder become a review, and what do its corrections make of the data?"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from earlylearn.data.labelled import LabelledData
from earlylearn.data.readers.corrections import read_corrections
from earlylearn.data.readers.paths import listed
from earlylearn.errors import UsageError, call, setting
from earlylearn.review.apply import Applied, apply
from earlylearn.review.desk import Review
from earlylearn.review.rows import Rows
from earlylearn.runs.reread import data_path, originals, reread
from earlylearn.runs.run import Run


def open_rows(path: str | Path, *, show: tuple[str, ...] = ()) -> Rows:
    """The rows of a finished run with what is doubted of their labels, for a review or another tool.

    Args:
        path: the run folder.
        show: columns of a table to show; all but labels and ids if none is named.

    Raises:
        UsageError: no finished run, data that changed, or a broken file.
    """
    run = Run(path)
    issues = run.label_issues()
    data = reread(run).train
    if len(issues) != len(data):
        raise UsageError(f"{run.folder.issues}: has {len(issues)} rows, the data {len(data)}; restore the file")
    beliefs = run.folder.read_beliefs()
    if beliefs is not None and beliefs.shape != (len(data), len(data.classes)):
        raise UsageError(
            f"{run.folder.beliefs}: has the shape {list(beliefs.shape)}, not that of {len(data):,} rows and "
            f"{len(data.classes):,} classes; restore the file, or remove it"
        )
    return Rows(data, _aligned(issues, data, run), originals(run, data, show), beliefs=beliefs)


def _aligned(issues: pd.DataFrame, data: LabelledData, run: Run) -> pd.DataFrame:
    """Label issues in the order of the data, in whatever order somebody's spreadsheet left them.

    Raises:
        UsageError: they are of other rows, labels or classes.
    """
    ids, file = [str(name) for name in data.ids], run.folder.issues
    if issues["id"].tolist() != ids:
        if set(issues["id"]) != set(ids):
            raise UsageError(f"{file}: its ids are not those of the data; restore the file")
        issues = issues.set_index("id", drop=False).loc[ids].reset_index(drop=True)
    given = np.array(data.classes, dtype=object)[data.labels]
    other = np.flatnonzero(issues["given_label"].to_numpy(object) != given)
    if len(other):
        raise UsageError(
            f"{file}: {ids[other[0]]!r} has the given label {issues['given_label'].iloc[other[0]]!r}, and "
            f"{given[other[0]]!r} in {run.folder.labels.name}; one of the two is of another run, restore it"
        )
    strange = set(issues["predicted_label"]) - set(data.classes) - {""}
    if strange:
        raise UsageError(f"{file}: has the predicted label {min(strange)!r}, which is no class; restore the file")
    return issues


def open_review(
    path: str | Path,
    *,
    seed: int = 0,
    count: int | None = None,
    pair: str | tuple[str, str] | None = None,
    show: tuple[str, ...] = (),
) -> Review:
    """The review of a finished run, begun or gone on with, in its folder ``review``.

    Args:
        path: the run folder.
        seed: of the rows that are drawn at random, when the review begins.
        count: rows to look at; see `Review`.
        pair: only flags of this given and this suggested label, with a comma between; either may have commas itself.
        show: columns of a table to show.

    Raises:
        UsageError: no finished run, data that changed, or a broken file.
    """
    rows = open_rows(path, show=show)
    return Review(rows, Path(path) / "review", seed=seed, count=count, pair=_pair(pair, rows.data.classes))


def _pair(pair: str | tuple[str, str] | None, classes: Sequence[str]) -> tuple[str, str] | None:
    if pair is None:
        return None
    text = pair if isinstance(pair, str) else ",".join(pair)
    split = ((given, text.removeprefix(f"{given},")) for given in classes if text.startswith(f"{given},"))
    found = next(((given, other) for given, other in split if other in classes), None)
    if found is None:
        raise UsageError(
            f"{setting('pair', text)}: names no two classes with a comma between; there are {listed(classes)}"
        )
    return found


def newer_answers(path: str | Path) -> list[Path]:
    """Files of answers in a run's review that were written to after its ``corrections.csv``."""
    folder = Path(path) / "review"
    written = (folder / "corrections.csv").stat().st_mtime_ns if (folder / "corrections.csv").exists() else 0
    return [each for each in sorted(folder.glob("*.jsonl")) if each.stat().st_mtime_ns > written]


def apply_corrections(
    path: str | Path, out: str | Path, *, corrections: str | Path | None = None, copy: bool = False
) -> Applied:
    """Write a run's data again with the labels that its review corrected.

    Args:
        path: the run folder.
        out: what to make; see `earlylearn.review.apply.apply`.
        corrections: another file than the run's ``review/corrections.csv``.
        copy: copy pictures instead of linking to them.

    Raises:
        UsageError: there are no corrections, they do not fit the data, or ``out`` cannot be made.
    """
    run = Run(path)
    source = run.folder.path / "review" / "corrections.csv" if corrections is None else Path(corrections)
    if corrections is None and not source.exists():
        raise UsageError(f"{source}: no such file; write it with {call('review', str(path))}, or name a file")
    data = reread(run).train
    return apply(
        data,
        data_path(run),
        read_corrections(source),
        Path(out),
        source=str(source),
        label=run.config.label,
        id_column=run.config.id_column,
        copy=copy,
    )
