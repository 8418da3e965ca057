"""How do data that are in memory already become inputs and labels: frames, arrays, and data sets of other libraries?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageOps

from earlylearn.data.labelled import LabelledData
from earlylearn.data.mapped import row_names
from earlylearn.data.readers.arrays import array_schema, flattened, remarks_of_array, rows_of_array
from earlylearn.data.readers.classes import class_codes, class_names, different, label_values
from earlylearn.data.readers.features import Missing
from earlylearn.data.readers.images import fit_picture, header_of, natural_augmentation, survey_of
from earlylearn.data.readers.paths import listed
from earlylearn.data.readers.suspects import check_classes
from earlylearn.data.readers.tables import read_table
from earlylearn.errors import UsageError, setting

IN_MEMORY = "in-memory"  # what data without a name are called
_CHANGES = "items differ each time they are read (a random transform?); each was read once; transforms go into augment"
FORMS = "a DataFrame, (X, y), a TensorDataset, a datasets.Dataset, or a data set with len() of (input, label)"


@dataclass(frozen=True, kw_only=True)
class Columns:
    """How the columns of a table in memory are read; see `earlylearn.data.sources.load`."""

    label: str | None = None
    image: str | None = None
    id_column: str | None = None
    true_label: str | None = None
    text: Sequence[str] = ()
    drop: Sequence[str] = ()
    show: Sequence[str] = ()
    missing: Missing = "refuse"
    image_size: int | None = None


def read_memory(data: object, how: Columns, *, name: str = IN_MEMORY, like: LabelledData | None = None) -> LabelledData:
    """Labelled data from what Python holds.

    A DataFrame is read as a table is. Inputs and labels of all else are gathered first, each row once and in its order;
    then they are read as an .npz is: ``uint8`` images of three or four axes as pixels, other numbers flattened to
    features. Pictures of Pillow are brought to one size. Floats between 0 and 1 that are whole 255ths of four axes, as
    ``ToTensor`` makes them, are pixels too.

    Args:
        data: `FORMS`; items of a data set may be tuples, or dicts whose labels are called ``label``, ``labels``, ``y``
            or as `Columns.label` says.
        how: which columns are what.
        name: what messages call the data.
        like: training data, if this is to be their test set.

    Raises:
        UsageError: it is none of these, or an input or label cannot be read.
    """
    if isinstance(data, pd.DataFrame):
        return _of_frame(data, how, name, like)
    if isinstance(data, tuple | list) and len(data) == 2 and isinstance(data[0], pd.DataFrame):
        return _of_frame(*_with_labels(data[0], data[1], how), name, like)
    if hasattr(data, "to_pandas") and hasattr(data, "features"):
        return _of_hugging_face(data, how, name, like)
    gathered = _gathered(data, how, name)
    return _labelled(gathered, how, name, like)


def _of_frame(frame: pd.DataFrame, how: Columns, name: str, like: LabelledData | None) -> LabelledData:
    if how.image_size is not None and how.image is None:
        raise UsageError(f"{setting('image_size', how.image_size)}: {name} is a table; name its column of image paths")
    return read_table(Path(name), name, frame=frame, like=like, **vars(how))


def _with_labels(frame: pd.DataFrame, labels: object, how: Columns) -> tuple[pd.DataFrame, Columns]:
    """A frame of features with its labels as a column more."""
    values = _array(labels)
    if len(values) != len(frame):
        raise UsageError(f"y: {len(values)} labels for {len(frame)} rows of X; give one label per row")
    free = ("label", "y", *(f"label_{k}" for k in range(len(frame.columns))))
    column = how.label or next(each for each in free if each not in frame.columns)
    return frame.assign(**{column: values}), Columns(**{**vars(how), "label": column})


@dataclass(frozen=True)
class _Gathered:
    """Inputs, labels as they stand, and the names of the classes where labels are positions in them."""

    x: NDArray[Any] | list[Image.Image]
    y: Any
    classes: Sequence[str] | None = None
    notes: tuple[str, ...] = ()


def _of_hugging_face(data: Any, how: Columns, name: str, like: LabelledData | None) -> LabelledData:
    """A ``datasets.Dataset``: pictures where it has a column of them, else a table."""
    names = {column: getattr(feature, "names", None) for column, feature in data.features.items()}
    label = how.label or next((c for c in ("label", "labels") if c in names), None)
    label = label or next((column for column, found in names.items() if found), None)
    if label is None or label not in names:
        raise UsageError(
            f"{name}: give the label column with {setting('label', 'COLUMN')}; the columns are {listed(data.features)}"
        )
    pictures = [c for c, feature in data.features.items() if type(feature).__name__ == "Image"]
    if pictures:
        column = how.image or pictures[0]
        images = [image for image in data[column]]
        return _labelled(_Gathered(images, np.asarray(data[label]), names[label]), how, name, like)
    frame: pd.DataFrame = data.with_format(None).to_pandas()
    for column, found in names.items():
        if found:
            frame[column] = [None if pd.isna(k) or k < 0 else found[int(k)] for k in frame[column]]  # -1: no label
    return _of_frame(frame, Columns(**{**vars(how), "label": label}), name, like)


def _gathered(data: Any, how: Columns, name: str) -> _Gathered:
    if isinstance(data, tuple | list) and len(data) == 2:
        return _Gathered(_inputs(data[0]), data[1])
    tensors = getattr(data, "tensors", None)
    if isinstance(tensors, tuple) and len(tensors) >= 2:
        return _Gathered(_array(tensors[0]), tensors[1])
    if not (hasattr(data, "__getitem__") and hasattr(data, "__len__")) or isinstance(data, np.ndarray | Mapping):
        raise UsageError(f"data: a {type(data).__name__} cannot be read; {_mend(data)}")
    return _read_items(data, how, name)


def _mend(data: Any) -> str:
    """What to give in place of something that is often given."""
    if hasattr(data, "dataset") and hasattr(data, "batch_size"):
        return "give its data set, loader.dataset: the run makes batches itself"
    if isinstance(data, Mapping) and "train" in data:
        return "give one of its parts, data['train'], and another as test or val"
    if isinstance(data, Mapping):
        return "give (x, y), two of its values, or pandas.DataFrame(data)"
    if isinstance(data, np.ndarray):
        return "give (X, y), its labels with it"
    if hasattr(data, "__iter__") and not hasattr(data, "__len__"):
        return (
            "a stream has no length: give list(data) if it fits into memory, or train it in a loop of your own with "
            "ELRLoss and RowIds"
        )
    return f"give {FORMS}"


def _read_items(data: Any, how: Columns, name: str) -> _Gathered:
    """Every item of a data set, once."""
    if len(data) == 0:
        raise UsageError(f"{name}: no examples; give data with at least two classes")
    pairs = [_pair(data[row], row, how, name) for row in range(len(data))]
    inputs = _inputs([x for x, _ in pairs])
    again = _inputs([_pair(data[0], 0, how, name)[0]])
    same = np.array_equal(np.asarray(inputs[0]), np.asarray(again[0]))
    notes = () if same else (f"{name}: {_CHANGES}",)
    classes = getattr(data, "classes", None)
    return _Gathered(inputs, [y for _, y in pairs], classes, notes)


def _pair(item: Any, row: int, how: Columns, name: str) -> tuple[Any, Any]:
    if isinstance(item, Mapping):
        label = next((key for key in (how.label, "label", "labels", "y") if key in item), None)
        inputs = [key for key in item if key not in (label, "index", "idx", "id")]
        key = how.image or next((k for k in ("image", "img", "pixel_values", "x", "input") if k in item), None)
        if label is None or (key is None and len(inputs) != 1):
            raise UsageError(
                f"{name}: item {row} is a dict of {listed(item)}; name the label with {setting('label', 'KEY')} and "
                f"the input with {setting('image', 'KEY')}"
            )
        return item[key or inputs[0]], item[label]
    if isinstance(item, tuple | list) and len(item) >= 2:
        return item[0], item[1]
    raise UsageError(f"{name}: item {row} is a {type(item).__name__}; give (input, label)")


def _inputs(x: Any) -> NDArray[Any] | list[Image.Image]:
    """Inputs as one array, or as pictures of Pillow."""
    if isinstance(x, list | tuple) and len(x) and isinstance(x[0], Image.Image):
        return list(x)
    if isinstance(x, list | tuple) and len(x) and hasattr(x[0], "shape"):
        shapes = {tuple(each.shape) for each in x}
        if len(shapes) > 1:
            raise UsageError(f"inputs have different shapes ({listed(sorted(shapes), 3)}); give rows of one shape")
        return np.stack([_array(each) for each in x])
    return _array(x)


def _array(x: Any) -> NDArray[Any]:
    """An array, column or tensor of any device as an array."""
    if hasattr(x, "detach"):
        x = x.detach().cpu()
        x = x.float() if "bfloat16" in str(x.dtype) else x
    return np.asarray(x)


def _labelled(found: _Gathered, how: Columns, name: str, like: LabelledData | None) -> LabelledData:
    y, notes = _label_array(found.y), list(found.notes)
    x = found.x
    if isinstance(x, list):
        x, more = _pixels(x, how.image_size, like)
        notes += more
    elif x.ndim == 4 and x.shape[1] in (1, 3) and x.dtype.kind == "f" and _are_pixels(x):
        x = np.rint(x * 255).astype(np.uint8)
        notes.append(f"{name}: floats that are whole 255ths from 0 to 1 count as pixels")
    if not np.ndim(y):
        raise UsageError(f"{name}, labels: are one value; give one label per input")
    if x.ndim and len(x) != len(y):  # what has no rows at all is refused below
        raise UsageError(f"{name}: {len(y)} labels for {len(x)} inputs; give one label per input")
    schema = like.schema if like else array_schema(x, name, how.missing, how.image_size)
    inputs = rows_of_array(x, schema, name)
    notes += remarks_of_array(x, schema, name)
    values = label_values(y, f"{name}, labels")
    named = None if found.classes is None else different(map(str, found.classes), f"{name}, classes")
    if named is not None and values.dtype.kind == "i":
        values = np.array(named)[class_codes(values, named, f"{name}, labels", positions=True)]
    classes = like.classes if like else (named or class_names(values))
    if like is None:
        notes += flattened(x, schema, name)
        notes += check_classes(values, f"{name}, labels") if named is None else ()
    return LabelledData(
        name=name,
        inputs=inputs,
        labels=class_codes(values, classes, f"{name}, labels"),
        classes=classes,
        ids=row_names(len(x)),
        schema=schema,
        augment=natural_augmentation(schema) if schema["kind"] == "images" and isinstance(found.x, list) else "none",
        notes=tuple(notes),
    )


def _label_array(y: Any) -> "NDArray[Any] | pd.Series[Any]":
    if isinstance(y, list):
        y = [_plain(each) for each in y]
        if any(each is None for each in y):  # which an array of text would call so
            return pd.Series(y, dtype=object)
    try:
        values = _array(y)
    except ValueError:  # lists of different lengths
        return pd.Series(y, dtype=object)
    return pd.Series(values) if values.dtype == object and values.ndim == 1 else values


def _plain(label: Any) -> Any:
    """A label of one value as a number or text of Python; one of several values as a list, which is refused."""
    if not hasattr(label, "item"):
        return label
    array = _array(label)
    return array.item() if array.size == 1 else array.tolist()


def _pixels(
    images: Sequence[Image.Image], image_size: int | None, like: LabelledData | None
) -> tuple[NDArray[np.uint8], list[str]]:
    """Pictures of Pillow in one mode and size: ``uint8 [n, channels, height, width]``; what was done is told."""
    if like is not None:
        return np.stack([fit_picture(image, like.schema) for image in images]), []
    images = [ImageOps.exif_transpose(image) for image in images]
    sizes = {(image.height, image.width) for image in images}
    side = image_size or min(min(size) for size in sizes)
    height, width = (side, side) if image_size is not None or len(sizes) > 1 else next(iter(sizes))
    schema, said = survey_of([header_of(image) for image in images], height, width)
    notes = list(said)
    if image_size is None and len(sizes) > 1:
        notes.append(f"pictures of {len(sizes)} sizes became squares of {side} pixels, the smallest side")
    return np.stack([fit_picture(image, schema) for image in images]), notes


def _are_pixels(x: NDArray[Any]) -> bool:
    """Whether floats are whole 255ths from 0 to 1."""
    levels = x.astype(np.float32) * 255
    return bool(
        x.min(initial=0) >= 0 and x.max(initial=0) <= 1 and np.abs(levels - np.rint(levels)).max(initial=0) < 1e-3
    )
