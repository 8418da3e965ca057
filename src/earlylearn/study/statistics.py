"""What do several seeds say of a difference between methods, and what do they not say?"""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats

from earlylearn.documents import PairedDifference, Statistic

LEVEL = 0.95
SAME = 1e-6  # accuracies are float32 means of hits: equal gains differ by their rounding


def summarize(values: Sequence[float | None]) -> Statistic | None:
    """Mean, sample standard deviation (None of one value) and number of what is known; None if nothing is."""
    known = np.array([value for value in values if value is not None], float)
    if not len(known):
        return None
    sd = float(known.std(ddof=1)) if len(known) > 1 else None
    return {"mean": float(known.mean()), "sd": sd, "n": len(known)}


def paired_difference(
    values: Mapping[int, float | None], baseline: Mapping[int, float | None]
) -> PairedDifference | None:
    """The mean difference of two methods over the seeds both have, its 95 % interval and p-value (paired t).

    Pairing takes out what the seeds share: noise, split, order and initial weights.

    Args:
        values: by seed; None where unknown.
        baseline: the same of what to compare with.

    Returns:
        ``mean, low, high, p, n``; low, high and p are None with one seed, or when all differences are the same.
        None without a common seed.
    """
    seeds = [seed for seed in values if values[seed] is not None and baseline.get(seed) is not None]
    if not seeds:
        return None
    mine, theirs = ([float(side[seed] or 0) for seed in seeds] for side in (values, baseline))
    differences = np.subtract(mine, theirs)
    mean, n = float(differences.mean()), len(seeds)
    if n == 1 or np.ptp(differences) <= SAME:  # nothing is known of how far they vary
        return {"mean": mean, "low": None, "high": None, "p": None, "n": n}
    test = stats.ttest_rel(mine, theirs)
    interval = test.confidence_interval(LEVEL)
    return {"mean": mean, "low": float(interval.low), "high": float(interval.high), "p": float(test.pvalue), "n": n}


def holm(p_values: Sequence[float | None], level: float = 1 - LEVEL) -> list[bool]:
    """Which of several p-values are significant together (Holm's step-down correction); an unknown one is not."""
    known = sorted((p, k) for k, p in enumerate(p_values) if p is not None)
    significant = [False] * len(p_values)
    for rank, (p, k) in enumerate(known):
        if p > level / (len(known) - rank):
            break
        significant[k] = True
    return significant
