"""Which networks are there by name, what does each take, and how is it made?"""

import math
import re
from dataclasses import replace

from earlylearn.errors import UsageError, setting
from earlylearn.networks.architecture import Architecture
from earlylearn.networks.cifar_resnet import RESNET18_BLOCKS, RESNET34_BLOCKS, CifarResNet
from earlylearn.networks.own import own_architecture
from earlylearn.networks.preact_resnet import PreActResNet
from earlylearn.networks.small import SmallCNN, linear, mlp
from earlylearn.networks.timm_networks import load_pretrained, timm_network
from earlylearn.networks.whitened_cnn import WhitenedCNN
from earlylearn.plugins import Plugin, find_plugin, is_reference, offered

MOST_UNITS = 1_000_000  # of a hidden layer


def _hidden(name: str) -> list[int]:
    """The hidden layers in ``mlp:256-256``; two of 512 units in ``mlp``."""
    _, colon, sizes = name.partition(":")
    if not colon:
        return [512, 512]
    if not re.fullmatch(r"[1-9][0-9]*(-[1-9][0-9]*)*", sizes):
        raise UsageError(
            f"{setting('network', name)}: '{sizes}' is not a list of hidden layer sizes; write for example mlp:256-256"
        )
    layers = [int(size) for size in sizes.split("-")]
    if max(layers) > MOST_UNITS:
        raise UsageError(f"{setting('network', name)}: a layer has {max(layers):,} units; give at most {MOST_UNITS:,}")
    return layers


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
        name: ``path/to/file.py:NAME`` of an `Architecture` or of what makes a network, or the name under which an
            `Architecture` is offered, with what it takes.
        source: `Plugin.source` of when it was found first; empty takes it as it is now.

    Raises:
        UsageError: it cannot be imported, it changed, or it is none of these.
    """
    kind = name.partition(":")[0]
    if kind in NETWORKS:
        return None
    from_file = is_reference(name)
    plugin = find_plugin("network", name if from_file else kind, source)
    if plugin is not None and not isinstance(plugin.what, Architecture) and not (from_file and callable(plugin.what)):
        asked = setting("network", plugin.name)
        raise UsageError(f"{asked}: is no network; give the class of one, or a function that makes one")
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
    if plugin is not None and is_reference(name):
        return own_architecture(plugin.what, name)
    if found is None or (colon and not found.takes) or (found.needs_more and not colon):
        names = [each for each, its in NETWORKS.items() if not its.needs_more]
        names += [f"{each}:{its.takes}" for each, its in NETWORKS.items() if its.takes]
        names += [*offered("network"), "FILE.py:NAME"]
        raise UsageError(f"{setting('network', name)}: unknown; choose one of {', '.join(names)}")
    return found
