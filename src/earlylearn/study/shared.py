"""How do several machines share one study, and how are the points of a large grid sampled (Optuna)?"""

import hashlib
import json
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from earlylearn.data.sources import Loaded
from earlylearn.errors import EarlylearnError, UsageError
from earlylearn.prepare import fingerprint
from earlylearn.study.runs import Failure, Task, lock, outcome, run_once

HEARTBEAT, GRACE = 15, 60  # seconds; a run whose worker was silent that long is handed to another
ELSEWHERE = {"data", "data_dir", "labels", "true_labels", "test", "accelerator"}  # may differ between machines


class _Failed(Exception):
    """Tells Optuna that a trial failed; what happened is in the trial's attributes."""


@dataclass(frozen=True)
class SharedStudy:
    """The tasks of a study in an Optuna storage: whoever has its URL takes the next one that nobody has taken.

    A worker that dies is noticed by its silence, and its task handed on. Results travel through the storage, the run
    folders stay where they were made.

    Attributes:
        url: an SQLAlchemy URL, e.g. ``sqlite:///study.db``.
        name: tells studies in one storage apart, see `study_name`.
        tasks: what there is to do, or for sampling what there is to choose from.
        loaded: the data.
        score: the key of an outcome that says how good a run is, higher is better; its mean over a task's runs is
            what Optuna records.
        sample: so many tasks, chosen by Optuna's TPE sampler as it learns; None for all.
    """

    url: str
    name: str
    tasks: tuple[Task, ...]
    loaded: Loaded
    score: str
    sample: int | None = None

    def prepare(self) -> None:
        """Make the study in the storage, or join it; the maker lays out its tasks.

        Raises:
            UsageError: Optuna is not installed, or the storage cannot be opened.
        """
        optuna = import_optuna()
        try:
            study = optuna.create_study(study_name=self.name, storage=self._storage(), direction="maximize")
        except optuna.exceptions.DuplicatedStudyError:
            study = self._study()
            for _ in range(GRACE):
                if "ready" in study.user_attrs:
                    break
                time.sleep(1)
        trials = study.get_trials(deepcopy=False)
        alive = [trial for trial in trials if trial.state != optuna.trial.TrialState.FAIL]
        known = [trial.user_attrs.get("task") for trial in alive]
        for task in self.tasks if self.sample is None else ():
            if task.params not in known:  # new, or only ever failed
                study.enqueue_trial(task.params, user_attrs={"task": task.params})
        study.set_user_attr("ready", True)

    def work(self) -> list[Failure]:
        """What each worker does: take tasks until none is left, then wait for those that others are at."""
        optuna = import_optuna()
        study = self._study()
        failures: list[Failure] = []

        def objective(trial: Any) -> float:
            if self.sample is None and "task" not in trial.user_attrs:
                raise optuna.TrialPruned  # another worker took the last one a moment before
            task = self._task(trial)
            failed: list[Failure] = []
            for run in task.runs:
                with lock(run, wait=True):
                    failed += run_once(run, self.loaded)
            if failed:
                failures.extend(failed)
                trial.set_user_attr("failures", [asdict(failure) for failure in failed])
                raise _Failed
            outcomes = [outcome(run) for run in task.runs]
            trial.set_user_attr("outcomes", outcomes)
            return sum(each[self.score] or 0.0 for each in outcomes) / len(outcomes)

        while True:
            with _experiments_tolerated():
                optuna.storages.fail_stale_trials(study)
            trials = study.get_trials(deepcopy=False)
            if self._left(trials):
                study.optimize(objective, n_trials=1, catch=(_Failed,))
            elif any(trial.state == optuna.trial.TrialState.RUNNING for trial in trials):
                time.sleep(2)
            else:
                return failures

    def outcomes(self) -> list[dict[str, Any]]:
        """What all machines' finished runs contribute."""
        found: dict[tuple[str, int], dict[str, Any]] = {}
        for trial in self._study().get_trials(deepcopy=False):
            for each in trial.user_attrs.get("outcomes", ()):
                found[each["name"], each["seed"]] = each
        return list(found.values())

    def failures(self) -> list[Failure]:
        """What failed on any machine and was not mended since."""
        done = {(each["name"], each["seed"]) for each in self.outcomes()}
        found: dict[tuple[str, int], Failure] = {}
        for trial in self._study().get_trials(deepcopy=False):
            for each in trial.user_attrs.get("failures", ()):
                if (each["name"], each["seed"]) not in done:
                    found[each["name"], each["seed"]] = Failure(**each)
        return list(found.values())

    def _left(self, trials: Sequence[Any]) -> bool:
        """Whether there is something to start."""
        optuna = import_optuna()
        states = optuna.trial.TrialState
        if any(trial.state == states.WAITING for trial in trials):
            return True
        # Trials that fell silent do not count: they were handed on as new ones.
        counted = [trial for trial in trials if trial.state != states.FAIL or "failures" in trial.user_attrs]
        return self.sample is not None and len(counted) < self.sample

    def _task(self, trial: Any) -> Task:
        """The task a trial stands for; a sampler chooses among all values of each parameter."""
        choices = {name: list(dict.fromkeys(task.params[name] for task in self.tasks)) for name in self.tasks[0].params}
        params = {name: trial.suggest_categorical(name, values) for name, values in choices.items()}
        return next(task for task in self.tasks if task.params == params)

    def _study(self) -> Any:
        optuna = import_optuna()
        # A worker does not try what another is trying just now.
        sampler = optuna.samplers.TPESampler(multivariate=True, constant_liar=True, n_startup_trials=5)
        return optuna.load_study(study_name=self.name, storage=self._storage(), sampler=sampler)

    def _storage(self) -> Any:
        optuna = import_optuna()
        try:
            with _experiments_tolerated():
                return optuna.storages.RDBStorage(
                    self.url,
                    heartbeat_interval=HEARTBEAT,
                    grace_period=GRACE,
                    heartbeat_stale_trial_callback=optuna.storages.RetryHeartbeatStaleTrialCallback(),
                )
        except Exception as error:  # of SQLAlchemy, of Optuna, or of a database driver that is not installed
            reason = str(error).splitlines()[0].rstrip(".")
            raise UsageError(f"--storage {self.url}: {reason}; write for example sqlite:///study.db") from None


@contextmanager
def _experiments_tolerated() -> Iterator[None]:
    """Optuna calls its heartbeat experimental since 2020, at every use; nobody here can do anything about it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", import_optuna().exceptions.ExperimentalWarning)
        yield


def study_name(what: str, tasks: Sequence[Task], loaded: Loaded) -> str:
    """The same on every machine that was asked the same of the same data, wherever the data lie there."""
    digest = hashlib.sha256(fingerprint(loaded).encode())
    for run in (run for task in tasks for run in task.runs):
        digest.update(json.dumps([run.name, run.config.model_dump(exclude=ELSEWHERE)], sort_keys=True).encode())
    return f"earlylearn {what} {Path(tasks[0].runs[0].config.data).name} {digest.hexdigest()[:12]}"


def import_optuna() -> Any:
    """Optuna, quiet; EarlylearnError if it is not installed."""
    try:
        import optuna
    except ImportError:
        raise EarlylearnError(
            "Optuna is not installed, and --storage and --sample need it; pip install 'earlylearn[sweep]'"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna
