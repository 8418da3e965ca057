"""How is a finished run shown to a person: curves, tables, and one self-contained HTML page?"""

from earlylearn.report.comparison import render_comparison, render_sweep
from earlylearn.report.curves import memorization_figure
from earlylearn.report.page import render_demo, render_run
from earlylearn.report.suspects import MOST_SHOWN
from earlylearn.report.view import Person, RunView

__all__ = [
    "MOST_SHOWN",
    "Person",
    "RunView",
    "memorization_figure",
    "render_comparison",
    "render_demo",
    "render_run",
    "render_sweep",
]
