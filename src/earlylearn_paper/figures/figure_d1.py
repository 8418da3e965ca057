"""Figure D.1: do running averages of the predictions stay right by themselves, or only with ELR's regularizer?"""

from typing import TYPE_CHECKING

import pandas as pd

from earlylearn.drawing.style import CORRECT, MEMORIZED, house_style, new_figure
from earlylearn_paper.drawing import DASHED, Line, draw_shares
from earlylearn_paper.experiment import Experiment, Findings, Scale, Verdict
from earlylearn_paper.run_curves import mean_curve, network_curves, percent, seed_band
from earlylearn_paper.setup import (
    FULL,
    GPU,
    GPU_MINUTES,
    PLAIN_TRAINING,
    PROCESSOR,
    QUICK,
    QUICK_TRAINING,
    SMALL_DATA,
    SMALL_LAM,
)
from earlylearn_paper.work import Work

if TYPE_CHECKING:  # drawing costs a slow import
    from matplotlib.figure import Figure

ACCURACY = "targets_validation"


def reproduce(work: Work) -> Findings:
    """Train cross-entropy with targets beside it, and ELR; returns curves, figure and verdicts."""
    beta = work.settings["beta"]
    names = {f"targets:beta={beta:g}": "targets", f"elr:beta={beta:g}": "elr"}
    curves = network_curves(work.train_all("networks", tuple(names)))
    curves["method"] = curves["method"].map(names)
    return Findings(verdicts=judge(curves), data={"figure-d1": curves}, figures={"figure-d1": picture(curves)})


def judge(curves: pd.DataFrame) -> list[Verdict]:
    """The claims of the figure, by the mean over the seeds."""
    alone, elr = (mean_curve(curves, method, ACCURACY) for method in ("targets", "elr"))
    return [
        Verdict(
            "without the regularizer the targets eventually overfit the wrong labels",
            "their accuracy rises, then falls",
            f"{percent(alone.max())} at epoch {alone.idxmax()}, {percent(alone.iloc[-1])} at the end",
            bool(alone.max() - alone.iloc[-1] >= 0.05),
        ),
        Verdict(
            "with ELR they do not",
            "their accuracy stays",
            f"at best {percent(elr.max())}, {percent(elr.iloc[-1])} at the end",
            bool(elr.max() - elr.iloc[-1] <= 0.02),
        ),
        Verdict(
            "so that ELR's targets are the better ones at the end",
            "clearly above",
            f"{percent(elr.iloc[-1])} against {percent(alone.iloc[-1])}",
            bool(elr.iloc[-1] - alone.iloc[-1] >= 0.05),
        ),
    ]


def picture(curves: pd.DataFrame) -> "Figure":
    """How many targets of held-out examples favour the true class, mean and range of the seeds."""
    with house_style():
        figure = new_figure(6.0, 3.4)
        axes = figure.add_subplot()
        draw_shares(
            axes,
            [
                Line("ELR", seed_band(curves, "elr", ACCURACY), CORRECT),
                Line("cross-entropy", seed_band(curves, "targets", ACCURACY), MEMORIZED, DASHED),
            ],
        )
        axes.set_title("Targets of held-out examples that favour the true class")
        axes.set_ylabel("accuracy of the targets")
        axes.set_xlabel("epoch")
    return figure


FIGURE_D1 = Experiment(
    name="figure-d1",
    title="Targets alone overfit wrong labels; with ELR's regularizer they do not",
    source="supplement D, Figure D.1",
    quick=Scale(
        settings={"training": QUICK, "beta": 0.7},
        minutes=0.6,
        hardware=PROCESSOR,
        replaced=(SMALL_DATA, PLAIN_TRAINING, QUICK_TRAINING, SMALL_LAM),
    ),
    full=Scale(
        settings={"training": FULL, "beta": 0.7}, minutes=2 * GPU_MINUTES, hardware=GPU, replaced=(PLAIN_TRAINING,)
    ),
    reproduce=reproduce,
)
