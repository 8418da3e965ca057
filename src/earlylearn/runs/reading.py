"""How does a request become the data that train: read, and through their encoder?"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from earlylearn.data.builtin.sets import BUILTIN
from earlylearn.data.copies import tell_copies
from earlylearn.data.labelled import LabelledData
from earlylearn.data.readers.memory import IN_MEMORY
from earlylearn.data.sources import DataRequest, Loaded, check_request, folder_of, is_in_memory, read_rows
from earlylearn.encoders.encode import encode
from earlylearn.encoders.once import Workplace
from earlylearn.errors import UsageError, setting

# What a user says of how pixels are to train; then they train, unless an encoder is asked for.
_OF_PIXELS = ("network", "recipe", "augment", "crop", "pretrained", "image_size")


class ReadRequest(NamedTuple):
    """What was read.

    Attributes:
        loaded: the data, features in place of what was encoded.
        name: of the data, as config.json has it.
        encoder: the name of their encoder, as config.json has it; None where there was nothing to encode.
    """

    loaded: Loaded
    name: str
    encoder: str | None


def read_request(data: Any, request: Mapping[str, Any], *, quiet: bool, saved: Path | None = None) -> ReadRequest:
    """The data that a request means; its fields that say how to read go to the reader, one to the encoder.

    Args:
        data: a name, or data in memory (see `earlylearn.data.readers.memory.read_memory`).
        request: fields of `earlylearn.runs.config.RunConfig`.
        quiet: whether progress is hidden.
        saved: where a run that is read again keeps the encoder it began with.

    Raises:
        UsageError: the request or the data is wrong, or there is no such encoder.
    """
    if isinstance(data, LabelledData):
        test, val = request.get("test"), request.get("val")
        beside = {name: None for name, part in (("test", test), ("val", val)) if isinstance(part, LabelledData)}
        request = {**request, **beside}
        data = Loaded(replace(data, val=val if "val" in beside else data.val), test if "test" in beside else None)
    if saved is not None and isinstance(data, str) and data not in BUILTIN and not Path(data).exists():
        raise UsageError(
            f"{saved.parent}: its data, {data}: no such file or folder; put them back, or write into its config.json, "
            "as 'data', where they are now"
        )
    encoder, fitted = request.get("encoder"), saved if saved is not None and saved.exists() else None
    if isinstance(data, Loaded):
        usual = (None, "refuse", 0, (), False)  # what config.json holds where nothing was said
        unread = [name for name in DataRequest.model_fields if name != "data" and request.get(name) not in usual]
        if unread and request.get("data") != IN_MEMORY:
            culprit = setting(unread[0], request[unread[0]])
            raise UsageError(f"{culprit}: says how to read data, but these are in memory; leave it out")
        encoded = encode(data, encoder, workplace=Workplace(quiet=quiet), by_default=False, saved=fitted)
        return ReadRequest(tell_copies(encoded.loaded), IN_MEMORY, encoded.name)
    test, val = request.get("test"), request.get("val")
    fields = {name: request[name] for name in DataRequest.model_fields if request.get(name) is not None}
    fields["data"] = IN_MEMORY if is_in_memory(data) else data
    fields |= {name: IN_MEMORY for name, part in (("test", test), ("val", val)) if is_in_memory(part)}
    asked = check_request(fields)
    there = asked.data == IN_MEMORY
    found = encode(
        read_rows(**{**asked.model_dump(), "data": data, "test": test, "val": val}),
        encoder,
        workplace=Workplace(beside=None if there else folder_of(asked.data, asked.data_dir), quiet=quiet),
        by_default=asked.data not in BUILTIN and all(request.get(name) is None for name in _OF_PIXELS),
        image_size=asked.image_size,
        saved=fitted,
    )
    published = asked.data in BUILTIN and test is None and val is None  # sets as everybody reports on them
    loaded = found.loaded if published else tell_copies(found.loaded)
    return ReadRequest(loaded, asked.data, found.name)
