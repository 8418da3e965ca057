"""How is a study conducted, from its tasks to what its runs contribute, alone or with other machines?"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from earlylearn.data.sources import Loaded
from earlylearn.documents import Means, Outcome, StudyFacts
from earlylearn.errors import UsageError, setting
from earlylearn.runs.config import RunConfig
from earlylearn.runs.train import check
from earlylearn.study.folder import check_folder, make_folder
from earlylearn.study.runs import Failure, StudyRun, Task, outcomes_of, work_through
from earlylearn.study.shared import SharedStudy
from earlylearn.study.statistics import summarize
from earlylearn.study.workers import check_workers, run_workers
from earlylearn.values import whole_number, yes_or_no

MOST_SEEDS = 10_000  # of one method or point: nobody waits for more, and each is a run


def seed_count(seeds: int) -> int:
    """The number of seeds that was given; UsageError for what is none, or more than anybody would wait for."""
    count = whole_number("seeds", seeds)
    if count > MOST_SEEDS:
        raise UsageError(f"{setting('seeds', seeds)}: is a run each; give at most {MOST_SEEDS:,}")
    return count


def conduct(
    tasks: Sequence[Task],
    loaded: Loaded,
    out: Path,
    blamed: Callable[[UsageError, Task], UsageError],
    *,
    files: Sequence[str],
    workers: int,
    overwrite: bool,
    storage: str | None,
    quiet: bool,
) -> tuple[list[Outcome], list[Failure]]:
    """Check everything that can be refused, then do all runs that are not done yet.

    Args:
        tasks: what there is to do.
        loaded: the data.
        out: the study's folder; run folders go into its ``runs``.
        blamed: puts the error of a task's run to the setting of the study that it comes from.
        files: the names the study itself writes there.
        workers: runs at a time.
        overwrite: repeat what is finished there.
        storage: see `SharedStudy`.
        quiet: show no progress.

    Returns:
        What the finished runs contribute, by task, and the failures.
    """
    workers, overwrite = check_workers(workers), yes_or_no("overwrite", overwrite)
    if storage is not None and overwrite:
        raise UsageError(
            f"{setting('overwrite', True)}: cannot undo what a shared {setting('storage')} holds; name another "
            "storage, or leave it out"
        )
    runs = [run for task in tasks for run in task.runs]
    if runs[0].config.val_fraction == 0 and loaded.test is None and loaded.train.val is None:
        raise UsageError(
            f"{setting('val_fraction', 0)}: without a test set, too, nothing is left to judge by; leave it out"
        )
    for task in tasks:
        if task.runs[0].config.seed == runs[0].config.seed:
            try:
                check(task.runs[0].config, loaded)
            except UsageError as error:
                raise blamed(error, task) from None
    check_folder(out, runs, loaded, files, overwrite=overwrite)
    if storage is None:
        make_folder(out, runs, overwrite=overwrite)
        run_workers(partial(work_through, tasks, loaded), runs, workers=workers, quiet=quiet)
        return outcomes_of(runs)
    shared = SharedStudy(storage, tuple(tasks), loaded)
    shared.prepare(quiet=quiet)
    make_folder(out, runs, overwrite=False)
    run_workers(shared.work, runs, workers=workers, quiet=quiet)
    return shared.outcomes(), shared.failures()


def study_run(name: str, config: RunConfig, out: Path) -> StudyRun:
    """A run of a study in its folder, which is named after it."""
    plain = "".join(letter if letter.isalnum() or letter in "+-.=" else "_" for letter in name)
    return StudyRun(name, config, (out / "runs" / f"{plain}-{config.seed}").absolute())


def shared_settings(runs: Sequence[StudyRun]) -> dict[str, Any]:
    """The settings all runs have in common, in the order of ``config.json``."""
    configs = [run.config.model_dump() for run in runs]
    return {name: value for name, value in configs[0].items() if all(config[name] == value for config in configs)}


def means(outcomes: Sequence[Outcome]) -> Means:
    """What was measured of a method or trial, over its seeds."""
    return {
        "test_last": summarize([each["test_last"] for each in outcomes]),
        "test_at_best_val": summarize([each["test_at_best_val"] for each in outcomes]),
        "val_last": summarize([each["val_last"] for each in outcomes]),
        "val_best": summarize([each["val_best"] for each in outcomes]),
        "memorized_last": summarize([each["memorized_last"] for each in outcomes]),
        "average_precision": summarize([each["average_precision"] for each in outcomes]),
        "seconds": summarize([each["seconds"] for each in outcomes]),
    }


def about(runs: Sequence[StudyRun], outcomes: Sequence[Outcome], out: Path) -> StudyFacts:
    """What the document of any study says of its conditions and of every run."""
    config = runs[0].config
    wrong = [each["wrong_fraction"] for each in outcomes if each["wrong_fraction"] is not None]
    folders = {(run.name, run.config.seed): run for run in runs if run.finished}
    done = {(each["name"], each["seed"]) for each in outcomes}
    return {
        "data": config.data,
        "noise": config.noise,
        "wrong_fraction": sum(wrong) / len(wrong) if wrong else None,
        "network": config.network,
        "epochs": config.epochs,
        "seeds": sorted({run.config.seed for run in runs}),
        "settings": shared_settings(runs),
        "missing": [
            {"name": run.name, "seed": run.config.seed} for run in runs if (run.name, run.config.seed) not in done
        ],
        "runs": [
            {
                **each,
                "folder": str(folders[key].path.relative_to(out.absolute()))
                if (key := (each["name"], each["seed"])) in folders
                else None,
            }
            for each in outcomes
        ],
    }
