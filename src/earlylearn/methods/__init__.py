"""Which methods are there, by name, and which hyperparameters does each take?"""

import inspect
import json
from importlib.resources import files
from typing import Any, TypedDict, get_type_hints

import torch
from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from torch import nn

from earlylearn.errors import UsageError, did_you_mean, hyperparameter, setting
from earlylearn.loop.method import Method
from earlylearn.loop.seen import Seen
from earlylearn.methods.auto import Auto
from earlylearn.methods.coteaching import CoTeaching, CoTeachingPlus
from earlylearn.methods.dividemix import DivideMix
from earlylearn.methods.elr import ELR
from earlylearn.methods.elr_plus import ELRPlus
from earlylearn.methods.elr_variants import KLRegularized, TargetsOnly
from earlylearn.methods.forward import ForwardCorrection
from earlylearn.methods.mixup import Mixup
from earlylearn.methods.sop import SOP
from earlylearn.methods.supervised import (
    Bootstrap,
    CrossEntropy,
    GeneralizedCrossEntropy,
    LabelSmoothing,
    SymmetricCrossEntropy,
)
from earlylearn.plugins import Plugin, cause, find_plugin, offered, origin, reference_to
from earlylearn.values import plain

METHODS: dict[str, type[Method]] = {
    "auto": Auto,
    "ce": CrossEntropy,
    "kl": KLRegularized,
    "targets": TargetsOnly,
    "elr": ELR,
    "elr+": ELRPlus,
    "bootstrap": Bootstrap,
    "forward": ForwardCorrection,
    "gce": GeneralizedCrossEntropy,
    "sce": SymmetricCrossEntropy,
    "mixup": Mixup,
    "label-smoothing": LabelSmoothing,
    "co-teaching": CoTeaching,
    "co-teaching+": CoTeachingPlus,
    "dividemix": DivideMix,
    "sop": SOP,
}


def find_method(method: str | type[Method], source: str = "") -> Plugin:
    """A method, and the name by which it is found again: one of ours, or of others.

    Args:
        method: a key of `METHODS`; a name that an installed package offers as one of ``earlylearn.methods``;
            ``path/to/file.py:CLASS`` or ``package.module:CLASS``; or the class itself.
        source: `Plugin.source` of when it was found first; empty takes it as it is now.

    Raises:
        UsageError: there is none (the known ones are listed), it cannot be imported, it changed, or it is no method.
    """
    if isinstance(method, type):
        registered = [name for name, ours in METHODS.items() if ours is method]
        method = registered[0] if registered else reference_to("method", method)
    if method in METHODS:
        return Plugin(method, METHODS[method], "")
    found = find_plugin("method", method, source)
    if found is None:
        gone = f" ({source} offered it, which is not installed)" if source else ""
        names = [*METHODS, *offered("method")]
        known = f"{did_you_mean(method, names)}choose from {', '.join([*names, 'FILE.py:CLASS'])}"
        raise UsageError(f"{setting('method', method)}: no such method{gone}; {known}")
    _check_method(found)
    return found


def method_class(method: str | type[Method], source: str = "") -> type[Method]:
    """The class of a method; arguments and errors as of `find_method`."""
    what: type[Method] = find_method(method, source).what
    return what


def _check_method(found: Plugin) -> None:
    """Raise UsageError unless a plug-in is a method whose hyperparameters can be read."""
    culprit, kind = setting("method", found.name), found.what
    if not (isinstance(kind, type) and issubclass(kind, Method)):
        raise UsageError(f"{culprit}: is no method; make it a class derived from earlylearn.Method")
    try:
        hyperparameters(kind)()
    except Exception as error:
        raise UsageError(
            f"{culprit}: its hyperparameters cannot be read ({cause(error)}); give each keyword-only argument of "
            "__init__ a type and a default"
        ) from error


def hyperparameters(method: type[Method]) -> type[BaseModel]:
    """A pydantic model of a method's keyword-only arguments: names, types, ranges, defaults, meanings."""
    hints = get_type_hints(method.__init__, include_extras=True)
    fields: dict[str, Any] = {
        p.name: (hints[p.name], ... if p.default is p.empty else p.default)
        for p in inspect.signature(method.__init__).parameters.values()
        if p.kind is p.KEYWORD_ONLY and p.name != "generator"
    }
    return create_model(method.__name__, __config__=ConfigDict(extra="forbid", allow_inf_nan=False), **fields)


def check_options(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """The hyperparameters of method ``name``, complete and of the right type.

    Raises:
        UsageError: an unknown name (the known ones are listed), or a value of the wrong type or out of range.
    """
    model = hyperparameters(method_class(name))
    try:
        return model(**{option: plain(value) for option, value in options.items()}).model_dump()
    except ValidationError as error:
        first = error.errors()[0]
        culprit = hyperparameter(str(first["loc"][0]), first["input"])
        if first["type"] == "extra_forbidden":
            known = ", ".join(model.model_fields) or "none"
            meant = did_you_mean(str(first["loc"][0]), model.model_fields)
            raise UsageError(f"{culprit}: method {name} has no such hyperparameter; {meant}it has: {known}") from None
        raise UsageError(f"{culprit}: {first['msg'][0].lower()}{first['msg'][1:]} (method {name})") from None


class Costs(TypedDict):
    """Training time relative to cross-entropy's by method, what exactly was measured, and where."""

    what: str
    command: str
    date: str
    hardware: str
    torch: str
    precision: str
    threads: int
    rounds: int
    ce_seconds: float
    cost: dict[str, float]


def measured_costs() -> Costs:
    """What ``costs.json`` holds."""
    document: Costs = json.loads(files(__package__).joinpath("costs.json").read_text(encoding="utf-8"))
    return document


class BytesPerExample(TypedDict):
    """The state kept of every example in memory: so much for each class, and so much beside."""

    per_class: int
    beside: int


class Needs(TypedDict):
    """What a method needs beside data and one network, under default hyperparameters.

    Attributes:
        networks: how many are trained.
        views: of every input in a batch.
        noise_rate: where the noise rate goes, and what happens without it; None if it needs none.
        transition_matrix: the same of a transition matrix.
        bytes_per_example: the state of an example.
    """

    networks: int
    views: int
    noise_rate: str | None
    transition_matrix: str | None
    bytes_per_example: BytesPerExample


class Hyperparameter(TypedDict):
    """A hyperparameter of a method, as a person reads it."""

    default: Any
    meaning: str | None
    type: str


# A method, as a person reads it: what ``method`` takes; who offers it (ours: ``earlylearn``); what it does; where it is
# published; time of an epoch relative to that of ``ce``, None if not measured. No class, because "from" is no name.
Description = TypedDict(
    "Description",
    {
        "name": str,
        "from": str,
        "summary": str,
        "paper": str,
        "networks": int,
        "cost": float | None,
        "needs": Needs,
        "hyperparameters": dict[str, Hyperparameter],
    },
)


def needs(method: type[Method]) -> Needs:
    """What a method needs beside data and one network."""

    def state(n: int, classes: int) -> int:
        kept = method(nn.Identity, n, classes).buffers()
        return Seen(torch.zeros(n, dtype=torch.int64)).nbytes + sum(buffer.nbytes for buffer in kept)

    # Rows are alike: one more row tells its state for 2 and for 3 classes, and these its shares.
    two, three = (state(2, classes) - state(1, classes) for classes in (2, 3))
    return {
        "networks": method.networks,
        "views": method.views,
        "noise_rate": method.noise_rate or None,
        "transition_matrix": method.transition_matrix or None,
        "bytes_per_example": {"per_class": three - two, "beside": two - 2 * (three - two)},
    }


def describe_methods() -> list[Description]:
    """Every method of ours, see `Description`."""
    costs = measured_costs()["cost"]
    return [_describe(name, method, "earlylearn", costs.get(name)) for name, method in METHODS.items()]


def describe_plugins() -> tuple[list[Description], list[UsageError]]:
    """The methods that installed packages offer, as `describe_methods` describes ours; and why others cannot be had."""
    described: list[Description] = []
    refused: list[UsageError] = []
    for name, point in offered("method").items():
        culprit = setting("method", name)
        try:
            if name in METHODS:
                raise UsageError(f"{culprit}: is ours; what {origin(point)} offers by that name is refused")
            described.append(_describe(name, method_class(name), origin(point)))
        except UsageError as error:
            refused.append(error)
        except Exception as error:  # its __init__ is not ours
            refused.append(UsageError(f"{culprit}: {origin(point)} cannot be described: {cause(error)}"))
    return described, refused


def _describe(name: str, method: type[Method], source: str, cost: float | None = None) -> Description:
    return {
        "name": name,
        "from": source,
        "summary": (inspect.getdoc(method) or "").partition("\n")[0],
        "paper": method.paper,
        "networks": method.networks,
        "cost": cost,
        "needs": needs(method),
        "hyperparameters": {
            field: {
                "default": info.default,
                "meaning": info.description,
                "type": str(info.annotation.__name__ if isinstance(info.annotation, type) else info.annotation),
            }
            for field, info in hyperparameters(method).model_fields.items()
        },
    }
