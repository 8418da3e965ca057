"""Was an input handled cleanly, silently wrongly, with a traceback, or never?"""

import contextlib
import io
import os
import signal
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from earlylearn.cli.main import main
from earlylearn.errors import EarlylearnError

LONGEST = 40  # seconds, of work that takes one where nobody else is at this machine


class Wrong(Exception):
    """An oracle's verdict: accepted, and not what the input says."""


class _Late(BaseException):
    pass


@dataclass
class Answer:
    """What the command line answered."""

    status: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The last line on stderr."""
        return (self.err.strip().splitlines() or [""])[-1]


def ask(*words: object) -> Answer:
    """Ask the command line in this process; raises whatever it does not answer, and `Wrong` of an answer of no form."""
    out, err, status = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(word) for word in words])
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else 0
    answer = Answer(status, out.getvalue(), err.getvalue())
    if status not in (0, 1, 2, 130):
        raise Wrong(f"status {status}")
    if status and not answer.line.startswith("earlylearn: "):
        raise Wrong(f"status {status} without a line: {answer.err[-200:]!r}")
    if "Traceback" in answer.err or "\x1b" in answer.err.replace("\x1b[?25", "") + answer.out:
        raise Wrong(f"not for a terminal: {answer.err[-200:]!r}")
    return answer


@dataclass
class Tally:
    """How many inputs of each kind ended how, and the ones that did not end well."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)

    def run(self, kind: str, name: str, case: Callable[[], str]) -> None:
        """Run a case, which returns how it ended (``clean`` or ``refused``) or raises."""
        try:
            verdict = _in_time(case)
        except EarlylearnError as error:
            verdict = "refused" if "\n" not in str(error) and str(error) else "silently wrong"
            if verdict != "refused":
                self.bad.append(f"{kind} {name}: {error!r}")
        except Wrong as wrong:
            verdict = "silently wrong"
            self.bad.append(f"{kind} {name}: {wrong}")
        except _Late:
            verdict = "hang"
            self.bad.append(f"{kind} {name}: no end after {LONGEST} s")
        except Exception:
            verdict = "traceback"
            self.bad.append(f"{kind} {name}: {' | '.join(traceback.format_exc().splitlines()[-5:])[:900]}")
        self.counts[kind, verdict] += 1

    def table(self) -> str:
        """The counts, a line per kind."""
        verdicts = ("clean", "refused", "silently wrong", "traceback", "hang")
        lines = [f"{'kind':12}" + "".join(f"{name:>16}" for name in verdicts)]
        for kind in dict.fromkeys(kind for kind, _ in self.counts):
            lines.append(f"{kind:12}" + "".join(f"{self.counts[kind, name]:>16,}" for name in verdicts))
        totals = [sum(number for (_, each), number in self.counts.items() if each == name) for name in verdicts]
        return "\n".join([*lines, f"{'all':12}" + "".join(f"{number:>16,}" for number in totals)])


def _in_time(case: Callable[[], str]) -> str:
    def late(*_: object) -> None:
        raise _Late

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(LONGEST)
    here = os.getcwd()
    try:
        return case()
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        os.chdir(here)
