"""How does a score depend on the hyperparameters, in a picture?"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from earlylearn.documents import SweepDocument, Trial
from earlylearn.drawing.lines import name_ends
from earlylearn.drawing.style import INK, OTHER, house_style, new_figure
from earlylearn.report.study_figures import WIDTH, cut, known, statistic
from earlylearn.wording import mean_of, setting

if TYPE_CHECKING:  # drawing costs a slow import that only a finished sweep needs
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS = "osD^vPX*"  # with the names at the lines' ends they keep gray prints readable


def sensitivity_figure(document: SweepDocument) -> "Figure | None":
    """How the score that chose, and below it the test accuracy where known, depend on the hyperparameters.

    The last hyperparameter runs along an evenly spaced axis, the one before it has a line per value, and a
    third one a column of panels per value. None if no trial has finished.
    """
    panels = [(key, text) for key, text in _sweep_panels(document) if known(document["trials"], key)]
    if not panels:
        return None
    tried = [trial["options"] for trial in document["trials"]]  # of a large grid perhaps only a sample
    grid = {
        name: [value for value in values if any(options.get(name) == value for options in tried)]
        for name, values in document["grid"].items()
    }
    *others, across = grid
    columns = [dict(zip(others[:-1], values, strict=True)) for values in product(*(grid[name] for name in others[:-1]))]
    lines = [{others[-1]: value} for value in grid[others[-1]]] if others else [{}]
    with house_style():
        figure = new_figure(max(WIDTH, 2.6 * len(columns)), 3.0 * len(panels) + 0.2)
        for row, (key, text) in enumerate(panels):
            first = None
            for column, fixed in enumerate(columns):
                axes = figure.add_subplot(len(panels), len(columns), row * len(columns) + column + 1, sharey=first)
                first = first or axes
                ends = [
                    _sweep_line(axes, document, key, {**fixed, **line}, place, len(lines))
                    for place, line in enumerate(lines)
                ]
                # What a row of panels shows stands once, above its first panel.
                axes.set_title("\n".join(["" if column else text, *([_pairs(fixed)] if fixed else [])]))
                axes.set_xticks(range(len(grid[across])), [cut(setting(value), 12) for value in grid[across]])
                axes.set_xlim(-0.35, len(grid[across]) - 0.65)
                axes.set_xlabel(cut(across))
                axes.margins(y=0.16)
                axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g}%")
                axes.tick_params(labelleft=column == 0)
                if others and column == len(columns) - 1:
                    names = [cut(_pairs(line), 20) for line in lines]
                    name_ends(axes, [(end[0], name, end[1]) for end, name in zip(ends, names, strict=True) if end])
    return figure


def _sweep_panels(document: SweepDocument) -> list[tuple[str, str]]:
    if document["score"] == "val_best":
        return [
            ("val_best", "Noisy validation, best epoch: this chose"),
            ("test_at_best_val", "Test accuracy of that epoch: shown, never used to choose"),
        ]
    return [
        ("val_last", "Noisy validation, last epoch: this chose"),
        ("test_last", "Test accuracy, last epoch: shown, never used to choose"),
    ]


def _sweep_line(
    axes: "Axes", document: SweepDocument, key: str, fixed: Mapping[str, Any], place: int, of: int
) -> tuple[float, str] | None:
    """One line over the values of the last hyperparameter; its last height and colour, None if nothing is known."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    across = list(document["grid"])[-1]
    colour = to_hex(colormaps["viridis"](0.58 * place / max(of - 1, 1))) if of > 1 else OTHER
    shift = 0.05 * (place - (of - 1) / 2)  # error bars of neighbouring lines would hide each other
    heights, errors = [], []
    for position, value in enumerate(document["grid"][across]):
        trial = _trial(document["trials"], {**fixed, across: value})
        values = None if trial is None else statistic(trial, key)
        mean = mean_of(values)
        # A trial that has not finished leaves a gap in its line, never a zero.
        heights.append(float("nan") if mean is None else mean)
        errors.append(0.0 if values is None else values["sd"] or 0.0)
        if trial is not None and trial["picked"] and mean is not None:
            spot = position + shift
            axes.scatter(
                [spot], [mean], s=210, facecolors="none", edgecolors=INK, linewidths=1.6, label="picked", zorder=5
            )
            axes.annotate(
                "picked",
                (spot, mean),
                (0, 11),
                textcoords="offset points",
                ha="center",
                fontsize=8.5,
                fontweight="bold",
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.5},
            )
    spots = [position + shift for position in range(len(heights))]
    # Without a spread (one seed) a bar of length 0 is no bar, so none is drawn.
    bars = errors if any(errors) else None
    axes.errorbar(
        spots,
        heights,
        yerr=bars,
        color=colour,
        marker=MARKERS[place % len(MARKERS)],
        ms=5,
        lw=1.6,
        elinewidth=1,
        capsize=2,
    )
    ends = [height for height in heights if height == height]
    return (ends[-1], colour) if ends else None


def _trial(trials: Sequence[Trial], options: Mapping[str, Any]) -> Trial | None:
    return next(
        (
            t
            for t in trials
            if all(name in t["options"] and t["options"][name] == value for name, value in options.items())
        ),
        None,
    )


def _pairs(options: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={setting(value)}" for name, value in options.items())
