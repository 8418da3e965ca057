"""What does an image cost a network: operations, and memory for the backward pass?"""

import json
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from earlylearn.errors import UsageError
from earlylearn.networks.build import bare_network

_PROBE = 2  # images; batch normalisation takes no fewer


class Cost(NamedTuple):
    """Per image, counted for a network in training mode.

    Attributes:
        forward: floating-point operations of a forward pass, those of convolutions and matrix products alone; a
            multiplication and an addition are two.
        both: of forward and backward pass together.
        activations: numbers kept from the forward for the backward pass; multiply by the bytes of the precision.
        weights: trained numbers, of the whole network.
    """

    forward: float
    both: float
    activations: float
    weights: int


def network_cost(name: str, *, shape: tuple[int, ...], classes: int) -> Cost:
    """Count on PyTorch's meta device, which knows shapes and no numbers: nothing is computed or allocated.

    Args:
        name: of the network, see `earlylearn.networks.build_network`; errors as there.
        shape: of one input as the network sees it.
        classes: number of logits.
    """
    with torch.device("meta"):
        network = bare_network(name, shape, classes)
        inputs = torch.empty(_PROBE, *shape)
    kept: dict[int, Tensor] = {parameter.untyped_storage()._cdata: parameter for parameter in network.parameters()}
    activations = 0

    def keep(tensor: Tensor) -> Tensor:
        # Layers often keep the same tensor, one as its output, the next as its input; it lies in memory once.
        nonlocal activations
        storage = tensor.untyped_storage()._cdata
        if storage not in kept:
            kept[storage] = tensor
            activations += tensor.numel()
        return tensor

    with FlopCounterMode(display=False) as forward, torch.autograd.graph.saved_tensors_hooks(keep, lambda kept: kept):
        outputs = network(inputs)
    with FlopCounterMode(display=False) as backward:
        outputs.sum().backward()
    once, back = forward.get_total_flops() / _PROBE, backward.get_total_flops() / _PROBE
    return Cost(once, once + back, activations / _PROBE, sum(weight.numel() for weight in network.parameters()))


def known_cost(name: str, *, shape: tuple[int, ...], classes: int) -> Cost:
    """`network_cost`, or what it counted earlier where timm is not usable: one plans before one installs."""
    try:
        return network_cost(name, shape=shape, classes=classes)
    except UsageError:
        counted = _counted().get(_key(name, shape, classes))
        if counted is None:
            raise
        return Cost(**counted)


def _key(name: str, shape: tuple[int, ...], classes: int) -> str:
    return f"{name} {'x'.join(map(str, shape))} {classes}"


@cache
def _counted() -> dict[str, dict[str, int]]:
    """``counted.json``: costs of the recipes' timm networks by name, input and classes (a test counts them again)."""
    counted: dict[str, dict[str, int]] = json.loads((files("earlylearn.networks") / "counted.json").read_text())
    return counted
