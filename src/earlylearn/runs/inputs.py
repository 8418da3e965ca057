"""What does a run note of its inputs: enough to read more of their kind, and to know them again?"""

from pathlib import Path
from typing import Annotated, NotRequired

from annotated_types import Len
from typing_extensions import TypedDict

from earlylearn.data.fingerprint import fingerprint
from earlylearn.data.labelled import LabelledData
from earlylearn.data.schema import Schema, Size, check_schema
from earlylearn.data.sources import Loaded
from earlylearn.encoders.encode import describe_features
from earlylearn.errors import UsageError
from earlylearn.files import checked
from earlylearn.wording import plural


class Validation(TypedDict):
    """A validation set of the user's own: rows, and a digest."""

    n: Size
    fingerprint: str


class Inputs(TypedDict):
    """``inputs`` in ``config.json``: rows, shape of a row, class names, how more is read, and a digest of all data.

    ``val`` is there where the user gave a validation set.
    """

    n: Size
    shape: Annotated[list[Size], Len(1)]
    classes: Annotated[list[str], Len(2)]
    schema: Schema
    fingerprint: str
    val: NotRequired[Validation]


def describe_inputs(loaded: Loaded) -> Inputs:
    """What a run on these data notes of them."""
    data = loaded.train
    inputs: Inputs = {
        "n": len(data),
        "shape": list(data.inputs.shape[1:]),
        "classes": list(data.classes),
        "schema": data.schema,
        "fingerprint": fingerprint(loaded),
    }
    if data.val is not None:
        inputs["val"] = {"n": len(data.val), "fingerprint": fingerprint(Loaded(data.val, None))}
    return inputs


def inputs_in_words(data: LabelledData) -> str:
    """What trains: ``1,280-dimensional features of efficientnet-lite0 (128 px)``, ``8 columns``; empty of pixels."""
    if data.is_image:
        return ""
    return describe_features(data.schema, data.inputs.shape[1]) or plural(data.inputs.shape[1], "column")


def check_inputs(document: object, path: Path) -> Inputs:
    """What a run noted, read back; UsageError, which names the file, if it is not that."""
    where = f"{path}, inputs"
    inputs = checked(document, Inputs, where)
    schema = check_schema(inputs["schema"], f"{where}, schema")
    pixels = schema.get("kind") == "images" and "encoder" not in schema
    if pixels and schema["size"] != inputs["shape"][1:]:
        raise UsageError(f"{where}: the sizes of images in schema and shape differ; restore the file")
    return inputs
