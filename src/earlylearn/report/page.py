"""How does a run become one HTML file that opens anywhere, without a network and without scripts?"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from earlylearn import wording
from earlylearn.documents import Accuracy
from earlylearn.drawing.svg import to_svg
from earlylearn.report import tables, verdict
from earlylearn.report.curves import accuracy_figure, loss_figure, memorization_figure
from earlylearn.report.suspects import suspects
from earlylearn.report.view import RunView, held_out_agreement

if TYPE_CHECKING:  # as drawing, only a finished run needs them
    from jinja2 import Template
    from markupsafe import Markup

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

MOST_COMPARED = 48  # labels of a page that compares runs


class Cell(NamedTuple):
    """A number of a table as text; ``best`` marks the winner of its line or column, where one number beats another."""

    text: str
    best: bool


class Line(NamedTuple):
    """A line of a table."""

    name: str
    cells: list[Cell]


def render_run(view: RunView) -> str:
    """The HTML of ``report.html``: one run, for a reader who never read the paper."""
    context = {
        "view": view,
        "summary": view.summary,
        "headline": verdict.headline(view),
        "support": verdict.support(view),
        "run_path": view.path,
        "misgivings": [*verdict.misgivings(view), *verdict.copies(view.summary)],
        "claims": verdict.claims(view),
        "memory": verdict.memory(view.summary),
        "tiles": verdict.tiles(view),
        "choice": view.summary.get("choice"),
        "accuracy": view.summary["accuracy"],
        "noise": view.summary["noise"],
        "found": view.summary["label_issues"],
        "last": view.metrics[-1],
        "truth": tables.has_truth(view.issues),
        "curves_known": _curves_known(view),
        "suspects": suspects(view),
        "beside": view.summary.get("data_issues"),
        "flagged": int(tables.flagged(view.issues).sum()),
        "confusion": tables.confusion(view),
        "per_class": tables.per_class(view),
        "per_split": tables.per_split(view),
        "settings": shown_settings(view.config),
        "figures": {**_figures({view.summary["method"]: view}), "loss": _loss(view)},
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
        "noise": view.summary["noise"],
        "truth": tables.has_truth(view.issues),
        "curves_known": all(_curves_known(each) for each in views.values()),
        "rows": _compared(views),
        "suspects": suspects(view, views, most=MOST_COMPARED),
        "flagged": int(tables.flagged(view.issues).sum()),
        "settings": _settings_side_by_side(views),
        "figures": _figures(views),
    }
    return template("demo.html.jinja").render(context)


@cache  # to compile the pages of a study again and again takes longer than to fill them
def template(name: str) -> "Template":
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
        held_out=held_out_agreement,
    )
    environment.tests["missing"] = wording.missing
    return environment.get_template(name)


def _curves_known(view: RunView) -> bool:
    return any(line["clean"] or line["wrong"] for line in view.metrics)


def _figures(views: dict[str, RunView]) -> "dict[str, Markup]":
    """The page's curves as SVG, for one run or for several side by side; of accuracy none where none was measured."""
    from markupsafe import Markup

    runs = {name: view.metrics for name, view in views.items()}
    picked = {name: _picked(view.summary["accuracy"]) for name, view in views.items()}
    judged = any(
        line["test_accuracy"] is not None or line["val_accuracy"] is not None for m in runs.values() for line in m
    )
    accuracy = to_svg(accuracy_figure(runs, picked), "curve-accuracy", _accuracy_alt(views)) if judged else ""
    return {
        "memorization": Markup(to_svg(memorization_figure(runs), "curve-memorization", _memorization_alt(views))),
        "accuracy": Markup(accuracy),
    }


def _picked(accuracy: Accuracy) -> int | None:
    """The epoch that noisy validation picked; None where no labels were held out for it."""
    return None if accuracy["val_best"] is None else accuracy["best_epoch"]


def _loss(view: RunView) -> "Markup | None":
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
        last = view.metrics[-1]
        if last["wrong"]:
            said.append(f"{name} ends with {wording.percent(last['wrong']['memorized'])} of the wrong labels memorised")
        else:
            said.append(f"{name} ends repeating {wording.percent(last['agree'])} of the training labels")
    return "Curves over the epochs of what the model predicts on training examples: " + "; ".join(said)


def _accuracy_alt(views: dict[str, RunView]) -> str:
    said = []
    for name, view in views.items():
        facts = view.summary["accuracy"]
        said.append(
            f"{name} ends at {wording.percent(facts['test_last'])} on test and "
            f"{wording.percent(facts['val_last'])} on noisy validation labels"
        )
    return "Accuracy curves over the epochs: " + "; ".join(said)


def shown_settings(config: Mapping[str, object]) -> list[tuple[str, str]]:
    """What was set, the best known first; nested descriptions of the data are left to ``config.json``."""
    first = [key for key in FIRST_SETTINGS if key in config]
    keys = [*first, *(key for key in config if key not in FIRST_SETTINGS)]
    return [(key, wording.setting(config[key])) for key in keys if _worth_showing(config[key])]


def _settings_side_by_side(views: dict[str, RunView]) -> list[tuple[str, list[str]]]:
    columns = [dict(shown_settings(view.config)) for view in views.values()]
    keys = dict.fromkeys(key for column in columns for key in column)
    return [(key, [column.get(key, wording.GAP) for column in columns]) for key in keys]


def _worth_showing(value: object) -> bool:
    if isinstance(value, dict):
        return bool(value) and not any(isinstance(part, dict | list) for part in value.values())
    return bool(value) if isinstance(value, list | tuple) else not wording.missing(value)


def _compared(views: dict[str, RunView]) -> list[Line]:
    """The lines of the comparing table."""

    def line(
        name: str,
        values: Sequence[float | None],
        write: Callable[[float | None], str],
        better: Literal["high", "low"] | None = None,
    ) -> Line:
        numbers = [value for value in values if value is not None]
        top = None
        if better and len(numbers) > 1 and min(numbers) < max(numbers):
            top = max(numbers) if better == "high" else min(numbers)
        return Line(name, [Cell(write(value), value is not None and value == top) for value in values])

    facts = [view.summary["accuracy"] for view in views.values()]
    found = [view.summary["label_issues"] for view in views.values()]
    summaries = [view.summary for view in views.values()]
    percent, count = wording.percent, wording.count
    return [
        line("Test accuracy, last epoch", [f["test_last"] for f in facts], percent, "high"),
        line(
            "Test accuracy, epoch picked on noisy validation",
            [f["test_at_best_val"] if _picked(f) else None for f in facts],
            percent,
            "high",
        ),
        line("Epoch picked", [_picked(f) for f in facts], count),
        line("Validation accuracy (noisy labels), last epoch", [f["val_last"] for f in facts], percent),
        line("Wrong labels memorised", [s["memorized_last"] for s in summaries], percent, "low"),
        line("Labels flagged", [int(tables.flagged(v.issues).sum()) for v in views.values()], count),
        line("Flagged labels really wrong (precision)", [f["precision"] for f in found], percent, "high"),
        line("Wrong labels found (recall)", [f["recall"] for f in found], percent, "high"),
        line(
            "Ranking of suspects (average precision)",
            [f["average_precision"] for f in found],
            percent,
            "high",
        ),
        line("Training time", [s["seconds"] for s in summaries], wording.duration),
    ]
