"""How does a run become one HTML file that opens anywhere, without a network and without scripts?"""

from typing import Any

from earlylearn import wording
from earlylearn.drawing.svg import to_svg
from earlylearn.report import tables, verdict
from earlylearn.report.curves import accuracy_figure, loss_figure, memorization_figure
from earlylearn.report.view import RunView

# The settings that a reader looks for first; the others follow in the order of config.json.
FIRST_SETTINGS = (
    "method",
    "options",
    "data",
    "noise",
    "network",
    "epochs",
    "batch_size",
    "lr",
    "schedule",
    "weight_decay",
    "precision",
    "seed",
)


def render_run(view: RunView) -> str:
    """The HTML of ``report.html``: one run, for a reader who never read the paper."""
    context = {
        "view": view,
        "summary": view.summary,
        "headline": verdict.headline(view),
        "support": verdict.support(view),
        "tiles": verdict.tiles(view),
        "accuracy": verdict.accuracy(view),
        "noise": view.summary.get("noise") or {},
        "found": view.summary.get("label_issues") or {},
        "last": view.metrics[-1] if view.metrics else {},
        "truth": tables.has_truth(view.issues),
        "curves_known": _curves_known(view),
        "suspects": tables.suspects(view),
        "flagged": int(tables.flagged(view.issues).sum()),
        "confusion": tables.confusion(view),
        "per_class": tables.per_class(view),
        "per_split": tables.per_split(view),
        "settings": shown_settings(view.config),
        "figures": {**_figures({str(view.summary.get("method") or "run"): view}), "loss": _loss(view)},
    }
    return template("report.html.jinja").render(context)


def render_demo(views: dict[str, RunView]) -> str:
    """The HTML that compares several runs on the same data, e.g. ``{"ce": ..., "elr": ...}``.

    The last run is the one whose label issues are shown in pictures; the others' suggestions stand beside.
    """
    if not views:
        raise ValueError("a comparing page needs at least one run")
    chosen = list(views)[-1]
    view = views[chosen]
    context = {
        "views": views,
        "chosen": chosen,
        "view": view,
        "summary": view.summary,
        "headline": verdict.comparison(views),
        "noise": view.summary.get("noise") or {},
        "truth": tables.has_truth(view.issues),
        "curves_known": all(_curves_known(each) for each in views.values()),
        "rows": _compared(views),
        "suspects": tables.suspects(view, views),
        "flagged": int(tables.flagged(view.issues).sum()),
        "settings": _settings_side_by_side(views),
        "figures": _figures(views),
    }
    return template("demo.html.jinja").render(context)


def template(name: str) -> Any:
    """The page of this file name, ready to be rendered: everything that comes from the user is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("earlylearn.report", "templates"),
        autoescape=True,  # ids, class names and settings are the user's, and may hold markup
        undefined=StrictUndefined,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=wording.percent,
        count=wording.count,
        score=wording.score,
        duration=wording.duration,
        setting=wording.setting,
    )
    environment.tests["missing"] = wording.missing
    return environment.get_template(name)


def _curves_known(view: RunView) -> bool:
    return any(line.get("clean") or line.get("wrong") for line in view.metrics)


def _figures(views: dict[str, RunView]) -> dict[str, Any]:
    """The page's curves as SVG, for one run or for several side by side; None without a recorded epoch."""
    from markupsafe import Markup

    runs = {name: view.metrics for name, view in views.items()}
    if not any(runs.values()):
        return {"memorization": None, "accuracy": None}
    picked = {name: verdict.accuracy(view)["best_epoch"] for name, view in views.items()}
    return {
        "memorization": Markup(to_svg(memorization_figure(runs), "curve-memorization", _memorization_alt(views))),
        "accuracy": Markup(to_svg(accuracy_figure(runs, picked), "curve-accuracy", _accuracy_alt(views))),
    }


def _loss(view: RunView) -> Any:
    """The parts of the loss apart, for their sum says little; None if none was recorded."""
    from markupsafe import Markup

    figure = loss_figure(view.metrics)
    if figure is None:
        return None
    return Markup(to_svg(figure, "curve-loss", "Curves of each part of the loss over the epochs"))


def _memorization_alt(views: dict[str, RunView]) -> str:
    """The last point of the curves in words, for readers who cannot see them."""
    said = []
    for name, view in views.items():
        last = view.metrics[-1] if view.metrics else {}
        wrong = last.get("wrong") or {}
        if wrong:
            said.append(f"{name} ends with {wording.percent(wrong.get('memorized'))} of the wrong labels memorised")
        else:
            said.append(f"{name} ends repeating {wording.percent(last.get('agree'))} of the training labels")
    return "Curves over the epochs of what the model predicts on training examples: " + "; ".join(said)


def _accuracy_alt(views: dict[str, RunView]) -> str:
    said = []
    for name, view in views.items():
        facts = verdict.accuracy(view)
        said.append(
            f"{name} ends at {wording.percent(facts['test_last'])} on test and "
            f"{wording.percent(facts['val_last'])} on noisy validation labels"
        )
    return "Accuracy curves over the epochs: " + "; ".join(said)


def shown_settings(config: dict[str, Any]) -> list[tuple[str, str]]:
    """What was set, the best known first; nested descriptions of the data are left to ``config.json``."""
    first = [key for key in FIRST_SETTINGS if key in config]
    keys = [*first, *(key for key in config if key not in FIRST_SETTINGS)]
    return [(key, wording.setting(config[key])) for key in keys if _worth_showing(config[key])]


def _settings_side_by_side(views: dict[str, RunView]) -> list[tuple[str, list[str]]]:
    columns = [dict(shown_settings(view.config)) for view in views.values()]
    keys = dict.fromkeys(key for column in columns for key in column)
    return [(key, [column.get(key, wording.GAP) for column in columns]) for key in keys]


def _worth_showing(value: Any) -> bool:
    if isinstance(value, dict):
        return bool(value) and not any(isinstance(part, dict | list) for part in value.values())
    return isinstance(value, list) or not wording.missing(value)


def _compared(views: dict[str, RunView]) -> list[dict[str, Any]]:
    """The lines of the comparing table; ``best`` marks the winners where one number beats another."""

    def line(name: str, values: list[Any], write: Any, better: str | None = None) -> dict[str, Any]:
        numbers = [value for value in values if not wording.missing(value)]
        top = None
        if better and len(numbers) > 1 and min(numbers) < max(numbers):
            top = max(numbers) if better == "high" else min(numbers)
        cells = [
            {"text": write(value), "best": top is not None and not wording.missing(value) and value == top}
            for value in values
        ]
        return {"name": name, "cells": cells}

    facts = [verdict.accuracy(view) for view in views.values()]
    found = [view.summary.get("label_issues") or {} for view in views.values()]
    summaries = [view.summary for view in views.values()]
    percent, count = wording.percent, wording.count
    return [
        line("Test accuracy, last epoch", [f["test_last"] for f in facts], percent, "high"),
        line(
            "Test accuracy, epoch picked on noisy validation",
            [f["test_at_best_val"] for f in facts],
            percent,
            "high",
        ),
        line("Epoch picked", [f["best_epoch"] for f in facts], count),
        line("Validation accuracy (noisy labels), last epoch", [f["val_last"] for f in facts], percent),
        line("Wrong labels memorised", [s.get("memorized_last") for s in summaries], percent, "low"),
        line("Labels flagged", [int(tables.flagged(v.issues).sum()) for v in views.values()], count),
        line("Flagged labels really wrong (precision)", [f.get("precision") for f in found], percent, "high"),
        line("Wrong labels found (recall)", [f.get("recall") for f in found], percent, "high"),
        line(
            "Ranking of suspects (average precision)",
            [f.get("average_precision") for f in found],
            percent,
            "high",
        ),
        line("Training time", [s.get("seconds") for s in summaries], wording.duration),
    ]
