"""What does a table look like as a picture: the paper's numbers beside ours?"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from earlylearn.drawing.style import FAINT, INK, OTHER, house_style, new_figure
from earlylearn_paper.experiment import Cell

if TYPE_CHECKING:  # drawing costs a slow import
    from matplotlib.figure import Figure

MOST = 4  # panels side by side


def dots_figure(cells: Sequence[Cell], *, unit: str, caption: str) -> "Figure | None":
    """A panel per column and a line per row: the paper's number (diamond) and ours (dot, bar: one sd each).

    Rows and columns in which nothing was measured are left out.

    Args:
        cells: of the table.
        unit: of the numbers.
        caption: what is compared with what, above the panels.

    Returns:
        None where nothing was measured at all.
    """
    from matplotlib.lines import Line2D

    known = [cell for cell in cells if cell.ours is not None]
    if not known:
        return None
    rows, columns = (list(dict.fromkeys(getattr(cell, name) for cell in known)) for name in ("row", "column"))
    across = min(MOST, len(columns))
    down = -(-len(columns) // across)
    with house_style():
        figure = new_figure(max(5.5, 2.6 * across), down * (0.3 * len(rows) + 0.65) + 0.8)
        panels = figure.subplots(down, across, squeeze=False, sharey=True)
        for axes in panels.flat[len(columns) :]:
            axes.set_visible(False)
        for axes, column in zip(panels.flat, columns, strict=False):
            for cell in (cell for cell in cells if cell.column == column and cell.row in rows):
                height = rows.index(cell.row)
                if cell.paper is not None:
                    axes.errorbar(
                        cell.paper,
                        height - 0.17,
                        xerr=cell.paper_sd,
                        color=FAINT,
                        marker="D",
                        mfc="white",
                        mec=INK,
                        ms=5,
                    )
                if cell.ours is not None:
                    axes.errorbar(cell.ours, height + 0.17, xerr=cell.sd, color=OTHER, marker="o", ms=5.5)
            axes.set_title(column)
            axes.set_yticks(range(len(rows)), rows)
            axes.set_ylim(len(rows) - 0.4, -0.6)
            axes.tick_params(axis="y", length=0)
            axes.margins(x=0.08)
        figure.supxlabel(unit, fontsize=9.5)
        handles = [
            Line2D([], [], ls="", marker="D", mfc="white", mec=INK, ms=5, label="paper"),
            Line2D([], [], ls="", marker="o", color=OTHER, ms=5.5, label="here"),
        ]
        figure.legend(
            handles=handles, loc="outside upper left", ncols=2, frameon=False, title=caption, alignment="left"
        )
    return figure
