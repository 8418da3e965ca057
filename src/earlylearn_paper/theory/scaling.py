"""How do the claims tighten as n and p grow, and where do labels stop being linearly separable?"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from earlylearn_paper.theory.early_claims import DELTA, change
from earlylearn_paper.theory.lemma_claims import constant, largest_gradient, noise_norms, spectral_norm
from earlylearn_paper.theory.linear_model import accuracy, draw_mixture, draw_start, first_phase
from earlylearn_paper.theory.memorization_claims import failure_bound
from earlylearn_paper.theory.separability import separate

RATIO = 0.9  # p / n
SIZES = {100: 20, 300: 20, 1000: 10, 3000: 4, 10_000: 3}  # n, and how many seeds
SMALL, LARGE = 0.01, 0.1  # sigma
LR = 0.1  # T is about 4: long enough to see the early phase, short enough for 90 million random numbers
DELTAS = (0.2, 0.4, 0.6, 0.8, 1.0)
RATIOS = (*(round(0.05 * k, 2) for k in range(2, 13)), 0.7, 0.8, 0.9)


def scaling(sizes: dict[int, int] = SIZES, *, tell: Callable[[str], None] = lambda _: None) -> pd.DataFrame:
    """What the claims speak of, at p = 0.9 n for growing n; a row per n and seed.

    Columns: ``n, p, seed``; at sigma = 0.1 and for a random start: ``overlap`` |theta_0'v|, ``start`` A(theta_0),
    ``correlation`` the least until T, ``clean`` and ``wrong`` the changes of mean kappa^2, ``noise`` the mean of
    (theta_0'z)^2 over W; and as shares of their bounds, ``gradient`` the largest |grad| found, ``inputs`` |X| / sqrt n
    (Lemma 8), ``near`` the value proved for Lemma 9, ``norm`` the noise's spectral norm (Lemma 10), both over W. At
    sigma = 0.01: ``end`` A(theta_T).

    Args:
        sizes: how many seeds for each n.
        tell: called with a line before each n.
    """
    rows = []
    for n, seeds in sizes.items():
        tell(f"growing n: {n}, {seeds} seeds")
        rows += [measure(n, round(RATIO * n), seed) for seed in range(seeds)]
    return pd.DataFrame(rows)


def measure(n: int, p: int, seed: int) -> dict[str, float]:
    """One row of `scaling`. In float32: at n = 10000 the data alone are 360 MB."""
    draw = {"delta": DELTA, "seeds": [seed], "dtype": np.float32}
    start = draw_start(p, seeds=[seed], dtype=np.float32)
    data = draw_mixture(n, p, sigma=SMALL, **draw)  # type: ignore[arg-type]
    end = accuracy(data, first_phase(data, start, lr=LR).end)[0]
    del data
    data = draw_mixture(n, p, sigma=LARGE, **draw)  # type: ignore[arg-type]
    phase = first_phase(data, start, lr=LR)
    spread, norms = noise_norms(data, start, data.wrong)
    c = constant(data.wrong)
    measured = {
        "overlap": abs(start[0, 0]),
        "start": accuracy(data, start)[0],
        "correlation": phase.correlation[0],
        "end": end,
        "clean": change(data, phase, wrong=False)[0],
        "wrong": change(data, phase, wrong=True)[0],
        "gradient": largest_gradient(data, rounds=5)[0] / (1 + 2 * LARGE),
        "inputs": spectral_norm(data.aligned[0]) / np.sqrt(n) / (1 + 2 * LARGE),
        "noise": spread[0] ** 2,
        "norm": norms[0] / c[0],
        "near": (spread[0] + norms[0]) / (2 + c[0]),
    }
    return {"n": n, "p": p, "seed": seed, **{name: float(value) for name, value in measured.items()}}


def separability(
    n: int = 200,
    *,
    seeds: Sequence[int] = range(20),
    deltas: Sequence[float] = DELTAS,
    ratios: Sequence[float] = RATIOS,
    sigma: float = LARGE,
    tell: Callable[[str], None] = lambda _: None,
) -> pd.DataFrame:
    """How often labels are linearly separable at each noise level and p / n, by linear programming.

    Columns: ``delta, ratio, n, p, separable`` (share of the seeds), ``bound`` (Theorem 6's upper bound on the share
    that is not).
    """
    rows = []
    for delta in deltas:
        tell(f"separability at Delta = {delta:g}")
        for ratio in ratios:
            p = round(ratio * n)
            data = draw_mixture(n, p, sigma=sigma, delta=delta, seeds=seeds)
            answers = [separate(a * s[:, None]).separable for a, s in zip(data.aligned, data.agrees, strict=True)]
            rows.append(
                {
                    "delta": delta,
                    "ratio": ratio,
                    "n": n,
                    "p": p,
                    "separable": float(np.mean(answers)),
                    "bound": failure_bound(n, p, delta),
                }
            )
    return pd.DataFrame(rows)
