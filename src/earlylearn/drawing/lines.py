"""How are lines drawn over epochs, and named where they end?"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # drawing costs a slow import that only a finished run needs
    from matplotlib.axes import Axes


LABEL_GAP = 0.085  # smallest distance of two line labels, as a share of the panel's height


def spread_labels(heights: list[float], text_lines: list[int]) -> list[float]:
    """Heights moved apart just enough for their labels not to touch; ascending in, ascending out."""
    placed: list[float] = []
    for i, height in enumerate(heights):
        gap = LABEL_GAP * (text_lines[i] + text_lines[i - 1]) / 2 if i else 0.0
        placed.append(max(height, placed[-1] + gap) if i else height)
    ceiling = 1.02
    for i in range(len(placed) - 1, -1, -1):
        placed[i] = min(placed[i], ceiling)
        if i:
            ceiling = placed[i] - LABEL_GAP * (text_lines[i] + text_lines[i - 1]) / 2
    return placed


def span(epochs: Sequence[int]) -> tuple[int, int]:
    """The first and the last epoch recorded; 1 and 1 where none is."""
    return min(epochs, default=1), max(epochs, default=1)


def share_axis(axes: "Axes", top: float = 1.02) -> None:
    """Let the y axis show shares from 0 to 100 %, with a little room beyond both."""
    from matplotlib.ticker import PercentFormatter

    axes.set_ylim(-0.02, top)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def epoch_axis(axes: "Axes", epochs: Sequence[int]) -> None:
    """Let the x axis run over the epochs, with whole numbers."""
    from matplotlib.ticker import MaxNLocator

    first, last = span(epochs)
    axes.set_xlim((first, last) if last > first else (first - 0.5, first + 0.5))
    if last > first:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))
    else:
        axes.set_xticks([first])


def name_ends(axes: "Axes", ends: Iterable[tuple[float, str, str]]) -> None:
    """Name every line at its right end in its own colour, names moved apart where two would touch.

    Args:
        axes: where; its y limits must be set already.
        ends: the last height of each line, its name, which may have several text lines, and its colour.
    """
    ends = sorted(ends, key=lambda end: end[0])
    low, high = axes.get_ylim()
    shares = spread_labels(
        [(height - low) / (high - low) for height, _, _ in ends], [1 + name.count("\n") for _, name, _ in ends]
    )
    for share, (_, name, colour) in zip(shares, ends, strict=True):
        axes.annotate(
            name,
            (1.0, share),
            xycoords="axes fraction",
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            fontweight="bold",
            fontsize=9,
            annotation_clip=False,
        )
