"""What did networks and linear models record, step by step, as one table?"""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, Literal

import numpy as np
import pandas as pd

from earlylearn.documents import EpochRecord
from earlylearn_paper.theory.softmax_regression import Curves
from earlylearn_paper.work import Runs

SIDES: tuple[Literal["clean", "wrong"], ...] = ("clean", "wrong")
# what metrics.jsonl calls the parts of the gradient at the true class, by the linear model's names for them
GRADIENTS: dict[str, Literal["ce", "ce_abs", "regularizer"]] = {"error": "ce", "size": "ce_abs", "pull": "regularizer"}


def network_curves(finished: Runs) -> pd.DataFrame:
    """A row per run and epoch: ``method, seed, epoch`` and what the run's metrics say where the truth is known.

    ``clean_correct, clean_incorrect, wrong_correct, wrong_memorized, wrong_other`` are shares of the training
    examples with a clean or wrong label. At the true class, ``<side>_error`` is p - y, ``<side>_size`` its absolute
    value and ``<side>_pull`` the regularizer's gradient, each a mean over the examples with its ``_sd``.
    ``test_accuracy`` is missing in epochs that were not tested. ``targets_train, targets_validation`` are the shares of
    rows whose largest target is at the true class. What a method has not is missing.
    """
    return pd.DataFrame(
        {"method": name, "seed": run.seed, "epoch": line["epoch"], **dict(_measured(line))}
        for name, runs in finished.items()
        for run in runs
        for line in run.metrics
    )


def linear_curves(models: dict[str, Curves]) -> pd.DataFrame:
    """The same of linear models, by the name of the method: a row per seed and recorded ``iteration``."""
    frames = []
    for name, curves in models.items():
        columns = {each.name: getattr(curves, each.name) for each in fields(curves) if each.name != "iteration"}
        columns |= {"clean_incorrect": 1 - curves.clean_correct, "wrong_memorized": 1 - curves.wrong_correct}
        seeds, records = curves.clean_correct.shape
        place = {
            "method": np.full(seeds * records, name),
            "seed": np.repeat(np.arange(seeds), records),
            "iteration": np.tile(curves.iteration, seeds),
        }
        frames.append(pd.DataFrame({**place, **{column: values.ravel() for column, values in columns.items()}}))
    return pd.concat(frames, ignore_index=True)


def step_of(frame: pd.DataFrame) -> str:
    """What the table counts by: ``iteration`` or ``epoch``."""
    return "iteration" if "iteration" in frame else "epoch"


def mean_curve(frame: pd.DataFrame, method: str, column: str) -> "pd.Series[float]":
    """Mean over the seeds, by step."""
    return frame[frame["method"] == method].groupby(step_of(frame))[column].mean()


def seed_band(frame: pd.DataFrame, method: str, column: str) -> pd.DataFrame:
    """By step, ``mean, low, high`` over the seeds: lowest and highest."""
    grouped = frame[frame["method"] == method].groupby(step_of(frame))[column]
    return pd.DataFrame({"mean": grouped.mean(), "low": grouped.min(), "high": grouped.max()})


def example_band(frame: pd.DataFrame, method: str, column: str) -> pd.DataFrame:
    """By step, ``mean, low, high`` over the examples of all seeds, one standard deviation to each side.

    Each seed gives a mean and, in ``<column>_sd``, a standard deviation over its examples; equally many per seed.
    """
    grouped = frame[frame["method"] == method].groupby(step_of(frame))
    mean = grouped[column].mean()
    within = grouped[f"{column}_sd"].agg(lambda sd: (sd**2).mean())
    sd = (within + grouped[column].var(ddof=0)) ** 0.5
    return pd.DataFrame({"mean": mean, "low": mean - sd, "high": mean + sd})


def percent(share: float) -> str:
    """A share as text, without a sign at what rounds to 0."""
    return f"{100 * share:.0f}%".replace("-0%", "0%")


def _measured(line: EpochRecord) -> Iterator[tuple[str, float | None]]:
    yield "test_accuracy", line["test_accuracy"]
    for side in SIDES:
        shares: Mapping[str, Any] = line[side] or {}
        for name, share in shares.items():
            yield f"{side}_{name}", share
        gradients = line["gradients"] and line["gradients"][side]
        for name, key in GRADIENTS.items():
            moments = gradients and gradients[key]
            if moments:
                yield f"{side}_{name}", moments[0]
                yield f"{side}_{name}_sd", moments[1]
    beliefs: Mapping[str, Any] = line["beliefs"] or {}
    for rows, share in beliefs.items():
        yield f"targets_{rows}", share
