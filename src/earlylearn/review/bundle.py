"""How does a colleague without Python review: one file that opens in any browser, and answers that come back?"""

import base64
import hashlib
import io
import json
import uuid
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from PIL import Image

from earlylearn.data.originals import Picture
from earlylearn.data.readers.corrections import read_corrections
from earlylearn.errors import UsageError, setting
from earlylearn.files import read_lines
from earlylearn.review.decisions import Decision, check_name, check_verdict
from earlylearn.review.desk import Review, decision_from
from earlylearn.review.exports import label_studio
from earlylearn.review.page import render_page

LARGE, SMALL = 640, 160  # pixels of the longer side: of the row itself, and of those beside it


def export(review: Review, folder: Path, names: list[str], *, title: str, run: str) -> list[Path]:
    """Write one offline page per reviewer, ``review-NAME.html``, with every row of the queue in it.

    Args:
        review: whose rows.
        folder: made if it is not there.
        names: of the reviewers.
        title: what the data are called.
        run: the run's folder.

    Raises:
        UsageError: a name cannot name a file, or a page is there already.
    """
    paths = [folder / f"review-{check_name(name)}.html" for name in names]
    there = next((path for path in paths if path.exists()), None)
    if there is not None:
        raise UsageError(f"{there}: exists already; name another folder with {setting('export')}")
    folder.mkdir(parents=True, exist_ok=True)
    data = _offline(review, title=title, run=run)
    for name, path in zip(names, paths, strict=True):
        path.write_text(render_page({**data, "reviewer": name}), encoding="utf-8")
    return paths


def _offline(review: Review, *, title: str, run: str) -> dict[str, Any]:
    rows = review.rows
    items = {row: rows.item(row) for row in review.queue.order}
    near = [each["id"] for item in items.values() for each in (*item["like_given"], *item["like_suggested"])]
    pictures: dict[str, str] = {}
    for row in dict.fromkeys(near):
        _add_picture(pictures, row, rows.picture(row), SMALL)
    for row in items:
        _add_picture(
            pictures, row, rows.picture(row), LARGE
        )  # a row's own picture, if it was near another's, is larger
    digest = hashlib.sha256(json.dumps(asdict(review.queue)).encode()).hexdigest()[:16]
    return {
        "title": title,
        "run": run,
        "key": digest,  # answers in a browser's store belong to this very queue
        "classes": list(rows.data.classes),
        "count": len(review.queue.order),
        "rows": [{"id": row, "given": item["given"], "suggested": item["suggested"]} for row, item in items.items()],
        "items": items,
        "pictures": pictures,
    }


def _add_picture(pictures: dict[str, str], row: str, picture: Picture | None, side: int) -> None:
    if picture is not None:
        kind, content = _shrunk(picture, side)
        pictures[row] = f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _shrunk(picture: Picture, side: int) -> tuple[str, bytes]:
    """A picture of at most so many pixels a side; one that is smaller stays as it is."""
    with Image.open(io.BytesIO(picture.content)) as image:
        if max(image.size) <= side:
            return picture.kind, picture.content
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        image.convert("RGB").save(buffer, format="JPEG", quality=85)
    return "image/jpeg", buffer.getvalue()


def take_in(review: Review, paths: list[Path]) -> dict[str, int]:
    """Read answers that colleagues sent back: ``NAME.jsonl``, a table with the columns of ``corrections.csv`` in
    ``NAME.csv``, or a JSON export of Label Studio, ``NAME.json``.

    Returns the number of new ones by reviewer. The same file twice adds nothing. Nothing is kept of any file if one of
    them is wrong.

    Raises:
        UsageError: a file is no such file, or an answer does not fit the data.
    """
    taken: dict[str, list[Decision]] = {}
    for path in paths:
        if not path.is_file():
            raise UsageError(f"{path}: no such file; give the .jsonl that the offline page downloaded")
        name = check_name(path.stem.removeprefix("review-").split(" ")[0].split("(")[0])
        decisions = _READERS.get(path.suffix.lower(), _lines)(path)
        for number, decision in enumerate(decisions, start=1):
            try:
                check_verdict(decision, review.rows.given(decision.id), review.rows.data.classes)
            except UsageError as error:
                raise UsageError(f"{path}, answer {number}: {error.message}") from None
        if not decisions:
            raise UsageError(f"{path}: holds no answer; give the .jsonl that the offline page downloaded")
        taken.setdefault(name, []).extend(decisions)
    return {name: sum(_taken(review, name, each) for each in decisions) for name, decisions in taken.items()}


def _taken(review: Review, name: str, decision: Decision) -> bool:
    """Keep an answer, unless it is there; one of a table, which has no name of its own, if it says something new."""
    log = review.log(name)
    if not decision.uuid:
        before = log.in_force().get(decision.id)
        if before is not None and (before.decision, before.label) == (decision.decision, decision.label):
            return False
        decision = replace(decision, uuid=str(uuid.uuid4()))
    return log.append(decision)


def _table(path: Path) -> list[Decision]:
    """Answers in the columns of ``corrections.csv``, as a spreadsheet keeps them."""
    return [
        Decision(uuid="", id=each.id, given=each.given, decision=each.decision, label=each.label)
        if each.decision == "relabel"
        else Decision(uuid="", id=each.id, given=each.given, decision=each.decision)
        for each in read_corrections(path)
    ]


def _lines(path: Path) -> list[Decision]:
    return [Decision(**{**asdict(decision_from(line)), "undoes": _undone(line)}) for line in read_lines(path)]


def _undone(line: dict[str, object]) -> str | None:
    undoes = line.get("undoes")
    return undoes if isinstance(undoes, str) else None


_READERS = {".json": label_studio.read, ".csv": _table, ".tsv": _table}
