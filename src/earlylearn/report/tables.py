"""What do the labels of a run say: which look wrong, between which classes, and how many per class?"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from earlylearn.report.view import RunView

MOST_CLASSES_IN_HEATMAP = 20
MOST_PAIRS = 25
CLASSES_AT_ONCE = 20
MOST_CLASSES_LISTED = 500


def flagged(issues: pd.DataFrame) -> "pd.Series[bool]":
    """Which rows are label issues, whether the column was read as booleans or as text."""
    marks = issues["is_label_issue"]
    return marks if marks.dtype == bool else marks.astype(str).str.lower().isin(["true", "1"])


def in_few_words(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """A column of words that come again and again as categories of text: an eighth of the memory."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return column.astype(str).astype("category")
    return column.cat.remove_unused_categories().cat.rename_categories(str)


def _differ(one: "pd.Series[Any]", other: "pd.Series[Any]") -> "pd.Series[bool]":
    """In which rows two columns of words differ."""
    words = in_few_words(other)
    return in_few_words(one).cat.set_categories(words.cat.categories).cat.codes != words.cat.codes


def has_truth(issues: pd.DataFrame) -> bool:
    """Whether the true label of any row is known."""
    return "true_label" in issues and bool(issues["true_label"].notna().any())


@dataclass(frozen=True, kw_only=True)
class HeatCell:
    """How many labels of one class probably are of another (``own``: of the same), and the colours that show it.

    ``light`` and ``dark`` are ground and ink of each scheme, at least 4.5 : 1 apart.
    """

    count: int
    own: bool
    light: tuple[str, str]
    dark: tuple[str, str]


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
    bad = view.issues.loc[flagged(view.issues), ["given_label", "predicted_label"]]
    counts = bad.groupby([in_few_words(bad[name]) for name in bad], observed=True).size()
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
    sizes = in_few_words(view.issues["given_label"]).value_counts()
    pairs = [
        Pair(given=given, suggested=suggested, count=int(n), share=int(n) / int(sizes[given]))
        for (given, suggested), n in zip(counts.index, counts, strict=True)
    ]
    pairs.sort(key=lambda pair: (-pair.count, pair.given, pair.suggested))
    return Pairs(pairs=pairs[:MOST_PAIRS], left_out=max(len(pairs) - MOST_PAIRS, 0))


def _heat_cell(count: int, most: int, *, own: bool) -> HeatCell:
    """The ground goes by the share of the largest count, from the page's to deep blue, or to pale blue in the dark."""
    if count == 0:
        return HeatCell(count=count, own=own, light=("#ffffff", "#57606a"), dark=("#14181d", "#aab4c0"))
    level = 0.08 + 0.92 * count / most
    light, dark = _between((255, 255, 255), (20, 75, 135), level), _between((20, 24, 29), (150, 200, 245), level)
    return HeatCell(count=count, own=own, light=_with_ink(light), dark=_with_ink(dark))


Colour = tuple[int, int, int]


def _between(start: Colour, end: Colour, level: float) -> Colour:
    red, green, blue = (round(a + (b - a) * level) for a, b in zip(start, end, strict=True))
    return red, green, blue


def _with_ink(ground: Colour) -> tuple[str, str]:
    """A ground and the ink that stands out from it more, black or white: one of them always does by 4.5 : 1."""
    light = _luminance(ground)
    ink = "#ffffff" if 1.05 / (light + 0.05) > (light + 0.05) / 0.05 else "#000000"
    return "#" + "".join(f"{part:02x}" for part in ground), ink


def _luminance(colour: Colour) -> float:
    """Relative luminance, as WCAG 2 defines it."""
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (c / 255 for c in colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


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
    given = in_few_words(issues["given_label"])
    frame = pd.DataFrame({"given": given, "flagged": flagged(issues)})
    known = has_truth(issues)
    if known:
        true = issues["true_label"]
        frame["wrong"] = _differ(true, given).astype(float).where(true.notna())
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
    wrong = None if true is None else _differ(true, issues["given_label"])
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
    split = in_few_words(issues["split"]) if "split" in issues else pd.Series([], dtype="category")
    rows = [line(SPLIT_NAMES.get(part, part), split == part) for part in sorted(split.cat.categories)]
    return PerSplit(rows=[*(rows if len(rows) > 1 else []), line("all", everything)], known=wrong is not None)


def _mean(marks: "pd.Series[bool]") -> float | None:
    return float(marks.mean()) if len(marks) else None
