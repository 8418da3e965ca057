"""What does a review know and do, whatever page asks: its rows, everybody's answers, what they amount to?"""

import hashlib
import json
from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import asdict, replace
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np

from earlylearn.data.readers.corrections import Correction, read_corrections, write_corrections
from earlylearn.errors import UsageError
from earlylearn.files import read_json, write_json
from earlylearn.review.agreement import disagreements, kappa, settle
from earlylearn.review.cleaning import Cleaning, cleaning, draw, drawn_once
from earlylearn.review.decisions import (
    ADJUDICATOR,
    Decision,
    DecisionLog,
    check_name,
    check_verdict,
    reviewers,
)
from earlylearn.review.estimate import Answer, Interval, remaining, share_wrong
from earlylearn.review.queue import COUNT, SAMPLE, Queue, make_queue, without_gap
from earlylearn.review.rows import Rows

MORE = 50  # rows that a review is lengthened by


class Review:
    """A review in its folder: one queue for everybody, a file of answers for each.

    Args:
        rows: what is reviewed.
        folder: ``RUN/review``; made with the first answer.
        seed: of the probe, when the queue is drawn.
        count: rows of the queue, when it is drawn; None keeps the queue that is there, or draws the usual number.
        pair: only flags with this given and suggested label.

    Raises:
        UsageError: the folder holds a review of other data, or is broken.
    """

    def __init__(
        self,
        rows: Rows,
        folder: Path,
        *,
        seed: int = 0,
        count: int | None = None,
        pair: tuple[str, str] | None = None,
    ) -> None:
        self.rows, self.folder, self.seed, self.pair = rows, folder, seed, pair
        self.put_aside: Path | None = None
        self.queue = self._queue(seed, count, pair)
        self._logs: dict[str, DecisionLog] = {}
        for name in reviewers(folder):
            self.log(name)

    def log(self, reviewer: str) -> DecisionLog:
        """The answers of a reviewer, whose file is read when first asked for."""
        if reviewer not in self._logs:
            self._logs[reviewer] = DecisionLog(self.folder / f"{reviewer}.jsonl")
        return self._logs[reviewer]

    def decide(self, reviewer: str, decision: Decision) -> bool:
        """Keep an answer; False if it is there already.

        Raises:
            UsageError: the answer does not fit its row, the classes or the data.
            EarlylearnError: the disk refuses; nothing was kept.
        """
        name = reviewer if reviewer == ADJUDICATOR else check_name(reviewer)
        check_verdict(decision, self.rows.given(decision.id), self.rows.data.classes)
        return self.log(name).append(decision)

    def undo(self, reviewer: str, uuid: str | None, new_uuid: str) -> Decision | None:
        """Take back an answer (the latest if none is named) and return it; None if there is none to take back."""
        log = self.log(reviewer if reviewer == ADJUDICATOR else check_name(reviewer))
        if uuid is None:
            last = log.last()
            if last is None:
                return None
            uuid = last.uuid
        taken = next((d for d in log.in_force().values() if d.uuid == uuid), None)
        log.undo(uuid, new_uuid)
        return taken

    def lengthen(self, by: int = MORE) -> int:
        """Take more of the most suspicious rows into the queue, for everybody; how many there were to take."""
        before = len(self.queue.order)
        self.queue = self._queue(self.seed, before + by, self.pair)
        return len(self.queue.order) - before

    def answers(self) -> dict[str, dict[str, Decision]]:
        """Everybody's decisions in force, by reviewer and id."""
        names = [*reviewers(self.folder), ADJUDICATOR]
        return {name: self.log(name).in_force() for name in names}

    def corrections(self) -> list[Correction]:
        """What was decided of every row that anybody looked at, differences settled as far as they are."""
        return settle(self.answers())

    def disagreements(self) -> dict[str, dict[str, Decision]]:
        """Rows on which reviewers differ, with what each said."""
        return disagreements(self.answers())

    def cleaning(self, percent: float) -> Cleaning:
        """How many rows must be looked at so that at most this many percent of all labels are wrong, and which.

        Raises:
            UsageError: no such share, or the file of an earlier draw is broken.
        """
        drawn = draw(self.folder, self.rows.issues, percent, seed=self.seed)
        return cleaning(drawn, self.rows.issues, {each.id: each for each in self.corrections()})

    def write(self) -> Path:
        """Write ``corrections.csv`` and return its path.

        A file that somebody changed since it was written is kept beside it: ``corrections-by-hand.csv``, `put_aside`.
        """
        path, mark = self.folder / "corrections.csv", self.folder / "written.json"
        self.folder.mkdir(parents=True, exist_ok=True)
        if path.exists():
            known = read_json(mark) if mark.exists() else None
            if known != _digest(path) and not self._says_the_same(path):
                self.put_aside = path.replace(_free(self.folder / "corrections-by-hand.csv"))
        write_corrections(path, self.corrections())
        write_json(mark, _digest(path))
        return path

    def _says_the_same(self, path: Path) -> bool:
        """Whether a file of corrections holds nothing that the answers do not say."""
        try:
            found = read_corrections(path)
        except UsageError:
            return False
        said = {each.id: (each.decision, each.label) for each in self.corrections()}
        return all(said.get(each.id) == (each.decision, each.label) for each in found)

    def sample(self) -> list[str]:
        """Rows drawn at random from all, whether flagged or not, drawn once and kept."""
        ids = self.rows.issues["id"].astype(str)
        return drawn_once(
            self.folder / "sample.json", ids, min(SAMPLE, len(ids)), np.random.default_rng([self.seed, 1])
        )

    def _kept_sample(self) -> list[str]:
        return self.sample() if (self.folder / "sample.json").exists() else []

    def pairs(self) -> list[tuple[str, str, int]]:
        """Given and suggested labels of the flagged rows and how many have them, the most frequent first."""
        flagged = self.rows.issues[self.rows.issues["is_label_issue"]]
        pairs = Counter(zip(flagged["given_label"].astype(str), flagged["predicted_label"].astype(str), strict=True))
        return [(given, suggested, n) for (given, suggested), n in pairs.most_common()]

    def of_pair(self, given: str, suggested: str) -> list[str]:
        """The flagged rows of a given and a suggested label, worst first."""
        return make_queue(self.rows.issues, seed=0, count=len(self.rows.data), pair=(given, suggested)).order

    def summary(self) -> dict[str, Any]:
        """What the answers amount to so far: counts, estimate, agreement, what remains, when to stop."""
        answers = self.answers()
        settled = {each.id: each for each in settle(answers)}
        probe = self._answered(self.queue.probed(settled), settled)
        outside = self._answered(without_gap(self.queue.outside, settled), settled)
        drawn = self._answered(without_gap(self._kept_sample(), settled), settled)
        worst = self._answered(self.queue.worst, settled)
        flagged = share_wrong(probe, self.queue.flagged)
        unflagged = share_wrong(outside, self.queue.unflagged)
        every = share_wrong(drawn, len(self.rows.data))
        looked = set(settled)
        flags = self.rows.issues["is_label_issue"].to_numpy(bool)
        names = self.rows.issues["id"].astype(str).to_numpy()
        left = [int(((flags == side) & ~np.isin(names, list(looked))).sum()) for side in (True, False)]
        rest = remaining(worst, left[0], unflagged, left[1])
        people = [name for name in answers if name != ADJUDICATOR and answers[name]]
        agreement = kappa(answers[people[0]], answers[people[1]]) if len(people) >= 2 else None
        decided = [each.decision for each in settled.values()]
        return {
            "reviewers": {name: len(answers[name]) for name in people},
            "looked_at": len(settled),
            "counts": {verdict: decided.count(verdict) for verdict in ("keep", "relabel", "unsure", "exclude")},
            "per_class": self._per_class(list(settled.values())),
            "probe": {"flagged": _shown(flagged), "unflagged": _shown(unflagged), "all": _shown(every)},
            "skipped": self._skipped(settled),
            "remaining": asdict(rest),
            "agreement": agreement,
            "disagreements": len(disagreements(answers)),
            "unsettled": sum(row not in answers[ADJUDICATOR] for row in disagreements(answers)),
            "rows": len(self.rows.data),
            "flagged": self.queue.flagged,
        }

    def _answered(self, ids: Sequence[str], settled: dict[str, Correction]) -> list[Answer]:
        words: dict[str, Answer] = {"keep": "right", "relabel": "wrong", "exclude": "wrong", "unsure": "unsure"}
        return [words[settled[row].decision] for row in ids if row in settled]

    def _skipped(self, answered: Container[str]) -> int:
        """Rows of the queue that who goes through it passed over; 0 where other rows than the queue's were answered."""
        order = self.queue.order
        front = order[: sum(row in answered for row in order)]
        open_ = sum(row not in answered for row in front)
        return open_ if 2 * open_ < len(front) else 0

    def _per_class(self, corrections: list[Correction]) -> list[dict[str, Any]]:
        looked = {name: [c for c in corrections if c.given == name] for name in self.rows.data.classes}
        return [
            {
                "name": name,
                "looked_at": len(found),
                "wrong": sum(c.decision in ("relabel", "exclude") for c in found),
            }
            for name, found in looked.items()
            if found
        ]

    def _queue(self, seed: int, count: int | None, pair: tuple[str, str] | None) -> Queue:
        """The queue of this review, drawn once: another one would mix two probes."""
        if pair is not None:
            return make_queue(self.rows.issues, seed=seed, count=count or COUNT, pair=pair)
        path = self.folder / "queue.json"
        if path.exists():
            queue = _read_queue(path)
            gone = next((row for row in queue.order if row not in self.rows.position), None)
            if gone is not None:
                raise UsageError(f"{path}: has the row {gone!r}, which the data have not; it is of other data")
            if count is None or count <= len(queue.order):
                return queue
            longer = make_queue(self.rows.issues, seed=seed, count=count)
            # What was drawn stays drawn; what is new comes after it, and of the probe no more rows have a turn.
            order = list(dict.fromkeys([*queue.order, *longer.worst, *longer.order]))[:count]
            turns = [turn for turn in queue.turns if turn <= len(queue.order)]
            probe = queue.probe[: len(turns)] if queue.turns else queue.probe
            queue = replace(longer, order=order, probe=probe, outside=queue.outside, turns=turns)
        else:
            queue = make_queue(self.rows.issues, seed=seed, count=COUNT if count is None else count)
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(path, asdict(queue))
        return queue


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _free(path: Path) -> Path:
    """This path, or one with a number behind its name where it is taken."""
    numbered = (path.with_name(f"{path.stem}-{k}{path.suffix}") for k in count(2))
    return next(each for each in chain([path], numbered) if not each.exists())


def _shown(interval: Interval) -> dict[str, Any]:
    low, high = interval.rows()
    return {**asdict(interval), "rows_low": low, "rows_high": high}


def _read_queue(path: Path) -> Queue:
    document = read_json(path)
    lists, numbers = ("order", "probe", "outside", "worst"), ("flagged", "unflagged")
    if isinstance(document, dict):
        document.setdefault("turns", [])  # a queue of 0.3.0 has none
    fits = isinstance(document, dict) and set(document) == {*lists, *numbers, "turns"}
    if not (
        fits
        and all(isinstance(document[name], list) and all(isinstance(x, str) for x in document[name]) for name in lists)
        and all(isinstance(document[name], int) for name in numbers)
        and isinstance(document["turns"], list)
        and all(isinstance(turn, int) for turn in document["turns"])
    ):
        raise UsageError(f"{path}: is no queue of a review; restore the file, or remove it to draw another")
    return Queue(**document)


def decision_from(document: object) -> Decision:
    """An answer as a page sends it.

    Raises:
        UsageError: it is not one.
    """
    if not isinstance(document, dict):
        raise UsageError("an answer must be a JSON object")
    known = {key: document.get(key) for key in ("uuid", "id", "given", "decision", "label", "note", "ms", "at")}
    texts = ("uuid", "id", "given", "decision")
    if not all(isinstance(known[key], str) and known[key] for key in texts):
        raise UsageError(f"an answer needs {', '.join(texts)}, each a text; it has {json.dumps(known)[:120]}")
    label, note, ms, at = known["label"], known["note"] or "", known["ms"], known["at"]
    if not (label is None or isinstance(label, str)) or not isinstance(note, str) or len(note) > 2000:
        raise UsageError("label and note must be texts, a note of at most 2,000 characters")
    return Decision(
        uuid=str(known["uuid"]),
        id=str(known["id"]),
        given=str(known["given"]),
        decision=known["decision"],  # type: ignore[arg-type]  # checked against the row and the classes
        label=label,
        note=note,
        ms=int(ms) if isinstance(ms, int | float) and not isinstance(ms, bool) else None,
        at=float(at) if isinstance(at, int | float) and not isinstance(at, bool) else 0.0,
    )
