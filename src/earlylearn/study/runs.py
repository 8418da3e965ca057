"""What is one run of a study, how is it done exactly once, and what does it contribute?"""

import shutil
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from earlylearn.config import RunConfig
from earlylearn.data.sources import Loaded
from earlylearn.errors import EarlylearnError, UsageError
from earlylearn.run import Run
from earlylearn.run_folder import RunFolder, read_json
from earlylearn.training import go_on, start


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


@dataclass(frozen=True)
class Task:
    """Runs that one worker does one after the other.

    Attributes:
        params: what the task is, as names and values.
        runs: one, or the seeds of a grid point.
    """

    params: dict[str, Any]
    runs: tuple[StudyRun, ...]


@dataclass(frozen=True)
class Failure:
    """A run that failed, and why, in one line."""

    name: str
    seed: int
    error: str


def run_once(run: StudyRun, loaded: Loaded) -> list[Failure]:
    """Do a run unless it is finished, from its last checkpoint if it has one. The caller holds its lock.

    Whatever goes wrong is this run's misfortune alone: it is returned, and the other runs go on.
    """
    folder = RunFolder(run.path)
    try:
        if folder.finished:
            pass
        elif folder.last.exists():
            go_on(Run(run.path), loaded, quiet=True)
        else:
            # What a kill before the first checkpoint left has nothing worth keeping.
            shutil.rmtree(run.path, ignore_errors=True)
            start(run.config, loaded, run.path, quiet=True)
    except EarlylearnError as error:
        return [Failure(run.name, run.config.seed, str(error))]
    except Exception as error:
        traceback.print_exc()
        return [Failure(run.name, run.config.seed, f"{type(error).__name__}: {error}".splitlines()[0])]
    return []


@contextmanager
def lock(run: StudyRun, *, wait: bool) -> Iterator[bool]:
    """Hold a run's lock, so that no other process does it too; yields whether it could be had.

    The operating system frees the lock of a process that dies, however it dies.
    """
    locks = run.path.parent / ".locks"
    locks.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(locks / run.path.name, blocking=wait):
            yield True
    except Timeout:
        yield False


def work_through(tasks: Sequence[Task], loaded: Loaded) -> list[Failure]:
    """What each worker does: every run that no other process is at, then wait for those that others were at.

    Workers need no coordination but the locks, so two commands asked for one study share its runs.
    """
    failures: dict[Path, list[Failure]] = {}
    for wait in (False, True):
        for run in (run for task in tasks for run in task.runs):
            if not run.finished and run.path not in failures:
                with lock(run, wait=wait) as held:
                    if held:
                        failures[run.path] = run_once(run, loaded)
    return [failure for failed in failures.values() for failure in failed]


def outcome(run: StudyRun) -> dict[str, Any]:
    """What a finished run contributes; what cannot be known without test set or true labels is None."""
    folder = RunFolder.open(run.path)
    summary, metrics = read_json(folder.summary), folder.read_metrics()
    accuracy, found = summary["accuracy"], summary["label_issues"]
    curves = {
        "test": [line["test_accuracy"] for line in metrics],
        "val": [line["val_accuracy"] for line in metrics],
        "memorized": [(line["wrong"] or {}).get("memorized") for line in metrics],
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
        "best_minus_last": None if best is None else best - last,
        "val_last": accuracy["val_last"],
        "val_best": accuracy["val_best"],
        "best_epoch": accuracy["best_epoch"],
        "memorized_last": summary["memorized_last"],
        **{name: found[name] for name in ("flagged", "precision", "recall", "average_precision")},
        "seconds": summary["seconds"],
        "curves": curves,
    }


def check_folder(out: Path, runs: Sequence[StudyRun], files: Sequence[str], *, overwrite: bool) -> None:
    """Refuse a folder in which a study cannot live, beside what it finished there earlier; changes nothing.

    Args:
        out: the study's folder.
        runs: all its runs.
        files: the names the study itself writes there.
        overwrite: its earlier runs will be deleted.

    Raises:
        UsageError: something else lies there, or runs made with other settings (and ``overwrite`` is not given).
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out}: is a file; name a folder")
    foreign = {path.name for path in out.iterdir()} - {"runs", *files} if out.exists() else set()
    if foreign:
        raise UsageError(f"--out {out}: holds {min(foreign)}, which is not of such a study; name another folder")
    for run in runs:
        folder = RunFolder(run.path)
        if not folder.config.exists():
            continue
        if overwrite:
            folder.check_free(overwrite=True)
            continue
        there = Run(run.path).config
        changed = [name for name, value in run.config if getattr(there, name) != value]
        if changed:
            name = changed[0]
            raise UsageError(
                f"--{name.replace('_', '-')} {getattr(run.config, name)}: {run.path} was trained with "
                f"{getattr(there, name)}; name another --out, or give --overwrite"
            )


def make_folder(out: Path, runs: Sequence[StudyRun], files: Sequence[str], *, overwrite: bool) -> None:
    """Make a study's folder, or with ``overwrite`` empty it of these runs and files; `check_folder` agreed to it."""
    try:
        for path in (run.path for run in runs if overwrite and run.path.exists()):
            shutil.rmtree(path)
        for name in files if overwrite else ():
            (out / name).unlink(missing_ok=True)
        (out / "runs").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {out}: {error.strerror}; choose a folder you may write to") from None
