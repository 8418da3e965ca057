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
    return issues["is_label_issue"].astype(str).str.lower().isin(["true", "1"])


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
    rows: list[dict[str, Any]] = [{str(key): value for key, value in row.items()} for row in chosen.to_dict("records")]
    opinions: dict[str, dict[int, str]] = {}
    for name, other in (others or {}).items():
        shown = other.issues[other.issues["index"].isin(chosen["index"])]
        opinions[name] = dict(zip(shown["index"].astype(int), shown["predicted_label"].astype(str), strict=True))
    return [_suspect(view, row, opinions) for row in rows]


def _suspect(view: RunView, row: dict[str, Any], opinions: dict[str, dict[int, str]]) -> Suspect:
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


def confusion(view: RunView) -> dict[str, Any]:
    """Between which classes the label issues lie: a heat map for few classes, the commonest pairs for many.

    Returns:
        ``classes`` and ``rows`` (class, total, cells of count, background and ink) for at most 20 classes;
        otherwise ``pairs`` (given, suggested, count, share of the given class) and ``left_out``.
    """
    bad = view.issues[flagged(view.issues)]
    counts = bad.groupby([bad["given_label"].astype(str), bad["predicted_label"].astype(str)]).size()
    if len(view.classes) <= MOST_CLASSES_IN_HEATMAP:
        names = [str(name) for name in view.classes]
        square = counts.unstack(fill_value=0).reindex(index=names, columns=names, fill_value=0)
        table = square.to_numpy(dtype=np.int64)
        most = max(int(table.max()), 1) if table.size else 1
        rows = [
            {
                "name": name,
                "total": int(line.sum()),
                "cells": [
                    {"count": int(cell), "own": i == j, **_shade(int(cell) / most)} for j, cell in enumerate(line)
                ],
            }
            for i, (name, line) in enumerate(zip(names, table, strict=True))
        ]
        return {"classes": names, "rows": rows}
    sizes = view.issues["given_label"].astype(str).value_counts()
    pairs: list[dict[str, Any]] = [
        {"given": given, "suggested": suggested, "count": int(n), "share": int(n) / int(sizes[given])}
        for (given, suggested), n in zip(counts.index, counts, strict=True)
    ]
    pairs.sort(key=lambda pair: (-pair["count"], pair["given"], pair["suggested"]))
    return {"pairs": pairs[:MOST_PAIRS], "left_out": max(len(pairs) - MOST_PAIRS, 0)}


def _shade(share: float) -> dict[str, str]:
    """White to deep blue by the share of the largest count, and an ink that stays readable on it."""
    if share == 0:
        return {"background": "#ffffff", "ink": "#6b7480"}
    level = 0.08 + 0.92 * share
    background = (round(255 + (end - 255) * level) for end in (20, 75, 135))
    return {
        "background": "#" + "".join(f"{part:02x}" for part in background),
        "ink": "#ffffff" if level > 0.55 else "#1c2733",
    }


def per_class(view: RunView) -> dict[str, Any]:
    """How many examples of each class look wrong: in the classes' order, or worst first if there are many.

    Returns:
        ``first`` and ``more``, rows of class, examples, flagged, share, and wrong (the share of labels that
        really are wrong, None where unknown); ``known`` and ``left_out``.
    """
    issues = view.issues
    given = issues["given_label"].astype(str)
    frame = pd.DataFrame({"given": given, "flagged": flagged(issues)})
    known = has_truth(issues)
    if known:
        true = issues["true_label"]
        frame["wrong"] = (true.astype(str) != given).astype(float).where(true.notna())
    grouped = frame.groupby("given").mean(numeric_only=False)
    sizes, bad = given.value_counts(), given[frame["flagged"]].value_counts()
    rows: list[dict[str, Any]] = [
        {
            "name": str(name),
            "examples": int(sizes.get(str(name), 0)),
            "flagged": int(bad.get(str(name), 0)),
            "share": float(grouped["flagged"][str(name)]) if str(name) in grouped.index else None,
            "wrong": float(grouped["wrong"][str(name)]) if known and str(name) in grouped.index else None,
        }
        for name in view.classes
    ]
    first = len(rows)
    if len(rows) > CLASSES_AT_ONCE:
        rows.sort(key=lambda row: -(row["share"] or 0.0))
        first = CLASSES_AT_ONCE
    return {
        "first": rows[:first],
        "more": rows[first:MOST_CLASSES_LISTED],
        "left_out": max(len(rows) - MOST_CLASSES_LISTED, 0),
        "known": known,
    }


SPLIT_NAMES = {"train": "training", "val": "validation (held out)", "validation": "validation (held out)"}


def per_split(view: RunView) -> dict[str, Any]:
    """The noise estimate: how many labels look wrong, per part of the data and in all, beside the truth."""
    issues, bad = view.issues, flagged(view.issues)
    true = issues["true_label"] if has_truth(issues) else None
    wrong = None if true is None else true.astype(str) != issues["given_label"].astype(str)
    known = pd.Series(True, index=issues.index) if true is None else true.notna()

    def line(name: str, rows: "pd.Series[bool]") -> dict[str, Any]:
        examples = int(rows.sum())
        return {
            "name": name,
            "examples": examples,
            "flagged": int((bad & rows).sum()),
            "share": int((bad & rows).sum()) / examples if examples else None,
            "wrong": None if wrong is None else _mean(wrong[rows & known]),
        }

    everything = pd.Series(True, index=issues.index)
    parts = list(dict.fromkeys(issues["split"].astype(str))) if "split" in issues else []
    rows = [line(SPLIT_NAMES.get(part, part), issues["split"].astype(str) == part) for part in sorted(parts)]
    return {
        "rows": [*(rows if len(rows) > 1 else []), line("all", everything)],
        "known": wrong is not None,
    }


def _mean(marks: "pd.Series[bool]") -> float | None:
    return float(marks.mean()) if len(marks) else None
