"""Figure B.1: which labels dominate the gradient of cross-entropy, early and late, in linear and deep models?"""

from typing import TYPE_CHECKING

import pandas as pd

from earlylearn.drawing.style import MEMORIZED, OTHER, house_style, new_figure
from earlylearn_paper.drawing import DASHED, gradient_panel
from earlylearn_paper.experiment import Experiment, Findings, Scale, Verdict
from earlylearn_paper.figures.figure_a1 import LINEAR
from earlylearn_paper.run_curves import linear_curves, mean_curve, network_curves, step_of
from earlylearn_paper.setup import (
    FULL,
    GPU,
    GPU_MINUTES,
    LINEAR_SETUP,
    PLAIN_TRAINING,
    PROCESSOR,
    QUICK,
    QUICK_TRAINING,
    SMALL_DATA,
)
from earlylearn_paper.theory.softmax_regression import train_softmax_regression
from earlylearn_paper.work import Work

if TYPE_CHECKING:  # drawing costs a slow import
    from matplotlib.figure import Figure


def reproduce(work: Work) -> Findings:
    """Train both models with cross-entropy; returns curves, figure and verdicts."""
    linear = linear_curves({"ce": train_softmax_regression("ce", **work.settings["linear"])})
    network = network_curves(work.train_all("network", ("ce",)))
    return Findings(
        verdicts=judge("linear model", linear) + judge("network", network),
        data={"figure-b1-linear": linear, "figure-b1-network": network},
        figures={"figure-b1": picture(linear, network)},
    )


def judge(model: str, curves: pd.DataFrame) -> list[Verdict]:
    """The claims of the figure for one of its models, by the mean over the seeds."""
    error = {side: mean_curve(curves, "ce", f"{side}_error") for side in ("clean", "wrong")}
    clean, wrong = (mean_curve(curves, "ce", f"{side}_size") for side in ("clean", "wrong"))
    ratio = wrong / clean
    turn = ratio[ratio >= DOMINANT].index.min()  # NaN if they never dominate
    when = "never" if pd.isna(turn) else f"from {step_of(curves)} {turn} on"
    return [
        Verdict(
            f"{model}: a wrong label flips the sign of p - y at the true class",
            "clean below 0, wrong above 0",
            f"clean at most {error['clean'].max():+.2f}, wrong at least {error['wrong'].min():+.2f}",
            bool(error["clean"].max() < 0 < error["wrong"].min()),
        ),
        Verdict(
            f"{model}: early, wrong labels weigh no more than clean ones; then they dominate, until they are memorised",
            "the clean labels' magnitude falls first, then the wrong labels'",
            f"{ratio.iloc[0]:.2f} times the clean ones' at first, over {DOMINANT} times {when}, at most "
            f"{ratio.max():.2f}; {wrong.max():.2f} falls to {wrong.iloc[-1]:.2f}",
            bool(ratio.iloc[0] <= 1.1 and ratio.max() >= DOMINANT and wrong.iloc[-1] <= wrong.max() / 2),
        ),
    ]


DOMINANT = 1.2  # so many times the clean labels' magnitude counts as dominating


def picture(linear: pd.DataFrame, network: pd.DataFrame) -> "Figure":
    """Rows linear model and network, columns p - y at the true class and its magnitude."""
    with house_style():
        figure = new_figure(9.8, 5.7)
        for row, (model, curves) in enumerate((("Linear model", linear), ("Network", network))):
            for column, (term, title, limits) in enumerate(
                (("error", "p − y at the true class", (-1.05, 1.05)), ("size", "its magnitude", (-0.02, 1.05)))
            ):
                axes = figure.add_subplot(2, 2, 2 * row + column + 1)
                lines = [
                    ("ce", f"clean_{term}", "clean labels", OTHER, "-"),
                    ("ce", f"wrong_{term}", "wrong labels", MEMORIZED, DASHED),
                ]
                gradient_panel(axes, curves, lines, limits)
                axes.set_title(f"{model}: {title}")
    return figure


FIGURE_B1 = Experiment(
    name="figure-b1",
    title="Wrong labels dominate the gradient after early learning",
    source="supplement B, Figure B.1",
    quick=Scale(
        settings={"training": QUICK, "linear": LINEAR},
        minutes=0.4,
        hardware=PROCESSOR,
        replaced=(SMALL_DATA, PLAIN_TRAINING, QUICK_TRAINING, LINEAR_SETUP),
    ),
    full=Scale(
        settings={"training": FULL, "linear": LINEAR},
        minutes=GPU_MINUTES,
        hardware=GPU,
        replaced=(LINEAR_SETUP, PLAIN_TRAINING),
    ),
    reproduce=reproduce,
)
