"""Which network is meant by a name, and does it suit the data?"""

import math
import re

import torch
from torch import Tensor, nn

from earlylearn.errors import UsageError
from earlylearn.networks.centre_crop import CentreCrop
from earlylearn.networks.cifar_resnet import RESNET18_BLOCKS, RESNET34_BLOCKS, CifarResNet
from earlylearn.networks.normalize import Normalize
from earlylearn.networks.preact_resnet import PreActResNet
from earlylearn.networks.small import SmallCNN, linear, mlp
from earlylearn.networks.timm_networks import PREFIX, load_pretrained, timm_network
from earlylearn.networks.whitened_cnn import WhitenedCNN

NETWORKS: dict[str, str] = {
    "linear": "softmax regression, for features or flattened images",
    "mlp": "perceptron with two hidden layers of 512 units; mlp:256-256 sets other ones",
    "small-cnn": "three 3x3 conv-BN-ReLU blocks of 32, 64, 128 channels, for images on a processor",
    "whitened-cnn": "learns 32 x 32 images fast: whitened patches, six 3x3 convolutions, 2.0 million parameters",
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


def build_network(
    name: str,
    *,
    shape: tuple[int, ...],
    classes: int,
    mean: Tensor,
    std: Tensor,
    crop: int | None = None,
    pretrained: str | None = None,
    images: Tensor | None = None,
) -> nn.Module:
    """Build a network that takes raw inputs, freshly initialised unless pretrained.

    Weights are PyTorch's default initialisation, drawn from the global generator: whoever wants them
    repeatable forks and seeds it around this call.

    Args:
        name: a key of `NETWORKS`, ``mlp:`` and hidden sizes joined by hyphens, or ``timm:`` and a model of timm.
        shape: of one input, ``(d,)`` or ``(channels, height, width)``; at least 8 x 8 pixels to convolve.
        classes: number of logits, at least 2.
        mean: float ``[channels]`` or ``[d]``, see `Normalize`.
        std: the same.
        crop: side of the square that the network sees, the centre of larger images; None for whole images.
        pretrained: weights to start from, see `earlylearn.networks.timm_networks.load_pretrained`; timm's only.
        images: raw training images ``[m, *shape]`` for a network that begins with something made of them
            (whitened-cnn); not needed where weights will be loaded.

    Returns:
        ``nn.Sequential(Normalize, network)`` from raw ``[B, *shape]`` to logits ``[B, classes]``, with a
        `CentreCrop` before both if there is a crop; the weights of image networks are in channels_last order.

    Raises:
        UsageError: the name is unknown (the known ones are listed), the network cannot take the shape, mean
            and std do not fit it, images are smaller than the crop, or the pretrained weights do not fit.
    """
    if crop is not None and (len(shape) != 3 or min(shape[1:]) < crop):
        what = f"the images are only {shape[1]} x {shape[2]} pixels" if len(shape) == 3 else "the data are not images"
        raise UsageError(f"--crop {crop}: {what}; leave it out, or give a smaller one")
    network = bare_network(name, shape if crop is None else (shape[0], crop, crop), classes)
    if pretrained is not None:
        if not name.startswith(PREFIX):
            raise UsageError(
                f"--pretrained {pretrained}: {name} has none; choose a network of timm, --network timm:NAME"
            )
        load_pretrained(network, name, pretrained)
    normalize = Normalize(mean, std)
    if len(normalize.mean) != shape[0]:
        what = "columns" if len(shape) == 1 else "channels"
        raise UsageError(f"--network {name}: {len(normalize.mean)} means for {shape[0]} {what}; give one each")
    if images is not None and isinstance(network, WhitenedCNN):
        network.whiten(normalize(images if crop is None else CentreCrop(crop)(images)))
    layers = [normalize, network]
    return nn.Sequential(*layers) if crop is None else nn.Sequential(CentreCrop(crop), *layers)


def bare_network(name: str, shape: tuple[int, ...], classes: int) -> nn.Module:
    """The network behind the `Normalize` layer, freshly initialised."""
    kind = name.partition(":")[0]
    from_timm = name.startswith(PREFIX)
    if not from_timm and (kind not in NETWORKS or (name != kind and kind != "mlp")):
        raise UsageError(f"--network {name}: unknown; choose one of {', '.join(NETWORKS)}, mlp:SIZE-SIZE, timm:NAME")
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
    if from_timm:
        network = timm_network(name, shape=(shape[0], shape[1], shape[2]), classes=classes)
    elif kind == "small-cnn":
        network = SmallCNN(shape[0], classes)
    elif kind == "whitened-cnn":
        network = WhitenedCNN(shape[0], classes)
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
        network = bare_network(name, shape, classes)
    return sum(parameter.numel() for parameter in network.parameters())
