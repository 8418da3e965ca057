"""How does an .npz with x and y become inputs and labels?"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earlylearn.data.labelled import LabelledData, Unlabelled
from earlylearn.data.readers.classes import class_codes, class_names, label_values, named_by_numbers
from earlylearn.data.readers.features import Missing, fill_missing, medians
from earlylearn.data.readers.images import check_size, fit_arrays, image_schema
from earlylearn.data.readers.label_files import label_file_values
from earlylearn.data.readers.npz import npy_array, npz_array, npz_keys
from earlylearn.data.readers.paths import listed
from earlylearn.data.schema import Schema
from earlylearn.errors import UsageError, setting


def read_npz(
    path: Path,
    name: str,
    *,
    missing: Missing = "refuse",
    image_size: int | None = None,
    like: LabelledData | None = None,
) -> tuple[LabelledData, LabelledData | None]:
    """An .npz file with ``x`` and ``y``, and the test set ``x_test`` and ``y_test`` where it has one.

    x is images (uint8 [n, h, w], [n, h, w, 1 or 3] or [n, 1 or 3, h, w]) or numeric [n, ...], flattened to
    features. y is integers or text; ``classes``, where present, names the integers 0, 1, ... in order. `like`
    gives the classes and the schema of the training data to a test file. Ids are those of ``ids`` (and ``ids_test``)
    where the file has them, as `earlylearn embed` writes them, else row numbers from 0.

    Raises:
        UsageError: see `earlylearn.data.sources.load`.
    """
    keys = npz_keys(path)
    for key, partner in (("x", None), ("y", None), ("x_test", "y_test"), ("y_test", "x_test")):
        if key not in keys and (partner is None or partner in keys):
            raise UsageError(f"{name}: has no array {key!r}; it has {listed(keys)}, save it with x=... and y=...")
    x = npz_array(path, "x")
    y = label_values(npz_array(path, "y"), f"{name}, array 'y'")
    named = None
    if "classes" in keys:
        named = tuple(str(c) for c in label_values(npz_array(path, "classes"), f"{name}, array 'classes'"))
        if len(set(named)) < len(named):
            raise UsageError(f"{name}, array 'classes': a name occurs twice in {listed(named)}; make them unique")
    if like is not None:
        schema, classes = like.schema, like.classes
    else:
        schema = array_schema(x, f"{name}, array 'x'", missing, image_size)
        classes = named or class_names(y)

    def part(x: NDArray[Any], values: NDArray[Any], suffix: str) -> LabelledData:
        where = f"{name}, array 'y{suffix}'"
        if len(x) != len(values):
            raise UsageError(f"{where}: {len(values)} labels for {len(x)} rows of 'x{suffix}'; give one label per row")
        if named is not None and values.dtype.kind == "i":
            values = np.array(named)[class_codes(values, named, where, positions=True)]
        return LabelledData(
            name=name,
            inputs=rows_of_array(x, schema, f"{name}, array 'x{suffix}'"),
            labels=class_codes(values, classes, where, positions=not named_by_numbers(classes)),
            classes=classes,
            ids=_ids(path, keys, f"ids{suffix}", len(x), name),
            schema=schema,
        )

    train = part(x, y, "")
    if "x_test" not in keys:
        return train, None
    y_test = label_values(npz_array(path, "y_test"), f"{name}, array 'y_test'")
    return train, part(npz_array(path, "x_test"), y_test, "_test")


def read_npy(
    path: Path, name: str, *, labels: str | None, missing: Missing = "refuse", image_size: int | None = None
) -> LabelledData:
    """An .npy file, the array ``x`` of `read_npz`, with its labels in a file of their own.

    Args:
        path: the file.
        name: what the user calls it.
        labels: ``FILE[:KEY]``, see `earlylearn.data.readers.label_files`.
        missing: see `earlylearn.data.sources.load`.
        image_size: see there.

    Raises:
        UsageError: there are no labels, or see `earlylearn.data.sources.load`.
    """
    if labels is None:
        raise UsageError(f"{name}: is an array without labels; name the file that has them with {setting('labels')}")
    x = npy_array(path)
    schema = array_schema(x, name, missing, image_size)
    values = label_file_values(labels, "labels", [len(x)])
    classes = class_names(values)
    return LabelledData(
        name=name,
        inputs=rows_of_array(x, schema, name),
        labels=class_codes(values, classes, setting("labels", labels)),
        classes=classes,
        ids=np.arange(len(x)).astype(str),
        schema=schema,
    )


def array_inputs(path: Path, schema: Schema) -> Unlabelled:
    """The rows of an .npy file, or of the array ``x`` of an .npz, encoded as `schema` says."""
    if path.suffix.lower() == ".npy":
        x = npy_array(path)
        return Unlabelled(inputs=rows_of_array(x, schema, str(path)), ids=np.arange(len(x)).astype(str))
    x, keys = npz_array(path, "x"), npz_keys(path)
    return Unlabelled(
        inputs=rows_of_array(x, schema, f"{path}, array 'x'"), ids=_ids(path, keys, "ids", len(x), str(path))
    )


def _ids(path: Path, keys: list[str], key: str, rows: int, name: str) -> NDArray[np.str_]:
    """The ids that an .npz has under a key, else row numbers."""
    if key not in keys:
        return np.arange(rows).astype(str)
    ids = npz_array(path, key)
    if ids.shape != (rows,) or ids.dtype.kind not in "iuU":
        raise UsageError(f"{name}, array {key!r}: {ids.dtype} {list(ids.shape)}; give one id per row, as text")
    return ids.astype(str)


def as_images(x: NDArray[Any]) -> NDArray[np.uint8] | None:
    """x as uint8 [n, channels, height, width], or None where it is not images."""
    if x.dtype != np.uint8:
        return None
    if x.ndim == 3:
        return x[:, None]
    if x.ndim == 4 and x.shape[3] in (1, 3):
        return x.transpose(0, 3, 1, 2)
    return x if x.ndim == 4 and x.shape[1] in (1, 3) else None


def array_schema(x: NDArray[Any], where: str, missing: Missing, image_size: int | None) -> Schema:
    """How the rows of an array are read: as images, or flattened; UsageError if they are neither."""
    _check(x, where)
    check_size(image_size)
    images = as_images(x)
    if images is not None:
        height, width = (image_size, image_size) if image_size else images.shape[2:]
        return image_schema("RGB" if images.shape[1] == 3 else "L", height, width)
    if image_size is not None:
        raise UsageError(
            f"{setting('image_size', image_size)}: {where} is no images ({x.dtype} {list(x.shape)}); leave it out, or "
            "save x as uint8 [n, height, width, channels]"
        )
    fill = medians(x.reshape(len(x), -1), where) if missing == "impute" else None
    return {"kind": "array", "shape": list(x.shape[1:]), "medians": fill}


def rows_of_array(x: NDArray[Any], schema: Schema, where: str) -> NDArray[Any]:
    """The inputs that the rows of an array are, as `schema` says; UsageError of other shapes or missing numbers."""
    _check(x, where)
    if schema["kind"] == "images":
        images = as_images(x)
        if images is None:
            raise UsageError(
                f"{where}: {x.dtype} {list(x.shape)} is no images as in the training data; "
                "save it as uint8 [n, height, width, channels]"
            )
        return fit_arrays(images, schema)
    if list(x.shape[1:]) != schema["shape"]:
        raise UsageError(
            f"{where}: rows have the shape {list(x.shape[1:])}, those of the training data "
            f"{schema['shape']}; give the same features"
        )
    return fill_missing(x.reshape(len(x), -1), schema["medians"], where)


def _check(x: NDArray[Any], where: str) -> None:
    if x.dtype.kind not in "biuf":
        raise UsageError(f"{where}: inputs cannot be {x.dtype}; save plain numbers")
    if x.ndim < 2 or 0 in x.shape:
        raise UsageError(f"{where}: has the shape {list(x.shape)}; give one row per example, shape [n, ...]")
