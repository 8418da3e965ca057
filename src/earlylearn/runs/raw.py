"""What may be given to predict, and how does it become what a run's network takes?"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from earlylearn.data.labelled import Unlabelled
from earlylearn.data.pictures import Pictures
from earlylearn.data.readers.arrays import as_images, rows_of_array
from earlylearn.data.readers.images import fit_picture
from earlylearn.data.readers.tables import frame_inputs
from earlylearn.data.schema import Schema
from earlylearn.data.sources import folder_of, read_unlabelled
from earlylearn.encoders.encode import describe_features, encode_inputs
from earlylearn.encoders.once import Workplace
from earlylearn.errors import UsageError
from earlylearn.runs.inputs import Inputs

IN_PYTHON = "the data given"  # what messages call data that have no name


def network_inputs(given: object, inputs: Inputs, encoder: Path) -> NDArray[Any]:
    """The inputs ``[m, *shape]`` of a run's network.

    Args:
        given: a path, a DataFrame, one picture of Pillow or several, an array or tensor, or a list of arrays.
        inputs: what the run noted of its inputs.
        encoder: where the run keeps an encoder of its own.

    Raises:
        UsageError: they are of another kind than the training data.
    """
    schema = inputs["schema"]
    if isinstance(given, str | Path):
        rows = read_unlabelled(str(given), schema)
        return encode_inputs(rows, schema, workplace=Workplace(folder_of(str(given), None)), saved=encoder)
    if isinstance(given, pd.DataFrame):
        if schema.get("kind") not in ("table", "images"):
            raise UsageError(
                "x: is a DataFrame, and this run was trained on no table; give arrays as those it trained on"
            )
        return encode_inputs(frame_inputs(given, schema, IN_PYTHON), schema, workplace=Workplace(), saved=encoder)
    array = _as_array(given)
    if array is not None and array.shape == (0,):  # an empty list
        return np.zeros((0, *inputs["shape"]), np.float32)
    if array is not None and list(array.shape[1:]) == inputs["shape"] and _right_type(array, inputs["shape"]):
        # Numbers that 32 bits would not tell apart: those of 64 are as in the user's file, not yet shifted.
        return rows_of_array(array, schema, "x") if "offsets" in schema and array.dtype != np.float32 else array
    pixels = _pixel_schema(inputs)
    if pixels is None:
        return _of_array(array, inputs)
    pictures = _pictures(given, array, pixels)
    if pictures is None:
        raise UsageError(_misfit(array, inputs))
    rows = Unlabelled(inputs=pictures, ids=np.arange(len(pictures)).astype(str), pictures=Pictures(pictures, pixels))
    return encode_inputs(rows, schema, workplace=Workplace(), saved=encoder) if "encoder" in schema else pictures


def _as_array(given: object) -> NDArray[Any] | None:
    """An array of all rows; None of pictures, which may differ in size."""
    if isinstance(given, Image.Image) or (
        isinstance(given, Sequence) and any(isinstance(each, Image.Image) for each in given)
    ):
        return None
    try:
        array = np.asarray(given)
    except ValueError:  # rows of different shapes
        return None
    return None if array.dtype == object else array


def _right_type(array: NDArray[Any], shape: Sequence[int]) -> bool:
    return len(shape) != 3 or array.dtype == np.uint8


def _pixel_schema(inputs: Inputs) -> Schema | None:
    """The schema of pictures, if the run knows pictures; made up where they came as arrays from Python."""
    schema, shape = inputs["schema"], inputs["shape"]
    if schema.get("kind") == "images":
        return schema
    if schema or len(shape) != 3:
        return None
    return {"kind": "images", "mode": "RGB" if shape[0] == 3 else "L", "size": shape[1:]}


def _pictures(given: object, array: NDArray[Any] | None, schema: Schema) -> NDArray[np.uint8] | None:
    """Pictures of any size as the schema says, ``uint8 [m, channels, height, width]``; None if they are none."""
    if isinstance(given, Image.Image):
        return fit_picture(given, schema)[None]
    if array is not None:
        images = as_images(array if array.ndim != 3 or not _is_one(array, schema) else array[None])
        each: Sequence[object] = [] if images is None else list(images)
        if images is None and array.ndim == 2 and array.dtype == np.uint8:
            each = [array[None]]
        if not each and not (images is not None and len(images) == 0):
            return None
    else:
        each = given if isinstance(given, Sequence) else []
    fitted = [_fitted(one, schema) for one in each]
    known = [one for one in fitted if one is not None]
    if len(known) < len(fitted):
        return None
    size = (3 if schema["mode"] == "RGB" else 1, *schema["size"])
    return np.stack(known) if known else np.zeros((0, *size), np.uint8)


def _is_one(array: NDArray[Any], schema: Schema) -> bool:
    """Whether ``[a, b, c]`` is one picture, its channels last or first, and not many grey ones."""
    return array.shape[2] in (1, 3) or (array.shape[0] == 3 and schema["mode"] == "RGB")


def _fitted(one: object, schema: Schema) -> NDArray[np.uint8] | None:
    if isinstance(one, Image.Image):
        return fit_picture(one, schema)
    array = np.asarray(one)
    if array.ndim == 2 and array.dtype == np.uint8:
        array = array[None]
    images = as_images(array[None]) if array.ndim == 3 else None
    if images is None:
        return None
    pixels = images[0]
    return fit_picture(Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0).copy()), schema)


def _of_array(array: NDArray[Any] | None, inputs: Inputs) -> NDArray[Any]:
    """Rows of numbers, flattened and filled as the training rows were."""
    schema = inputs["schema"]
    if array is not None and schema.get("kind") == "array" and list(array.shape[1:]) == schema["shape"]:
        return rows_of_array(array, schema, "x")
    raise UsageError(_misfit(array, inputs))


def _misfit(array: NDArray[Any] | None, inputs: Inputs) -> str:
    schema, shape = inputs["schema"], inputs["shape"]
    if array is not None and len(shape) == 3 and array.ndim in (3, 4) and array.dtype != np.uint8:
        return f"images have dtype {array.dtype}; this run was trained on uint8 0..255"
    features = describe_features(schema, shape[0])
    of = f", {features}; run.read(data) makes them" if features else ""
    found = "different shapes" if array is None else f"shape {list(array.shape)}"
    return f"inputs have {found}; this run was trained on [m, {str(shape)[1:]}{of}"
