"""What do the labels of a run say: which look wrong, between which classes, and how many per class?"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from earlylearn.report.thumbnails import thumbnail
from earlylearn.report.view import RunView
from earlylearn.wording import missing

MOST_PICTURES = 48
MOST_ROWS = 60
MOST_SHOWN = max(MOST_PICTURES, MOST_ROWS)  # rows that a page shows one by one
LONGEST_ID = 40
MOST_CLASSES_IN_HEATMAP = 20
MOST_PAIRS = 25
CLASSES_AT_ONCE = 20
MOST_CLASSES_LISTED = 500


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """One example that the page shows, and what is known of its label.

    ``mark`` is ``hit`` (the given label is wrong and the suggestion right), ``half`` (wrong, but so is the
    suggestion), ``miss`` (the given label is right after all), or None where the true label is unknown.
    """

    id: str
    short_id: str  # the end of a long path says more than its start
    index: int
    given: str
    suggested: str
    quality: float | None
    true: str | None
    mark: str | None
    picture: str | None
    text: str | None
    opinions: tuple[tuple[str, str], ...] = ()


def flagged(issues: pd.DataFrame) -> "pd.Series[bool]":
    """Which rows are label issues, whether the column was read as booleans or as text."""
    marks = issues["is_label_issue"]
    return marks if marks.dtype == bool else marks.astype(str).str.lower().isin(["true", "1"])


def has_truth(issues: pd.DataFrame) -> bool:
    """Whether the true label of any row is known."""
    return "true_label" in issues and bool(issues["true_label"].notna().any())


def suspects(view: RunView, others: dict[str, RunView] | None = None) -> list[Suspect]:
    """The label issues of lowest quality, as many as a page can show, most suspicious first.

    Args:
        view: the run whose audit chooses the examples.
        others: further runs on the same data, whose suggestions stand beside.
    """
    issues = view.issues[flagged(view.issues)].sort_values(["label_quality", "index"], kind="stable")
    chosen = issues.head(MOST_ROWS if view.image is None else MOST_PICTURES)
    opinions: dict[str, dict[int, str]] = {}
    for name, other in (others or {}).items():
        shown = other.issues[other.issues["index"].isin(chosen["index"])]
        opinions[name] = dict(zip(shown["index"].astype(int), shown["predicted_label"].astype(str), strict=True))
    return [_suspect(view, row, opinions) for _, row in chosen.iterrows()]


def _suspect(view: RunView, row: "pd.Series[Any]", opinions: dict[str, dict[int, str]]) -> Suspect:
    index, given, suggested = int(row["index"]), str(row["given_label"]), str(row["predicted_label"])
    name, true = str(row["id"]), row.get("true_label")
    true = None if missing(true) else str(true)
    mark = None
    if true is not None:
        mark = "miss" if true == given else ("hit" if true == suggested else "half")
    return Suspect(
        id=name,
        short_id=name if len(name) <= LONGEST_ID else "…" + name[-LONGEST_ID:],
        index=index,
        given=given,
        suggested=suggested,
        quality=row["label_quality"],
        true=true,
        mark=mark,
        picture=None if view.image is None else thumbnail(view.image(index)),
        text=view.describe(index) if view.image is None and view.describe is not None else None,
        opinions=tuple((name, said[index]) for name, said in opinions.items() if index in said),
    )


@dataclass(frozen=True, kw_only=True)
class HeatCell:
    """How many labels of one class probably are of another (``own``: of the same), and the colours that show it."""

    count: int
    own: bool
    background: str
    ink: str


@dataclass(frozen=True, kw_only=True)
class HeatRow:
    """The flagged labels of one given class, ``total`` in all, by the class that is suggested."""

    name: str
    total: int
    cells: list[HeatCell]


@dataclass(frozen=True, kw_only=True)
class HeatMap:
    """Flagged labels by given class (rows) and suggested class (cells)."""

    classes: list[str]
    rows: list[HeatRow]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """How often one class is suggested for another, and for which share of it."""

    given: str
    suggested: str
    count: int
    share: float


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """The commonest pairs, the commonest first, and how many are left out."""

    pairs: list[Pair]
    left_out: int


def confusion(view: RunView) -> HeatMap | Pairs:
    """Between which classes the label issues lie: a heat map for at most 20 classes, the commonest pairs for more."""
    bad = view.issues[flagged(view.issues)]
    counts = bad.groupby([bad["given_label"].astype(str), bad["predicted_label"].astype(str)]).size()
    if len(view.classes) <= MOST_CLASSES_IN_HEATMAP:
        names = [str(name) for name in view.classes]
        square = counts.unstack(fill_value=0).reindex(index=names, columns=names, fill_value=0)
        table = square.to_numpy(dtype=np.int64)
        most = max(int(table.max()), 1) if table.size else 1
        rows = [
            HeatRow(
                name=name,
                total=int(line.sum()),
                cells=[_heat_cell(int(cell), most, own=i == j) for j, cell in enumerate(line)],
            )
            for i, (name, line) in enumerate(zip(names, table, strict=True))
        ]
        return HeatMap(classes=names, rows=rows)
    sizes = view.issues["given_label"].astype(str).value_counts()
    pairs = [
        Pair(given=given, suggested=suggested, count=int(n), share=int(n) / int(sizes[given]))
        for (given, suggested), n in zip(counts.index, counts, strict=True)
    ]
    pairs.sort(key=lambda pair: (-pair.count, pair.given, pair.suggested))
    return Pairs(pairs=pairs[:MOST_PAIRS], left_out=max(len(pairs) - MOST_PAIRS, 0))


def _heat_cell(count: int, most: int, *, own: bool) -> HeatCell:
    """White to deep blue by the share of the largest count, and an ink that stays readable on it."""
    if count == 0:
        return HeatCell(count=count, own=own, background="#ffffff", ink="#6b7480")
    level = 0.08 + 0.92 * count / most
    background = (round(255 + (end - 255) * level) for end in (20, 75, 135))
    return HeatCell(
        count=count,
        own=own,
        background="#" + "".join(f"{part:02x}" for part in background),
        ink="#ffffff" if level > 0.55 else "#1c2733",
    )


@dataclass(frozen=True, kw_only=True)
class Share:
    """How many labels of a class or part of the data look wrong.

    ``share`` is of the examples, None without any; ``wrong`` the share of labels that really are wrong, where known.
    """

    name: str
    examples: int
    flagged: int
    share: float | None
    wrong: float | None


@dataclass(frozen=True, kw_only=True)
class PerClass:
    """What is shown at once, what on request, and how many classes are left out; ``known``: whether the truth is."""

    first: list[Share]
    more: list[Share]
    left_out: int
    known: bool


def per_class(view: RunView) -> PerClass:
    """How many examples of each class look wrong: in the classes' order, or worst first if there are many."""
    issues = view.issues
    given = issues["given_label"].astype(str)
    frame = pd.DataFrame({"given": given, "flagged": flagged(issues)})
    known = has_truth(issues)
    if known:
        true = issues["true_label"]
        frame["wrong"] = (true.astype(str) != given).astype(float).where(true.notna())
    grouped = frame.groupby("given").mean(numeric_only=False)
    sizes, bad = given.value_counts(), given[frame["flagged"]].value_counts()
    rows = [
        Share(
            name=name,
            examples=int(sizes.get(name, 0)),
            flagged=int(bad.get(name, 0)),
            share=float(grouped["flagged"][name]) if name in grouped.index else None,
            wrong=float(grouped["wrong"][name]) if known and name in grouped.index else None,
        )
        for name in map(str, view.classes)
    ]
    first = len(rows)
    if len(rows) > CLASSES_AT_ONCE:
        rows.sort(key=lambda row: -(row.share or 0.0))
        first = CLASSES_AT_ONCE
    return PerClass(
        first=rows[:first],
        more=rows[first:MOST_CLASSES_LISTED],
        left_out=max(len(rows) - MOST_CLASSES_LISTED, 0),
        known=known,
    )


SPLIT_NAMES = {"train": "training", "val": "validation (held out)", "validation": "validation (held out)"}


@dataclass(frozen=True, kw_only=True)
class PerSplit:
    """A row per part of the data where there are several, and one for all; ``known``: whether the truth is."""

    rows: list[Share]
    known: bool


def per_split(view: RunView) -> PerSplit:
    """The noise estimate: how many labels look wrong, per part of the data and in all, beside the truth."""
    issues, bad = view.issues, flagged(view.issues)
    true = issues["true_label"] if has_truth(issues) else None
    wrong = None if true is None else true.astype(str) != issues["given_label"].astype(str)
    known = pd.Series(True, index=issues.index) if true is None else true.notna()

    def line(name: str, rows: "pd.Series[bool]") -> Share:
        examples = int(rows.sum())
        return Share(
            name=name,
            examples=examples,
            flagged=int((bad & rows).sum()),
            share=int((bad & rows).sum()) / examples if examples else None,
            wrong=None if wrong is None else _mean(wrong[rows & known]),
        )

    everything = pd.Series(True, index=issues.index)
    parts = list(dict.fromkeys(issues["split"].astype(str))) if "split" in issues else []
    rows = [line(SPLIT_NAMES.get(part, part), issues["split"].astype(str) == part) for part in sorted(parts)]
    return PerSplit(rows=[*(rows if len(rows) > 1 else []), line("all", everything)], known=wrong is not None)


def _mean(marks: "pd.Series[bool]") -> float | None:
    return float(marks.mean()) if len(marks) else None
