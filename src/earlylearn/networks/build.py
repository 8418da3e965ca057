"""Which network is meant by a name, and does it suit the data?"""

import torch
from torch import Tensor, nn

from earlylearn.errors import UsageError, setting
from earlylearn.machine import multiplies_bf16
from earlylearn.networks.architectures import find_network
from earlylearn.networks.centre_crop import CentreCrop
from earlylearn.networks.normalize import Normalize

SMALLEST_IMAGE = 8


def default_network(shape: tuple[int, ...]) -> str:
    """The network for inputs of this shape when the user names none: ``(d,)`` or ``(channels, h, w)``.

    Images too small to convolve sensibly (under 8 x 8) get the perceptron, as features do.
    """
    return "small-cnn" if len(shape) == 3 and min(shape[1:]) >= SMALLEST_IMAGE else "mlp"


def default_precision(name: str, accelerator: str = "auto") -> str:
    """bf16 autocast for convolutional networks where the hardware multiplies bf16 fast, else float32."""
    return "bf16-mixed" if find_network(name).images and multiplies_bf16(accelerator) else "32-true"


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
        name: a key of `earlylearn.networks.NETWORKS`, with what it takes behind a colon: ``mlp:256-256``.
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
        raise UsageError(f"{setting('crop', crop)}: {what}; leave it out, or give a smaller one")
    architecture = find_network(name)
    network = bare_network(name, shape if crop is None else (shape[0], crop, crop), classes)
    if pretrained is not None:
        if architecture.pretrained is None:
            raise UsageError(
                f"{setting('pretrained', pretrained)}: {name} has none; choose a network of timm, "
                f"{setting('network', 'timm:NAME')}"
            )
        architecture.pretrained(network, name, pretrained)
    normalize = Normalize(mean, std)
    if len(normalize.mean) != shape[0]:
        what = "columns" if len(shape) == 1 else "channels"
        raise UsageError(
            f"{setting('network', name)}: {len(normalize.mean)} means for {shape[0]} {what}; give one each"
        )
    if images is not None and architecture.begin is not None:
        architecture.begin(network, normalize(images if crop is None else CentreCrop(crop)(images)))
    layers = [normalize, network]
    return nn.Sequential(*layers) if crop is None else nn.Sequential(CentreCrop(crop), *layers)


def bare_network(name: str, shape: tuple[int, ...], classes: int) -> nn.Module:
    """The network behind the `Normalize` layer, freshly initialised."""
    architecture, asked = find_network(name), setting("network", name)
    if len(shape) not in (1, 3) or min(shape) < 1:
        raise UsageError(f"{asked}: cannot take inputs of shape {shape}; give (columns,) or (channels, height, width)")
    if classes < 2:
        raise UsageError(f"{asked}: {classes} classes; a classifier needs at least two")
    if not architecture.images:
        return architecture.make(name, shape, classes)
    if len(shape) == 1:
        raise UsageError(f"{asked}: needs images, the data has {shape[0]} columns; use mlp or linear")
    if min(shape[1:]) < SMALLEST_IMAGE:
        raise UsageError(
            f"{asked}: needs images of at least {SMALLEST_IMAGE} x {SMALLEST_IMAGE} pixels, "
            f"found {shape[1]} x {shape[2]}; use mlp or linear"
        )
    # PyTorch's own annotations leave this overload of Module.to out.
    network: nn.Module = architecture.make(name, shape, classes).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def count_weights(name: str, *, shape: tuple[int, ...], classes: int) -> int:
    """How many trained numbers a network has; nothing is allocated. Raises as `build_network` does."""
    with torch.device("meta"):
        network = bare_network(name, shape, classes)
    return sum(parameter.numel() for parameter in network.parameters())
