"""What does half an hour on a GPU bring: as many of the paper's full-scale numbers as fit, with nobody at hand?

A self-check finds what is broken on this card and goes round it. Then: the CUDA tests of replayed steps; how fast
steps are; cifar10-fast to the paper's 89.15 %; the runs of the paper, the most valuable per second first. What is done
is in the folder at once, in few small files; asked again with the same --work, everything goes on where it stopped.
`earlylearn reproduce --collect DIR` then puts the runs into docs/reproduction.

Run, without network, src and the repository's root on PYTHONPATH:
    python -m benchmarks.gpu_day --minutes 25 --data-dir DATA --out DIR
    python -m benchmarks.gpu_day --rehearse --minutes 2 --out DIR      (on any processor, tiny)
    python -m benchmarks.gpu_day --plan                                (what it would take, on paper)
"""

import argparse
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu_day.plan import items, on_paper
from benchmarks.gpu_day.runner import Runner
from benchmarks.gpu_day.self_check import settings_for
from earlylearn.data.builtin.cifar import OFFICIAL
from earlylearn.files import write_json
from earlylearn.machine import device, matrix_rate
from earlylearn_paper.records import Records, read_record

CHECK_SECONDS, TEST_SECONDS, MEASURE_SECONDS = 60, 120, 240
GOAL = 0.8915  # the paper's ELR at 40 % symmetric noise
BF16_RATE = 790e12  # operations a second of an H200, for the plan on paper
ASSUMED = {"cuda": BF16_RATE, "cpu": 5e10}
REPLAY_TESTS = "tests/loop/test_replay.py"
KNOWN = "docs/reproduction/runs"
LIMIT = 14 * 2**20  # bytes of a file that travels


class Day:
    """The folder that comes back, and everything that is put into it.

    Args:
        out: that folder: ``log.txt, self_check.json, tests.txt, figures.json, progress.json, records.jsonl``.
        work: what is gone on with.
        data_dir: where CIFAR lies; runs on a set that is not there are left out.
        rehearse: tiny, on any processor.
    """

    def __init__(self, out: Path, work: Path, *, data_dir: str | None = None, rehearse: bool = False) -> None:
        self.out, self.work, self.rehearse = out, work, rehearse
        self.began = time.monotonic()
        for folder in (out, work):
            folder.mkdir(parents=True, exist_ok=True)
        self.items = items(rehearse=rehearse)
        self.data_dir = data_dir
        if data_dir is not None:
            self.items = [each for each in self.items if _there(each.request["data"], Path(data_dir))]

    def say(self, line: str) -> None:
        """A line of the log, with the seconds since the beginning."""
        text = f"{time.monotonic() - self.began:7.1f}  {line}"
        print(text, flush=True)
        with (self.out / "log.txt").open("a", encoding="utf-8") as file:
            file.write(text + "\n")

    def run(self, minutes: float) -> None:
        """All of it, until the minutes are over."""
        deadline = self.began + 60 * minutes
        self.say(f"torch {torch.__version__}, {torch.cuda.get_device_name(0) if device() == 'cuda' else 'no GPU'}")
        settings, told = self._check()
        for line in told:
            self.say(f"self-check: {line}")
        if self.data_dir is not None:
            settings["data_dir"] = self.data_dir
        self._tests(deadline)
        self._figures(deadline)
        rate = ASSUMED["cpu"] if device() != "cuda" else self._rate()
        runner = Runner(self.work, settings, rate, say=self.say, keep=lambda: self._keep(runner))
        runner.run(self.items, deadline)
        self._keep(runner)
        done = sum(runner.done(each) for each in self.items)
        self.say(f"{done} of {len(self.items)} runs are finished")

    def _check(self) -> tuple[dict[str, Any], list[str]]:
        path = self.out / "self_check.json"
        self._alone([sys.executable, "-m", "benchmarks.gpu_day.self_check", str(path)], CHECK_SECONDS)
        return settings_for(json.loads(path.read_text(encoding="utf-8")) if path.exists() else [])

    def _tests(self, deadline: float) -> None:
        """The CUDA tests of replay, once."""
        kept = self.work / "tests.txt"
        if not kept.exists() and device() == "cuda":
            command = [sys.executable, "-m", "pytest", "-W", "default", "-p", "no:cacheprovider", REPLAY_TESTS]
            self._alone(command, min(TEST_SECONDS, deadline - time.monotonic()), kept)
        self._bring("tests.txt")

    def _figures(self, deadline: float) -> None:
        """Eager, compiled and replayed steps, once."""
        kept = self.work / "figures.json"
        if not kept.exists() and device() == "cuda":
            command = [sys.executable, "-m", "benchmarks.gpu_day.speeds", str(kept)]
            self._alone(command, min(MEASURE_SECONDS, deadline - time.monotonic()))
        self._bring("figures.json")

    def _rate(self) -> float:
        try:
            return matrix_rate("bf16-mixed", 8192)
        except RuntimeError as error:  # what broke is in the self-check; estimates can do without
            self.say(f"matrix rate: {str(error).splitlines()[0]}")
            return ASSUMED["cuda"]

    def _alone(self, command: list[str], seconds: float, kept: Path | None = None) -> int:
        """A command in a process of its own; its exit status, which is not 0 too if it took too long."""
        name, began = command[2] if len(command) > 2 else command[0], time.monotonic()
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=max(1.0, seconds), check=False)
            output, status = done.stdout or done.stderr, done.returncode
        except subprocess.TimeoutExpired:
            output, status = f"stopped after {seconds:.0f} s\n", 124
        if kept is not None:
            kept.write_text(output, encoding="utf-8")
        self.say(f"{name}: exit status {status}, {time.monotonic() - began:.0f} s")
        return status

    def _bring(self, name: str) -> None:
        if (self.work / name).exists():
            (self.out / name).write_bytes((self.work / name).read_bytes())

    def _keep(self, runner: Runner) -> None:
        """Bring the records and the state of all items into the folder that comes back."""
        paths = sorted((self.work / "records").glob("*.json"))
        records = [read_record(path) for path in paths]
        text = "".join(json.dumps(record, allow_nan=False) + "\n" for record in records)
        if len(text) <= LIMIT:  # which all runs of the plan together do not reach
            partial = self.out / "records.jsonl.partial"
            partial.write_text(text, encoding="utf-8")
            partial.replace(self.out / "records.jsonl")
        goal = {path.stem: reached(record["metrics"]) for path, record in zip(paths, records, strict=True)}
        together = {
            name: {"chosen": each.level, "operations_a_second": {str(k): rate for k, rate in each.rates.items()}}
            for name, each in runner.sharing.items()
        }
        document = {
            "seconds": round(time.monotonic() - self.began, 1),
            "runs_at_a_time": together,
            "seconds_to_8915": {name: seconds for name, seconds in goal.items() if seconds is not None},
            "items": [runner.state(each) for each in self.items],
        }
        write_json(self.out / "progress.json", document)


def _there(data: str, folder: Path) -> bool:
    """Whether a CIFAR set lies in a folder."""
    return any((folder / name).exists() for name in (OFFICIAL[data].folder, OFFICIAL[data].archive))


def reached(metrics: list[dict[str, Any]]) -> float | None:
    """Seconds of training until test accuracy was at the goal; None if it never was, or was not looked at."""
    spent = 0.0
    for line in metrics:
        spent += float(line["seconds"])
        if line["test_accuracy"] is not None and line["test_accuracy"] >= GOAL:
            return round(spent, 2)
    return None


def main() -> None:
    """Do it, or say what it would take."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_day", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=25.0, help="how long (default 25)")
    parser.add_argument("--out", default="runs/gpu-day-results", help="folder of what comes back")
    parser.add_argument("--work", default="runs/gpu-day", help="folder of runs under way (default runs/gpu-day)")
    parser.add_argument("--data-dir", help="where CIFAR's official files lie")
    parser.add_argument("--known", default=KNOWN, help=f"records of runs not to be done again (default {KNOWN})")
    parser.add_argument("--rehearse", action="store_true", help="everything tiny, on any processor")
    parser.add_argument("--plan", action="store_true", help="print what all would take, on paper, and do nothing")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that runs are ended, and what is done is brought
    if asked.plan:
        for stage, hours in on_paper(BF16_RATE).items():
            print(f"{stage}: {hours:.2f} h at {BF16_RATE / 1e12:.0f} TFLOP/s, a quarter of it reached, one at a time")
        return
    if asked.data_dir is None and not asked.rehearse:
        parser.error("--data-dir: say where CIFAR's official files lie")
    work = Path(asked.work)
    for path in Path(asked.known).glob("*.json") if not asked.rehearse else ():
        Records(work / "records").add(read_record(path))
    Day(Path(asked.out), work, data_dir=asked.data_dir, rehearse=asked.rehearse).run(asked.minutes)


if __name__ == "__main__":
    main()
