"""How does every picture look: colours, type, size?"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # drawing costs a slow import that only a finished run needs
    from matplotlib.figure import Figure


# Apart for colour-blind eyes too, dark enough to be read as text on white.
CORRECT, MEMORIZED, OTHER, INK, FAINT = "#00805e", "#c8460a", "#3b6ea8", "#24292f", "#8a929c"


@contextmanager
def house_style(salt: str = "earlylearn") -> Iterator[None]:
    """Matplotlib's own defaults plus ours while drawing, so that nobody's settings change a page."""
    from matplotlib import style

    ours = {
        "svg.fonttype": "none",
        "svg.hashsalt": salt,
        "text.parse_math": False,  # a class or method called "$x$" is a name, not a formula
        "font.size": 9.5,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": FAINT,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": "#e6e8eb",
        "grid.linewidth": 0.8,
        "xtick.color": FAINT,
        "ytick.color": FAINT,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "axes.titlesize": 10.5,
        "axes.titlelocation": "left",
        "axes.titlepad": 10,
        "lines.linewidth": 2.0,
    }
    with style.context(["default", ours]):
        yield


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure in the house's layout; sizes in inches."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    # The padding, in inches, keeps a title clear of the axis above it and names off the edge.
    return Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(h_pad=0.11, w_pad=0.08))
