"""Which labels does a page show for somebody to look at, in which order, and what does it say of each?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from earlylearn.report.tables import flagged
from earlylearn.report.thumbnails import thumbnail
from earlylearn.report.view import RunView
from earlylearn.wording import missing

LONGEST_ID = 40
MOST_SHOWN = 10_000  # rows of a page
PICTURE_BYTES = 6_000_000  # of a page; rows after that are listed without
AT_ONCE = 20  # rows in sight
A_PAGE = 100  # rows that are unfolded together
LONG = 60  # characters from which a cell is a text
HELD_OUT = "held out"


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """One example that the page shows, and what is known of its label.

    Attributes:
        id, short_id: its name, and the end of it, which of a long path says more than the start.
        index: its row in the user's own file.
        rank: 1 of the most suspicious.
        given, suggested, true: labels; the true one where it is known.
        mark: ``hit`` (the given label is wrong and the suggestion right), ``half`` (wrong, but so is the suggestion),
            ``miss`` (the given label is right after all), or None where the true label is unknown.
        why: in words.
        notes: what else to know, a few words each.
        picture: an address with the picture in it.
        texts, cells: of a table, its long and its short values, by column.
        opinions: what other runs suggest.
    """

    id: str
    short_id: str
    index: int
    rank: int
    given: str
    suggested: str
    true: str | None
    mark: str | None
    why: str
    notes: tuple[str, ...]
    picture: str | None
    texts: tuple[tuple[str, str], ...] = ()
    cells: tuple[tuple[str, str], ...] = ()
    opinions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Suspects:
    """The flagged rows, worst first: those in sight, pages of more, and how many neither holds."""

    first: list[Suspect]
    pages: list[list[Suspect]]
    left_out: int

    @property
    def some_held_out(self) -> bool:
        """Whether any row is marked as held out."""
        return any(HELD_OUT in each.notes for part in (self.first, *self.pages) for each in part)


def suspects(view: RunView, others: dict[str, RunView] | None = None, *, most: int = MOST_SHOWN) -> Suspects:
    """The label issues, lowest quality first.

    Args:
        view: the run whose audit chooses the examples.
        others: further runs on the same data, whose suggestions stand beside.
        most: rows of the page.
    """
    issues = view.issues if view.worst is None else view.worst
    issues = issues.assign(position=range(len(issues)) if view.worst is None else issues.index)
    issues = issues[flagged(issues)].sort_values(["label_quality", "index"], kind="stable")
    chosen = issues.head(most)
    opinions = {
        name: other.issues["predicted_label"].iloc[chosen["position"]].astype(str).tolist()
        for name, other in (others or {}).items()
    }
    twins, rows, room = _twins(view.issues), list[Suspect](), PICTURE_BYTES
    for rank, (_, row) in enumerate(chosen.iterrows(), 1):
        said = tuple((name, each[rank - 1]) for name, each in opinions.items())
        suspect = _suspect(view, row, rank, twins.get(int(row["position"])), said, pictured=room > 0)
        room -= len(suspect.picture or "")
        rows.append(suspect)
    rest = rows[AT_ONCE:]
    pages = [rest[k : k + A_PAGE] for k in range(0, len(rest), A_PAGE)]
    return Suspects(first=rows[:AT_ONCE], pages=pages, left_out=int(flagged(view.issues).sum()) - len(rows))


def _suspect(
    view: RunView,
    row: "pd.Series[Any]",
    rank: int,
    twin: str | None,
    said: tuple[tuple[str, str], ...],
    *,
    pictured: bool,
) -> Suspect:
    position, given, suggested = int(row["position"]), str(row["given_label"]), str(row["predicted_label"])
    name, true = str(row["id"]), row.get("true_label")
    true = None if missing(true) else str(true)
    mark = None
    if true is not None:
        mark = "miss" if true == given else ("hit" if true == suggested else "half")
    cells = view.cells(position) if view.image is None and view.cells is not None else []
    long = [_is_text(view.config, column, value) for column, value in cells]
    return Suspect(
        id=name,
        short_id=name if len(name) <= LONGEST_ID else "…" + name[-LONGEST_ID:],
        index=int(row["index"]),
        rank=rank,
        given=given,
        suggested=suggested,
        true=true,
        mark=mark,
        why="" if missing(row.get("reason")) else str(row["reason"]),
        notes=_notes(row, twin),
        picture=None if view.image is None or not pictured else thumbnail(view.image(position)),
        texts=tuple(cell for cell, text in zip(cells, long, strict=True) if text),
        cells=tuple(cell for cell, text in zip(cells, long, strict=True) if not text),
        opinions=said,
    )


def _is_text(config: Mapping[str, object], column: str, value: str) -> bool:
    named = config.get("text")
    return len(value) > LONG or "\n" in value or (isinstance(named, list | tuple) and column in named)


def _notes(row: "pd.Series[Any]", twin: str | None) -> tuple[str, ...]:
    notes = []
    if str(row.get("split")) in ("val", "validation"):
        notes.append(HELD_OUT)
    if str(row.get("is_outlier")).lower() == "true":
        notes.append("like no other row")
    return (*notes, twin) if twin else tuple(notes)


def _twins(issues: pd.DataFrame) -> dict[int, str]:
    """By position, a near duplicate of the row that has another label, in words."""
    if "near_duplicate_set" not in issues:
        return {}
    said = {}
    shared = issues["near_duplicate_set"].reset_index(drop=True)
    shared = shared[shared > 0].astype(int)
    places = issues["index"].iloc[shared.index].set_axis(shared.index)
    labels = issues["given_label"].iloc[shared.index].astype(str).set_axis(shared.index)
    for _, rows in shared.groupby(shared).groups.items():
        for row in rows:
            other = next((each for each in rows if labels[each] != labels[row]), None)
            if other is not None:
                said[int(row)] = f"nearly the same as row {places[other]}, which is labelled {labels[other]}"
    return said
