"""Which parts of a run are objects of its user's, and by which name is each noted?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from typing import Any

from earlylearn.errors import UsageError, setting
from earlylearn.plugins import Plugin, find_plugin, is_reference, name_of

KINDS = ("network", "optimizer", "schedule", "augment")  # settings whose value may be an object, or FILE.py:NAME
LISTS = ("metrics", "log")  # settings that are lists of names, or of objects
HOOKS = ("on_run_start", "on_epoch_end", "on_run_end")  # what a callback may have


@dataclass
class Own:
    """The objects that a user gave, which no file of the run holds.

    Attributes:
        parts: by setting, of `KINDS`.
        metrics: functions by name.
        log: loggers by name.
        callbacks: objects that have some of `HOOKS`, or functions, which are called as ``on_epoch_end`` is.
    """

    parts: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Callable[..., Any]] = field(default_factory=dict)
    log: dict[str, Any] = field(default_factory=dict)
    callbacks: list[Any] = field(default_factory=list)

    def part(self, kind: str, name: str, source: str = "") -> Any:
        """What a setting of `KINDS` names, if it is no name of ours: the object given, or what a file defines.

        Raises:
            UsageError: it was given in Python and is not given now, it cannot be imported, or it changed.
        """
        if kind in self.parts:
            return self.parts[kind]
        found = of_others(kind, name, source)
        return None if found is None else found.what


def of_others(kind: str, name: str, source: str = "") -> Plugin | None:
    """What a reference names; None of a name that is ours. A network's name may also be one of ours with a colon."""
    return find_plugin(kind, name, source) if is_reference(name) else None


def take_objects(given: Mapping[str, Any]) -> tuple[dict[str, Any], Own]:
    """The settings with every object in them replaced by its name, and the objects.

    Raises:
        UsageError: a setting is neither text nor something that can stand for it.
    """
    settings, own = dict(given), Own()
    for kind in KINDS:
        value = settings.get(kind)
        if value is None or isinstance(value, str):
            continue
        if not callable(value):
            named = setting(kind, f"a {type(value).__name__}")
            if hasattr(value, "param_groups") or hasattr(value, "optimizer"):
                raise UsageError(
                    f"{named}: belongs to one network, and a copy of yours is trained; give the class, or a function "
                    "that makes one"
                )
            raise UsageError(f"{named}: must be text, or something that can be called")
        own.parts[kind] = value
        settings[kind] = name_of(kind, value)
    for kind, kept in (("metrics", own.metrics), ("log", own.log)):
        if settings.get(kind) is not None:
            settings[kind] = [_name_in_list(kind, each, kept) for each in _listed(settings[kind])]
    own.callbacks = [_callback(each) for each in _listed(settings.pop("callbacks", None) or ())]
    return settings, own


def _listed(value: Any) -> Sequence[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _name_in_list(kind: str, value: Any, kept: dict[str, Any]) -> str:
    if isinstance(value, str):
        return value
    if not (callable(value) if kind == "metrics" else hasattr(value, "log_metrics")):
        what = "a function of true and predicted classes" if kind == "metrics" else "something with log_metrics"
        raise UsageError(f"{setting(kind, [value])}: must be a name, or {what}")
    plain = str(getattr(value, "__name__", type(value).__name__)).strip("<>")
    # Two functions without a name, or two loggers of one kind, are two: the second is called so.
    name = next(each for each in chain([plain], (f"{plain}-{k}" for k in count(2))) if kept.get(each, value) is value)
    kept[name] = value
    return name


def _callback(value: Any) -> Any:
    if any(callable(getattr(value, hook, None)) for hook in HOOKS):
        return value
    if not callable(value):
        raise UsageError(f"{setting('callbacks', [value])}: has none of {', '.join(HOOKS)}, and is no function")
    return _OnEpochEnd(value)


@dataclass
class _OnEpochEnd:
    on_epoch_end: Callable[..., Any]
