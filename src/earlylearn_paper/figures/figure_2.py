"""Figure 2: how does ELR's gradient counteract that of cross-entropy at the true class?"""

from typing import TYPE_CHECKING, Any

import pandas as pd

from earlylearn.drawing.style import CORRECT, INK, MEMORIZED, OTHER, house_style, new_figure
from earlylearn_paper.drawing import DASHED, gradient_panel
from earlylearn_paper.experiment import Experiment, Findings, Scale, Verdict
from earlylearn_paper.run_curves import SIDES, example_band, mean_curve, network_curves
from earlylearn_paper.setup import (
    FEATURES_40,
    FULL,
    GPU,
    GPU_MINUTES,
    MEDIUM_NETWORK,
    MEDIUM_PLAIN,
    MEDIUM_SEED,
    MEDIUM_SHORT,
    PLAIN_TRAINING,
    PROCESSOR,
    QUICK,
    QUICK_TRAINING,
    SMALL_DATA,
    SMALL_LAM,
    from_scratch,
    on_features,
)
from earlylearn_paper.work import Work

if TYPE_CHECKING:  # drawing costs a slow import
    from matplotlib.figure import Figure


def reproduce(work: Work) -> Findings:
    """Train both methods; returns curves, figure and verdicts."""
    curves = network_curves(work.train_all("networks", ("ce", "elr")))
    return Findings(verdicts=judge(curves), data={"figure-2": curves}, figures={"figure-2": picture(curves)})


def judge(curves: pd.DataFrame) -> list[Verdict]:
    """The claims of the figure, by the mean over seeds and the last quarter of the epochs."""
    late = curves[curves["epoch"] > 0.75 * curves["epoch"].max()]
    error = {side: mean_curve(late, "elr", f"{side}_error").mean() for side in SIDES}
    pull = {side: mean_curve(late, "elr", f"{side}_pull").mean() for side in SIDES}
    start = mean_curve(curves, "elr", "clean_error").iloc[0]
    return [
        Verdict(
            "on clean labels the cross-entropy term vanishes after early learning",
            "vanishes",
            f"from {start:.2f} in the first epoch to {error['clean']:.3f}",
            bool(abs(error["clean"]) <= 0.1 * abs(start)),
        ),
        Verdict(
            "there ELR's term stays negative and is then the larger one: it keeps pulling towards the true class",
            "about -1.15",
            f"{pull['clean']:.2f}",
            bool(pull["clean"] < 0 and abs(pull["clean"]) > abs(error["clean"])),
        ),
        Verdict(
            "on wrong labels the cross-entropy term pushes away from the true class, and ELR's cancels most of it",
            "about +0.87 and -1.05",
            f"{error['wrong']:+.2f} and {pull['wrong']:+.2f}",
            bool(error["wrong"] > 0 and -pull["wrong"] > error["wrong"] / 2),
        ),
    ]


def picture(curves: pd.DataFrame) -> "Figure":
    """Left, the cross-entropy term under cross-entropy; centre and right, both terms under ELR."""
    panels: dict[str, list[tuple[str, str, str, str, Any]]] = {
        "Cross-entropy: p − y": [
            ("ce", "clean_error", "clean", OTHER, "-"),
            ("ce", "wrong_error", "wrong", MEMORIZED, DASHED),
        ],
        **{
            f"ELR: both terms, {side} labels": [
                ("elr", f"{side}_error", "p − y", INK, DASHED),
                ("elr", f"{side}_pull", "λ g", CORRECT, "-"),
            ]
            for side in SIDES
        },
    }
    bands = [example_band(curves, method, column) for lines in panels.values() for method, column, *_ in lines]
    limits = min(band["low"].min() for band in bands) - 0.1, max(band["high"].max() for band in bands) + 0.1
    with house_style():
        figure = new_figure(12.0, 3.3)
        for position, (title, lines) in enumerate(panels.items()):
            axes = figure.add_subplot(1, len(panels), position + 1)
            gradient_panel(axes, curves, lines, limits)
            axes.set_title(title)
            axes.set_ylabel("gradient at the true class" if position == 0 else "")
    return figure


FIGURE_2 = Experiment(
    name="figure-2",
    title="ELR's gradient counteracts that of the wrong labels",
    source="section 4, Figure 2",
    quick=Scale(
        settings={"training": QUICK},
        minutes=0.6,
        hardware=PROCESSOR,
        replaced=(SMALL_DATA, PLAIN_TRAINING, QUICK_TRAINING, SMALL_LAM),
    ),
    full=Scale(settings={"training": FULL}, minutes=2 * GPU_MINUTES, hardware=GPU, replaced=(PLAIN_TRAINING,)),
    features=on_features({"training": FEATURES_40}, runs=8),
    medium=from_scratch(
        {"training": MEDIUM_PLAIN}, runs=2, replaced=(MEDIUM_NETWORK, PLAIN_TRAINING, MEDIUM_SHORT, MEDIUM_SEED)
    ),
    reproduce=reproduce,
)
