"""How does a person see that a long run is going on, and well?"""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from earlylearn.errors import visible

if TYPE_CHECKING:
    from earlylearn.documents import EpochRecord


FABRIC = tuple(f"lightning_fabric.utilities.{name}" for name in ("rank_zero", "distributed"))


def quiet_fabric() -> None:
    """Keep Fabric from announcing precision and processes at every run; config.json has them. For processes of ours."""
    for name in FABRIC:
        logging.getLogger(name).setLevel(logging.WARNING)


@contextmanager
def unannounced() -> Iterator[None]:
    """The same for a moment, in a process of the user's, whose loggers stay as they are."""
    loggers = [logging.getLogger(name) for name in FABRIC]
    levels = [each.level for each in loggers]
    quiet_fabric()
    try:
        yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)


class TrainingProgress:
    """A bar with the loss parts on a terminal; a line now and then where output goes to a file.

    Args:
        title: what is being trained.
        epochs: length of the run.
        examples: examples an epoch is expected to train on, over all its passes; each epoch corrects it.
        start: epochs done already.
        quiet: show nothing.
    """

    def __init__(self, title: str, *, epochs: int, examples: int, start: int = 0, quiet: bool = False) -> None:
        self.title, self.epochs, self.examples, self.quiet = visible(title), epochs, examples, quiet
        self.console = Console(stderr=True)
        self.bar: Progress | None = None
        self.task: TaskID | None = None
        self.shown = 0.0
        self.start = start
        self.counted = 0
        self.agreed = ""  # said beside the loss, whose parts may be negative and fall while all is well

    def __enter__(self) -> "TrainingProgress":
        if not self.quiet and self.console.is_terminal:
            self.bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[note]}"),
                TimeRemainingColumn(),
                console=self.console,
                transient=True,
            )
            self.bar.start()
            total = self.epochs * self.examples
            self.task = self.bar.add_task(self.title, total=total, completed=self.start * self.examples, note="")
        return self

    def __exit__(self, *exception: Any) -> None:
        if self.bar:
            self.bar.stop()

    def step(self, examples: int, means: Callable[[], dict[str, float]]) -> None:
        """Count a batch; read the losses only when they are to be shown."""
        self.counted += examples
        if self.bar is None or self.task is None:
            return
        now = time.monotonic()
        if now - self.shown > 0.5:
            self.shown = now
            note = "  ".join(f"{name} {value:.3f}" for name, value in means().items()) + self.agreed
            self.bar.update(self.task, advance=examples, note=note)
        else:
            self.bar.update(self.task, advance=examples)

    def epoch(self, record: "EpochRecord") -> None:
        """Say how an epoch ended: every one on a terminal's bar, about ten of them elsewhere; every note."""
        epoch = record["epoch"]
        for note in () if self.quiet else record.get("notes", ()):
            self.console.print(f"{self.title} epoch {epoch}: {note}", markup=False, highlight=False, soft_wrap=True)
        text = f"{self.title} epoch {epoch}/{self.epochs}"
        self.examples, self.counted = self.counted, 0
        self.agreed = f"  agrees {record['agree']:.1%}"
        if self.bar is not None and self.task is not None:
            self.bar.update(
                self.task, description=text, total=self.epochs * self.examples, completed=epoch * self.examples
            )
        elif not self.quiet and (epoch % max(1, self.epochs // 10) == 0 or epoch == self.epochs):
            parts = "  ".join(f"{name} {value:.3f}" for name, value in record["loss_parts"].items())
            shares = {
                "agrees with given labels": record["agree"],
                "held-out ones": record["val_accuracy"],
                "test accuracy": record["test_accuracy"],
            }
            scores = "  ".join(f"{name} {value:.3f}" for name, value in shares.items() if value is not None)
            print(f"{text}  {parts}  {scores}", file=sys.stderr, flush=True)
