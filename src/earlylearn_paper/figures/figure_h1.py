"""Figure H.1: how sensitive is ELR to its momentum, its coefficient and the strength of mixup?"""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from earlylearn.drawing.style import CORRECT, OTHER, house_style, new_figure
from earlylearn_paper.drawing import DOTTED
from earlylearn_paper.experiment import Experiment, Findings, Scale, Verdict
from earlylearn_paper.run_curves import percent
from earlylearn_paper.setup import (
    FEATURES,
    FULL,
    GPU,
    GPU_MINUTES,
    MEDIUM_FAST,
    MEDIUM_FAST_TRAINING,
    MEDIUM_NETWORK,
    MEDIUM_SEED,
    PROCESSOR,
    QUICK,
    SMALL_DATA,
    from_scratch,
    on_features,
)
from earlylearn_paper.work import Work

if TYPE_CHECKING:  # drawing costs a slow import
    from matplotlib.figure import Figure

PANELS = {
    "beta": "Temporal ensembling momentum β",
    "lam": "Regularization coefficient λ",
    "alpha": "Mixup parameter α",
}
# What counts as large: the smallest values of the paper's own grids (supplement G.4).
STEADY = {"beta": 0.5, "lam": 1.0}
ROBUST = 0.05  # accuracies that differ by no more count as alike


def reproduce(work: Work) -> Findings:
    """Train ELR with every value of each parameter, the others fixed; returns accuracies, figure and verdicts."""
    names = methods(work.settings)
    runs = work.train_all("runs", tuple(dict.fromkeys(names.values())))
    points = pd.DataFrame(
        {
            "parameter": panel,
            "value": value,
            "method": name,
            "seed": run.seed,
            "test_picked": run.outcome["test_at_best_val"],
            "test_last": run.outcome["test_last"],
            "memorized_last": run.outcome["memorized_last"],
        }
        for (panel, value), name in names.items()
        for run in runs[name]
    )
    return Findings(verdicts=judge(points), data={"figure-h1": points}, figures={"figure-h1": picture(points)})


def methods(settings: dict[str, Any]) -> dict[tuple[str, float], str]:
    """The method of every point, by parameter and value."""
    return {(panel, value): _method(panel, value, settings) for panel in PANELS for value in settings[panel]}


def judge(points: pd.DataFrame) -> list[Verdict]:
    """The claims of the figure, by the mean test accuracy of the epoch that noisy validation picked."""
    means = points.groupby(["parameter", "value"])["test_picked"].mean()
    beta, lam, alpha = means["beta"], means["lam"], means["alpha"]
    averaged = beta[beta.index >= STEADY["beta"]]
    large = lam[lam.index >= STEADY["lam"]]
    usual = alpha[alpha.index < alpha.index.max()]
    return [
        Verdict(
            "robust to beta as long as it is large",
            "about 85% from .5 to .999",
            f"{_range(averaged)} from {averaged.index.min():g} to {averaged.index.max():g}",
            _alike(averaged),
        ),
        Verdict(
            "without averaging (beta 0) it fails",
            "38%",
            percent(beta[0.0]),
            bool(beta[0.0] <= averaged.min() - 0.1),
        ),
        Verdict(
            "lambda must be large enough, and then matters little",
            "mild over the range shown",
            f"{percent(lam.iloc[0])} with {lam.index[0]:g}; {_range(large)} from {large.index.min():g} to "
            f"{large.index.max():g}",
            bool(_alike(large) and lam.iloc[0] < large.min() - ROBUST),
        ),
        Verdict(
            "robust to mixup's alpha",
            "about 85%",
            f"{_range(usual)} from none to {usual.index.max():g}",
            _alike(usual),
        ),
        Verdict(
            "unless alpha becomes very large",
            "less at the largest alpha",
            f"{percent(alpha.iloc[-1])} with {alpha.index[-1]:g}, {percent(usual.mean())} on average below",
            bool(alpha.iloc[-1] < usual.mean() - ROBUST),
        ),
    ]


def picture(points: pd.DataFrame) -> "Figure":
    """A panel per parameter, its values evenly spaced: mean and one standard deviation over the seeds."""
    low = points[["test_picked", "test_last"]].to_numpy().min()
    with house_style():
        figure = new_figure(12.4, 3.5)
        for position, (panel, title) in enumerate(PANELS.items()):
            axes = figure.add_subplot(1, len(PANELS), position + 1)
            here = points[points["parameter"] == panel].groupby("value")
            places = np.arange(here.ngroups)
            for key, label, colour, look, shift in (
                ("test_picked", "picked by noisy validation", CORRECT, "-", -0.05),
                ("test_last", "last epoch", OTHER, DOTTED, 0.05),
            ):
                axes.errorbar(
                    places + shift,
                    here[key].mean(),
                    yerr=here[key].std().fillna(0),
                    color=colour,
                    linestyle=look,
                    marker="o",
                    markersize=5,
                    capsize=3,
                    label=label,
                )
            axes.set_xticks(places, [_tick(panel, value) for value in here[key].mean().index])
            axes.set_xlim(-0.4, len(places) - 0.6)
            axes.set_ylim(max(low - 0.1, -0.02), 1.02)
            axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}%")
            axes.set_title(title)
            axes.set_ylabel("test accuracy" if position == 0 else "")
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, handlelength=3)
    return figure


def _method(panel: str, value: float, settings: dict[str, Any]) -> str:
    """The method with one parameter changed; mixup is ELR+ with one network and no weight averaging."""
    fixed = {"lam": settings["fixed_lam"], "beta": settings["fixed_beta"], panel: value}
    options = ":".join(f"{name}={number:g}" for name, number in fixed.items())
    return f"elr+:networks=1:gamma=0:{options}" if panel == "alpha" else f"elr:{options}"


def _tick(panel: str, value: float) -> str:
    return "none" if panel == "alpha" and value == 0 else f"{value:g}"


def _alike(means: "pd.Series[float]") -> bool:
    return bool(means.max() - means.min() <= ROBUST)


def _range(means: "pd.Series[float]") -> str:
    return f"{percent(means.min())} to {percent(means.max())}"


GRID: dict[str, Any] = {
    "beta": [0.0, 0.5, 0.7, 0.9, 0.99, 0.999],
    "lam": [0.05, 0.1, 0.5, 1.0, 3.0, 5.0, 7.0, 10.0],
    "alpha": [0.0, 0.1, 0.5, 1.0, 2.0, 5.0],
    "fixed_beta": 0.7,
}
# Here training is that of supplement G.3, which its tables share, not the one in which cross-entropy memorises most.
_QUICK = {name: value for name, value in QUICK.items() if name != "schedule"}
_FULL = {name: value for name, value in FULL.items() if name not in ("augment", "schedule")}
FIGURE_H1 = Experiment(
    name="figure-h1",
    title="ELR's sensitivity to beta, lambda and mixup's alpha",
    source="supplement H, Figure H.1",
    quick=Scale(
        settings={**GRID, "fixed_lam": 5.0, "training": {**_QUICK, "noise": "symmetric:0.6", "seeds": 2}},
        minutes=4.5,
        hardware=PROCESSOR,
        replaced=(
            SMALL_DATA,
            "40 epochs in batches of 64 by the recipe small-data, two seeds, instead of 120 epochs and four",
            "lambda is 5, the recipe small-data's, where beta and alpha vary, not 3",
            "in 40 epochs, a third of the paper's, targets with beta .99 add up to 1 - .99^40 = .33, with .999 to .04: "
            "too little to hold the network",
        ),
    ),
    # 13 settings of ELR; 6 with mixup, whose targets take another forward pass.
    full=Scale(
        settings={**GRID, "fixed_lam": 3.0, "training": {**_FULL, "noise": "symmetric:0.6", "seeds": 4}},
        minutes=4 * (13 + 6 * 4 / 3) * GPU_MINUTES,
        hardware=GPU,
    ),
    features=on_features({**GRID, "fixed_lam": 3.0, "training": {**FEATURES, "noise": "symmetric:0.6"}}, runs=4 * 19),
    medium=from_scratch(
        {
            "beta": [0.0, 0.5, 0.7, 0.9],
            "lam": [0.1, 1.0, 3.0, 7.0],
            "alpha": [0.0, 1.0, 5.0],
            "fixed_beta": 0.7,
            "fixed_lam": 3.0,
            "training": {"data": "cifar10", "noise": "symmetric:0.6", **MEDIUM_FAST, "network": "whitened-cnn"},
        },
        runs=7 + 3 * 4 / 3,
        replaced=(MEDIUM_NETWORK, MEDIUM_FAST_TRAINING, "fewer values of each parameter", MEDIUM_SEED),
    ),
    reproduce=reproduce,
)
