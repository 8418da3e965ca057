"""Which network is meant by a name, and does it suit the data?"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from earlylearn.errors import UsageError, setting
from earlylearn.machine import multiplies_bf16
from earlylearn.networks.architecture import Architecture
from earlylearn.networks.architectures import find_network
from earlylearn.networks.centre_crop import CentreCrop
from earlylearn.networks.normalize import Normalize
from earlylearn.networks.own import RawInputs

SMALLEST_IMAGE = 8


def default_network(shape: tuple[int, ...]) -> str:
    """The network for inputs of this shape when the user names none: ``(d,)`` or ``(channels, h, w)``.

    Images too small to convolve sensibly (under 8 x 8) get the perceptron, as features do.
    """
    return "small-cnn" if len(shape) == 3 and min(shape[1:]) >= SMALLEST_IMAGE else "mlp"


def default_precision(name: str, accelerator: str = "auto", *, known: Architecture | None = None) -> str:
    """bf16 autocast for convolutional networks where the hardware multiplies bf16 fast, else float32."""
    return "bf16-mixed" if (known or find_network(name)).images and multiplies_bf16(accelerator) else "32-true"


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
    known: Architecture | None = None,
    axes: Sequence[int] | None = None,
    raw: bool = False,
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
        known: the record of the network, if the caller has it already.
        axes: the shape in which a network of a user's own sees an input that was flattened to features.
        raw: such a network sees inputs in their own units, as float32.

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
    architecture = known or find_network(name)
    seen = shape if crop is None else (shape[0], crop, crop)
    axes = tuple(axes) if axes is not None and architecture.own and tuple(axes) != shape else None
    network = bare_network(name, seen if axes is None else axes, classes, known=architecture)
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
    if raw and not architecture.own:
        raise UsageError(f"{setting('raw_inputs', raw)}: is for networks of your own; {name} takes normalised inputs")
    layers = [RawInputs() if raw else normalize, *([] if axes is None else [nn.Unflatten(1, axes)]), network]
    return nn.Sequential(*layers) if crop is None else nn.Sequential(CentreCrop(crop), *layers)


def behind_preparation(network: nn.Module) -> nn.Module:
    """The network that `build_network` put behind normalisation and the like; itself, if it is made otherwise."""
    layers = list(network.children())
    prepared = isinstance(network, nn.Sequential) and any(
        isinstance(each, Normalize | RawInputs) for each in layers[:-1]
    )
    return layers[-1] if prepared else network


def bare_network(name: str, shape: tuple[int, ...], classes: int, *, known: Architecture | None = None) -> nn.Module:
    """The network behind the `Normalize` layer, freshly initialised."""
    architecture, asked = known or find_network(name), setting("network", name)
    if architecture.own:
        return architecture.make(name, shape, classes)
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


def count_weights(name: str, *, shape: tuple[int, ...], classes: int, known: Architecture | None = None) -> int:
    """How many trained numbers a network has; nothing is allocated for ours. Raises as `build_network` does."""
    own = known is not None and known.own != ""
    with torch.random.fork_rng(devices=[]), torch.device("cpu" if own else "meta"):
        network = bare_network(name, shape, classes, known=known)
    return sum(parameter.numel() for parameter in network.parameters())
