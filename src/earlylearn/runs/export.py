"""How does a trained network leave its run, for programs that do not know this library?"""

import importlib.util
import json
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from earlylearn.documents import Summary
from earlylearn.errors import UsageError, setting
from earlylearn.files import Contents, write_json
from earlylearn.networks.centre_crop import CentreCrop
from earlylearn.networks.normalize import Normalize
from earlylearn.runs.card import ExportFacts, Normalization, card
from earlylearn.runs.config import RunConfig
from earlylearn.values import yes_or_no

Format = Literal["safetensors", "pt2", "onnx"]
KIND = "network exported by earlylearn"
MOST_IN_ONE_FILE = 2**31 - 2**20  # bytes that ONNX holds in its own file


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A network to be exported, and where it is from.

    Attributes:
        network: raw inputs to logits ``[B, C]``.
        shape: of one input.
        pixels: inputs are ``uint8``; else ``float32``.
        classes: names, in the order of the logits.
        features: of what the inputs are features, in words; empty where the network takes raw data.
        config: of the run.
        summary: of the run.
        weights: ``picked`` or ``last``.
        versions: of packages.
    """

    network: nn.Module
    shape: tuple[int, ...]
    pixels: bool
    classes: list[str]
    features: str
    config: RunConfig
    summary: Summary
    weights: str
    versions: Mapping[str, object]


class WithEncoder(nn.Module):
    """A frozen encoder of pictures and what was trained on its features, as one network.

    Args:
        encoder: pixels to features.
        head: features to logits.
    """

    def __init__(self, encoder: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[B, C]`` of pixels ``uint8 [B, 3, side, side]``."""
        logits: Tensor = self.head(self.encoder(x))
        return logits


def export(trained: Trained, out: str | Path, format: str, *, overwrite: bool = False) -> Path:
    """Write the network into a folder, with ``config.json`` and a ``README.md`` that says all about it.

    Args:
        trained: the network.
        out: the folder to make.
        format: ``safetensors`` (weights alone, under the names that the network itself gives them), ``pt2`` (a program
            that PyTorch runs by itself) or ``onnx``.
        overwrite: replace an export that is there already.

    Returns:
        The path of the network's file.

    Raises:
        UsageError: the format is unknown or its packages are missing, the network cannot be traced, or the folder holds
            something else or cannot be written.
    """
    if format not in get_args(Format):
        raise UsageError(f"{setting('format', format)}: must be one of {', '.join(get_args(Format))}")
    folder, file = Path(out).expanduser(), f"model.{format}"
    if format == "onnx":
        missing = [name for name in ("onnx", "onnxscript") if importlib.util.find_spec(name) is None]
        if missing:
            raise UsageError(
                f"{setting('format', format)}: needs {' and '.join(missing)}; run pip install 'earlylearn[onnx]'"
            )
    # Weights in plain order: files of weights take no other.
    network: nn.Module = trained.network.eval().to("cpu", memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    normalization, bare = parts(network)
    facts = ExportFacts(
        kind=KIND,
        file=file,
        format=format,
        classes=trained.classes,
        shape=list(trained.shape),
        dtype="uint8" if trained.pixels else "float32",
        normalize=normalization,
        network=trained.config.network,
        method=trained.config.method,
    )
    with_overwrite = yes_or_no("overwrite", overwrite)
    try:
        if CONTENTS.check(folder, overwrite=with_overwrite):
            CONTENTS.clear(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "config.json", facts)
        partial = folder / f"{file}.partial"
        _WRITERS[format](trained, bare, facts, partial)
        os.replace(partial, folder / file)
        text = card(facts, trained.config, trained.summary, trained.versions, trained.features, trained.weights)
        (folder / "README.md").write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{setting('out', out)}: {error.strerror or error}; choose a folder you may write to"
        ) from None
    return folder / file


def parts(network: nn.Module) -> tuple[Normalization | None, nn.Module]:
    """What a network does to raw inputs first, and the network behind it; None and the whole if it is made otherwise.

    See `earlylearn.networks.build_network`.
    """
    layers = list(network.children())
    if not isinstance(network, nn.Sequential) or len(layers) < 2 or not isinstance(layers[-2], Normalize):
        return None, network
    normalize, crop = layers[-2], layers[0].side if isinstance(layers[0], CentreCrop) else None
    return Normalization(mean=normalize.mean.tolist(), std=normalize.std.tolist(), crop=crop), layers[-1]


def _recognise(document: Any) -> bool:
    return isinstance(document, dict) and document.get("kind") == KIND


CONTENTS = Contents(
    "an exported network",
    "config.json",
    _recognise,
    ("README.md", "model.onnx.data", *(f"model.{each}" for each in get_args(Format))),
)


def _write_weights(trained: Trained, bare: nn.Module, facts: ExportFacts, file: Path) -> None:
    # safetensors takes neither shared memory nor strides.
    state = {name: each.detach().contiguous().clone() for name, each in bare.state_dict().items()}
    save_file(state, file, metadata={"format": "pt", "config": json.dumps(facts)})


def _write_program(trained: Trained, bare: nn.Module, facts: ExportFacts, file: Path) -> None:
    program = traced(trained, facts["format"])
    with _without_warnings(), file.open("wb") as opened:
        torch.export.save(program, opened, extra_files={"config.json": json.dumps(facts)})


def _write_onnx(trained: Trained, bare: nn.Module, facts: ExportFacts, file: Path) -> None:
    size = sum(each.nbytes for each in trained.network.state_dict().values())
    program = traced(trained, facts["format"])
    with _without_warnings():
        made = torch.onnx.export(program, dynamo=True, verbose=False, optimize=True)
        assert made is not None
        made.model.metadata_props["config"] = json.dumps(facts)
        made.save(file, external_data=size > MOST_IN_ONE_FILE)


_WRITERS: dict[str, Callable[[Trained, nn.Module, ExportFacts, Path], None]] = {
    "safetensors": _write_weights,
    "pt2": _write_program,
    "onnx": _write_onnx,
}


def traced(trained: Trained, format: str) -> torch.export.ExportedProgram:
    """The network as a graph that takes any number of rows; UsageError if it is none."""
    # A number of rows that is hardly the size of anything else, or they would count as the same for ever.
    x = torch.zeros(7, *trained.shape, dtype=torch.uint8 if trained.pixels else torch.float32)
    try:
        with _without_warnings(), torch.no_grad():
            return torch.export.export(trained.network, (x,), dynamic_shapes=({0: torch.export.Dim("rows")},))
    except Exception as error:  # what a network of somebody's does may be refused in many ways
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise UsageError(
            f"{setting('format', format)}: this network cannot be traced ({reason}); use "
            f"{setting('format', 'safetensors')}"
        ) from error


@contextmanager
def _without_warnings() -> Iterator[None]:
    """PyTorch's own exporter uses what PyTorch deprecates."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
