"""How is everything needed to continue kept in one file that cannot run code?"""

import errno
import json
import os
import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from typing_extensions import TypedDict  # typing's own cannot be checked by pydantic before Python 3.12

from earlylearn.data.readers.beginnings import unfetched
from earlylearn.errors import UsageError, call, setting

_TENSOR = "__tensor__"
LARGE = 2**24  # bytes
NAMES = {torch.float32: "F32", torch.float16: "F16", torch.int16: "I16", torch.int32: "I32", torch.int64: "I64"}


class Best(TypedDict):
    """The epoch that noisy validation picked."""

    epoch: int
    val_accuracy: float | None
    test_accuracy: float | None


def save_checkpoint(path: Path, state: dict[str, Any], *, also: Path | None = None) -> None:
    """Write nested dicts and lists of tensors, numbers and strings to a safetensors file.

    Tensors become tensors of the file, straight from where they lie in memory; the rest is JSON in its header.
    The file appears under its name only when it is whole, so a kill at any moment leaves the last good one.

    Args:
        path: of the file.
        state: what to keep.
        also: a second name for it, given first: one file under two names where the disk can, until either is replaced.
    """
    tensors: dict[str, Tensor] = {}
    skeleton = json.dumps(_strip(state, "", tensors, set()))
    partial = _partial(path)
    try:
        save_file(tensors, partial, metadata={"state": f"{_checksum(skeleton, tensors)} {skeleton}"})
    except SafetensorError as error:  # its own kind for a full disk
        raise OSError(errno.EIO, str(error), str(partial)) from None
    if also is not None:
        _link(partial, _partial(also))
        os.replace(_partial(also), also)
    os.replace(partial, path)


def _partial(path: Path) -> Path:
    return path.with_name(path.name + ".partial")


def _link(there: Path, second: Path) -> None:
    """Give a file a second name, or a copy where the file system has no such thing."""
    second.unlink(missing_ok=True)
    try:
        os.link(there, second)
    except OSError:
        shutil.copyfile(there, second)


def load_checkpoint(path: Path, into: Mapping[str, Tensor] = MappingProxyType({})) -> dict[str, Any]:
    """What `save_checkpoint` wrote, tensors on the CPU.

    Args:
        path: the file.
        into: by name in the file, tensors of a run that large ones of the same kind are read straight into, for a
            second table of targets may be more than memory holds.

    Raises:
        UsageError: the file is missing, cut short, or not a checkpoint of earlylearn.
    """
    try:
        with safe_open(path, framework="pt") as file:
            there = [name for name in file.keys() if name in into and _read_into(path, name, into[name])]  # noqa: SIM118
            tensors = {name: into[name] if name in there else file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            # One entry alone, because safetensors writes several in an order that differs from time to time.
            checksum, skeleton = _parted((file.metadata() or {})["state"])
            if checksum and checksum != _checksum(skeleton, tensors):
                raise ValueError("its checksum is another: the disk, or somebody, changed it")
            state = _fill(json.loads(skeleton), tensors)
        if not isinstance(state, dict):
            raise ValueError("it holds no state")
        return state
    except FileNotFoundError:
        raise UsageError(
            f"{path}: no such checkpoint; restore the file, or if the run never ended an epoch, continue it with "
            f"{call('resume', path.parent.parent)}"
        ) from None
    except (SafetensorError, LookupError, TypeError, ValueError, RecursionError, OSError) as error:
        if (instead := unfetched(path)) is not None:
            raise UsageError(f"{path}: {instead}") from None
        reason = str(error).splitlines()[0]
        raise UsageError(
            f"{path}: not a readable checkpoint ({reason}); restore the file, or train again with "
            f"{setting('overwrite', True)}"
        ) from None


def _parted(kept: str) -> tuple[str, str]:
    """Checksum and JSON; those written before there was a checksum begin with the JSON."""
    if kept.startswith(("{", "[")):
        return "", kept
    checksum, _, skeleton = kept.partition(" ")
    return checksum, skeleton


def _checksum(skeleton: str, tensors: dict[str, Tensor]) -> str:
    """CRC-32 over everything in a checkpoint: one bit that flips is found."""
    total = zlib.crc32(skeleton.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        total = zlib.crc32(f"{name} {tensor.dtype} {list(tensor.shape)}".encode(), total)
        total = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data, total)
    return f"{total:08x}"


def _read_into(path: Path, name: str, tensor: Tensor) -> bool:
    """Read a large tensor of a safetensors file to where another lies in main memory; whether that can be."""
    if tensor.device.type != "cpu" or tensor.nbytes < LARGE or not tensor.is_contiguous():
        return False
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        entry = json.loads(file.read(length))[name]
        same_kind = entry["dtype"] == NAMES.get(tensor.dtype) and entry["shape"] == list(tensor.shape)
        if same_kind:
            file.seek(8 + length + entry["data_offsets"][0])
            file.readinto(tensor.detach().view(-1).view(torch.uint8).numpy().data)
    return bool(same_kind)


def method_names(method: nn.Module) -> dict[str, Tensor]:
    """A method's tensors by the names that they have in a run's checkpoint."""
    return {f"/fit/method/{name}": each for name, each in method.state_dict().items() if isinstance(each, Tensor)}


def method_state(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """The method's part of a run's checkpoint; version 0.2 kept no more than that of the picked epoch."""
    method: dict[str, Any] = checkpoint["method"] if "method" in checkpoint else checkpoint["fit"]["method"]
    return method


def _strip(value: Any, name: str, tensors: dict[str, Tensor], taken: set[int]) -> Any:
    if isinstance(value, Tensor):
        # safetensors takes neither strides nor shared memory; a copy in plain order has the same numbers.
        plain = value.detach().to("cpu").contiguous()
        tensors[name] = plain.clone() if plain.untyped_storage().data_ptr() in taken else plain
        taken.add(plain.untyped_storage().data_ptr())
        return {_TENSOR: name}
    if isinstance(value, dict):
        return {
            "keys": list(value),  # as values, JSON keeps int keys int
            "values": [_strip(item, f"{name}/{key}", tensors, taken) for key, item in value.items()],
        }
    if isinstance(value, (list, tuple)):
        return [_strip(item, f"{name}/{i}", tensors, taken) for i, item in enumerate(value)]
    return value


def _fill(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_fill(item, tensors) for item in value]
    if isinstance(value, dict):
        if _TENSOR in value:
            return tensors[value[_TENSOR]]
        return {key: _fill(item, tensors) for key, item in zip(value["keys"], value["values"], strict=True)}
    return value
