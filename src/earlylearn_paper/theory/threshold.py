"""From which lambda on does ELR prevent memorisation rather than delay it, and how sharply?"""

import tempfile
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import softmax

from earlylearn.runs.generators import seed_for
from earlylearn_paper.theory.claim import Claim, judged, largest, least, mean
from earlylearn_paper.theory.lemma_claims import regularizer_gradient
from earlylearn_paper.theory.linear_model import draw_mixture, draw_start, mean_over
from earlylearn_paper.theory.softmax_regression import Curves, descent, train_softmax_regressions

BETAS = (0.0, 0.7, 0.9)
LINEAR = {"n": 50, "p": 100, "sigma": 0.3, "flipped": 0.4, "lr": 0.1}
MOMENTS = [300, 1000, 3000, 10_000, 20_000]  # iterations shown
LINEAR_LAMS = (0.5, 1.0, 1.5, 1.8, 1.9, 2.0, 2.1, 2.2, 2.5, 3.0, 4.0, 5.0)
SIGMAS = (0.1, 0.3, 0.5)
NETWORK_LAMS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 5.0)
NETWORK: dict[str, Any] = {
    "network": "mlp",
    "noise": "symmetric:0.4",
    "epochs": 60,
    "lr": 0.02,
    "schedule": "constant",
    "augment": "none",
    "test_every": 0,
}


def turning_point(lam: float) -> float:
    """The probability of the true class above which ELR holds a mislabelled example: lam / (2 lam - 2) for lam > 2.

    For two labels in play (the true and the given one) and t = p, the loss pulls at the true class with
    p + lam (1/2 - p) = lam / 2 - (lam - 1) p. Up to lam = 2 that is positive for every p < 1: the probability falls,
    and no turning point exists.
    """
    return lam / (2 * lam - 2) if lam > 2 else 1.0


def lambda_2(seeds: list[int]) -> list[Claim]:
    """The pull at the true class, and what it does to memorisation on either side of lambda = 2."""
    return [_pull_claim(seeds), _two_label_claim(seeds), *_memorization_claims(seeds), _turning_claim(seeds)]


def _pull_claim(seeds: list[int]) -> Claim:
    share = 1e-3  # of probability left to the other classes
    gaps = []
    for seed in seeds:
        random = np.random.default_rng(seed_for(seed, "lambda 2"))
        worst = 0.0
        for classes in (2, 3, 10, 100):
            p = np.concatenate([[1 - share], share * random.dirichlet(np.ones(classes - 1))])
            worst = max(worst, abs(regularizer_gradient(p, p)[0] + 0.5))
        gaps.append(worst)
    return Claim(
        "lambda-2, pull of a sure model",
        "With t = p and p near 1 at the true class, g tends to -1/2 there, however many classes: cross-entropy pushes "
        "a mislabelled example by p, so that 1 - lambda / 2 is left.",
        f"|g + 1/2| <= {2 * share:g} where p = 1 - {share:g}, C = 2, 3, 10, 100",
        {"largest |g + 1/2|": largest(gaps)},
        passed=judged(np.array(gaps) <= 2 * share),
        note="Not in the paper. Derived in docs/theory.md.",
    )


def _two_label_claim(seeds: list[int]) -> Claim:
    gaps = []
    for seed in seeds:
        random = np.random.default_rng(seed_for(seed, "lambda 2 two labels"))
        z = random.normal(0, 2, (100, 2))
        lam = random.uniform(0, 10, 100)
        p = softmax(z, axis=1)
        force = p[:, 0] + lam * np.array([regularizer_gradient(row, row)[0] for row in p])
        gaps.append(abs(force - (lam / 2 - (lam - 1) * p[:, 0])).max())
    return Claim(
        "lambda-2, pull between two labels",
        "With t = p and two labels in play, the loss's gradient at the true class of a mislabelled example is "
        "lambda / 2 - (lambda - 1) p: it holds the example if p > lambda / (2 lambda - 2), which needs lambda > 2.",
        "|p + lambda g - (lambda / 2 - (lambda - 1) p)| <= 1e-9 for random p and lambda",
        {"largest difference": largest(gaps)},
        passed=judged(np.array(gaps) <= 1e-9),
        note="Not in the paper.",
    )


def _memorization_claims(seeds: list[int]) -> list[Claim]:
    below, above = (
        np.array([run.wrong_correct for run in _train([(lam, beta) for beta in BETAS], seeds)]) for lam in (1.9, 2.1)
    )
    plain = _train([(0.0, 0.0)], seeds)[0].wrong_correct
    early, settled, end = MOMENTS.index(1000), MOMENTS.index(3000), len(MOMENTS) - 1
    setting = {key: float(value) for key, value in LINEAR.items()}
    return [
        Claim(
            "lambda-2, below: memorisation is delayed",
            "At lambda = 1.9 the linear model memorises later than under cross-entropy, but ends by memorising, for "
            "beta = 0, 0.7 and 0.9.",
            f"A at step 1000 > that of cross-entropy, A at step {MOMENTS[end]} <= 0.05",
            {
                "mean A at 1000, cross-entropy": mean(plain[:, early]),
                "mean A at 1000": mean(below[..., early]),
                "largest A at the end": largest(below[..., end]),
            },
            passed=judged(((below[..., early] > plain[:, early]) & (below[..., end] <= 0.05)).all(0)),
            setting=setting,
            note="Not in the paper. A: accuracy on wrong labels.",
        ),
        Claim(
            "lambda-2, above: memorisation is prevented",
            "At lambda = 2.1 almost nothing is memorised after step 3000, for beta = 0, 0.7 and 0.9.",
            f"A at step {MOMENTS[end]} > that of lambda = 1.9, and on the mean >= A at step 3000 - 0.05",
            {
                "mean A at 3000": mean(above[..., settled]),
                "mean A at the end": mean(above[..., end]),
                "least A at the end": least(above[..., end]),
            },
            passed=judged(
                (above[..., end] > below[..., end]).all(0)
                & (above[..., end].mean() >= above[..., settled].mean() - 0.05)
            ),
            setting=setting,
            note="Not in the paper. A stays below 1: examples that early learning did not bring above "
            f"lambda / (2 lambda - 2) = {turning_point(2.1):.3f} are not held, and are memorised early.",
        ),
    ]


def _turning_claim(seeds: list[int]) -> Claim:
    """Whether the turning point, derived for an example by itself, tells the fate of the examples of a model."""
    points = list(product((2.5, 3.0, 5.0), BETAS))
    data = draw_mixture(50, 100, sigma=0.5, flipped=0.4, seeds=seeds)
    start = draw_start(100, radius=0.1, seeds=seeds)
    peak = np.zeros(1)
    for _, state in zip(range(5000), descent(data, start, "elr", points, 0.1), strict=False):
        peak = np.maximum(peak, state.probability)
    wrong = np.broadcast_to(data.wrong[:, None], peak.shape)
    held = state.probability > 0.5
    passed = peak > np.array([turning_point(lam) for lam, _ in points])[:, None]
    agree = mean_over(held == passed, wrong).mean(1)
    return Claim(
        "lambda-2, turning point",
        "A mislabelled example is held if its probability at the true class ever passed lambda / (2 lambda - 2), and "
        "memorised if not: derived for one example, it tells the fate of each of a model's examples.",
        "prediction right for >= 90 % of the wrong labels, lambda = 2.5, 3, 5 and beta = 0, 0.7, 0.9",
        {
            "least share predicted right": least(agree),
            "mean": mean(agree),
            "mean share held": mean(mean_over(held, wrong)),
            "largest share held without passing": largest(mean_over(held & ~passed, wrong)),
        },
        passed=judged(agree >= 0.9),
        setting={**LINEAR, "sigma": 0.5},
        note="Not in the paper. At sigma = 0.5 early learning is unsure: fewer than half of the wrong labels are held.",
    )


def _train(points: Sequence[tuple[float, float]], seeds: list[int], **changed: float) -> list[Curves]:
    settings = {**LINEAR, **changed}
    return train_softmax_regressions("elr", points, iterations=MOMENTS[-1], seeds=seeds, record=MOMENTS, **settings)  # type: ignore[arg-type]


def linear_grid(seeds: list[int], lams: Sequence[float] = LINEAR_LAMS) -> pd.DataFrame:
    """The linear model for every sigma, beta and lambda; a row per seed and iteration.

    Columns: ``sigma, lam, beta, seed, iteration, memorized`` (share of the wrong labels) and ``probability`` (mean at
    the true class over the wrong labels).
    """
    rows = []
    for sigma in SIGMAS:
        points = list(product(lams, BETAS))
        for (lam, beta), run in zip(points, _train(points, seeds, sigma=sigma), strict=True):
            for s, r in product(range(len(seeds)), range(len(MOMENTS))):
                rows.append(
                    {
                        "sigma": sigma,
                        "lam": lam,
                        "beta": beta,
                        "seed": seeds[s],
                        "iteration": MOMENTS[r],
                        "memorized": run.wrong_memorized[s, r],
                        "probability": run.wrong_probability[s, r],
                    }
                )
    return pd.DataFrame(rows)


def network_grid(
    seeds: Sequence[int],
    lams: Sequence[float] = NETWORK_LAMS,
    betas: Sequence[float] = BETAS,
    *,
    tell: Callable[[str], None] = lambda _: None,
    **changed: Any,
) -> pd.DataFrame:
    """A two-layer network on digits with 40 % symmetric noise, trained with ELR through `earlylearn.runs.train.train`.

    Columns: ``lam, beta, seed, memorized`` (share of the wrong training labels after the last epoch) and ``test`` (its
    accuracy on test labels, which are clean).

    Args:
        seeds: of noise, split, order and weights.
        lams: regularization coefficients.
        betas: temporal ensembling momenta.
        tell: called with a line before each run.
        changed: settings of a run other than those of ``NETWORK``.
    """
    from earlylearn.runs.train import train

    rows = []
    for lam, beta, seed in product(lams, betas, seeds):
        tell(f"digits, lambda {lam:g}, beta {beta:g}, seed {seed}")
        with tempfile.TemporaryDirectory() as folder:
            settings: dict[str, Any] = {**NETWORK, **changed, "lam": lam, "beta": beta, "seed": seed}
            summary = train("digits", "elr", out=Path(folder) / "run", quiet=True, **settings).summary
        rows.append(
            {
                "lam": lam,
                "beta": beta,
                "seed": seed,
                "memorized": summary["memorized_last"],
                "test": summary["accuracy"]["test_last"],
            }
        )
    return pd.DataFrame(rows)
