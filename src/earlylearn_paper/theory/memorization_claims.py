"""Does the linear model end by fitting every wrong label (Theorem 6), after learning first (Theorem 1)?"""

import numpy as np
from scipy.stats import binom

from earlylearn_paper.theory.claim import Claim, judged, largest, least
from earlylearn_paper.theory.early_claims import change
from earlylearn_paper.theory.linear_model import accuracy, draw_mixture, draw_start, first_phase, memorize
from earlylearn_paper.theory.separability import separate

N, P, DELTA, SIGMA = 200, 180, 0.4, 0.1
SIZE: dict[str, float] = {"n": N, "p": P, "delta": DELTA, "sigma": SIGMA}


def theorem_1(seeds: list[int]) -> list[Claim]:
    """The theorem's three parts in one and the same run of gradient descent, for each seed."""
    lr = 0.1
    data = draw_mixture(N, P, sigma=SIGMA, delta=DELTA, seeds=seeds)
    start = draw_start(P, orthogonal=True, seeds=seeds)
    phase = first_phase(data, start, lr=lr)
    gain = accuracy(data, phase.end) - accuracy(data, phase.start)
    clean, wrong = (change(data, phase, wrong=side) for side in (False, True))
    end = memorize(data, start, lr=lr, limit=100_000)
    setting = {**SIZE, "eta": lr}
    note = "Start orthogonal to v; the same runs in all three parts."
    return [
        Claim(
            "theorem-1, early learning succeeds",
            "Until T descent is correlated with v; at T the model is right on more wrong labels than at the start.",
            "-grad'v / |grad| >= 1/6 for all t < T, A(theta_T) > A(theta_0)",
            {"least correlation": least(phase.correlation), "least gain in A": least(gain)},
            passed=judged((phase.correlation >= 1 / 6) & (gain > 0)),
            setting=setting,
            note=note,
        ),
        Claim(
            "theorem-1, gradients from clean labels vanish",
            "From the start to T the coefficients of clean labels shrink and those of wrong labels grow.",
            "mean kappa^2 falls over clean labels and rises over wrong ones",
            {"largest change, clean": largest(clean), "least change, wrong": least(wrong)},
            passed=judged((clean < 0) & (wrong > 0)),
            setting=setting,
            note=note,
        ),
        Claim(
            "theorem-1, memorisation occurs",
            "In the end the model fits every given label, hence is wrong on all wrong labels.",
            "every given label fitted within 100000 steps",
            {
                "most steps": largest(end.steps),
                "least peak of A": least(end.peak),
                "largest A at the end": largest(end.last),
            },
            passed=judged(end.steps >= 0),
            setting=setting,
            note=f"{note} The smaller sigma, the longer: separating the noise takes weights of size 1 / sigma.",
        ),
    ]


def theorem_6(seeds: list[int]) -> list[Claim]:
    """Separability by linear programming, the bound on its failure, and gradient descent that finds the hyperplane."""
    data = draw_mixture(N, P, sigma=SIGMA, delta=DELTA, seeds=seeds)
    answers = [separate(a * s[:, None]) for a, s in zip(data.aligned, data.agrees, strict=True)]
    end = memorize(data, draw_start(P, orthogonal=True, seeds=seeds), lr=0.9)
    return [
        Claim(
            "theorem-6, separability",
            "With p / n > 1 - Delta / 2 the given labels are linearly separable, with probability tending to 1.",
            "a hyperplane with label_i theta'x_i >= 1 for all i exists (linear program, certificate checked)",
            {
                "share separable": float(np.mean([a.separable for a in answers])),
                "largest violation of a certificate": largest([a.violation for a in answers]),
                "bound on failure": failure_bound(N, P, DELTA),
            },
            passed=judged([a.separable for a in answers]),
            setting=SIZE,
            note="The condition is sufficient, far from necessary: see the figure of separability.",
        ),
        _bound(seeds),
        _count(seeds, n=40, p=22),
        Claim(
            "theorem-6, gradient descent memorises",
            "Gradient descent on separable data fits every label, after having been right on nearly all wrong ones.",
            "A peaks at 0.95 or more, then every given label is fitted within 20000 steps",
            {
                "least peak of A": least(end.peak),
                "most steps": largest(end.steps),
                "largest A at the end": largest(end.last),
            },
            passed=judged((end.peak >= 0.95) & (end.steps >= 0)),
            setting={**SIZE, "eta": 0.9},
            note="At sigma = 0.3 the peak is lower, at 0.5 there is no early learning on wrong labels to speak of.",
        ),
    ]


def failure_bound(n: int, p: int, delta: float) -> float:
    """Theorem 6's bound on the probability of not being separable, 2 P[Bin(n, Delta / 2) <= n - p]."""
    return float(min(1.0, 2 * binom.cdf(n - p, n, delta / 2)))


def failure_count(n: int, p: int) -> float:
    """The exact probability of not being separable when labels are fair coins, by the Schlaefli-Cover count."""
    return float(binom.sf(p - 1, n - 1, 0.5))


def failure_share(n: int, p: int, *, delta: float, sigma: float, seed: int, draws: int) -> float:
    """Share of ``draws`` data sets that no hyperplane through the origin separates."""
    data = draw_mixture(n, p, sigma=sigma, delta=delta, seeds=range(seed * draws, (seed + 1) * draws))
    return float(
        np.mean([not separate(a * s[:, None]).separable for a, s in zip(data.aligned, data.agrees, strict=True)])
    )


def _bound(seeds: list[int]) -> Claim:
    draws, cases = 50, ((40, 36, 0.4), (60, 36, 1.0))
    shares = np.array(
        [
            [failure_share(n, p, delta=delta, sigma=1.0, seed=seed, draws=draws) for seed in seeds]
            for n, p, delta in cases
        ]
    )
    bounds = np.array([failure_bound(*case) for case in cases])
    measured: dict[str, float] = {}
    for (_, _, delta), share, bound in zip(cases, shares, bounds, strict=True):
        measured |= {f"largest share, Delta {delta}": largest(share), f"bound, Delta {delta}": float(bound)}
    return Claim(
        "theorem-6, bound on failure",
        "P(not separable) <= 2 P[Bin(n, Delta / 2) <= n - p], for every sigma.",
        f"share not separable of {draws} draws <= the bound, for (n, p, Delta) = (40, 36, 0.4) and (60, 36, 1)",
        measured,
        passed=judged((shares <= bounds[:, None]).all(0)),
        setting={"sigma": 1.0},
        note="At Delta = 1, the only case with failures to see, the bound is about twice the exact probability.",
    )


def _count(seeds: list[int], *, n: int, p: int) -> Claim:
    draws = 50
    shares = np.array([failure_share(n, p, delta=1.0, sigma=1.0, seed=seed, draws=draws) for seed in seeds])
    exact = failure_count(n, p)
    allowed = 4 * np.sqrt(exact * (1 - exact) / draws)
    return Claim(
        "theorem-6, count of separable subsets",
        "n points in general position in p dimensions have 2 sum_(k<p) binom(n-1, k) separable subsets (the step of "
        "the proof that the bound rests on): with fair-coin labels this gives P(not separable) exactly.",
        f"|share not separable of {draws} draws - exact| <= {allowed:.3f} (4 standard errors)",
        {"mean share": float(shares.mean()), "exact": exact, "largest difference": largest(abs(shares - exact))},
        passed=judged(abs(shares - exact) <= allowed),
        setting={"n": n, "p": p, "delta": 1.0, "sigma": 1.0},
    )
