"""How do several machines share the runs of one study (through an Optuna storage)?"""

import functools
import hashlib
import json
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from earlylearn.data.fingerprint import fingerprint
from earlylearn.data.sources import Loaded
from earlylearn.documents import Outcome
from earlylearn.errors import EarlylearnError, UsageError, hide_password, setting
from earlylearn.files import checked
from earlylearn.study.runs import Failure, Task, lock, outcomes_of, run_once

HEARTBEAT, GRACE = 15, 60  # seconds; the task of a worker that was silent that long is taken over by another
ELSEWHERE = {"data", "data_dir", "labels", "true_labels", "test", "val", "accelerator"}  # may differ between machines


class _Failed(Exception):
    """Tells Optuna that a trial failed; what happened is in the trial's attributes."""


@dataclass
class SharedStudy:
    """Tasks that machines do in turns, each an Optuna study by itself: its first complete trial is the task done.

    A task is the same on every machine that was asked the same of the same data. Results travel through the storage,
    run folders stay where they were made. A worker that dies is noticed by its silence.

    Attributes:
        url: an SQLAlchemy URL, e.g. ``sqlite:///study.db``.
        tasks: what there is to do.
        loaded: the data.
        names: Optuna's name of each task.
        forgiven: trials made before this command began; tasks that failed in them are tried again.
    """

    url: str
    tasks: tuple[Task, ...]
    loaded: Loaded
    names: list[str] = field(init=False)
    forgiven: set[tuple[str, int]] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        data = fingerprint(self.loaded)
        self.names = [_name(task, data) for task in self.tasks]

    def prepare(self, *, quiet: bool) -> None:
        """Join the storage, and say how much of the work is done there.

        Raises:
            UsageError: the storage cannot be used.
            EarlylearnError: Optuna is not installed.
        """
        optuna = import_optuna()
        if self.url.startswith("sqlite://") and self.url.rpartition("/")[2] in ("", ":memory:"):
            raise UsageError(f"{setting('storage', self.url)}: is nowhere; name a file: sqlite:///study.db")
        with self._one_line(UsageError):
            for name in self.names:
                optuna.create_study(study_name=name, storage=_storage(self.url), load_if_exists=True)
                self.forgiven |= {(name, trial.number) for trial in self._trials(name)}
            done = sum(self._complete(name) is not None for name in self.names)
        if not quiet:
            print(f"{hide_password(self.url)}: {done} of {len(self.names)} tasks are done there", file=sys.stderr)

    def work(self) -> None:
        """What each worker does: every task that nobody is at, then wait for those that others are at."""
        with self._one_line(EarlylearnError):
            for wait in (False, True):
                for name, task in zip(self.names, self.tasks, strict=True):
                    while not (self._complete(name) or self._failed(name)):
                        if not self._taken(name):
                            self._do(name, task)
                        elif wait:
                            time.sleep(2)
                        else:
                            break

    def outcomes(self) -> list[Outcome]:
        """What all machines' finished runs contribute."""
        with self._one_line(EarlylearnError):
            done = [self._complete(name) for name in self.names]
        found = [each for trial in done if trial for each in trial.user_attrs["outcomes"]]
        return [checked(each, Outcome, hide_password(self.url)) for each in found]

    def failures(self) -> list[Failure]:
        """What failed, on any machine, since this command began."""
        with self._one_line(EarlylearnError):
            failed = [self._failed(name) for name in self.names if not self._complete(name)]
        return [Failure(**each) for trial in failed if trial for each in trial.user_attrs["failures"]]

    def _do(self, name: str, task: Task) -> None:
        optuna = import_optuna()

        def objective(trial: Any) -> float:
            trial.set_user_attr("begun", True)
            if self._complete(name) or self._taken(name, before=trial.number):
                raise optuna.TrialPruned  # another worker was a moment quicker
            for run in task.runs:
                with lock(run, wait=True):
                    run_once(run, self.loaded)
            outcomes, failures = outcomes_of(task.runs)
            if failures:
                trial.set_user_attr("failures", [asdict(failure) for failure in failures])
                raise _Failed
            trial.set_user_attr("outcomes", outcomes)
            return 0.0

        # These are of a worker that was silent for too long, for example asleep: its task was handed on meanwhile.
        with suppress(optuna.exceptions.UpdateFinishedTrialError, ValueError):
            self._study(name).optimize(objective, n_trials=1, catch=(_Failed,))

    def _complete(self, name: str) -> Any:
        """The trial that did a task, or None."""
        states = import_optuna().trial.TrialState
        return next((trial for trial in self._trials(name) if trial.state == states.COMPLETE), None)

    def _failed(self, name: str) -> Any:
        """The trial in which a task failed since this command began, or None."""
        new = [trial for trial in self._trials(name) if (name, trial.number) not in self.forgiven]
        return next((trial for trial in new if "failures" in trial.user_attrs), None)

    def _taken(self, name: str, *, before: int | None = None) -> bool:
        """Whether somebody is at a task, in a trial numbered lower than ``before``."""
        optuna = import_optuna()
        with _experiments_tolerated():
            optuna.storages.fail_stale_trials(self._study(name))
        running = [trial for trial in self._trials(name) if trial.state == optuna.trial.TrialState.RUNNING]
        # A trial without the mark was killed before its first heartbeat, and would seem to run for ever.
        return any("begun" in trial.user_attrs and (before is None or trial.number < before) for trial in running)

    def _trials(self, name: str) -> list[Any]:
        trials: list[Any] = self._study(name).get_trials(deepcopy=False)
        return trials

    def _study(self, name: str) -> Any:
        return import_optuna().load_study(study_name=name, storage=_storage(self.url))

    @contextmanager
    def _one_line(self, kind: type[EarlylearnError]) -> Iterator[None]:
        """What SQLAlchemy, Optuna or a missing database driver say, as an error of ours."""
        try:
            yield
        except EarlylearnError:
            raise
        except Exception as error:
            reason = hide_password(str(error).splitlines()[0].rstrip("."))
            mend = "write for example sqlite:///study.db" if kind is UsageError else "mend it, and ask the same again"
            raise kind(f"{setting('storage', hide_password(self.url))}: {reason}; {mend}") from error


def _name(task: Task, data: str) -> str:
    """Optuna's name of a task; equal wherever the same is asked of the same data."""
    configs = [run.config.model_dump(exclude=ELSEWHERE) for run in task.runs]
    for config in configs:
        config["noise"] = config["noise"] and Path(config["noise"]).name  # of a file of transition probabilities
    digest = hashlib.sha256(json.dumps([data, configs], sort_keys=True).encode()).hexdigest()
    return f"earlylearn {', '.join(run.title for run in task.runs)} {digest[:12]}"


@functools.cache
def _storage(url: str) -> Any:
    with _experiments_tolerated():
        return import_optuna().storages.RDBStorage(url, heartbeat_interval=HEARTBEAT, grace_period=GRACE)


@contextmanager
def _experiments_tolerated() -> Iterator[None]:
    """Optuna calls its heartbeat experimental since 2020, at every use; nobody here can do anything about it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", import_optuna().exceptions.ExperimentalWarning)
        yield


def import_optuna() -> Any:
    """Optuna, quiet; EarlylearnError if it is not installed."""
    try:
        import optuna
    except ImportError:
        raise EarlylearnError(f"{setting('storage')} needs Optuna; pip install optuna") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna
