"""Which network is meant by a name, and does it suit the data?"""

import math
import re

import torch
from torch import Tensor, nn

from earlylearn.errors import UsageError
from earlylearn.networks.cifar_resnet import RESNET18_BLOCKS, RESNET34_BLOCKS, CifarResNet
from earlylearn.networks.normalize import Normalize
from earlylearn.networks.preact_resnet import PreActResNet
from earlylearn.networks.small import SmallCNN, linear, mlp

NETWORKS: dict[str, str] = {
    "linear": "softmax regression, for features or flattened images",
    "mlp": "perceptron with two hidden layers of 512 units; mlp:256-256 sets other ones",
    "small-cnn": "three 3x3 conv-BN-ReLU blocks of 32, 64, 128 channels, for images on a processor",
    "resnet34": "ELR's CIFAR ResNet-34 (3x3 stem, no max-pooling), 21.3 million parameters",
    "resnet18": "the same with ResNet-18's blocks, 11.2 million parameters",
    "preact-resnet18": "ELR+'s and DivideMix's PreActResNet-18, 11.2 million parameters",
}

SMALLEST_IMAGE = 8


def default_network(shape: tuple[int, ...]) -> str:
    """The network for inputs of this shape when the user names none: ``(d,)`` or ``(channels, h, w)``.

    Images too small to convolve sensibly (under 8 x 8) get the perceptron, as features do.
    """
    return "small-cnn" if len(shape) == 3 and min(shape[1:]) >= SMALLEST_IMAGE else "mlp"


def _hidden(name: str) -> list[int]:
    """The hidden layers in ``mlp:256-256``; two of 512 units in ``mlp``."""
    if name == "mlp":
        return [512, 512]
    sizes = name.removeprefix("mlp:")
    if not re.fullmatch(r"[1-9][0-9]*(-[1-9][0-9]*)*", sizes):
        raise UsageError(
            f"--network {name}: '{sizes}' is not a list of hidden layer sizes; write for example mlp:256-256"
        )
    return [int(size) for size in sizes.split("-")]


def build_network(name: str, *, shape: tuple[int, ...], classes: int, mean: Tensor, std: Tensor) -> nn.Module:
    """Build a freshly initialised network that takes raw inputs.

    Weights are PyTorch's default initialisation, drawn from the global generator: whoever wants them
    repeatable forks and seeds it around this call.

    Args:
        name: a key of `NETWORKS`, or ``mlp:`` and hidden sizes joined by hyphens.
        shape: of one input, ``(d,)`` or ``(channels, height, width)``; at least 8 x 8 pixels to convolve.
        classes: number of logits, at least 2.
        mean: float ``[channels]`` or ``[d]``, see `Normalize`.
        std: the same.

    Returns:
        ``nn.Sequential(Normalize, network)`` from raw ``[B, *shape]`` to logits ``[B, classes]``; the
        weights of image networks are in channels_last order.

    Raises:
        UsageError: the name is unknown (the known ones are listed), the network cannot take the shape, or
            mean and std do not fit it.
    """
    network = _network(name, shape, classes)
    normalize = Normalize(mean, std)
    if len(normalize.mean) != shape[0]:
        what = "columns" if len(shape) == 1 else "channels"
        raise UsageError(f"--network {name}: {len(normalize.mean)} means for {shape[0]} {what}; give one each")
    return nn.Sequential(normalize, network)


def _network(name: str, shape: tuple[int, ...], classes: int) -> nn.Module:
    """The network behind the `Normalize` layer."""
    kind = name.partition(":")[0]
    if kind not in NETWORKS or (name != kind and kind != "mlp"):
        raise UsageError(f"--network {name}: unknown; choose one of {', '.join(NETWORKS)}, mlp:SIZE-SIZE")
    if len(shape) not in (1, 3) or min(shape) < 1:
        raise UsageError(
            f"--network {name}: cannot take inputs of shape {shape}; give (columns,) or (channels, height, width)"
        )
    if classes < 2:
        raise UsageError(f"--network {name}: {classes} classes; a classifier needs at least two")
    if kind == "linear":
        return linear(math.prod(shape), classes)
    if kind == "mlp":
        return mlp(math.prod(shape), classes, hidden=_hidden(name))
    if len(shape) == 1:
        raise UsageError(f"--network {name}: needs images, the data has {shape[0]} columns; use mlp or linear")
    if min(shape[1:]) < SMALLEST_IMAGE:
        raise UsageError(
            f"--network {name}: needs images of at least {SMALLEST_IMAGE} x {SMALLEST_IMAGE} pixels, "
            f"found {shape[1]} x {shape[2]}; use mlp or linear"
        )
    network: nn.Module
    if kind == "small-cnn":
        network = SmallCNN(shape[0], classes)
    elif kind == "preact-resnet18":
        network = PreActResNet(shape[0], classes)
    else:
        blocks = RESNET34_BLOCKS if kind == "resnet34" else RESNET18_BLOCKS
        network = CifarResNet(shape[0], classes, blocks=blocks)
    # PyTorch's own annotations leave this overload of Module.to out.
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def count_weights(name: str, *, shape: tuple[int, ...], classes: int) -> int:
    """How many trained numbers a network has; nothing is allocated. Raises as `build_network` does."""
    with torch.device("meta"):
        network = _network(name, shape, classes)
    return sum(parameter.numel() for parameter in network.parameters())
