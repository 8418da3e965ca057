"""Figure C.1: does a KL divergence to the same targets prevent memorisation, or only delay it?"""

from typing import TYPE_CHECKING, Any

import pandas as pd

from earlylearn.drawing.style import CORRECT, INK, MEMORIZED, OTHER, house_style, new_figure
from earlylearn_paper.drawing import DASHED, DOTTED, Line, draw_shares, shares_figure
from earlylearn_paper.experiment import Experiment, Findings, Scale, Verdict
from earlylearn_paper.figures.figure_a1 import LINEAR
from earlylearn_paper.run_curves import linear_curves, mean_curve, network_curves, percent, seed_band
from earlylearn_paper.setup import FULL, GPU, GPU_MINUTES, LINEAR_SETUP, PLAIN_TRAINING, PROCESSOR, QUICK, SMALL_DATA
from earlylearn_paper.theory.softmax_regression import train_softmax_regression
from earlylearn_paper.work import Work

if TYPE_CHECKING:  # drawing costs a slow import
    from matplotlib.figure import Figure


def reproduce(work: Work) -> Findings:
    """Train linear models and networks with every lambda; returns curves, figures and verdicts."""
    lams = work.settings["lams"]
    linear = linear_curves(
        {
            "ce": train_softmax_regression("ce", **work.settings["linear"]),
            **{
                _name(lam): train_softmax_regression(
                    "kl", lam=lam, beta=work.settings["beta"], **work.settings["linear"]
                )
                for lam in lams
            },
        }
    )
    methods = {f"{_name(lam)}:beta={work.settings['beta']:g}": lam for lam in lams}
    network = network_curves(work.train_all("networks", tuple(methods)))
    network["method"] = network["method"].map({name: _name(lam) for name, lam in methods.items()})
    return Findings(
        verdicts=judge(linear, network, lams),
        data={"figure-c1-linear": linear, "figure-c1": network},
        figures={
            "figure-c1": shares_figure(network, {_name(lam): f"λ = {lam:g}" for lam in lams}),
            "figure-c1-linear": draw_linear(linear, lams),
        },
    )


def judge(linear: pd.DataFrame, network: pd.DataFrame, lams: list[float]) -> list[Verdict]:
    """The claims of the figure, by the mean over the seeds."""
    names = [_name(lam) for lam in lams]
    linear_end = [mean_curve(linear, name, "wrong_memorized").iloc[-1] for name in names]
    halves = [half_memorized(linear, name) for name in ["ce", *names]]
    end = [mean_curve(network, name, "wrong_memorized").iloc[-1] for name in names]
    when = [half_memorized(network, name) for name in names]
    reached = [float("inf") if epoch is None else epoch for epoch in when]
    asked = "lambda " + ", ".join(f"{lam:g}" for lam in lams)
    return [
        Verdict(
            "linear model: a KL divergence prevents nothing, whatever lambda",
            "(the paper shows the network only)",
            f"memorised at the end, {asked}: {', '.join(map(percent, linear_end))}; half of it by iteration "
            f"{', '.join(map(_when, halves[1:]))}, with cross-entropy by {_when(halves[0])}",
            bool(min(linear_end) >= 0.99),
        ),
        Verdict(
            f"network: with lambda {lams[0]:g} it memorises as cross-entropy does",
            "as Figure 1's cross-entropy (87%)",
            percent(end[0]),
            bool(end[0] >= 0.8),
        ),
        Verdict(
            "network: a larger lambda delays memorisation",
            "later with every lambda",
            f"half of the wrong labels memorised by epoch, {asked}: {', '.join(map(_when, when))}",
            reached == sorted(reached) and reached[0] < reached[-1],
        ),
        Verdict(
            "network: but it does not prevent it",
            "memorised with every lambda",
            f"memorised at the end, {asked}: {', '.join(map(percent, end))}",
            bool(min(end) >= 0.5),
        ),
    ]


def half_memorized(curves: pd.DataFrame, method: str) -> int | None:
    """The first step at which half of the wrong labels are memorised; None if that never happens."""
    memorized = mean_curve(curves, method, "wrong_memorized")
    # The random start of a linear model is not memory.
    learned = memorized[memorized.index >= memorized.idxmin()]
    reached = learned[learned >= 0.5]
    return None if reached.empty else int(reached.index[0])


def draw_linear(linear: pd.DataFrame, lams: list[float]) -> "Figure":
    """Examples predicted correctly by the linear model, a line per lambda; they hardly differ."""
    looks: list[tuple[str, Any]] = [(CORRECT, "-"), (OTHER, DASHED), (MEMORIZED, DOTTED)]
    with house_style():
        figure = new_figure(9.8, 2.9)
        for column, side in enumerate(("clean", "wrong")):
            axes = figure.add_subplot(1, 2, column + 1)
            lines = [Line("cross-entropy", _mean_only(linear, "ce", side), INK)]
            for lam, (colour, dash) in zip(lams, looks * len(lams), strict=False):
                lines.append(Line(f"KL, λ = {lam:g}", _mean_only(linear, _name(lam), side), colour, dash))
            draw_shares(axes, lines)
            axes.set_title(f"Linear model: {side} labels")
            axes.set_xlabel("iteration")
            axes.set_ylabel("predicted correctly" if column == 0 else "")
    return figure


def _mean_only(curves: pd.DataFrame, method: str, side: str) -> pd.DataFrame:
    """Without the seeds' range: four lines of the same course would hide each other's."""
    band = seed_band(curves, method, f"{side}_correct")
    return band.assign(low=band["mean"], high=band["mean"])


def _name(lam: float) -> str:
    return f"kl:lam={lam:g}"


def _when(step: int | None) -> str:
    return "never" if step is None else f"{step:,}"


FIGURE_C1 = Experiment(
    name="figure-c1",
    title="A KL divergence to the targets delays memorisation and does not prevent it",
    source="supplement C, Figure C.1",
    quick=Scale(
        settings={
            "training": {**QUICK, "epochs": 120, "seeds": 2},
            "linear": LINEAR,
            "lams": [1.0, 5.0, 10.0],
            "beta": 0.7,
        },
        minutes=2.0,
        hardware=PROCESSOR,
        replaced=(SMALL_DATA, PLAIN_TRAINING, "two seeds, batches of 64", LINEAR_SETUP),
    ),
    full=Scale(
        settings={"training": FULL, "linear": LINEAR, "lams": [1.0, 5.0, 10.0], "beta": 0.7},
        minutes=3 * GPU_MINUTES,
        hardware=GPU,
        replaced=(LINEAR_SETUP, PLAIN_TRAINING),
    ),
    reproduce=reproduce,
)
