"""What is measured beside accuracy: balanced accuracy, F1, or a user's own function?"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from earlylearn.errors import UsageError, setting
from earlylearn.plugins import cause

Labels = NDArray[np.int64]
Metric = Callable[[Labels, Labels], float]


def _balanced_accuracy(true: Labels, predicted: Labels) -> float:
    """The mean over the classes that occur of the share of their rows that is predicted."""
    return float(np.mean([(predicted[true == k] == k).mean() for k in np.unique(true)]))


def _f1(true: Labels, predicted: Labels) -> float:
    """The mean of the classes' F1, of those that occur or are predicted."""
    from sklearn.metrics import f1_score

    return float(f1_score(true, predicted, average="macro", zero_division=0))


METRICS: dict[str, Metric] = {"balanced-accuracy": _balanced_accuracy, "f1": _f1}


def find_metrics(names: Sequence[str], own: Mapping[str, Metric]) -> dict[str, Metric]:
    """The metrics of these names, each from true (or given) and predicted classes ``int64 [m]`` to a number.

    Args:
        names: keys of `METRICS`, or of ``own``.
        own: a user's functions by name.

    Raises:
        UsageError: there is none of that name.
    """
    known = {**METRICS, **own}
    for name in names:
        if name not in known:
            raise UsageError(
                f"{setting('metrics', [name])}: unknown; choose from {', '.join(METRICS)}, or give a function "
                "of true and predicted classes in Python"
            )
    return {name: known[name] for name in names}


def measure(metrics: Mapping[str, Metric], true: Labels, predicted: Labels) -> dict[str, float | None]:
    """Every metric of these predictions; None where it is no finite number.

    Raises:
        UsageError: a user's own function fails.
    """
    found: dict[str, float | None] = {}
    for name, metric in metrics.items():
        try:
            value = float(metric(true, predicted))
        except Exception as error:
            raise UsageError(
                f"{setting('metrics', [name])}: fails: {cause(error)}; it is given true and predicted classes"
            ) from error
        found[name] = value if np.isfinite(value) else None
    return found
