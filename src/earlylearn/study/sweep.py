"""Which hyperparameters suit these data, judged by noisy validation labels alone?"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from earlylearn.data.counting import say
from earlylearn.data.labelled import LabelledData
from earlylearn.data.readers.memory import IN_MEMORY
from earlylearn.data.sources import Loaded
from earlylearn.documents import FORMAT, Outcome, Score, SweepDocument, SweepFacts, Trial
from earlylearn.errors import UsageError, hyperparameter, setting
from earlylearn.files import to_json
from earlylearn.loop.method import Method
from earlylearn.methods import hyperparameters
from earlylearn.plugins import short
from earlylearn.report import render_sweep
from earlylearn.runs.config import DEFAULTS, RunConfig, resolve
from earlylearn.runs.generators import seed_for
from earlylearn.runs.train import read
from earlylearn.study.canaries import how_many, plant
from earlylearn.study.conclusions import conclude_sweep, standard_error
from earlylearn.study.conduct import about, conduct, means, seed_count, study_run
from earlylearn.study.folder import write_documents
from earlylearn.study.runs import Failure, Task
from earlylearn.values import plain, whole_number, yes_or_no
from earlylearn.wording import command_line, mean_of

FILES = ("sweep.json", "sweep.csv", "report.html")
SMALLEST = 500  # rows, of data in which labels are planted unasked
SCORES: tuple[Score, ...] = ("val_last", "val_best")

MOST_POINTS = 10_000  # of a grid, each trained

# Supplement G.4, where ELR's beta and lambda were chosen from these.
GRID: dict[str, tuple[float, ...]] = {"beta": (0.5, 0.7, 0.9, 0.99), "lam": (1.0, 3.0, 5.0, 7.0, 10.0)}


@dataclass(frozen=True)
class Sweep:
    """A sweep; runs that failed are missing in it.

    Attributes:
        path: its folder: ``sweep.json``, ``sweep.csv``, ``report.html``, and ``runs/`` with a run folder each.
        document: what ``sweep.json`` holds.
        failed: runs that failed, and why.
    """

    path: Path
    document: SweepDocument = field(repr=False)
    failed: list[Failure]

    @property
    def trials(self) -> pd.DataFrame:
        """A DataFrame with a row per trial: its hyperparameters and the means over seeds of all that was measured."""
        rows = [
            {
                **trial["options"],
                "val_last": mean_of(trial["val_last"]),
                "val_best": mean_of(trial["val_best"]),
                "test_last": mean_of(trial["test_last"]),
                "test_at_best_val": mean_of(trial["test_at_best_val"]),
                "memorized_last": mean_of(trial["memorized_last"]),
                "average_precision": mean_of(trial["average_precision"]),
                "seconds": mean_of(trial["seconds"]),
            }
            for trial in self.document["trials"]
        ]
        return pd.DataFrame(rows)

    @property
    def picked(self) -> dict[str, Any] | None:
        """The hyperparameters that noisy validation picked; None if no trial finished."""
        picked = self.document["picked"]
        return None if picked is None else picked["options"]


def sweep(
    data: str | Path | LabelledData | Loaded,
    method: str | type[Method] | None = None,
    grid: Mapping[str, Sequence[Any]] | None = None,
    *,
    seeds: int = 1,
    sample: int | None = None,
    score: Score = "val_last",
    canaries: bool | None = None,
    workers: int = 1,
    out: str | Path | None = None,
    overwrite: bool = False,
    storage: str | None = None,
    quiet: bool = False,
    **settings: Any,
) -> Sweep:
    """Train a method with different hyperparameters and pick those that noisy validation labels like best.

    Test labels, where there are any, are shown beside and choose nothing. Asked again, what is finished is not done
    again.

    Args:
        data: as of `earlylearn.train`.
        method: as of `earlylearn.train`; ``elr`` unless a recipe says otherwise.
        grid: values to try, by hyperparameter; for methods with ``beta`` and ``lam`` those of supplement G.4.
        seeds: how many runs a point's score is the mean of, counted from ``seed`` on.
        sample: try only so many points of the grid, drawn at random by ``seed``; None tries all.
        score: ``val_last``, the last epoch's accuracy on noisy validation labels, or ``val_best``, the best epoch's.
            Late memorisation lowers the first and hides from the second.
        canaries: make a few labels wrong in these runs (`earlylearn.study.canaries`), and pick, of the points within
            one standard error of the best, the one that ends with the fewest of these by heart. None does so where
            no label is known to be right or wrong, and says so.
        workers, out, overwrite, storage, quiet, settings: as of `earlylearn.compare`; the settings may hold
            hyperparameters that stay as they are.

    Returns:
        What was found: ``sweep("flowers.csv", label="species", seeds=3).picked``.

    Raises:
        UsageError: the request or the data is wrong; nothing was trained.
        EarlylearnError: a worker was killed; what is finished is kept.
    """
    if score not in SCORES:
        raise UsageError(f"{setting('score', score)}: must be {' or '.join(SCORES)}")
    if method is None and settings.get("recipe") is None:
        method = DEFAULTS["method"]  # not auto, which tries hyperparameters by itself
    loaded, request, options = read(data, {**settings, "method": method}, quiet=quiet)
    first = resolve(loaded.train, request, options)
    if method is not None:
        request["method"] = first.method  # as it is found again from any folder
    loaded, planted = _with_canaries(loaded, first, canaries)
    if first.val_fraction == 0 and first.val is None:
        raise UsageError(
            f"{setting('val_fraction', 0)}: leaves no noisy labels to choose by; leave it out, or give for example 0.1"
        )
    grid = _grid(first, grid)
    if both := sorted(set(grid) & set(options)):
        raise UsageError(
            f"{setting('grid', {both[0]: grid[both[0]]})}: is set by {hyperparameter(both[0], options[both[0]])} too; "
            "leave one out"
        )
    out = (
        Path("runs") / f"{Path(first.data).stem}-{short(first.method)}-sweep" if out is None else Path(out).expanduser()
    )
    seed_range = range(first.seed, first.seed + seed_count(seeds))
    points = _points(grid, None if sample is None else whole_number("sample", sample), first.seed)
    tasks = []
    for point in points:
        params = dict(zip(grid, point, strict=True))
        try:
            configs = [resolve(loaded.train, {**request, "seed": seed}, {**options, **params}) for seed in seed_range]
        except UsageError as error:
            raise _blamed(error, params) from None
        tasks.append(Task(params, tuple(study_run(_name(params), config, out) for config in configs)))
    if len({run.path for task in tasks for run in task.runs}) < len(tasks) * len(seed_range):
        raise UsageError(f"{setting('grid', grid)}: a value is there twice; leave one out")
    outcomes, failed = conduct(
        tasks,
        loaded,
        out,
        lambda error, task: _blamed(error, task.params),
        files=FILES,
        workers=workers,
        overwrite=overwrite,
        storage=storage,
        quiet=quiet,
    )
    facts = _facts(tasks, grid, outcomes, failed, score=score, canaries=planted, out=out)
    picked = facts["picked"]
    command = _command(request, {**options, **picked["options"]}) if picked else None
    document: SweepDocument = {"format": FORMAT, "conclusion": conclude_sweep(facts), **facts, "command": command}
    result = Sweep(out, document, failed)
    texts = to_json(document), result.trials.to_csv(index=False), render_sweep(document)
    write_documents(out, dict(zip(FILES, texts, strict=True)))
    return result


def _points(grid: Mapping[str, Sequence[Any]], sample: int | None, seed: int) -> list[tuple[Any, ...]]:
    """The points of a grid to try: all, or so many drawn at random, in the order of the grid.

    Raises:
        UsageError: they are too many.
    """
    count = math.prod(len(values) for values in grid.values())
    if count > MOST_POINTS and sample is None:
        raise UsageError(
            f"{setting('grid')}: has {count:,} points, more than {MOST_POINTS:,}; give fewer values, or try some of "
            f"them with {setting('sample', 20)}"
        )
    if count > 100 * MOST_POINTS:
        raise UsageError(f"{setting('grid')}: has {count:,} points; give fewer values")
    wanted = set(range(count))
    if sample is not None:
        wanted = set(np.random.default_rng(seed_for(seed, "sample")).permutation(count)[:sample].tolist())
    return [point for k, point in enumerate(itertools.product(*grid.values())) if k in wanted]


def _blamed(error: UsageError, params: dict[str, Any]) -> UsageError:
    """The error of a point of the grid, as one of the grid; hyperparameters that stay as they are are not of it."""
    name = error.setting
    return error.about(setting("grid", {name: [params[name]]})) if name in params else error


def _grid(config: RunConfig, grid: Mapping[str, Sequence[Any]] | None) -> dict[str, list[Any]]:
    """The values to try; by default the paper's, for a method that has its hyperparameters."""
    if grid is not None and not isinstance(grid, Mapping):
        raise UsageError(f"{setting('grid', grid)}: must be a dictionary of lists, such as {{'lam': [1, 3]}}")
    if grid:
        for name, values in grid.items():
            if isinstance(values, str) or _is_single(values) or not len(values):
                raise UsageError(f"{setting('grid', {name: values})}: {name} needs a list of values, at least one")
        return {name: [plain(value) for value in values] for name, values in grid.items()}
    method, known = short(config.method), hyperparameters(config.method_class()).model_fields
    if not set(GRID) <= set(known):
        if not known:
            raise UsageError(
                f"{setting('grid')}: {method} has no hyperparameters, none to sweep over; name another "
                f"{setting('method')}"
            )
        raise UsageError(
            f"{setting('grid')}: there is no usual one for {method}; give values, for example "
            f"{setting('grid', {next(iter(known)): ['VALUE', 'VALUE']})}"
        )
    return {name: list(values) for name, values in GRID.items()}


def _is_single(values: Any) -> bool:
    """Whether there is one value where a list of them is wanted, such as a number or a tensor of no dimension."""
    return not hasattr(values, "__len__") or getattr(values, "ndim", 1) == 0


def _name(params: dict[str, Any]) -> str:
    return " ".join(
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in params.items()
    )


def _facts(
    tasks: Sequence[Task],
    grid: dict[str, list[Any]],
    outcomes: Sequence[Outcome],
    failed: Sequence[Failure],
    *,
    score: Score,
    canaries: int,
    out: Path,
) -> SweepFacts:
    """What ``sweep.json`` holds, but for what follows from it."""
    trials = [_trial(task, outcomes) for task in tasks]
    # A point lacking a seed that failed is not compared with whole ones.
    whole = [trial for trial in trials if len(trial["seeds"]) == len(tasks[0].runs)]
    picked = max(whole, key=lambda trial: _rank(trial, score), default=None)
    best = None if picked is None else picked[score]
    if canaries and best is not None:
        least = best["mean"] - standard_error(best, outcomes)
        picked = min((trial for trial in whole if _rank(trial, score) >= least), key=_memorized)
    if picked:
        picked["picked"] = True
    return {
        **about([run for task in tasks for run in task.runs], outcomes, out),
        "method": short(tasks[0].runs[0].config.method),
        "score": score,
        "grid": grid,
        "trials": sorted(trials, key=lambda trial: -_rank(trial, score)),
        "picked": picked,
        "canaries": canaries,
        "failed": [failure.record() for failure in failed],
    }


def _with_canaries(loaded: Loaded, config: RunConfig, asked: bool | None) -> tuple[Loaded, int]:
    """The data with planted labels where they are to break ties, and how many there are."""
    known = config.noise is not None or loaded.train.true_labels is not None
    if asked is None:
        asked = not known and len(loaded.train) >= SMALLEST
        tell = asked
    else:
        asked, tell = yes_or_no("canaries", asked), False
    if not asked:
        return loaded, 0
    if known:
        raise UsageError(
            f"{setting('canaries', True)}: it is known which labels are wrong here, hence which of them are memorised; "
            "leave it out"
        )
    rng = np.random.default_rng(seed_for(config.seed, "canaries"))
    planted = plant(loaded.train, how_many(len(loaded.train), None), None, rng)
    if tell:
        say(
            f"{len(planted.rows):,} labels are made wrong in the runs of this sweep, so that what they memorise breaks "
            "ties; without canaries all labels are left alone"
        )
    return loaded._replace(train=planted.into(loaded.train)), len(planted.rows)


def _memorized(trial: Trial) -> float:
    mean = mean_of(trial["memorized_last"])
    return math.inf if mean is None else mean


def _trial(task: Task, outcomes: Sequence[Outcome]) -> Trial:
    name = task.runs[0].name
    mine = [each for each in outcomes if each["name"] == name]
    seeds = sorted(each["seed"] for each in mine)
    return {"name": name, "options": task.params, "seeds": seeds, **means(mine), "picked": False}


def _rank(trial: Trial, score: Score) -> float:
    mean = mean_of(trial[score])
    return -math.inf if mean is None else mean


def _command(request: dict[str, Any], options: dict[str, Any]) -> str | None:
    """What trains with the picked hyperparameters; None for data in memory, which no command can name."""
    if request["data"] == IN_MEMORY:
        return None
    settings = {name: value for name, value in request.items() if name != "data"}
    return command_line("train", request["data"], settings=settings, hyperparameters=options)
