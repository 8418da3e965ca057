"""Which networks are there by name, what does each take, and how is it made?"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from earlylearn.errors import UsageError, setting
from earlylearn.networks.cifar_resnet import RESNET18_BLOCKS, RESNET34_BLOCKS, CifarResNet
from earlylearn.networks.preact_resnet import PreActResNet
from earlylearn.networks.small import SmallCNN, linear, mlp
from earlylearn.networks.timm_networks import load_pretrained, timm_network
from earlylearn.networks.whitened_cnn import WhitenedCNN
from earlylearn.plugins import Plugin, find_plugin, offered

Shape = tuple[int, ...]  # of one input: (columns,) or (channels, height, width)


@dataclass(frozen=True)
class Architecture:
    """A network that may be asked for by name: all that depends on the name.

    Attributes:
        description: one line for a person who chooses.
        make: the network without its `Normalize` layer, freshly initialised, from the whole name, the shape of one
            input and the number of classes (at least 2).
        images: it convolves, so it needs images of at least `SMALLEST_IMAGE` pixels a side; others take any inputs.
        takes: what stands behind a colon in its name, such as ``SIZE-SIZE``; empty where nothing may.
        needs_more: it is no network without that.
        begin: makes its first layer of raw training images that went through `Normalize`; None where nothing is.
        pretrained: starts it, under its whole name, from a file of weights; None where there are no such files.
    """

    description: str
    make: Callable[[str, Shape, int], nn.Module]
    images: bool = True
    takes: str = ""
    needs_more: bool = False
    begin: Callable[[Any, Any], None] | None = None
    pretrained: Callable[[nn.Module, str, str], None] | None = None


def _hidden(name: str) -> list[int]:
    """The hidden layers in ``mlp:256-256``; two of 512 units in ``mlp``."""
    _, colon, sizes = name.partition(":")
    if not colon:
        return [512, 512]
    if not re.fullmatch(r"[1-9][0-9]*(-[1-9][0-9]*)*", sizes):
        raise UsageError(
            f"{setting('network', name)}: '{sizes}' is not a list of hidden layer sizes; write for example mlp:256-256"
        )
    return [int(size) for size in sizes.split("-")]


NETWORKS: dict[str, Architecture] = {
    "linear": Architecture(
        "softmax regression, for features or flattened images",
        lambda _, shape, classes: linear(math.prod(shape), classes),
        images=False,
    ),
    "mlp": Architecture(
        "perceptron with two hidden layers of 512 units; mlp:256-256 sets other ones",
        lambda name, shape, classes: mlp(math.prod(shape), classes, hidden=_hidden(name)),
        images=False,
        takes="SIZE-SIZE",
    ),
    "small-cnn": Architecture(
        "three 3x3 conv-BN-ReLU blocks of 32, 64, 128 channels, for images on a processor",
        lambda _, shape, classes: SmallCNN(shape[0], classes),
    ),
    "whitened-cnn": Architecture(
        "learns 32 x 32 images fast: whitened patches, six 3x3 convolutions, 2.0 million parameters",
        lambda _, shape, classes: WhitenedCNN(shape[0], classes),
        begin=WhitenedCNN.whiten,
    ),
    "resnet34": Architecture(
        "ELR's CIFAR ResNet-34 (3x3 stem, no max-pooling), 21.3 million parameters",
        lambda _, shape, classes: CifarResNet(shape[0], classes, blocks=RESNET34_BLOCKS),
    ),
    "resnet18": Architecture(
        "the same with ResNet-18's blocks, 11.2 million parameters",
        lambda _, shape, classes: CifarResNet(shape[0], classes, blocks=RESNET18_BLOCKS),
    ),
    "preact-resnet18": Architecture(
        "ELR+'s and DivideMix's PreActResNet-18, 11.2 million parameters",
        lambda _, shape, classes: PreActResNet(shape[0], classes),
    ),
    "timm": Architecture(
        "timm:resnet50 and the like: an image network of the timm package, pretrained on request",
        lambda name, shape, classes: timm_network(name, shape=(shape[0], shape[1], shape[2]), classes=classes),
        takes="NAME",
        needs_more=True,
        pretrained=load_pretrained,
    ),
}


def network_plugin(name: str, source: str = "") -> Plugin | None:
    """Where a network comes from that is not ours: from a file, or offered by an installed package. None if it is ours.

    Args:
        name: ``path/to/file.py:NAME`` of an `Architecture`, or the name under which one is offered, with what it takes.
        source: `Plugin.source` of when it was found first; empty takes it as it is now.

    Raises:
        UsageError: it cannot be imported, it changed, or it is no `Architecture`.
    """
    kind = name.partition(":")[0]
    if kind in NETWORKS:
        return None
    from_file = kind.endswith(".py")
    plugin = find_plugin("network", name if from_file else kind, source)
    if plugin is not None and not isinstance(plugin.what, Architecture):
        asked = setting("network", plugin.name)
        raise UsageError(f"{asked}: is no network; make it an earlylearn.networks.Architecture")
    return plugin if plugin is None or from_file else replace(plugin, name=name)


def find_network(name: str, source: str = "") -> Architecture:
    """The architecture of a network's name; what stands behind a colon is judged when the network is made.

    Args:
        name: a key of `NETWORKS`, with what it takes behind a colon, or as of `network_plugin`.
        source: as of `network_plugin`.

    Raises:
        UsageError: the name is unknown (the known ones are listed), or as of `network_plugin`.
    """
    kind, colon, _ = name.partition(":")
    plugin = network_plugin(name, source)
    found: Architecture | None = NETWORKS.get(kind) if plugin is None else plugin.what
    if found is not None and kind.endswith(".py"):
        return found
    if found is None or (colon and not found.takes) or (found.needs_more and not colon):
        names = [each for each, its in NETWORKS.items() if not its.needs_more]
        names += [f"{each}:{its.takes}" for each, its in NETWORKS.items() if its.takes]
        names += [*offered("network"), "FILE.py:NAME"]
        raise UsageError(f"{setting('network', name)}: unknown; choose one of {', '.join(names)}")
    return found
