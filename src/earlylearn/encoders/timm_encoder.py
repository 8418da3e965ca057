"""How does a pretrained network of timm make features of pictures?"""

import hashlib
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

from earlylearn.encoders.pictures import PictureEncoder
from earlylearn.errors import UsageError, setting
from earlylearn.networks.timm_networks import CACHE, PREFIX, import_timm, load_pretrained, timm_network


def timm_encoder(name: str, *, image_size: int | None) -> PictureEncoder:
    """The encoder ``timm:NAME`` with the weights timm has in its cache or fetches, or ``timm:NAME:FILE`` with a file's.

    Pictures are scaled, and of the size, as the weights were made with.

    Args:
        name: as above; what stands before the file is what ``timm.create_model`` takes.
        image_size: another side in pixels; the network has to take it.

    Raises:
        UsageError: timm is missing, there is no such network, or its weights cannot be had or do not fit.
    """
    culprit = setting("encoder", name)
    known, _, file = name.removeprefix(PREFIX).partition(":")
    timm = import_timm(culprit)
    try:
        if not timm.is_model(known):
            timm_network(PREFIX + known, shape=(3, 224, 224), classes=2)  # which says so, and lists similar names
        network = _trained(timm, known, file, culprit)
    except UsageError as error:  # of a network to train, or of its pretrained weights
        raise error.about(culprit) from None
    config = timm.data.resolve_model_data_config(network)
    side = image_size or int(config["input_size"][-1])
    resize = getattr(network, "set_input_size", None)  # transformers have one; convolutions need none
    if image_size is not None and resize is not None:
        resize((side, side))
    mean, std = (torch.tensor(config[key]).view(1, 3, 1, 1) for key in ("mean", "std"))

    def scale(pixels: Tensor) -> Tensor:
        return (pixels / 255 - mean.to(pixels.device)) / std.to(pixels.device)

    return PictureEncoder(
        f"timm-{known}",
        width=_width(network, side, culprit),
        side=side,
        weights=_digest(network),
        build=lambda: network,
        scale=scale,
    )


def _trained(timm: ModuleType, known: str, file: str, culprit: str) -> nn.Module:
    """The network without its classifier, its weights loaded."""
    try:
        network: nn.Module = timm.create_model(known, pretrained=False)
        try:
            load_pretrained(network, PREFIX + known, str(Path(file).expanduser()) if file else CACHE)
        except UsageError:
            if file:
                raise
            network = timm.create_model(known, pretrained=True)  # not in the cache yet: timm fetches them
        network.reset_classifier(0)  # type: ignore[operator]
    except UsageError:
        raise
    except Exception as error:  # the hub, the network and the files have kinds of their own
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise UsageError(
            f"{culprit}: its weights cannot be had ({reason}); give a file of them, timm:{known}:FILE"
        ) from None
    return network.eval()


@torch.inference_mode()
def _width(network: nn.Module, side: int, culprit: str) -> int:
    """Features of a picture; found out with one, because some networks take pictures of one size alone."""
    try:
        shape = network(torch.zeros(1, 3, side, side)).shape
    except (RuntimeError, AssertionError, ValueError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise UsageError(
            f"{culprit}: cannot take pictures of {side} pixels ({reason}); leave out {setting('image_size')}"
        ) from None
    if len(shape) != 2:
        raise UsageError(f"{culprit}: gives maps {list(shape[1:])} and no features; choose another network")
    return int(shape[1])


def _digest(network: nn.Module) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for name, weight in network.state_dict().items():
        digest.update(name.encode())
        digest.update(weight.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
