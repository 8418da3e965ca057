"""What do the theory's limits look like: claims tightening with size, separability, and the threshold in lambda?"""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from earlylearn.drawing.lines import name_ends, share_axis
from earlylearn.drawing.style import CORRECT, FAINT, INK, MEMORIZED, OTHER, house_style, new_figure

if TYPE_CHECKING:  # drawing costs a slow import that only figures need
    from matplotlib.figure import Figure

DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1.2)))
COLOURS = (CORRECT, OTHER, MEMORIZED)
SHADES = ("#7fb3d8", "#559cc9", "#3182bd", "#1c5f9f", "#08306b")  # light to dark with Delta

# title, (column, name, colour, marker) of each series, (height, name) of each bound, limits of the axis
PANELS: tuple[tuple[str, tuple[tuple[str, str, str, str], ...], tuple[tuple[float, str], ...], Any], ...] = (
    (
        "Lemma 7: overlap |θ₀ᵀv| of a random start",
        (("overlap", "", INK, "o"),),
        ((0.1, "T: 0.1"),),
        (0, None),
    ),
    (
        "Theorem 4: accuracy on wrong labels",
        (("start", "at θ₀, σ = 0.1", OTHER, "o"), ("end", "at T, σ = 0.01", CORRECT, "s")),
        ((0.5001, "0.5001"),),
        (0, 1.06),
    ),
    (
        "Proposition 3: least correlation with v until T",
        (("correlation", "", INK, "o"),),
        ((1 / 6, "1/6"),),
        (0, 1.06),
    ),
    (
        "Proposition 5: change of mean κ² until T",
        (("wrong", "wrong labels", MEMORIZED, "s"), ("clean", "clean labels", CORRECT, "o")),
        ((0.05, "0.05"), (-0.05, "−0.05")),
        (None, None),
    ),
    (
        "Lemma 10: mean of (θ₀ᵀz)² over wrong labels",
        (("noise", "", INK, "o"),),
        ((4, "4"), (2, "2, as printed")),
        (0, None),
    ),
    (
        "Lemmas 8 to 10: measured / bound",
        (
            ("inputs", "8: |X|/√n", OTHER, "s"),
            ("near", "9", INK, "D"),
            ("norm", "10: noise", MEMORIZED, "^"),
            ("gradient", "8: gradient", CORRECT, "o"),
        ),
        ((1.0, "bound"),),
        (0.5, 1.06),
    ),
)


def scaling_figure(table: pd.DataFrame) -> "Figure":
    """The table of `theory.scaling.scaling`: a panel per claim, a mark per seed, lines through the means."""
    with house_style():
        figure = new_figure(12.4, 6.2)
        for place, (title, series, bounds, limits) in enumerate(PANELS):
            axes = figure.add_subplot(2, 3, place + 1)
            axes.set_title(title)
            axes.set_xscale("log")
            sizes = sorted(table["n"].unique())
            for height, _ in bounds:
                axes.axhline(height, color=FAINT, linewidth=1.2, linestyle=(0, (4, 2)))
            ends = []
            for column, name, colour, marker in series:
                axes.plot(table["n"], table[column], marker, color=colour, markersize=3.5, alpha=0.45, linewidth=0)
                means = table.groupby("n")[column].mean()
                axes.plot(means.index, means, color=colour)
                ends.append((float(means.iloc[-1]), name, colour))
            axes.set_ylim(*limits)
            axes.set_xlim(sizes[0] * 0.8, sizes[-1] * 1.25)
            axes.set_xticks(sizes, [f"{n:,}" for n in sizes])
            axes.minorticks_off()
            if place >= 3:
                axes.set_xlabel("n, with p = 0.9 n")
            name_ends(axes, [end for end in ends if end[1]] + [(height, name, INK) for height, name in bounds])
    return figure


def separability_figure(table: pd.DataFrame) -> "Figure":
    """The table of `earlylearn_paper.theory.scaling.separability`: the shares, and where they pass one half."""
    n = int(table["n"].iloc[0])
    levels = sorted(table["delta"].unique())
    with house_style():
        figure = new_figure(11.0, 4.0)
        axes = figure.add_subplot(1, 2, 1)
        axes.set_title(f"Share of data sets that are linearly separable, n = {n}")
        axes.annotate("from left to right", (0.66, 0.68), fontsize=9)
        halves = []
        for place, (delta, colour) in enumerate(zip(levels, SHADES[: len(levels)], strict=True)):
            part = table[table["delta"] == delta].sort_values("ratio")
            axes.plot(part["ratio"], part["separable"], color=colour, marker="o", markersize=3.5)
            axes.annotate(f"Δ = {delta:g}", (0.66, 0.58 - 0.1 * place), color=colour, fontweight="bold", fontsize=9)
            halves.append(crossing(part["ratio"].to_list(), part["separable"].to_list(), 0.5))
        axes.set_xlabel("p / n")
        axes.set_xlim(0, 1)
        share_axis(axes, top=1.06)
        axes = figure.add_subplot(1, 2, 2)
        axes.set_title("Where labels become separable, and where Theorem 6 says so")
        axes.plot(levels, [1 - delta / 2 for delta in levels], color=MEMORIZED, linestyle=DASHES[1])
        axes.plot(levels, halves, color=CORRECT)
        axes.scatter(levels, halves, color=SHADES[: len(levels)], zorder=3)
        first, last = levels[0], levels[-1]
        middle = (first + last) / 2
        for height, name, colour in (
            (1 - middle / 2 + 0.06, "sufficient: 1 − Δ/2", MEMORIZED),
            (float(np.interp(middle, levels, halves)) - 0.09, "measured: half of the data sets", CORRECT),
        ):
            axes.annotate(name, (middle, height), color=colour, fontweight="bold", fontsize=9)
        axes.set_xlabel("noise level Δ")
        axes.set_ylabel("p / n")
        axes.set_xlim(first - 0.05, last + 0.05)
        axes.set_ylim(0, 1.02)
    return figure


def crossing(x: Sequence[float], y: Sequence[float], height: float) -> float:
    """Where rising points first reach ``height``, by linear interpolation; the last x if never."""
    for (x0, y0), (x1, y1) in pairwise(zip(x, y, strict=True)):
        if y0 < height <= y1:
            return float(x0 + (height - y0) / (y1 - y0) * (x1 - x0))
    return float(x[0] if y[0] >= height else x[-1])


def threshold_figure(linear: pd.DataFrame, network: pd.DataFrame) -> "Figure":
    """Memorised share of the wrong labels against lambda: linear model by sigma, by beta, and a small network."""
    end = linear[linear["iteration"] == linear["iteration"].max()]
    panels = (
        ("Linear model, β = 0.7", end[end["beta"] == 0.7], "sigma", "σ"),
        ("Linear model, σ = 0.3", end[end["sigma"] == 0.3], "beta", "β"),
        ("Two-layer network on digits", network, "beta", "β"),
    )
    with house_style():
        figure = new_figure(12.4, 3.9)
        for place, (title, table, column, symbol) in enumerate(panels):
            axes = figure.add_subplot(1, 3, place + 1)
            axes.set_title(title)
            axes.axvline(2, color=FAINT, linewidth=1.2, linestyle=(0, (4, 2)))
            axes.annotate("λ = 2", (2, 1.0), xytext=(5, 2), textcoords="offset points", fontsize=8.5)
            ends = []
            for value, colour, dash in zip(sorted(table[column].unique()), COLOURS, DASHES, strict=True):
                by_lam = table[table[column] == value].groupby("lam")["memorized"]
                low, middle, high = by_lam.min(), by_lam.mean(), by_lam.max()
                axes.fill_between(middle.index, low, high, color=colour, alpha=0.12, linewidth=0)
                axes.plot(middle.index, middle, color=colour, linestyle=dash, marker="o", markersize=3.5)
                ends.append((float(middle.iloc[-1]), f"{symbol} = {value:g}", colour))
            axes.set_xlabel("λ")
            axes.set_xlim(0.4, 5.05)
            if place == 0:
                axes.set_ylabel("wrong labels memorised at the end")
            share_axis(axes, top=1.06)
            name_ends(axes, ends)
    return figure
