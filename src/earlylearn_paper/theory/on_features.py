"""What of section 3 holds on features of real images: T, the gradient's direction and sign, memorisation?

The clusters of the theory are spheres of one size; features are not. What it says of the first steps needs no more than
two means; that everything is memorised in the end needs more dimensions than a share of the examples.
"""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from earlylearn_paper.experiment import Findings, Verdict
from earlylearn_paper.run_curves import linear_curves, mean_curve, percent
from earlylearn_paper.theory.features import read_features, two_clusters
from earlylearn_paper.theory.linear_model import (
    Floats,
    Mixture,
    accuracy,
    coefficients,
    draw_start,
    first_phase,
    mean_over,
)
from earlylearn_paper.theory.softmax_regression import regress
from earlylearn_paper.work import Work


@dataclass(frozen=True)
class Early:
    """The first phase on one pair of classes; the worst or the mean of the draws.

    Attributes:
        sigma: of the clusters, per coordinate.
        correlation: the smallest -grad'v / |grad| before T.
        distance: the largest |theta_t - theta_0| before T.
        times: eta T by step size eta.
        start, end: accuracy on wrong labels at theta_0 and theta_T.
        clean, wrong: change of the mean squared coefficient of the gradient from theta_0 to theta_T.
    """

    sigma: float
    correlation: float
    distance: float
    times: dict[float, float]
    start: float
    end: float
    clean: float
    wrong: float


def early(data: Mixture, start: Floats, rates: list[float]) -> Early:
    """Descend to T with every step size, and look at the smallest's way; ``start [S, p]``."""
    phases = {rate: first_phase(data, start, lr=rate) for rate in sorted(rates)}
    slow = phases[min(rates)]
    change = coefficients(data, slow.end) ** 2 - coefficients(data, slow.start) ** 2
    return Early(
        sigma=data.sigma,
        correlation=float(slow.correlation.min()),
        distance=float(slow.distance.max()),
        times={rate: float(rate * phase.steps.mean()) for rate, phase in phases.items()},
        start=float(accuracy(data, slow.start).mean()),
        end=float(accuracy(data, slow.end).mean()),
        clean=float(mean_over(change, ~data.wrong).max()),
        wrong=float(mean_over(change, data.wrong).min()),
    )


def reproduce_on_features(work: Work, figure: Any) -> Findings:
    """The theory on every pair of classes: verdicts, and the curves of Figure A.1 for each.

    Args:
        work: with ``encoder, pairs, n, many, flipped, rates, lr, iterations, start, lam, beta, seeds``.
        figure: from curves to the picture.
    """
    settings = work.settings
    features, labels, classes = read_features(settings["encoder"], work.data_dir, quiet=work.quiet)
    verdicts: list[Verdict] = []
    data: dict[str, pd.DataFrame] = {}
    figures = {}
    for names in settings["pairs"]:
        pair = classes.index(names[0]), classes.index(names[1])
        about = f"{names[0]} and {names[1]}"
        few = two_clusters(
            features, labels, pair, n=settings["n"], flipped=settings["flipped"], seeds=settings["seeds"]
        )
        many = two_clusters(features, labels, pair, n=settings["many"], flipped=settings["flipped"], seeds=1)
        start = draw_start(features.shape[1], radius=settings["start"], orthogonal=True, seeds=settings["seeds"])
        curves = _curves(few, start, settings)
        memorized = _curves(many, start[:1], settings, ("ce",))
        verdicts += early_verdicts(about, early(few, start, settings["rates"]))
        verdicts += memorization_verdicts(about, curves, memorized, features.shape[1] / settings["n"], settings)
        part = "-".join(names)
        data |= {f"figure-a1-{part}": curves, f"figure-a1-{part}-many": memorized}
        figures[f"figure-a1-{part}"] = figure(curves, about)
    return Findings(verdicts=verdicts, data=data, figures=figures)


def _curves(
    data: Mixture, start: Floats, settings: dict[str, Any], losses: tuple[str, ...] = ("ce", "elr")
) -> pd.DataFrame:
    run = {"lr": settings["lr"], "iterations": settings["iterations"]}
    points = [(settings["lam"], settings["beta"])]
    return linear_curves({loss: regress(data, start, loss, points, **run)[0] for loss in losses})


def early_verdicts(about: str, found: Early) -> list[Verdict]:
    """What the theory says until T."""
    times = list(found.times.values())
    return [
        Verdict(
            f"{about}: until T every step of gradient descent goes towards v (Proposition 3)",
            "-grad'v / |grad| at least 1/6, not further than 1 from the start",
            f"at least {found.correlation:.2f}, at most {found.distance:.2f} (sigma {found.sigma:.2f})",
            bool(found.correlation >= 1 / 6 and found.distance <= 1),
        ),
        Verdict(
            f"{about}: T grows as one over the step size (Theorem 1)",
            "eta T stays, whatever eta",
            ", ".join(f"{time:.2f} at {rate:g}" for rate, time in found.times.items()),
            bool(max(times) <= 1.25 * min(times)),
        ),
        Verdict(
            f"{about}: at T wrongly labelled examples are predicted as their true class (Theorem 4)",
            "more than .9999 of them where clusters are tight (sigma .01), fewer where they are not; half at the start",
            f"{found.end:.3f}, {found.start:.3f} at the start",
            bool(found.end > max(0.75, found.start + 0.1)),
        ),
        Verdict(
            f"{about}: by T the gradient's coefficients of clean labels have shrunk, of wrong ones grown (Prop. 5)",
            "squares by more than .05 each way, with the paper's k = 1",
            f"{found.clean:+.3f} and {found.wrong:+.3f} with the true gradient's k = 1/2",
            bool(found.clean < 0 < found.wrong),
        ),
    ]


def memorization_verdicts(
    about: str, few: pd.DataFrame, many: pd.DataFrame, ratio: float, settings: dict[str, Any]
) -> list[Verdict]:
    """What Theorem 6 and Figure A.1 say of the end."""
    ce, elr = (mean_curve(few, method, "wrong_correct") for method in ("ce", "elr"))
    crowd = mean_curve(many, "ce", "wrong_memorized")
    n, many_n = settings["n"], settings["many"]
    last = int(ce.index[-1])
    return [
        Verdict(
            f"{about}: {n:,} examples in {ratio * n:.0f} dimensions: cross-entropy predicts the true class first, and "
            "memorises every wrong label in the end (Theorem 6, Figure A.1)",
            "all right, then none",
            f"{percent(ce.max())} right at iteration {ce.idxmax():,}, {percent(ce.iloc[-1])} at iteration {last:,}",
            bool(ce.max() >= 0.75 and ce.iloc[-1] <= 0.05),
        ),
        Verdict(
            f"{about}: the same, with ELR: it memorises none",
            "all right to the end",
            f"{percent(elr.max())} right at iteration {elr.idxmax():,}, {percent(elr.iloc[-1])} at iteration {last:,}",
            bool(elr.max() - elr.iloc[-1] <= 0.02),
        ),
        Verdict(
            f"{about}: {many_n:,} examples, too many for as many dimensions: not everything is memorised",
            "separable for certain only above a share 1 - Delta / 2 of dimensions to examples",
            f"{percent(crowd.iloc[-1])} memorised at iteration {last:,}",
            bool(crowd.iloc[-1] < 0.9),
        ),
    ]
