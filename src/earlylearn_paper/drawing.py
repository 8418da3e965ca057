"""How are curves over epochs or iterations drawn in the paper's arrangement?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from earlylearn.drawing.lines import epoch_axis, name_ends, share_axis
from earlylearn.drawing.style import CORRECT, FAINT, MEMORIZED, OTHER, house_style, new_figure
from earlylearn_paper.run_curves import example_band, seed_band, step_of

if TYPE_CHECKING:  # drawing costs a slow import
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOTTED, DASHED = (0, (1, 1.2)), (0, (5, 1.5))
# (column, label, colour, line style) of the examples with a clean and with a wrong label
CLEAN_SHARES: tuple[tuple[str, str, str, Any], ...] = (
    ("clean_correct", "correct", CORRECT, "-"),
    ("clean_incorrect", "incorrect", OTHER, DOTTED),
)
WRONG_SHARES: tuple[tuple[str, str, str, Any], ...] = (
    ("wrong_correct", "correct", CORRECT, "-"),
    ("wrong_memorized", "memorised", MEMORIZED, DASHED),
    ("wrong_other", "other", OTHER, DOTTED),
)


@dataclass(frozen=True)
class Line:
    """A curve with its name and looks.

    Attributes:
        label: its name, written at its right end.
        band: by step, ``mean, low, high``.
        colour, dash: its looks.
    """

    label: str
    band: pd.DataFrame
    colour: str
    dash: Any = "-"


def shares_figure(frame: pd.DataFrame, rows: dict[str, str], *, title: str | None = None) -> "Figure":
    """Figure 1's arrangement: a row per method, clean labels left and wrong ones right, mean and range of the seeds.

    Args:
        frame: as of `network_curves` or `linear_curves`.
        rows: what each row is called on the page, by the name of the method.
        title: what tells this figure from others alike.
    """
    with house_style():
        figure = new_figure(9.8, 2.75 * len(rows) + (0.45 if title else 0.15))
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=10.5, fontweight="bold")
        for row, (method, who) in enumerate(rows.items()):
            for column, (side, shares) in enumerate((("clean", CLEAN_SHARES), ("wrong", WRONG_SHARES))):
                axes = figure.add_subplot(len(rows), 2, 2 * row + column + 1)
                lines = [
                    Line(label, seed_band(frame, method, key), colour, dash)
                    for key, label, colour, dash in shares
                    if key in frame
                ]
                draw_shares(axes, lines)
                axes.set_title(f"{who}: examples with a {side} label")
                axes.set_ylabel("share of examples" if column == 0 else "")
                axes.set_xlabel(step_of(frame) if row == len(rows) - 1 else "")
    return figure


def draw_shares(axes: "Axes", lines: Sequence[Line]) -> None:
    """Shares between 0 and 100 %."""
    share_axis(axes)
    draw_lines(axes, lines)


def gradient_panel(
    axes: "Axes", frame: pd.DataFrame, lines: Sequence[tuple[str, str, str, str, Any]], limits: tuple[float, float]
) -> None:
    """Terms of the gradient at the true class, mean and standard deviation over the examples.

    Args:
        axes: where.
        frame: as of `network_curves` or `linear_curves`.
        lines: method, column, label, colour and line style of each.
        limits: of the y axis; the panels of a row share them.
    """
    axes.axhline(0, color=FAINT, linewidth=1.2)
    axes.set_ylim(*limits)
    axes.set_xlabel(step_of(frame))
    draw_lines(
        axes,
        [
            Line(label, example_band(frame, method, column), colour, dash)
            for method, column, label, colour, dash in lines
        ],
    )


def draw_lines(axes: "Axes", lines: Sequence[Line]) -> None:
    """Curves with their bands, each named at its right end in its own colour; the y limits must be set already."""
    steps = [int(step) for line in lines for step in line.band.index]
    if any(line.band.index.name == "iteration" for line in lines):
        axes.set_xscale("log")
        # Decades in full: mathematical notation is switched off, so that names with signs in them stay names.
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.set_xlim(min(steps), max(steps))
    else:
        epoch_axis(axes, steps)
    for line in lines:
        x, band = line.band.index.to_numpy(), line.band
        marker = "o" if len(x) < 3 else None
        if not band["low"].equals(band["high"]):
            axes.fill_between(x, band["low"], band["high"], color=line.colour, alpha=0.16, linewidth=0)
        axes.plot(x, band["mean"], color=line.colour, linestyle=line.dash, marker=marker, markersize=4.5, zorder=3)
    name_ends(axes, [(float(line.band["mean"].iloc[-1]), line.label, line.colour) for line in lines])
