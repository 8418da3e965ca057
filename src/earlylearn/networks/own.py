"""How does a network of a user's own stand where ours do?"""

import copy
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from earlylearn.errors import UsageError, setting
from earlylearn.networks.architecture import Architecture
from earlylearn.plugins import cause

TAKES = ("shape", "classes", "num_classes")  # what a factory may ask for, by name


class RawInputs(nn.Module):
    """Stands where inputs would be normalised: passes them on as float32, in their own units."""

    def forward(self, x: Tensor) -> Tensor:
        """Inputs of the same shape."""
        return x.float()


def own_architecture(what: object, name: str) -> Architecture:
    """The record of a network of a user's own.

    Args:
        what: an `nn.Module`, of which each network of a method is a copy; its class; or a function that makes one, and
            is given those of ``shape`` (of one input), ``classes`` and ``num_classes`` that it takes by name.
        name: as the setting has it.

    Raises:
        UsageError: it is none of these; from ``make``: it fails, or gives no module.
    """
    if isinstance(what, Architecture):
        return what
    asked = setting("network", name)
    if isinstance(what, nn.Module):
        found = what
        return Architecture(
            "a network of your own", lambda *_: copy.deepcopy(found), images=False, takes="NAME", own="module"
        )
    if not callable(what):
        raise UsageError(f"{asked}: is no network; give a name, an nn.Module, its class, or a function that makes one")
    factory: Callable[..., Any] = what

    def make(_: str, shape: Sequence[int], classes: int) -> nn.Module:
        given = {"shape": tuple(shape), "classes": classes, "num_classes": classes}
        try:
            made = factory(**{k: v for k, v in given.items() if k in _parameters(factory)})
        except UsageError:
            raise
        except Exception as error:
            raise UsageError(
                f"{asked}: cannot be made: {cause(error)}; it is given, by name, {', '.join(TAKES)}"
            ) from error
        if not isinstance(made, nn.Module):
            raise UsageError(f"{asked}: makes a {type(made).__name__}; return an nn.Module")
        return made

    return Architecture("a network of your own", make, images=False, takes="NAME", own="factory")


def _parameters(factory: Callable[..., Any]) -> list[str]:
    try:
        return list(inspect.signature(factory).parameters)
    except (TypeError, ValueError):  # of what is written in C
        return []
