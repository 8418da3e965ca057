"""How does a network of timm come to be, with a head for our classes and, on request, pretrained weights?"""

import difflib
import importlib
import importlib.util
import os
from types import ModuleType

import torch
from torch import Tensor, nn

from earlylearn.data.counting import say
from earlylearn.data.readers.beginnings import unfetched
from earlylearn.errors import UsageError, setting

PREFIX = "timm:"
CACHE = "timm"  # as `pretrained`: the weights in timm's own cache
COUNTER = ".num_batches_tracked"  # of batch normalisation: no weight


def timm_network(name: str, *, shape: tuple[int, int, int], classes: int) -> nn.Module:
    """A freshly initialised classifier of timm, drawn from torch's global generator.

    Args:
        name: ``timm:`` and what ``timm.create_model`` takes: an architecture, or one with the tag of its weights.
        shape: of one image, ``(channels, height, width)``.
        classes: number of logits.

    Raises:
        UsageError: timm is not installed or does not import, the name is unknown (similar ones are listed), or the
            network cannot take images of that size.
    """
    timm = import_timm(setting("network", name))
    known = name.removeprefix(PREFIX)
    if not timm.is_model(known):
        similar = difflib.get_close_matches(known, timm.list_models(), n=3)
        raise UsageError(
            f"{setting('network', name)}: timm has no such model; "
            + (f"did you mean {', '.join(PREFIX + each for each in similar)}?" if similar else "see timm.list_models()")
        )

    def create() -> nn.Module:
        made: nn.Module = timm.create_model(known, pretrained=False, num_classes=classes, in_chans=shape[0])
        return made

    try:
        # Some want images of one size, others not too small ones: found out here, where it costs next to nothing.
        with torch.device("meta"):
            trial = create()
            trial.eval()(torch.empty(1, *shape))
        return trial.train() if torch.get_default_device().type == "meta" else create()
    except (RuntimeError, AssertionError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise UsageError(
            f"{setting('network', name)}: cannot take images of {shape[1]} x {shape[2]} pixels in {shape[0]} channels "
            f"({reason}); give others ({setting('crop')}), or choose another network"
        ) from None


def load_pretrained(network: nn.Module, name: str, pretrained: str) -> None:
    """Start a network of `timm_network` from pretrained weights; nothing is ever downloaded.

    The head keeps its fresh weights if the file has none, or one for another number of classes. All else must fit.

    Args:
        network: to be changed in place.
        name: its name, ``timm:`` included.
        pretrained: ``timm`` for what timm downloaded earlier, or a .safetensors, .pth or other weight file of torch
            (read without running code in it) whose names are those of timm's network; or none of them are, and shapes
            and order are: files of the same network that others published.

    Raises:
        UsageError: there is no such file, it cannot be read, or a weight is missing, unknown or of another shape.
    """
    timm = import_timm(setting("network", name))
    path = _cached(network, name) if pretrained == CACHE else pretrained
    try:
        found: dict[str, Tensor] = timm.models.load_state_dict(path, weights_only=True)
    except FileNotFoundError:
        raise UsageError(f"{setting('pretrained', pretrained)}: no such file; give a weight file, or {CACHE}") from None
    except Exception as error:  # each format has kinds of its own for a file that is none
        if (instead := unfetched(path)) is not None:
            raise UsageError(f"{setting('pretrained', pretrained)}: {instead}") from None
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise UsageError(
            f"{setting('pretrained', pretrained)}: not a readable weight file ({reason}); give .safetensors or .pth"
        ) from None
    own = network.state_dict()
    head = _head(network)
    renamed = _under_names_of(found, own)
    if renamed is not found:
        say(f"{pretrained}: names its weights otherwise than {name}; each is taken by its place and its shape")
        found = renamed
    if any(key in own and own[key].shape != weight.shape for key, weight in found.items() if key.startswith(head)):
        found = {key: weight for key, weight in found.items() if not key.startswith(head)}
    _refuse_misfits(setting("pretrained", pretrained), name, found, own, head)
    network.load_state_dict(found, strict=False)


def _under_names_of(found: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights under timm's names where only their names are others: as many, in the order and shapes of timm's.

    The last two, the head, may be for other classes.
    """
    names, theirs = ([key for key in each if not key.endswith(COUNTER)] for each in (own, found))
    if set(names) & set(theirs) or len(names) != len(theirs):
        return found
    pairs = list(zip(names, theirs, strict=True))
    if any(own[name].shape != found[key].shape for name, key in pairs[:-2]):
        return found
    return {name: found[key] for name, key in pairs}


def _refuse_misfits(
    culprit: str, name: str, found: dict[str, Tensor], own: dict[str, Tensor], head: tuple[str, ...]
) -> None:
    """Raise UsageError unless `found` has every weight of `own` but the head's, in its shape, and no other."""
    mend = f"give weights of {name}"
    for key, weight in found.items():
        if key not in own:
            raise UsageError(f"{culprit}: {key} is not part of {name}; {mend}")
        if weight.shape != own[key].shape:
            raise UsageError(
                f"{culprit}: {key} has shape {list(weight.shape)}, that of {name} {list(own[key].shape)}; {mend}"
            )
    for key in own:
        # Old files have no counters of batches; batch normalisation with a fixed momentum does not need them.
        if key not in found and not key.startswith(head) and not key.endswith(COUNTER):
            raise UsageError(f"{culprit}: has no {key}; {mend}")


def _head(network: nn.Module) -> tuple[str, ...]:
    """What the names of the weights of the last layer begin with."""
    classifier = network.pretrained_cfg["classifier"]  # type: ignore[index]
    names = [classifier] if isinstance(classifier, str) else classifier
    return tuple(f"{each}." for each in names)


def _cached(network: nn.Module, name: str) -> str:
    """Where timm's own weights of the network lie, from an earlier download."""
    from huggingface_hub import try_to_load_from_cache

    known, source = name.removeprefix(PREFIX), dict(network.pretrained_cfg)  # type: ignore[arg-type]
    repository, _, revision = (source.get("hf_hub_id") or "").partition("@")
    files = [source["hf_hub_filename"]] if source.get("hf_hub_filename") else ["model.safetensors", "pytorch_model.bin"]
    for file in files if repository else []:
        path = try_to_load_from_cache(repository, file, revision=revision or None)
        if isinstance(path, str):
            return path
    if source.get("url"):
        path = os.path.join(torch.hub.get_dir(), "checkpoints", os.path.basename(source["url"]))
        if os.path.isfile(path):
            return path
    raise UsageError(
        f"{setting('pretrained', CACHE)}: the weights of {name} are not in timm's cache; give a weight file "
        f"({setting('pretrained', 'FILE')}), or run once where there is a network: "
        f"python -c \"import timm; timm.create_model('{known}', pretrained=True)\""
    )


def import_timm(culprit: str) -> ModuleType:
    """timm, which takes seconds to import; UsageError, which begins with the culprit, where that fails."""
    if importlib.util.find_spec("timm") is None:
        raise UsageError(f"{culprit}: needs timm, which is missing; run pip install 'earlylearn[timm]'")
    try:
        return importlib.import_module("timm")
    except Exception as error:  # what a torchvision built for another torch raises is no ImportError
        reason = " ".join(str(error).split()).rstrip(".")
        raise UsageError(
            f"{culprit}: timm does not import ({reason}); install the torchvision that belongs to your torch"
        ) from None
