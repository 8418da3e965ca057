"""Which methods are there, by name, and which hyperparameters does each take?"""

import inspect
import json
from importlib.resources import files
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from torch import nn

from earlylearn.errors import UsageError, hyperparameter, setting
from earlylearn.loop.method import Method, unseen
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
from earlylearn.values import plain

METHODS: dict[str, type[Method]] = {
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


def method_class(name: str) -> type[Method]:
    """The method of that name; an unknown name raises UsageError with the known ones."""
    if name not in METHODS:
        raise UsageError(f"{setting('method', name)}: no such method; choose from {', '.join(METHODS)}")
    return METHODS[name]


def hyperparameters(method: type[Method]) -> type[BaseModel]:
    """A pydantic model of a method's keyword-only arguments: names, types, ranges, defaults, meanings."""
    hints = get_type_hints(method.__init__, include_extras=True)
    fields: dict[str, Any] = {
        p.name: (hints[p.name], p.default)
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
            raise UsageError(f"{culprit}: method {name} has no such hyperparameter; it has: {known}") from None
        raise UsageError(f"{culprit}: {first['msg'][0].lower()}{first['msg'][1:]} (method {name})") from None


def measured_costs() -> dict[str, Any]:
    """Training time relative to cross-entropy's by method, under ``cost``, and how it was measured: ``costs.json``."""
    return json.loads(files(__package__).joinpath("costs.json").read_text(encoding="utf-8"))


def needs(method: type[Method]) -> dict[str, Any]:
    """What a method needs beside data and one network: see `describe_methods`."""

    def state(n: int, classes: int) -> int:
        kept = method(nn.Identity, n, classes).buffers()
        return unseen(n, classes).nbytes + sum(buffer.nbytes for buffer in kept)

    # Rows are alike: one more row tells its state for 2 and for 3 classes, and these its shares.
    two, three = (state(2, classes) - state(1, classes) for classes in (2, 3))
    return {
        "networks": method.networks,
        "views": method.views,
        "noise_rate": method.noise_rate or None,
        "transition_matrix": method.transition_matrix or None,
        "bytes_per_example": {"per_class": three - two, "beside": two - 2 * (three - two)},
    }


def describe_methods() -> list[dict[str, Any]]:
    """Every method: name, summary, paper, networks, cost, needs, and hyperparameters with default, meaning and type.

    ``cost`` is the time of a training epoch relative to that of ``ce``, see `measured_costs`; None of a method that is
    not measured. ``needs`` are under default hyperparameters: the networks trained, the views of every input in a
    batch, where the noise rate and a transition matrix go and what happens without them (None if it needs none), and
    the state kept of every example in memory, in bytes: ``per_class`` times the number of classes, plus ``beside``.
    """
    costs = measured_costs()["cost"]
    return [
        {
            "name": name,
            "summary": (inspect.getdoc(method) or "").splitlines()[0],
            "paper": method.paper,
            "networks": method.networks,
            "cost": costs.get(name),
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
        for name, method in METHODS.items()
    ]
