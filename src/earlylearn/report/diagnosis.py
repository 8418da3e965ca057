"""How is a diagnosis by planted labels shown: one picture, and one self-contained HTML page?"""

from typing import TYPE_CHECKING, Any

from earlylearn.drawing.lines import epoch_axis, name_ends, share_axis
from earlylearn.drawing.style import CORRECT, MEMORIZED, OTHER, house_style, new_figure
from earlylearn.drawing.svg import to_svg
from earlylearn.report.diagnosed import DiagnosedRun, DiagnosisDocument, Share
from earlylearn.report.page import template
from earlylearn.report.study_figures import WIDTH, cut
from earlylearn.wording import GAP, percent

if TYPE_CHECKING:  # drawing costs a slow import that only a finished diagnosis needs
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DASHED = (0, (5, 1.5))
ALT = (
    "Left, over the epochs: the shares of rows with a planted label that are given their own label back, and whose "
    "planted label is memorised. Right: for each run, the shares memorised at the end and found by the label issues"
)


def diagnosis_figure(document: DiagnosisDocument) -> "Figure":
    """What becomes of planted labels over the epochs, and what each run memorised and found in the end.

    Left, the run as asked (solid) and cross-entropy (dashed). Right, a row per run: planted at random (filled) and by
    likeness (hollow), with 95 % intervals.
    """
    runs = document["runs"]
    with house_style():
        figure = new_figure(WIDTH, max(3.1, 0.36 * len(runs) + 1.5))
        columns = figure.add_gridspec(1, 3, width_ratios=(1.8, 1.0, 1.0))
        _over_epochs(figure.add_subplot(columns[0]), document)
        memorized, found = figure.add_subplot(columns[1]), figure.add_subplot(columns[2])
        _by_run(memorized, runs, "memorized", MEMORIZED)
        memorized.set_title("Memorised at the end")
        memorized.set_yticks(range(len(runs)), [cut(run["name"], 20) for run in runs])
        _by_run(found, runs, "found", CORRECT)
        legend = "● at random  ○ by likeness" + ("\n▏ known to be wrong" if any(run["known"] for run in runs) else "")
        for axes in (memorized, found):
            axes.set_xlabel(legend)
        found.set_title("Flagged as issues")
        found.set_yticks(range(len(runs)), [""] * len(runs))
    return figure


def _over_epochs(axes: "Axes", document: DiagnosisDocument) -> None:
    share_axis(axes)
    shown = {run["name"]: run for run in document["runs"] if run["name"] in (document["default"], "ce")}
    ends = []
    for name, run in shown.items():
        style = "-" if name == document["default"] else DASHED
        for key, what, colour in (("recovered", "own label", CORRECT), ("memorized", "memorised", MEMORIZED)):
            curve: list[float] = run["curves"][key]  # type: ignore[literal-required]
            marker = "o" if len(curve) < 3 else None
            axes.plot(
                range(1, len(curve) + 1),
                curve,
                color=colour,
                linestyle=style,
                marker=marker,
                markersize=4,
            )
            ends.append((curve[-1], f"{cut(name, 14)}: {what}", colour))
    epoch_axis(axes, range(1, max([run["epochs"] for run in shown.values()], default=1) + 1))
    name_ends(axes, ends)
    axes.set_title("Rows with a planted label")
    axes.set_ylabel("share predicted so")
    axes.set_xlabel("epoch")


def _by_run(axes: "Axes", runs: list[DiagnosedRun], key: str, colour: str) -> None:
    for row, run in enumerate(runs):
        marks: tuple[tuple[Share, float, dict[str, Any]], ...] = (
            (run["random"][key], -0.14, {"markerfacecolor": colour}),  # type: ignore[literal-required]
            (run["likeness"][key], 0.14, {"markerfacecolor": "white"}),  # type: ignore[literal-required]
        )
        for share, shift, look in marks:
            axes.plot([share["low"], share["high"]], [row + shift] * 2, color=colour, linewidth=1.4)
            axes.plot(share["share"], row + shift, "o", markersize=5.5, markeredgecolor=colour, **look)
        known = run["known"]
        if known is not None:
            axes.plot(known[key]["share"], row, "|", markersize=13, markeredgewidth=2, color=OTHER)  # type: ignore[literal-required]
    axes.set_xlim(-0.04, 1.04)
    axes.set_xticks([0, 0.5, 1], ["0%", "50%", "100%"])
    axes.set_ylim(len(runs) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)


def render_diagnosis(document: DiagnosisDocument) -> str:
    """The HTML of a diagnosis, for a reader who never read the paper."""
    from markupsafe import Markup

    first, *further = document["conclusion"] or ["No run is finished yet."]
    context = {
        "document": document,
        "first": first,
        "further": further,
        "figure": Markup(to_svg(diagnosis_figure(document), "canaries", ALT)) if document["runs"] else None,
        "rows": [_row(run) for run in document["runs"]],
        "known": any(run["known"] for run in document["runs"]),
    }
    return template("diagnosis.html.jinja").render(context)


def _row(run: DiagnosedRun) -> dict[str, Any]:
    def both(key: str) -> list[str]:
        kinds: list[Any] = [run["random"], run["likeness"], *([run["known"]] if run["known"] else [])]
        return [f"{kind[key]['share']:.0%} ({kind[key]['low']:.0%}–{kind[key]['high']:.0%})" for kind in kinds]

    return {
        "name": run["name"],
        "link": f"{run['folder']}/report.html",
        "memorized": both("memorized"),
        "found": both("found"),
        "agreement": percent(run["agreement"], GAP),
        "test": percent(run["test_last"], GAP),
    }
