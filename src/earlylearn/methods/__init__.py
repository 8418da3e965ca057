"""Which methods are there, by name, and which hyperparameters does each take?"""

import inspect
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from earlylearn.errors import UsageError
from earlylearn.method import Method
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
        raise UsageError(f"--method {name}: no such method; choose from {', '.join(METHODS)}")
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
        return model(**options).model_dump()
    except ValidationError as error:
        first = error.errors()[0]
        option = first["loc"][0]
        if first["type"] == "extra_forbidden":
            known = ", ".join(model.model_fields) or "none"
            raise UsageError(f"-o {option}: method {name} has no such hyperparameter; it has: {known}") from None
        raise UsageError(
            f"-o {option}={first['input']}: {first['msg'][0].lower()}{first['msg'][1:]} (method {name})"
        ) from None


def describe_methods() -> list[dict[str, Any]]:
    """Every method: name, summary, paper, networks, and hyperparameters with default, meaning and type."""
    return [
        {
            "name": name,
            "summary": (inspect.getdoc(method) or "").splitlines()[0],
            "paper": method.paper,
            "networks": method.networks,
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
