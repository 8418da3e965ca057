"""How does a comparison of methods, or a sweep over hyperparameters, become one HTML file?"""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from earlylearn.documents import (
    Compared,
    ComparedMethod,
    ComparisonDocument,
    RunName,
    Statistic,
    SweepDocument,
    Trial,
)
from earlylearn.drawing.svg import to_svg
from earlylearn.report.page import Cell, shown_settings, template
from earlylearn.report.sensitivity import sensitivity_figure
from earlylearn.report.study_figures import (
    accuracy_keys,
    curves_figure,
    difference,
    difference_key,
    differences_figure,
    dots_figure,
    has_curve,
    known,
    measured,
    points,
    points_with_interval,
    statistic,
)
from earlylearn.wording import GAP, count, duration, mean_of, missing, percent, plural, setting, spread, times

if TYPE_CHECKING:  # drawing costs a slow import that only a finished study needs
    from markupsafe import Markup
    from matplotlib.figure import Figure

# (key, group of columns, name, how it is written, which value is best); the time is no matter of better or worse
Column = tuple[str, str, str, Callable[[Statistic | None], str], str | None]
Document = ComparisonDocument | SweepDocument
Item = ComparedMethod | Trial

COMPARED: tuple[Compared, ...] = ("test_last", "test_at_best_val", "val_last")
TEST, VALIDATION, WRONG, TIME = "Test accuracy", "Noisy validation", "Wrong labels", "Time"
SHOWN = "Test accuracy (only shown)"


def spread_points(values: Statistic | None) -> str:
    """Mean and standard deviation of a difference of shares in percentage points, e.g. ``20.1 ± 0.7``."""
    sd = None if values is None else values["sd"]
    text = points(mean_of(values))
    return text if sd is None else f"{text} ± {100 * sd:.1f}"


def _mean_time(values: Statistic | None) -> str:
    return duration(mean_of(values), GAP)


METHOD_COLUMNS: tuple[Column, ...] = (
    ("test_last", TEST, "last epoch", spread, "high"),
    ("test_at_best_val", TEST, "picked epoch", spread, "high"),
    ("best_minus_last", TEST, "best minus last, points", spread_points, "low"),
    ("val_last", VALIDATION, "last epoch", spread, "high"),
    ("memorized_last", WRONG, "memorised", spread, "low"),
    ("average_precision", WRONG, "found (average precision)", spread, "high"),
    ("seconds", TIME, "mean", _mean_time, None),
    ("cost", TIME, "cost", times, None),
)
TRIAL_COLUMNS: tuple[Column, ...] = (
    ("val_last", VALIDATION, "last epoch", spread, None),
    ("val_best", VALIDATION, "best epoch", spread, None),
    ("test_last", SHOWN, "last epoch", spread, None),
    ("test_at_best_val", SHOWN, "picked epoch", spread, None),
    ("memorized_last", WRONG, "memorised", spread, None),
    ("average_precision", WRONG, "found (average precision)", spread, None),
    ("seconds", TIME, "mean", _mean_time, None),
)
RUN_COLUMNS: tuple[tuple[str, str, Callable[[float | None], str]], ...] = (
    ("test_last", "Test, last", lambda value: percent(value, GAP)),
    ("test_at_best_val", "Test, picked", lambda value: percent(value, GAP)),
    ("best_minus_last", "Best minus last, points", points),
    ("val_last", "Noisy val., last", lambda value: percent(value, GAP)),
    ("val_best", "Noisy val., best", lambda value: percent(value, GAP)),
    ("best_epoch", "Picked epoch", lambda value: count(value, GAP)),
    ("memorized_last", "Memorised", lambda value: percent(value, GAP)),
    ("precision", "Precision", lambda value: percent(value, GAP)),
    ("recall", "Recall", lambda value: percent(value, GAP)),
    ("average_precision", "Average precision", lambda value: percent(value, GAP)),
    ("seconds", "Time", lambda value: duration(value, GAP)),
)


def render_comparison(document: ComparisonDocument) -> str:
    """The HTML that compares methods over the same seeds, for a reader who never read the paper.

    Args:
        document: what ``comparison.json`` holds. A comparison that is still under way is shown as far as it is.
    """
    methods = document["methods"]
    key = difference_key(document)
    context = {
        **_shared(document, methods, METHOD_COLUMNS),
        "figures": {
            "dots": _picture(dots_figure(document), "study-accuracy", _dots_alt(document)),
            "differences": _picture(differences_figure(document), "study-differences", _differences_alt(document)),
            "curves": _picture(curves_figure(document), "study-curves", _curves_alt(document)),
        },
        "difference_tested": key == "test_last",
        "intervals": key is not None and any(_has_interval(m, key) for m in methods),
        "differences": [
            {
                "name": m["name"],
                "cells": [points_with_interval(difference(m, k)) for k in COMPARED],
            }
            for m in methods
            if m["differences"]
        ],
        "curves_of": [name for name in ("test", "memorized") if has_curve(document, name)],
    }
    return template("comparison.html.jinja").render(context)


def render_sweep(document: SweepDocument) -> str:
    """The HTML that shows how one method depends on its hyperparameters, and which values noisy validation picked.

    Args:
        document: what ``sweep.json`` holds. A sweep that is still under way is shown as far as it is.
    """
    score = document["score"]
    trials = sorted(document["trials"], key=lambda trial: _descending(mean_of(trial[score])))
    # The score that chose stands first; columns that only show come after it.
    columns = sorted(TRIAL_COLUMNS, key=lambda column: column[0] != score)
    context = {
        **_shared(document, trials, columns),
        "parameters": list(document["grid"]),
        "values": [[setting(trial["options"].get(name)) for name in document["grid"]] for trial in trials],
        "trials": trials,
        "gaps": sum(trial[score] is not None for trial in trials) < math.prod(map(len, document["grid"].values())),
        "figure": _picture(sensitivity_figure(document), "study-sensitivity", _sensitivity_alt(document, trials)),
    }
    return template("sweep.html.jinja").render(context)


def _shared(document: Document, items: Sequence[Item], columns: Sequence[Column]) -> dict[str, object]:
    """What both pages show: the table of means, what is held equal, and the single runs."""
    wanted = len(items) * len(document["seeds"])
    finished = sum(len(item["seeds"]) for item in items)
    tested, truth = known(items, "test_last") or known(items, "test_at_best_val"), known(items, "memorized_last")
    kept = [column for column in columns if known(items, column[0])]
    groups: list[tuple[str, int]] = []  # and the number of its columns
    for _, group, *_ in kept:
        if groups and groups[-1][0] == group:
            groups[-1] = (group, groups[-1][1] + 1)
        else:
            groups.append((group, 1))
    return {
        "document": document,
        "first": document["conclusion"][0] if document["conclusion"] else "No run has finished yet.",
        "further": document["conclusion"][1:],
        "tiles": _tiles(document, len(items), finished, wanted),
        "finished": finished,
        "wanted": wanted,
        "tested": tested,
        "truth": truth,
        "groups": groups,
        "columns": kept,
        "rows": _rows(document, items, kept),
        "missing_runs": _by_name(document["missing"]),
        "runs": _runs(document, items),
        "run_columns": [name for key, name, _ in RUN_COLUMNS if _run_known(document, key)],
        "settings": shown_settings(document["settings"]),
    }


def _tiles(document: Document, items: int, finished: int, wanted: int) -> list[dict[str, str]]:
    seeds = ", ".join(map(str, document["seeds"]))
    what = ("methods", "compared") if "methods" in document else ("combinations", "of hyperparameters")
    boxes = [
        {"value": count(items), "name": what[0], "note": what[1]},
        {
            "value": count(len(document["seeds"])),
            "name": "seed" if len(document["seeds"]) == 1 else "seeds",
            "note": seeds,
        },
        {
            "value": f"{finished:,} of {wanted:,}",
            "name": "runs finished",
            "note": f"{plural(document['epochs'], 'epoch')} each",
        },
    ]
    if not missing(document["wrong_fraction"]):
        note = f"on purpose: {document['noise']}" if document["noise"] else "by the true labels"
        boxes.append({"value": percent(document["wrong_fraction"]), "name": "of labels wrong", "note": note})
    return boxes


def _rows(document: Document, items: Sequence[Item], columns: Sequence[Column]) -> list[dict[str, object]]:
    """The table of means; ``best`` marks the winner of a column where one mean beats another."""
    best = {}
    for key, _, _, _, better in columns:
        means = [mean for item in items if (mean := mean_of(statistic(item, key))) is not None]
        if better and len(means) > 1 and min(means) < max(means):
            best[key] = max(means) if better == "high" else min(means)
    return [
        {
            "name": item["name"],
            "options": setting(item["options"]),
            "baseline": item["name"] == document.get("baseline"),
            "runs": _of(len(item["seeds"]), len(document["seeds"])),
            "cells": [
                Cell(write(values := statistic(item, key)), key in best and mean_of(values) == best[key])
                for key, _, _, write, _ in columns
            ],
        }
        for item in items
    ]


def _runs(document: Document, items: Sequence[Item]) -> list[dict[str, object]]:
    """Every finished run in the order of the table of means, with the address of its own page where it has one."""
    order = {item["name"]: place for place, item in enumerate(items)}
    kept = [(key, write) for key, _, write in RUN_COLUMNS if _run_known(document, key)]
    return [
        {
            "name": run["name"],
            "seed": run["seed"],
            # quoted, for the name of a method is part of it, and may hold what means something in an address
            "link": f"{quote(run['folder'], safe='/=+,@')}/report.html" if run["folder"] else None,
            "cells": [write(measured(run, key)) for key, write in kept],
        }
        for run in sorted(document["runs"], key=lambda run: (order.get(run["name"], len(order)), run["seed"]))
    ]


def _of(finished: int, wanted: int) -> str:
    return str(finished) if finished == wanted else f"{finished} of {wanted}"


def _by_name(entries: Sequence[RunName]) -> dict[str, str]:
    """The seeds by name, e.g. ``{"elr": "seeds 1, 2"}``."""
    seeds: dict[str, list[int]] = {}
    for entry in entries:
        seeds.setdefault(entry["name"], []).append(entry["seed"])
    return {name: f"{'seed' if len(of) == 1 else 'seeds'} {', '.join(map(str, of))}" for name, of in seeds.items()}


def _run_known(document: Document, key: str) -> bool:
    return any(measured(run, key) is not None for run in document["runs"])


def _descending(value: float | None) -> float:
    return math.inf if value is None else -value


def _has_interval(method: ComparedMethod, key: Compared) -> bool:
    paired = difference(method, key)
    return paired is not None and paired["low"] is not None


def _picture(figure: "Figure | None", name: str, alt: str) -> "Markup | None":
    from markupsafe import Markup

    return None if figure is None else Markup(to_svg(figure, name, alt))


def _dots_alt(document: ComparisonDocument) -> str:
    """The means in words, for readers who cannot see the picture."""
    last, picked = accuracy_keys(document["methods"])
    what = "Test accuracy" if last == "test_last" else "Agreement with noisy validation labels"
    said = [
        f"{method['name']} {spread(statistic(method, last))} at the last epoch, "
        f"{spread(statistic(method, picked))} at the picked one"
        for method in document["methods"]
    ]
    return f"{what} of every method and seed: {'; '.join(said)}"


def _differences_alt(document: ComparisonDocument) -> str:
    key = difference_key(document) or "test_last"
    said = [f"{m['name']} {points_with_interval(difference(m, key))}" for m in document["methods"] if m["differences"]]
    return f"Difference to {document['baseline']} in percentage points with 95% intervals: {'; '.join(said)}"


def _curves_alt(document: ComparisonDocument) -> str:
    said = []
    for method in document["methods"]:
        test, memorized = mean_of(method["test_last"]), mean_of(method["memorized_last"])
        said.append(
            f"{method['name']} ends at {percent(test)} on test with {percent(memorized)} of wrong labels memorised"
        )
    return "Curves over the epochs, a panel per method: " + "; ".join(said)


def _sensitivity_alt(document: SweepDocument, trials: Sequence[Trial]) -> str:
    said = [f"{trial['name']} {spread(trial[document['score']])}" for trial in trials]
    return "Noisy validation score of every combination of hyperparameters, best first: " + "; ".join(said)
