"""Does what was killed, had no disk, or lived in an odd place go on, bit for bit?"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import earlylearn as el
from earlylearn.review.decisions import Decision
from earlylearn.review.opening import open_review
from tests.fuzz.inputs import Rng, pick
from tests.fuzz.judge import Wrong, ask

COMPARED = (
    "label_issues.csv",
    "labels.npz",
    "checkpoint/last.safetensors",
    "checkpoint/picked.safetensors",
    "beliefs.npy",
)
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
PLACES: dict[str, dict[str, Any]] = {
    "stdin closed": {"shell": "exec 0<&-; "},
    "stdout closed": {"shell": "exec 1>&-; "},
    "both closed": {"shell": "exec 0<&- 1>&-; "},
    "stdout full": {"shell": "exec 1>/dev/full; ", "status": (0, 1)},
    "no home": {"without": ("HOME", "XDG_CACHE_HOME", "USER")},
    "C": {"env": {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0"}},
    "elsewhere": {"cwd": "/proc"},
    "no terminal": {"env": {"TERM": "", "COLUMNS": "1"}},
}


class Machine:
    """What is killed, and what it would have been, made once.

    Args:
        folder: where that is made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        rng = np.random.default_rng(1)
        np.savez(folder / "d.npz", x=rng.normal(size=(60, 4)).astype("f4"), y=np.arange(60) % 3)
        self.data = folder / "d.npz"
        self.train(folder / "whole")  # the first loads what all later ones, and every child, have at hand
        self.compare(folder / "study")
        self.sweep(folder / "sweep")
        self.struck = 0  # kills that hit something at work

    def _killed(self, rng: Rng, work: Callable[[Path], None], folder: Path, seconds: float = 0.0) -> Path:
        """Begin some work in empty folders until a kill hits it before its end, and say in which folder that was.

        Args:
            rng: decides when, and by which signal.
            work: what is done in a folder.
            folder: for the folders.
            seconds: that it takes; 0 measures that first, for the machine may be busier than a moment ago.
        """
        if not seconds:
            began = time.monotonic()
            work(folder / "timed")
            seconds = time.monotonic() - began
            shutil.rmtree(folder / "timed", ignore_errors=True)
        for turn in range(12):
            there = folder / f"turn-{turn}"
            if _killed(rng, lambda there=there: work(there), seconds):
                self.struck += 1
                return there
            seconds *= 0.7  # it was measured while the machine was busier
        raise RuntimeError(f"twelve kills within {seconds:.2f} s came too late")

    def train(self, out: Path) -> None:
        """A run of a few epochs."""
        el.train(self.data, "elr", out=out, network="linear", epochs=8, batch_size=8, quiet=True)

    def compare(self, out: Path) -> None:
        """A comparison of a few runs."""
        how = {"network": "linear", "epochs": 2, "quiet": True}
        el.compare(self.data, ["ce", "elr"], seeds=2, out=out, **how)

    def sweep(self, out: Path) -> None:
        """A sweep over a few points."""
        el.sweep(self.data, "elr", {"lam": [1, 3]}, out=out, network="linear", epochs=2, quiet=True)

    def a_killed_run(self, rng: Rng, folder: Path) -> str:
        """Killed at a random moment, twice at times, then continued."""
        with _pages(rng):
            out = self._killed(rng, self._go_on, folder)
            if rng.integers(2):
                self.struck += _killed(rng, lambda: self._go_on(out), 0.5)
            self._go_on(out)
        _equal(self.folder / "whole", out)
        return "clean"

    def a_killed_study(self, rng: Rng, folder: Path) -> str:
        """The same of a comparison or a sweep, of which the same is asked again."""
        name = pick(rng, ["compare", "sweep"])
        work, whole = getattr(self, name), self.folder / {"compare": "study", "sweep": "sweep"}[name]
        with _pages(rng):
            out = self._killed(rng, work, folder)
            work(out)
        for run in sorted((whole / "runs").iterdir()):
            if run.is_dir() and not run.name.startswith("."):
                _equal(run, out / "runs" / run.name)
        return "clean"

    def a_killed_review(self, rng: Rng, folder: Path) -> str:
        """Killed while decisions are written down: those that were answered are all there, each once."""
        rows = [str(row) for row in open_review(self.folder / "whole").queue.order][:12]

        def decide(run: Path) -> None:
            if not run.exists():
                shutil.copytree(self.folder / "whole", run)
            mine = open_review(run)
            for row in rows:
                mine.decide("ana", Decision(uuid=f"u-{row}", id=row, given=mine.rows.given(row), decision="keep"))

        run = self._killed(rng, decide, folder)
        shutil.copytree(self.folder / "whole", run, dirs_exist_ok=True)  # the kill may have come while it was copied
        decide(run)
        kept = open_review(run).answers().get("ana", {})
        if sorted(kept) != sorted(rows):
            raise Wrong(f"{len(kept)} decisions of {len(rows)} are left")
        return "clean"

    def a_full_disk(self, rng: Rng, folder: Path) -> str:
        """So many kilobytes and no more; with room again, the same goes on and ends as if nothing had been."""
        small = folder / "small"
        small.mkdir()
        with _mounted(small, int(rng.integers(4, 400))) as enlarge:
            out = small / "run"
            answer = ask(*self._words(out))
            if answer.status not in (0, 1, 2):
                raise Wrong(f"status {answer.status}: {answer.line}")
            enlarge()
            self._go_on(out)
            _equal(self.folder / "whole", out)
        return "clean"

    def a_time_jump(self, rng: Rng, folder: Path) -> str:
        """A clock that jumps back and forth changes no result."""
        real = time.time

        def jumping() -> float:
            return real() + float(rng.normal()) * 1e6

        with mock.patch("time.time", jumping), mock.patch("time.monotonic", jumping):
            self.train(folder / "run")
        _equal(self.folder / "whole", folder / "run")
        if el.Run(folder / "run").summary["seconds"] is None:
            raise Wrong("no seconds")
        return "clean"

    def an_odd_place(self, rng: Rng, folder: Path) -> str:
        """Streams closed, no home, another language, a folder in which nothing can be written: a real process."""
        name = pick(rng, sorted(PLACES))
        place = PLACES[name]
        env = {**os.environ, **place.get("env", {})}
        for each in place.get("without", ()):
            env.pop(each, None)
        words = " ".join(str(word) for word in self._words(folder / "run"))
        command = f"{place.get('shell', '')}exec {sys.executable} -m earlylearn {words}"
        done = subprocess.run(
            ["sh", "-c", command], env=env, cwd=place.get("cwd", folder), capture_output=True, text=True, timeout=120
        )
        if "Traceback" in done.stderr or done.returncode not in place.get("status", (0,)):
            raise Wrong(f"{name}: status {done.returncode}, {done.stderr[-300:]!r}")
        _equal(self.folder / "whole", folder / "run")
        return "clean"

    def _words(self, out: Path) -> list[Any]:
        how = ["--network", "linear", "--epochs", 8, "--batch-size", 8, "--quiet", "--out", out]
        return ["train", self.data, "--method", "elr", *how]

    def _go_on(self, out: Path) -> None:
        """Continue what is there, or begin."""
        if (out / "config.json").exists():
            el.resume(out, quiet=True)
        else:
            self.train(out)


def _killed(rng: Rng, work: Callable[[], None], seconds: float) -> bool:
    """Do something in a process of its own, and end that at a random moment; whether it was still at work then."""
    child = os.fork()
    if child == 0:
        ended = 1
        signal.alarm(0)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with contextlib.suppress(BaseException):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            work()
            ended = 0
        os._exit(ended)
    time.sleep(float(rng.uniform(0, 1)) * seconds)
    os.kill(child, pick(rng, SIGNALS))
    return os.waitpid(child, 0)[1] != 0


@contextlib.contextmanager
def _pages(rng: Rng) -> Iterator[None]:
    """Three times of four no page is drawn, which takes four fifths of so small a run and holds none of its results."""
    if rng.integers(4) == 0:
        yield
    else:
        with mock.patch("earlylearn.runs.session.render_run", return_value="<p>not drawn"):
            yield


def _equal(whole: Path, other: Path) -> None:
    for name in COMPARED:
        if (whole / name).read_bytes() != (other / name).read_bytes():
            raise Wrong(f"{name} is not, byte for byte, what a run in one go makes")


@contextlib.contextmanager
def _mounted(folder: Path, kilobytes: int) -> Iterator[Callable[[], object]]:
    """A disk of so many kilobytes; the function makes it large enough for anything."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder], check=True)
    try:
        yield lambda: subprocess.run(["mount", "-o", "remount,size=50m", folder], check=True)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
