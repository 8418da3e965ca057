"""Who runs when: as many runs side by side as pay, each for as long as there is time, and what is done is kept at once?

A run is a process. Beside it others are begun as long as all together do more operations a second than before: small
networks leave a GPU idle, large ones do not, and only measuring tells.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.gpu_day.child import study
from benchmarks.gpu_day.plan import Item, by_worth, first_estimate
from earlylearn.files import write_json
from earlylearn_paper.records import file_name

MOST_BESIDE = 6  # runs at a time
PAYS = 1.05  # how much more all must do together for one more to stay
MEASURED = 3  # epochs by which a number of runs beside each other is judged, not counting a run's first
PAUSE = 0.5  # seconds between two looks


@dataclass
class Running:
    """A run under way."""

    item: Item
    process: subprocess.Popen[bytes]
    log: Path


@dataclass
class Sharing:
    """How many runs beside each other pay, by the operations a second measured with each number.

    Attributes:
        level: runs at a time now.
        rates: operations a second of all together, by level.
    """

    level: int = 1
    rates: dict[int, float] = field(default_factory=dict)

    def judge(self, rate: float) -> None:
        """Take a measured rate of the present level, and choose the next."""
        self.rates[self.level] = rate
        below = self.rates.get(self.level - 1)
        if below is not None and rate < PAYS * below:
            self.level -= 1
        elif self.level < MOST_BESIDE and self.level + 1 not in self.rates:
            self.level += 1


class Runner:
    """Does items until a deadline.

    Args:
        work: where runs are made and gone on with; records in ``records``.
        settings: of all runs: folder of the data, eager, precision.
        rate: operations a second of the device, for first estimates.
        say: takes a line of the log.
        keep: called whenever something is finished, and now and then.
    """

    def __init__(
        self,
        work: Path,
        settings: dict[str, Any],
        rate: float,
        *,
        say: Callable[[str], None],
        keep: Callable[[], None],
    ) -> None:
        self.work, self.settings, self.rate, self.say, self.keep = work, settings, rate, say, keep
        self.sharing: dict[str, Sharing] = {}  # by network: what pays depends on how much of the device one fills
        self.running: list[Running] = []
        self.failed: dict[str, str] = {}
        self._since = 0.0

    def run(self, items: Sequence[Item], deadline: float) -> None:
        """Do what can be done until ``deadline`` (of `time.monotonic`); what is then unfinished has its checkpoint."""
        kept = time.monotonic()
        try:
            while time.monotonic() < deadline:
                self._reap()
                waiting = [each for each in items if self._waits(each)]
                if not waiting and not self.running:
                    return
                self._begin(waiting, deadline)
                self._judge()
                if time.monotonic() - kept > 20:
                    self.keep()
                    kept = time.monotonic()
                time.sleep(PAUSE)
        finally:
            for each in self.running:
                each.process.terminate()
            for each in self.running:
                each.process.wait()
            self.running.clear()
            self.keep()

    def done(self, each: Item) -> bool:
        """Whether an item has its record."""
        return (self.work / "records" / file_name(each.asked)).exists()

    def epochs(self, each: Item) -> list[float]:
        """Seconds of every epoch that an item has behind it."""
        return [float(line["seconds"]) for line in self._lines(each)]

    def remaining(self, each: Item) -> float:
        """Seconds that an item still takes, by its last epochs, or reckoned where none is measured."""
        seconds = self.epochs(each)
        if len(seconds) < 2:
            return first_estimate(each, self.rate)
        return (each.epochs - len(seconds)) * fmean(seconds[1:][-MEASURED:])

    def state(self, each: Item) -> dict[str, Any]:
        """What ``progress.json`` says of an item."""
        seconds, last = self.epochs(each), self._last_line(each)
        left = 0.0 if self.done(each) else round(self.remaining(each), 1)
        facts = {"name": each.name, "stage": each.stage, "worth": each.worth, "done": self.done(each)}
        told = {"epochs": each.epochs, "behind": len(seconds), "seconds": round(sum(seconds), 1), "remaining": left}
        wrong = last.get("wrong") or {}
        seen = {name: last.get(name) for name in ("val_accuracy", "test_accuracy")}
        return {**facts, **told, **seen, "memorized": wrong.get("memorized"), "failed": self.failed.get(each.name)}

    def _last_line(self, each: Item) -> dict[str, Any]:
        lines = self._lines(each)
        return lines[-1] if lines else {}

    def _lines(self, each: Item) -> list[dict[str, Any]]:
        found = list(study(self.work, each.name).glob("runs/*/metrics.jsonl"))
        lines = found[0].read_text(encoding="utf-8").splitlines() if found else []
        return [json.loads(line) for line in lines if line.endswith("}")]

    def _waits(self, each: Item) -> bool:
        going = any(each.name == other.item.name for other in self.running)
        return not (going or each.name in self.failed or self.done(each))

    def _begin(self, waiting: Sequence[Item], deadline: float) -> None:
        """Begin the best items there is room for; beside each other only runs of one network."""
        if not waiting:
            return
        left = deadline - time.monotonic()
        seconds = {each.name: self.remaining(each) for each in waiting}
        order = by_worth(waiting, seconds)
        # What cannot end goes last, but goes: its checkpoint is what the next half hour begins with.
        order.sort(key=lambda each: seconds[each.name] > left)
        for each in order:
            going = self.running[0].item if self.running else each
            others = network(each) != network(going) or len(self.running) >= self._sharing(each).level
            if others or (self.running and (each.alone or going.alone)):
                return
            self._start(each)

    def _sharing(self, each: Item) -> Sharing:
        return self.sharing.setdefault(network(each), Sharing())

    def _start(self, each: Item) -> None:
        for folder in ("items", "logs"):
            (self.work / folder).mkdir(parents=True, exist_ok=True)
        path, log = self.work / "items" / f"{each.name}.json", self.work / "logs" / f"{each.name}.txt"
        settings = (
            self.settings
            if each.request["data"] != "digits"
            else {name: value for name, value in self.settings.items() if name != "data_dir"}
        )
        write_json(path, {"name": each.name, "asked": each.asked, "request": each.request, "settings": settings})
        command = [sys.executable, "-m", "benchmarks.gpu_day.child", str(path)]
        with log.open("ab") as out:
            process = subprocess.Popen(
                command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, "OMP_NUM_THREADS": "2"}
            )
        self.running.append(Running(each, process, log))
        self._since = time.monotonic()
        self.say(f"begun: {each.name}, {len(self.running)} at a time, some {self.remaining(each):.0f} s")

    def _reap(self) -> None:
        for each in [each for each in self.running if each.process.poll() is not None]:
            self.running.remove(each)
            self._since = time.monotonic()
            if self.done(each.item):
                self.say(f"done: {each.item.name}, {sum(self.epochs(each.item)):.0f} s of epochs")
            else:
                lines = each.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
                self.failed[each.item.name] = lines[-1] if lines else f"exit status {each.process.returncode}"
                self.say(f"failed: {each.item.name}: {self.failed[each.item.name]}")
            self.keep()

    def _judge(self) -> None:
        """Once all that run now have epochs that lay beside each other, how much do they do together?"""
        sharing = self._sharing(self.running[0].item) if self.running else None
        if sharing is None or len(self.running) != sharing.level or sharing.level in sharing.rates:
            return
        if self.running[0].item.alone:
            return
        rate = 0.0
        for each in self.running:
            seconds = self.epochs(each.item)
            beside = [
                second for k, second in enumerate(seconds) if k and sum(seconds[k:]) < time.monotonic() - self._since
            ]
            if len(beside) < MEASURED:
                return
            rate += each.item.operations() / fmean(beside[-MEASURED:])
        level, name = sharing.level, network(self.running[0].item)
        sharing.judge(rate)
        self.say(f"{name}: {level} at a time do {rate / 1e12:.1f} TFLOP/s together; from now on {sharing.level}")


def network(each: Item) -> str:
    """The network that an item trains."""
    return str(each.asked["settings"]["network"])
