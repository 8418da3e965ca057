"""How does a person see how far a study is?"""

import sys
import threading
import time
from collections.abc import Sequence

from rich.console import Console
from rich.live import Live
from rich.table import Table

from earlylearn.documents import Outcome
from earlylearn.errors import EarlylearnError
from earlylearn.runs.folder import RunFolder
from earlylearn.study.runs import StudyRun, outcome
from earlylearn.wording import percent

TELL_EVERY = 60.0  # seconds between two lines of what is going on, where there is no terminal


class LiveTable:
    """A table on a terminal, a row per name; elsewhere a line per finished run, and now and then. Reads run folders.

    Args:
        runs: the study's runs.
        quiet: show nothing.
        every: seconds between two looks.
    """

    def __init__(self, runs: Sequence[StudyRun], *, quiet: bool, every: float = 1.0) -> None:
        self.runs, self.quiet, self.every = runs, quiet, every
        self.done: dict[StudyRun, Outcome] = {}
        self.console = Console(stderr=True)
        self.stop = threading.Event()
        self.watcher = threading.Thread(target=self._watch, daemon=True)
        self.live: Live | None = None

    def __enter__(self) -> "LiveTable":
        if not self.quiet:
            self._look(tell=False)
            if self.done:
                print(f"{len(self.done)} of {len(self.runs)} runs were finished before", file=sys.stderr)
            if self.console.is_terminal:
                self.live = Live(self._table(), console=self.console, auto_refresh=False)
                self.live.start()
            self.watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        if not self.quiet:
            self.stop.set()
            self.watcher.join()
            self._look(tell=True)
            if self.live:
                self.live.update(self._table(), refresh=True)
                self.live.stop()

    def _watch(self) -> None:
        told = time.monotonic()
        while not self.stop.wait(self.every):
            self._look(tell=True)
            if self.live:
                self.live.update(self._table(), refresh=True)
            elif time.monotonic() - told > TELL_EVERY:
                told = time.monotonic()
                now = [f"{run.title}: epoch {at}/{run.config.epochs}" for run in self.runs if (at := self._epoch(run))]
                if now:
                    print(f"{len(self.done)}/{len(self.runs)} finished, now {', '.join(now)}", file=sys.stderr)

    def _look(self, *, tell: bool) -> None:
        for run in self.runs:
            if run in self.done or not run.finished:
                continue
            try:
                self.done[run] = outcome(run)
            except EarlylearnError:  # just being replaced; the next look sees it
                continue
            if tell and not self.live:
                print(f"{len(self.done)}/{len(self.runs)} {run.title}: {_said(self.done[run])}", file=sys.stderr)

    def _table(self) -> Table:
        table = Table(title=f"{len(self.done)} of {len(self.runs)} runs finished", title_justify="left")
        for column in ("", "finished", "test, last", "noisy val, last", "memorised", "now"):
            table.add_column(column)
        for name in dict.fromkeys(run.name for run in self.runs):
            mine = [run for run in self.runs if run.name == name]
            done = [self.done[run] for run in mine if run in self.done]
            means = [
                _mean([each["test_last"] for each in done]),
                _mean([each["val_last"] for each in done]),
                _mean([each["memorized_last"] for each in done]),
            ]
            now = [
                f"seed {run.config.seed}: {epoch}/{run.config.epochs}" for run in mine if (epoch := self._epoch(run))
            ]
            table.add_row(name, f"{len(done)}/{len(mine)}", *means, ", ".join(now))
        return table

    def _epoch(self, run: StudyRun) -> int:
        """Epochs an unfinished run has behind it."""
        metrics = RunFolder(run.path).metrics
        if run in self.done or not metrics.exists():
            return 0
        return metrics.read_bytes().count(b"\n")


def _mean(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return percent(sum(known) / len(known)) if known else ""


def _said(result: Outcome) -> str:
    said = {"test": result["test_last"], "val (noisy)": result["val_last"], "memorised": result["memorized_last"]}
    known = [f"{name} {percent(value)}" for name, value in said.items() if value is not None]
    return ", ".join([*known, f"{result['seconds']:.0f} s"])
