"""Figure A.1: does a linear model, too, learn first and memorise then, and does ELR prevent it?"""

from typing import TYPE_CHECKING, Any

import pandas as pd

from earlylearn_paper.drawing import shares_figure
from earlylearn_paper.experiment import Experiment, Findings, Scale, Verdict
from earlylearn_paper.run_curves import linear_curves, mean_curve, percent
from earlylearn_paper.setup import LINEAR_SETUP, PROCESSOR
from earlylearn_paper.theory.on_features import reproduce_on_features
from earlylearn_paper.theory.softmax_regression import train_softmax_regression
from earlylearn_paper.work import Work

if TYPE_CHECKING:  # drawing costs a slow import
    from matplotlib.figure import Figure

LINEAR: dict[str, Any] = {
    "n": 50,
    "p": 100,
    "sigma": 0.1,
    "flipped": 0.4,
    "lr": 0.1,
    "start": 0.1,
    "iterations": 10_000,
    "seeds": 10,
}
EARLY = (10, 100)  # the iterations in which the paper's cross-entropy predicts every true class


def reproduce(work: Work) -> Findings:
    """Train both models; returns curves, figure and verdicts."""
    if work.scale == "features":
        return reproduce_on_features(work, _picture)
    curves = train(**work.settings)
    return Findings(verdicts=judge(curves), data={"figure-a1": curves}, figures={"figure-a1": _picture(curves)})


def _picture(curves: pd.DataFrame, title: str | None = None) -> "Figure":
    return shares_figure(curves, {"ce": "Cross-entropy", "elr": "ELR"}, title=title)


def train(*, lam: float, beta: float, **settings: Any) -> pd.DataFrame:
    """The curves of both models; settings as of `train_softmax_regression`."""
    return linear_curves(
        {
            "ce": train_softmax_regression("ce", **settings),
            "elr": train_softmax_regression("elr", lam=lam, beta=beta, **settings),
        }
    )


def judge(curves: pd.DataFrame) -> list[Verdict]:
    """The claims of the figure, each in every seed."""
    seeds = curves["seed"].nunique()
    ce, elr = curves[curves["method"] == "ce"], curves[curves["method"] == "elr"]
    early = ce[ce["iteration"].between(*EARLY)].groupby("seed")["wrong_correct"].max()
    end = ce[ce["iteration"] == ce["iteration"].max()]["wrong_correct"]
    kept = elr[elr["iteration"] >= EARLY[1]].groupby("seed")["wrong_correct"].min()
    clean = {name: mean_curve(curves, name, "clean_correct").iloc[-1] for name in ("ce", "elr")}
    last = int(curves["iteration"].max())
    return [
        Verdict(
            "cross-entropy first predicts the true class of every example with a wrong label",
            "all, around iteration 10 to 100",
            f"all in {(early == 1).sum()} of {seeds} seeds between iteration 10 and 100, {percent(early.min())} in the "
            "worst",
            bool((early == 1).all()),
        ),
        Verdict(
            "and of none at the end: it has memorised them",
            "none",
            f"none in {(end == 0).sum()} of {seeds} seeds at iteration {last:,}, {percent(end.max())} in the worst",
            bool((end == 0).all()),
        ),
        Verdict(
            "ELR predicts the true class of all of them to the end",
            "all",
            f"all in {(kept == 1).sum()} of {seeds} seeds from iteration 100 to {last:,}, {percent(kept.min())} in the "
            "worst",
            bool((kept == 1).all()),
        ),
        Verdict(
            "both predict the examples with a clean label correctly at the end",
            "all",
            f"cross-entropy {percent(clean['ce'])}, ELR {percent(clean['elr'])}",
            bool(min(clean.values()) > 0.99),
        ),
    ]


_SCALE = Scale(settings={**LINEAR, "lam": 3.0, "beta": 0.7}, minutes=0.1, hardware=PROCESSOR, replaced=(LINEAR_SETUP,))
FIGURE_A1 = Experiment(
    name="figure-a1",
    title="A linear model learns first and memorises then; ELR prevents it",
    source="supplement A, Figure A.1",
    quick=_SCALE,
    full=_SCALE,
    features=Scale(
        settings={
            "encoder": "efficientnet-lite0",
            "pairs": [["airplane", "automobile"], ["cat", "dog"]],
            "n": 1000,
            "many": 3000,
            "flipped": 0.2,
            "rates": [0.01, 0.05],
            "lr": 1.0,
            "iterations": 2_500,
            "start": 0.1,
            "lam": 3.0,
            "beta": 0.7,
            "seeds": 3,
        },
        minutes=3,
        hardware=PROCESSOR,
        replaced=(
            "The clusters are pairs of CIFAR-10's classes as EfficientNet-Lite0 sees them (1,280 features, pretrained "
            "on ImageNet): v leads from one class mean to the other, half their distance is 1, the spread is not round",
            "20 % of 1,000 labels are wrong (the theory's Delta is .4); theta starts near zero and across v",
        ),
    ),
    reproduce=reproduce,
)
