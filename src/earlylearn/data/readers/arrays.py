"""How does an .npz with x and y become inputs and labels?"""

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earlylearn.data.labelled import LabelledData, Unlabelled
from earlylearn.data.mapped import blocks, copied, row_names, row_numbers
from earlylearn.data.readers.alike import FEWEST_ROWS, of_names
from earlylearn.data.readers.classes import class_codes, class_names, different, label_values, named_by_numbers
from earlylearn.data.readers.features import Missing, fill_missing, medians
from earlylearn.data.readers.images import fit_arrays, image_schema
from earlylearn.data.readers.label_files import label_file_values
from earlylearn.data.readers.npz import npy_array, npz_array, npz_keys
from earlylearn.data.readers.paths import listed
from earlylearn.data.readers.pixels import pixels
from earlylearn.data.readers.precision import astray, beyond, centre, coarse, collapsed, shifted, span
from earlylearn.data.readers.suspects import check_classes
from earlylearn.data.schema import Schema
from earlylearn.errors import UsageError, setting

MADE_BY = "made_by"  # the array of an .npz that tells what made its features


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
    where the file has them, as `earlylearn embed` writes them, else row numbers from 0; so is ``made_by``, a text that
    tells what made the features.

    Raises:
        UsageError: see `earlylearn.data.sources.load`.
    """
    keys = npz_keys(path)
    for key, partner in (("x", None), ("y", None), ("x_test", "y_test"), ("y_test", "x_test")):
        if key not in keys and (partner is None or partner in keys):
            raise UsageError(f"{name}: has no array {key!r}; it has {listed(keys)}, save it with x=... and y=...")
    where = f"{name}, array 'x'"
    x, said = _like(npz_array(path, "x"), None if like is None else like.schema, where)
    y = label_values(npz_array(path, "y"), f"{name}, array 'y'")
    named = None
    if "classes" in keys:
        where_named = f"{name}, array 'classes'"
        named = different(map(str, label_values(npz_array(path, "classes"), where_named)), where_named)
    if like is not None:
        schema, classes = like.schema, like.classes
    else:
        schema = array_schema(x, where, missing, image_size)
        if schema["kind"] == "array" and MADE_BY in keys:
            schema["made_by"] = _in_words(npz_array(path, MADE_BY), f"{name}, array {MADE_BY!r}")
        said += flattened(x, schema, where)
        classes = named or class_names(y)
        said += check_classes(y, f"{name}, array 'y'") if named is None else _of_named(named, y, name)

    def part(x: NDArray[Any], notes: tuple[str, ...], values: NDArray[Any], suffix: str) -> LabelledData:
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
            ids=_ids(path, keys, f"ids{suffix}", x, name),
            schema=schema,
            notes=(*notes, *remarks_of_array(x, schema, f"{name}, array 'x{suffix}'")),
        )

    train = part(x, said, y, "")
    if "x_test" not in keys:
        return train, None
    y_test = label_values(npz_array(path, "y_test"), f"{name}, array 'y_test'")
    return train, part(*_like(npz_array(path, "x_test"), schema, f"{name}, array 'x_test'"), y_test, "_test")


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
    x, said = _like(npy_array(path), None, name)
    schema = array_schema(x, name, missing, image_size)
    said += flattened(x, schema, name)
    values = label_file_values(labels, "labels", [len(x)])
    classes = class_names(values)
    said += check_classes(values, setting("labels", labels))
    return LabelledData(
        name=name,
        inputs=rows_of_array(x, schema, name),
        labels=class_codes(values, classes, setting("labels", labels)),
        classes=classes,
        ids=_numbers(x),
        schema=schema,
        notes=(*said, *remarks_of_array(x, schema, name)),
    )


def array_inputs(path: Path, schema: Schema) -> Unlabelled:
    """The rows of an .npy file, or of the array ``x`` of an .npz, encoded as `schema` says."""
    if path.suffix.lower() == ".npy":
        where, raw = str(path), npy_array(path)
        ids = _numbers(raw) if raw.ndim else np.zeros(0, str)
    else:
        where, raw = f"{path}, array 'x'", npz_array(path, "x")
        ids = _ids(path, npz_keys(path), "ids", raw if raw.ndim else raw[None][:0], str(path))
    x, said = _like(raw, schema, where)
    return Unlabelled(
        inputs=rows_of_array(x, schema, where), ids=ids, notes=(*said, *remarks_of_array(x, schema, where))
    )


def _of_named(named: tuple[str, ...], y: NDArray[Any], name: str) -> tuple[str, ...]:
    """What is to be told of classes that have names of their own: that some read alike, that some have no rows."""
    where = f"{name}, array 'classes'"
    used = set(np.unique(y).tolist() if y.dtype.kind == "i" else np.unique(y).astype(str).tolist())
    idle = [each for k, each in enumerate(named) if (k if y.dtype.kind == "i" else each) not in used]
    lines = of_names(named, "classes", where)
    if idle and len(y) >= FEWEST_ROWS:
        lines += (f"{where}: {len(idle):,} of {len(named):,} have no rows in 'y': {listed(map(repr, idle), 3)}",)
    return lines


def _ids(path: Path, keys: list[str], key: str, x: NDArray[Any], name: str) -> NDArray[np.str_]:
    """The ids that an .npz has under a key, else the numbers of the rows of x."""
    if key not in keys:
        return _numbers(x)
    rows = len(x)
    ids = npz_array(path, key)
    if ids.shape != (rows,) or ids.dtype.kind not in "iuU":
        raise UsageError(f"{name}, array {key!r}: {ids.dtype} {list(ids.shape)}; give one id per row, as text")
    return ids.astype(str)


def _in_words(array: NDArray[Any], where: str) -> str:
    """One text."""
    if array.shape or array.dtype.kind != "U":
        raise UsageError(
            f"{where}: {array.dtype} {list(array.shape)}; give one text that tells what made x, or leave it out"
        )
    return str(array)


def _numbers(x: NDArray[Any]) -> NDArray[np.str_]:
    """Row numbers as ids, mapped from the disk like the rows themselves."""
    return copied(x, row_numbers(len(x))) if isinstance(x, np.memmap) else row_names(len(x))


def as_images(x: NDArray[Any]) -> NDArray[np.uint8] | None:
    """x as uint8 [n, channels, height, width], or None where it is not images."""
    if x.dtype != np.uint8:
        return None
    if x.ndim == 3:
        return x[:, None]
    if x.ndim == 4 and x.shape[3] in (1, 3):
        return x.transpose(0, 3, 1, 2)
    return x if x.ndim == 4 and x.shape[1] in (1, 3) else None


def _like(x: NDArray[Any], schema: Schema | None, where: str) -> tuple[NDArray[Any], tuple[str, ...]]:
    """An array whose images, if it holds any, are uint8, and what is to be told of that.

    Args:
        x: as it stands in the file.
        schema: of the training data, which says whether it has images; None if it is of the training data itself.
        where: the file and array, for messages.
    """
    _check(x, where)
    if schema is not None and schema.get("kind") != "images":
        return x, ()
    found = pixels(x, where, surely=schema is not None)
    return (x, ()) if found is None else found


def remarks_of_array(x: NDArray[Any], schema: Schema, where: str) -> tuple[str, ...]:
    """What is to be told of features that were filled, or that 32 bits do not tell apart any more."""
    if schema["kind"] != "array":
        return ()
    flat, lines = x.reshape(len(x), -1), []
    if "range" in schema:
        low, high = schema["range"]
        far = len(astray(flat.reshape(-1), (low, high)))
        if far:
            lines.append(
                f"{where}: {far:,} of {flat.size:,} numbers are far from those of training ({low:.4g} to {high:.4g}): "
                "is that the same unit?"
            )
    gaps = sum((~np.isfinite(part)).sum(axis=0) for part in blocks(flat)) if x.dtype.kind == "f" else np.zeros(1, int)
    if gaps.any() and schema.get("medians") is not None:
        lines.append(
            f"{where}: {int(gaps.sum()):,} missing values are filled by the medians of "
            f"{np.count_nonzero(gaps)} features"
        )
    offsets = schema.get("offsets") or [0.0] * flat.shape[1]
    fallen = []
    for k in np.flatnonzero(coarse(flat)).tolist():
        column = flat[:, k]
        near = shifted(column, offsets[k])
        with np.errstate(over="ignore", invalid="ignore"):
            found = collapsed(column if beyond(column) else near, near.astype(np.float32))
        fallen += [] if found is None else [(k, found)]
    if fallen:
        k, (was, left) = fallen[0]
        lines.append(
            f"{where}: in {len(fallen)} features different values fall together in the 32 bits of a network, "
            f"such as {was:,} to {left:,} in feature {k}"
        )
    return tuple(lines)


def flattened(x: NDArray[Any], schema: Schema, where: str) -> tuple[str, ...]:
    """What is to be told of an array that has more axes than features have."""
    if schema["kind"] != "array" or x.ndim < 3:
        return ()
    return (
        f"{where}: {x.dtype} {list(x.shape)} is taken as {math.prod(x.shape[1:]):,} features of no order; images are "
        "uint8 [n, height, width], with 1 or 3 channels before or behind",
    )


def array_schema(x: NDArray[Any], where: str, missing: Missing, image_size: int | None) -> Schema:
    """How the rows of an array are read: as images, or flattened; UsageError if they are neither."""
    _check(x, where)
    images = as_images(x)
    if images is not None:
        height, width = (image_size, image_size) if image_size else images.shape[2:]
        return image_schema("RGB" if images.shape[1] == 3 else "L", height, width)
    if image_size is not None:
        raise UsageError(
            f"{setting('image_size', image_size)}: {where} is no images ({x.dtype} {list(x.shape)}); leave it out, or "
            "save x as uint8 [n, height, width, channels]"
        )
    flat = x.reshape(len(x), -1)
    schema: Schema = {"kind": "array", "shape": list(x.shape[1:]), "range": span(flat)}
    schema["medians"] = medians(flat, where) if missing == "impute" else None
    far = [centre(flat[:, k]) if each else 0.0 for k, each in enumerate(coarse(flat))]
    return {**schema, "offsets": far} if any(far) else schema


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
    flat, fill, offsets = x.reshape(len(x), -1), schema["medians"], schema.get("offsets")
    if offsets is not None and fill is not None:
        fill = [median - offset for median, offset in zip(fill, offsets, strict=True)]

    def filled(part: NDArray[Any], start: int = 0) -> NDArray[np.float32]:
        return fill_missing(part if offsets is None else _near(part, offsets), fill, where, start)

    if not isinstance(flat, np.memmap):
        return filled(flat)
    # What is mapped from the disk stays there, and is copied only if it has to change.
    if offsets is None and flat.dtype == np.float32 and all(np.isfinite(part).all() for part in blocks(flat)):
        return flat
    starts = itertools.accumulate((len(part) for part in blocks(flat)), initial=0)
    return copied(flat, (filled(part, start) for part, start in zip(blocks(flat), starts, strict=False)))


def _near(flat: NDArray[Any], offsets: Sequence[float]) -> NDArray[np.float64]:
    """Numbers ``[m, d]`` less the offsets of their columns."""
    wide = np.array(flat, np.float64)
    for k, offset in enumerate(offsets):
        if offset:
            wide[:, k] = shifted(flat[:, k], offset)
    return wide


def _check(x: NDArray[Any], where: str) -> None:
    if x.dtype.kind not in "biuf":
        raise UsageError(f"{where}: inputs cannot be {x.dtype}; save plain numbers")
    if x.ndim < 2 or 0 in x.shape:
        raise UsageError(f"{where}: has the shape {list(x.shape)}; give one row per example, shape [n, ...]")
