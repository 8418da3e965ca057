"""What is one run of a study, how is it done exactly once, and what does it contribute?"""

import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from earlylearn.data.sources import Loaded
from earlylearn.documents import Curves, FailedRun, Outcome
from earlylearn.errors import Advice, EarlylearnError, UsageError
from earlylearn.runs.config import RunConfig
from earlylearn.runs.folder import RunFolder
from earlylearn.runs.run import Run
from earlylearn.runs.train import go_on, start


@dataclass(frozen=True, eq=False)
class StudyRun:
    """One run of a study.

    Attributes:
        name: what is compared: a method with its options, or a point of a grid.
        config: the whole request; its seed tells runs of one name apart.
        path: its run folder.
    """

    name: str
    config: RunConfig
    path: Path

    @property
    def title(self) -> str:
        """The run in words."""
        return f"{self.name} seed {self.config.seed}"

    @property
    def finished(self) -> bool:
        """Whether it came to its end, here."""
        return RunFolder(self.path).finished

    @property
    def notes(self) -> Path:
        """Where lock and failure of the study's runs lie, each named after its run folder."""
        return self.path.parent / ".locks"

    @property
    def failure(self) -> "Failure | None":
        """Why it failed when it was tried last, if it did."""
        try:
            return Failure(self.name, self.config.seed, (self.notes / f"{self.path.name}.failed").read_text())
        except FileNotFoundError:
            return None

    def note_failure(self, message: str | None) -> None:
        """Keep why it failed, for the other processes at this study; None forgets it."""
        path = self.notes / f"{self.path.name}.failed"
        path.unlink(missing_ok=True)
        if message is not None:
            path.write_text(message)


@dataclass(frozen=True)
class Task:
    """Runs that one worker does one after the other: one, or the seeds of a grid point.

    Attributes:
        params: the hyperparameters of a grid point; empty in a comparison.
        runs: its runs.
    """

    params: dict[str, Any]
    runs: tuple[StudyRun, ...]


@dataclass(frozen=True)
class Failure:
    """A run that failed, and why.

    Attributes:
        name: of the run.
        seed: of the run.
        message: one line, as of `earlylearn.errors.EarlylearnError`.
    """

    name: str
    seed: int
    message: str

    @property
    def error(self) -> str:
        """The message as Python writes it."""
        return str(Advice(self.message))

    def record(self) -> FailedRun:
        """What the documents of a study hold of it."""
        return {"name": self.name, "seed": self.seed, "error": self.error}


def run_once(run: StudyRun, loaded: Loaded) -> None:
    """Do a run unless it is finished, from its last checkpoint if it has one. The caller holds its lock.

    Whatever goes wrong is this run's misfortune alone: it is noted, and the other runs go on.
    """
    folder = RunFolder(run.path)
    run.note_failure(None)
    try:
        if folder.finished:
            pass
        elif folder.last.exists():
            go_on(Run(run.path), loaded, quiet=True)
        else:
            folder.clear()  # of what a kill before the first checkpoint left
            start(run.config, loaded, run.path, quiet=True)
    except EarlylearnError as error:
        run.note_failure(error.message)
    except Exception as error:
        traceback.print_exc()
        run.note_failure(f"{type(error).__name__}: {error}".splitlines()[0])


@contextmanager
def lock(run: StudyRun, *, wait: bool) -> Iterator[bool]:
    """Hold a run's lock, so that no other process does it too; yields whether it could be had.

    The operating system frees the lock of a process that dies, however it dies.
    """
    run.notes.mkdir(parents=True, exist_ok=True)
    held = FileLock(run.notes / run.path.name)
    try:
        held.acquire(blocking=wait)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        held.release()


def work_through(tasks: Sequence[Task], loaded: Loaded) -> None:
    """What each worker does: every run that no other process is at, then wait for those that others were at.

    Workers need no coordination but the locks, so two commands asked for one study share its runs.
    """
    for wait in (False, True):
        for run in (run for task in tasks for run in task.runs):
            if not (run.finished or run.failure):
                with lock(run, wait=wait) as held:
                    if held and not run.failure:
                        run_once(run, loaded)


def outcome(run: StudyRun) -> Outcome:
    """What a finished run contributes; what cannot be known without test set or true labels is None.

    Raises:
        UsageError: one of its files is missing or not as it was written.
    """
    folder = RunFolder.open(run.path)
    summary, metrics = folder.read_summary(), folder.read_metrics()
    accuracy, found = summary["accuracy"], summary["label_issues"]
    curves: Curves = {
        "test": [line["test_accuracy"] for line in metrics],
        "val": [line["val_accuracy"] for line in metrics],
        "memorized": [line["wrong"] and line["wrong"]["memorized"] for line in metrics],
    }
    last = accuracy["test_last"]
    best = None if last is None else max([last, *(value for value in curves["test"] if value is not None)])
    return {
        "name": run.name,
        "seed": run.config.seed,
        "wrong_fraction": summary["noise"]["wrong_fraction"],
        "test_last": last,
        "test_at_best_val": accuracy["test_at_best_val"],
        "test_best": best,
        "best_minus_last": None if best is None or last is None else best - last,
        "val_last": accuracy["val_last"],
        "val_best": accuracy["val_best"],
        "val_rows": folder.held_out(),
        "best_epoch": accuracy["best_epoch"],
        "memorized_last": summary["memorized_last"],
        "flagged": found["flagged"],
        "precision": found["precision"],
        "recall": found["recall"],
        "average_precision": found["average_precision"],
        "seconds": summary["seconds"],
        "curves": curves,
    }


def outcomes_of(runs: Sequence[StudyRun]) -> tuple[list[Outcome], list[Failure]]:
    """What the finished ones of these runs contribute, and the failures: one that cannot be read is a failure too."""
    outcomes: list[Outcome] = []
    failures: list[Failure] = []
    for run in runs:
        if not run.finished:
            failures += [run.failure] if run.failure else []
            continue
        try:
            outcomes.append(outcome(run))
        except UsageError as error:
            failures.append(Failure(run.name, run.config.seed, error.message))
    return outcomes, failures
