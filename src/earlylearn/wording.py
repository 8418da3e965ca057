"""How are numbers, gaps and settings written so that a person can read them?"""

import json
import shlex
from collections.abc import Mapping
from typing import Any

import pandas as pd

from earlylearn.documents import PairedDifference, Statistic

UNKNOWN = "unknown"
_TITLES = {"ce": "Cross-entropy", "elr": "ELR", "elr+": "ELR+"}
GAP = "–"


def missing(value: Any) -> bool:
    """Whether the value stands for "cannot be known": None, not a number, or pandas' NA."""
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


def percent(value: float | None, gap: str = UNKNOWN) -> str:
    """A share as a percentage, e.g. ``91.2%``; one that is only nearly 0 or 1 never reads as 0% or 100%."""
    if value is None or missing(value):
        return gap
    value = float(value)
    if 0 < value < 0.0005:
        return "<0.1%"
    if 0.9995 <= value < 1:
        return ">99.9%"
    return f"{value:.1%}"


def count(value: float | None, gap: str = UNKNOWN) -> str:
    """A whole number with thousands separators, e.g. ``12,345``."""
    return gap if value is None or missing(value) else f"{int(value):,}"


def score(value: float | None, gap: str = GAP) -> str:
    """A number in [0, 1] with three digits, e.g. ``0.042``; tiny ones read ``<0.001``."""
    if value is None or missing(value):
        return gap
    return "<0.001" if 0 < value < 0.0005 else f"{float(value):.3f}"


def duration(seconds: float | None, gap: str = UNKNOWN) -> str:
    """A time span in the two units that matter, e.g. ``3 min 12 s``."""
    if seconds is None or missing(seconds):
        return gap
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def rough_duration(seconds: float) -> str:
    """An estimated time span in the one unit that suits, e.g. ``11 days``."""
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def plural(number: int, one: str, many: str | None = None) -> str:
    """The number with its noun, e.g. ``1 label`` or ``2,000 labels``."""
    return f"{number:,} {one if number == 1 else (many or one + 's')}"


def setting(value: Any, longest: int = 240) -> str:
    """A setting as text: dictionaries as ``key=value`` pairs, lists joined, long ones cut."""
    if missing(value) or value in ({}, []):
        text = GAP
    elif isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, dict):
        text = ", ".join(f"{key}={setting(part)}" for key, part in value.items())
    elif isinstance(value, list | tuple):
        text = ", ".join(setting(part) for part in value)
    elif isinstance(value, float):
        text = f"{value:g}"
    elif isinstance(value, str | int):
        text = str(value)
    else:
        text = json.dumps(value, default=str)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def command_line(
    command: str, *words: str, settings: Mapping[str, Any], hyperparameters: Mapping[str, Any] | None = None
) -> str:
    """The command that asks for the same, for documents that say how to repeat what they tell.

    With `earlylearn.cli` the only place that writes options: messages name settings (`earlylearn.errors`).

    Args:
        command: of ``earlylearn``.
        words: its arguments.
        settings: those of its options that are not None or False; one of several values is written for each.
        hyperparameters: of the method.
    """
    typed = ["earlylearn", command, *words]
    for name, value in settings.items():
        for each in value if isinstance(value, list | tuple) else [value]:
            if each not in (None, False):
                typed += [f"--{name.replace('_', '-')}", *([] if each is True else [str(each)])]
    for name, value in (hyperparameters or {}).items():
        typed += ["-o", f"{name}={setting(value)}"]
    return shlex.join(typed)


def method_title(name: str) -> str:
    """A method as figures and tables call it, e.g. ``Cross-entropy``; where there is no such name, its own."""
    return _TITLES.get(name, name)


def spread(statistic: Statistic | None) -> str:
    """Mean and standard deviation of a share over the seeds, e.g. ``98.5 ± 0.7%``."""
    mean = mean_of(statistic)
    if statistic is None or mean is None:
        return GAP
    sd = statistic["sd"]
    return percent(mean) if sd is None or missing(sd) else f"{percent(mean).removesuffix('%')} ± {100 * sd:.1f}%"


def times(statistic: Statistic | None) -> str:
    """How many times as long as the baseline, e.g. ``2.1 ×``."""
    mean = mean_of(statistic)
    return GAP if mean is None else f"{mean:.1f} ×"


def mean_of(statistic: Statistic | PairedDifference | None) -> float | None:
    """The mean of a statistic, None where it cannot be known."""
    return None if statistic is None else statistic["mean"]
