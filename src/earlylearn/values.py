"""Which plain value was given, and is it what the setting takes?"""

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earlylearn.errors import UsageError, manual, setting

if TYPE_CHECKING:
    from pydantic import ValidationError


def plain(value: Any) -> Any:
    """A scalar of numpy, array or tensor of no dimension as the number it holds, a path as text; all else as it is."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value


def from_text(text: str) -> Any:
    """What a text stands for where a value of any type may be written: as JSON has it, else the text itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # the second of what is nested endlessly
        return text


# How the field calls a hyperparameter whose name Python keeps for itself.
SPELLED = {"lambda": "lam"}


def pairs_from_text(pairs: Iterable[str], culprit: Callable[[str], str]) -> dict[str, Any]:
    """``["lam=3", "networks=1"]`` as a dict; UsageError about ``culprit(pair)`` for what is no ``NAME=VALUE``."""
    values: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise UsageError(f"{culprit(pair)}: write NAME=VALUE, for example lam=3")
        values[SPELLED.get(name, name)] = from_text(value)
    return values


def whole_number(name: str, value: Any, *, least: int = 1, most: int | None = None, why: str = "") -> int:
    """The whole number that was given for a setting.

    Args:
        name: of the setting, as Python has it.
        value: what was given.
        least: the smallest number allowed.
        most: the largest; None for no limit.
        why: what the limits come from, for the message.

    Raises:
        UsageError: it is no whole number, or beyond the limits.
    """
    value = plain(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < least or (most is not None and value > most):
        limits = f", {least} or more" if most is None else f" from {least} to {most}"
        raise UsageError(f"{setting(name, value)}: must be a whole number{limits}{why and f' ({why})'}")
    return value


def a_path(name: str, value: Any) -> Path:
    """The path that was given for a setting; UsageError for what is none, such as a number."""
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise UsageError(f"{setting(name, value)}: must be a path, as text")
    return Path(os.fspath(value))


def yes_or_no(name: str, value: Any) -> bool:
    """The bool that was given for a setting; UsageError for all else, such as the text 'no', which counts as true."""
    value = plain(value)
    if not isinstance(value, bool):
        raise UsageError(f"{setting(name, value)}: must be True or False")
    return value


def describe(error: "ValidationError") -> str:
    """The first fault pydantic found, as one line that names the setting; a message of an error of ours."""
    first = error.errors()[0]
    name = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return f"{setting(name)}: there is no such setting; see {manual('train')}"
    culprit = setting(name, first["input"])
    return f"{culprit}: {first['msg'][0].lower()}{first['msg'][1:]}"
