"""How are corrected labels kept in a file that a spreadsheet may touch, and joined to the data by id?"""

import csv
import io
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from earlylearn.data.readers.paths import check_file, listed
from earlylearn.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

Verdict = Literal["keep", "relabel", "unsure", "exclude"]

COLUMNS = ("id", "given_label", "corrected_label", "decision", "reviewers", "agreed")
WERE_APPLIED = "; these corrections are of other labels, or were applied already"
_PLAIN_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")  # what a spreadsheet would run, and our own mark


@dataclass(frozen=True, kw_only=True)
class Correction:
    """What was decided of a row; a line of ``review/corrections.csv``.

    Attributes:
        id: the row's id in the data.
        given: the label it had.
        label: the label it should have: the given one if it stays, None if it cannot be told or the row goes.
        decision: ``keep``, ``relabel``, ``unsure`` or ``exclude``.
        reviewers: who looked at it.
        agreed: whether all of them said the same; None of one alone. A settled difference counts as agreed not.
    """

    id: str
    given: str
    label: str | None
    decision: Verdict
    reviewers: tuple[str, ...] = ()
    agreed: bool | None = None


def guarded(cell: str) -> str:
    """A cell that no spreadsheet runs: one that begins with = + - @ or ' gets a ' in front, unless it is a number."""
    return f"'{cell}" if cell.startswith(_FORMULA) and not _PLAIN_NUMBER.fullmatch(cell) else cell


def unguarded(cell: str) -> str:
    """The cell that `guarded` was given."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def guarded_frame(frame: "pd.DataFrame") -> "pd.DataFrame":
    """The same table, every text and every column's name `guarded`: for a CSV file with other people's words."""
    columns: dict[str, Any] = {
        str(name): _mapped(frame[name], guarded) for name in frame if frame[name].dtype.kind not in "biufc"
    }
    return frame.assign(**columns).rename(columns=lambda name: guarded(str(name)))


def unguarded_frame(frame: "pd.DataFrame") -> "pd.DataFrame":
    """The table that `guarded_frame` was given, read back."""
    columns: dict[str, Any] = {
        str(name): _mapped(frame[name], unguarded) for name in frame if frame[name].dtype.kind not in "biufc"
    }
    return frame.assign(**columns).rename(columns=lambda name: unguarded(str(name)))


def _mapped(column: "pd.Series[Any]", change: Callable[[str], str]) -> "pd.Series[Any]":
    return column.map(lambda cell: change(cell) if isinstance(cell, str) else cell)


def write_corrections(path: Path, corrections: Sequence[Correction]) -> None:
    """``corrections.csv``: UTF-8 with a mark that spreadsheets know it by, all or nothing."""
    buffer = io.StringIO()
    bare = any("\r" in f"{each.id}{each.given}{each.label}" for each in corrections)  # which csv would not quote
    writer = csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_ALL if bare else csv.QUOTE_MINIMAL)
    writer.writerow(COLUMNS)
    for each in corrections:
        agreed = "" if each.agreed is None else "yes" if each.agreed else "no"
        cells = (each.id, each.given, each.label or "", each.decision, " ".join(each.reviewers), agreed)
        writer.writerow([guarded(cell) for cell in cells])
    partial = path.with_name(path.name + ".partial")
    partial.write_text(buffer.getvalue(), encoding="utf-8-sig")
    os.replace(partial, path)


def read_corrections(path: Path) -> list[Correction]:
    """Corrections of ``corrections.csv``, in whatever order a spreadsheet left its rows.

    ``id`` and ``given_label`` are needed, and ``corrected_label`` or ``decision``; a blank label keeps the given one.

    Raises:
        UsageError: the file cannot be read, lacks a column, or names a row twice.
    """
    if path.exists():
        check_file(path)
    try:
        content = path.read_bytes()
        # A spreadsheet's "Unicode text" is UTF-16, and says so in its first two bytes; UTF-32 begins like it.
        wide = content.startswith((b"\xff\xfe", b"\xfe\xff")) and not content.startswith(b"\xff\xfe\x00\x00")
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8"
        raise UsageError(f"{path}: {reason}; give a CSV file, saved as UTF-8") from None
    text = text.replace("\r\n", "\n")
    text = text if "\n" in text else text.replace("\r", "\n")  # as spreadsheets of old Macintoshes end lines
    header = text.split("\n", 1)[0]
    separator = max(",;\t", key=header.count)  # spreadsheets of some countries write semicolons
    reader = csv.DictReader(io.StringIO(text), delimiter=separator)
    try:
        names = list(reader.fieldnames or [])
        lines = [(reader.line_num, line) for line in reader]
    except csv.Error as error:
        raise UsageError(f"{path}, line {reader.line_num + 1}: {error}; give a CSV file, saved as UTF-8") from None
    _check_columns(names, [line for _, line in lines], path)
    corrections: dict[str, Correction] = {}
    for number, line in lines:
        cells = {name: unguarded(line.get(name) or "") for name in COLUMNS}
        if not any(cell.strip() for cell in cells.values()):
            continue
        correction = _correction(cells, f"{path}, line {number}")
        if correction.id in corrections:
            raise UsageError(f"{path}, line {number}: the id {correction.id!r} stands twice; keep one of them")
        corrections[correction.id] = correction
    return list(corrections.values())


def _check_columns(names: list[str], lines: list[dict[str, Any]], path: Path) -> None:
    """Raises UsageError if a column that is needed is not there."""
    for needed in ("id", "given_label"):
        if needed not in names:
            raise UsageError(f"{path}: has no column {needed!r}; it has {', '.join(names) or 'none'}")
    if "corrected_label" not in names and "decision" not in names:
        raise UsageError(f"{path}: has neither 'corrected_label' nor 'decision'; it has {', '.join(names)}")
    if "corrected_label" not in names and any((line.get("decision") or "").strip() == "relabel" for line in lines):
        raise UsageError(f"{path}: relabels rows, but has no column 'corrected_label'; it has {', '.join(names)}")


def _correction(cells: dict[str, str], place: str) -> Correction:
    given, said = cells["given_label"], cells["decision"].strip()
    label = cells["corrected_label"] if cells["corrected_label"].strip() else ""
    if said not in ("", "keep", "relabel", "unsure", "exclude"):
        raise UsageError(f"{place}: the decision is {said!r}; write keep, relabel, unsure, exclude or nothing")
    decision: Verdict
    if said in ("unsure", "exclude"):
        decision = "unsure" if said == "unsure" else "exclude"
    else:
        decision = "relabel" if label not in ("", given) else "keep"
        if said == "relabel" and decision == "keep":
            raise UsageError(f"{place}: is to be relabelled, but has no other label; fill in corrected_label")
        if said == "keep" and decision == "relabel":
            raise UsageError(
                f"{place}: is to be kept, but has the label {label!r} beside {given!r}; mend one of the two"
            )
    return Correction(
        id=cells["id"],
        given=given,
        label={"keep": given, "relabel": label}.get(decision),
        decision=decision,
        reviewers=tuple(cells["reviewers"].split()),
        agreed={"yes": True, "no": False}.get(cells["agreed"]),
    )


@dataclass(frozen=True)
class Corrected:
    """What corrections make of a data set's labels.

    Attributes:
        labels: the label of every row, by position.
        excluded: positions of rows that no class fits.
        changed, kept, unsure: how many rows were relabelled, looked at and kept, and left as they are in doubt.
    """

    labels: list[str]
    excluded: list[int]
    changed: int
    kept: int
    unsure: int


def correct(
    ids: Sequence[str], given: Sequence[str], classes: Sequence[str], corrections: Sequence[Correction], source: str
) -> Corrected:
    """Join corrections to rows by id, never by order; rows that are not named keep their labels.

    Args:
        ids: of the rows.
        given: their labels now.
        classes: names that a label may have.
        corrections: in any order.
        source: what to call them in errors.

    Raises:
        UsageError: an id is not in the data, a given label is another one there, or a label is no class.
    """
    place = {name: row for row, name in enumerate(ids)}
    known = set(classes)
    labels, excluded = list(given), []
    counts = {"relabel": 0, "keep": 0, "unsure": 0, "exclude": 0}
    for each in corrections:
        row = place.get(each.id)
        if row is None:
            hint = _respelled(each.id, place) or f"; correct it, ids there are such as {ids[0]!r}"
            raise UsageError(f"{source}: the id {each.id!r} is not in the data{hint}")
        if given[row] != each.given:
            raise UsageError(
                f"{source}: {each.id!r} was decided with the given label {each.given!r}, the data have {given[row]!r}"
                + (_respelled(each.given, [given[row]]) or WERE_APPLIED)
            )
        if each.label is not None and each.label not in known:
            raise UsageError(
                f"{source}: {each.label!r} ({each.id!r}) is none of the classes {listed(classes)}"
                + (_respelled(each.label, classes) or f"; {did_you_mean(each.label, classes)}choose one of them")
            )
        counts[each.decision] += 1
        if each.decision == "relabel" and each.label is not None:
            labels[row] = each.label
        elif each.decision == "exclude":
            excluded.append(row)
    return Corrected(labels, sorted(excluded), counts["relabel"], counts["keep"], counts["unsure"])


def _respelled(name: str, known: Iterable[str]) -> str:
    """Says so where a spreadsheet seems to have written a text in its own way: 007 as 7, 1 as 1.0, true as TRUE."""
    plain = _plainly(name)
    like = next((other for other in known if other != name and _plainly(other) == plain), None)
    return f"; a spreadsheet may have made it of {like!r}: format the column as text" if like else ""


def _plainly(name: str) -> str:
    text = name.strip().casefold()
    if not _PLAIN_NUMBER.fullmatch(text):
        return text
    whole, _, part = text.lstrip("+").partition(".")
    return (whole.lstrip("0") or "0") + (f".{part.rstrip('0')}" if part.strip("0") else "")
