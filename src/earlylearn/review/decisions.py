"""What has each reviewer decided, kept so that a kill at any moment loses nothing?"""

import json
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

from earlylearn.data.readers.corrections import Verdict
from earlylearn.errors import EarlylearnError, UsageError
from earlylearn.files import append_line, read_lines

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
ADJUDICATOR = "adjudicated"  # whose decisions stand above those of the reviewers


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One answer of one reviewer; a line of ``review/NAME.jsonl``.

    Attributes:
        uuid: chosen by the page for each answer, so that an answer sent twice counts once.
        id: the row's id in the data.
        given: the label it was shown with.
        decision: the label is right (``keep``), another one is (``relabel``), it cannot be told (``unsure``), or no
            class fits (``exclude``).
        label: the class chosen, if relabelled.
        note: in the reviewer's own words.
        ms: milliseconds from seeing the row to the answer.
        at: Unix time in seconds.
        undoes: uuid of an earlier answer that this line takes back; the other fields then repeat that answer's.
    """

    uuid: str
    id: str
    given: str
    decision: Verdict
    label: str | None = None
    note: str = ""
    ms: int | None = None
    at: float = 0.0
    undoes: str | None = None


class DecisionLog:
    """The answers of one reviewer, an append-only file of JSON lines, each on the disk before it counts.

    A last line that a kill cut short was never confirmed to the page, and is passed over.

    Args:
        path: the file, which need not be there yet.

    Raises:
        UsageError: a whole line of the file is no decision.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._lines: list[Decision] = []
        self._known: set[str] = set()
        self._size = -1  # of the file as it was read or written last
        self._catch_up()

    def _catch_up(self) -> None:
        """Read the file again if another process, say a second server of the same review, wrote to it."""
        with self._lock:
            size = self.path.stat().st_size if self.path.exists() else 0
            if size != self._size:
                self._lines = [_decision(line, self.path) for line in read_lines(self.path)]
                self._known = {line.uuid for line in self._lines}
                self._size = size

    def append(self, decision: Decision) -> bool:
        """Keep a decision; False if it is there already.

        Raises:
            EarlylearnError: the disk refuses; nothing was kept.
        """
        with self._lock:
            self._catch_up()
            if decision.uuid in self._known:
                return False
            if not decision.at:
                decision = Decision(**{**asdict(decision), "at": round(time.time(), 3)})
            line = json.dumps({key: value for key, value in asdict(decision).items() if value not in (None, "")})
            try:
                append_line(self.path, line)
            except OSError as error:
                reason = error.strerror or error
                raise EarlylearnError(f"{self.path}: {reason}; free the disk, then answer again") from error
            self._lines.append(decision)
            self._known.add(decision.uuid)
            self._size += len(line.encode()) + 1  # unless another process wrote at this moment: then it is read again
            return True

    def in_force(self) -> dict[str, Decision]:
        """The latest answer to each row that was not taken back, by id, in the order of the answers."""
        self._catch_up()
        undone = {line.undoes for line in self._lines if line.undoes}
        standing: dict[str, Decision] = {}
        for line in self._lines:
            if line.undoes is None and line.uuid not in undone:
                standing.pop(line.id, None)
                standing[line.id] = line
        return standing

    def undo(self, uuid: str, new_uuid: str) -> Decision | None:
        """Take an answer back, whichever it was; the answer that stands for its row now, or None.

        Raises:
            UsageError: there is no such answer.
        """
        self._catch_up()
        found = next((line for line in self._lines if line.uuid == uuid and line.undoes is None), None)
        if found is None:
            raise UsageError(f"{self.path}: has no answer {uuid!r} to take back; load the page again")
        self.append(Decision(**{**asdict(found), "uuid": new_uuid, "undoes": uuid, "at": 0.0}))
        return self.in_force().get(found.id)

    def last(self) -> Decision | None:
        """The latest answer in force: what undo takes back first."""
        standing = list(self.in_force().values())
        return standing[-1] if standing else None

    def __len__(self) -> int:
        return len(self.in_force())


def _decision(line: dict[str, object], path: Path) -> Decision:
    try:
        decision = Decision(**line)  # type: ignore[arg-type]  # checked below
    except TypeError:
        raise UsageError(f"{path}: a line is no decision of a review; restore the file") from None
    texts = (decision.uuid, decision.id, decision.given, decision.note)
    fits = all(isinstance(text, str) for text in texts) and decision.decision in VERDICTS
    if not fits or (decision.decision == "relabel") != isinstance(decision.label, str):
        raise UsageError(f"{path}: a line is no decision of a review; restore the file")
    return decision


def reviewers(folder: Path) -> list[str]:
    """Everybody who has answered here, by name; the adjudicator is none of them."""
    return sorted(path.stem for path in folder.glob("*.jsonl") if path.stem != ADJUDICATOR)


def check_name(name: str) -> str:
    """A reviewer's name that can name a file: letters, digits, ``-``, ``_`` and ``.``; else UsageError."""
    plain = name.strip()
    if not plain or len(plain) > 40 or not all(c.isalnum() or c in "-_." for c in plain) or plain[0] == ".":
        raise UsageError(f"reviewer {name!r}: write a name of letters, digits, - and _, such as ana")
    if plain.lower() == ADJUDICATOR:
        raise UsageError(f"reviewer {name!r}: is kept for what two reviewers settle; choose another name")
    return plain


def check_verdict(decision: Decision, given: str, classes: Iterable[str]) -> None:
    """Raises UsageError unless the answer fits its row and the classes."""
    if decision.given != given:
        raise UsageError(
            f"{decision.id}: was decided with the given label {decision.given!r}, the data have {given!r}; "
            "review the data as they are now"
        )
    if decision.decision not in VERDICTS:
        raise UsageError(f"{decision.id}: {decision.decision!r} is no decision; write one of {', '.join(VERDICTS)}")
    if decision.decision == "relabel":
        known = list(classes)
        if decision.label not in known:
            raise UsageError(f"{decision.id}: {decision.label!r} is none of the classes {', '.join(known[:12])}")
        if decision.label == given:
            raise UsageError(f"{decision.id}: {given!r} is its label already; the decision is keep")
    elif decision.label is not None:
        raise UsageError(f"{decision.id}: the decision {decision.decision} takes no label; leave it out")
