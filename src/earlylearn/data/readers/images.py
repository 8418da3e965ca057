"""How do image files of every size and mode become one uint8 array?"""

import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from earlylearn.data.readers.paths import reading
from earlylearn.data.request import Augmentation
from earlylearn.data.room import check_room
from earlylearn.data.schema import Mode, Schema
from earlylearn.errors import setting
from earlylearn.wording import plural

DEFAULT_SIZE = 64
DEPTHS = (8, 10, 12, 14, 16)  # bits that cameras and scanners have, whatever file they write
WHITE = 65_535  # of 16 bits, where nothing says that fewer are used
MEND = "replace it by a readable image or remove it"
LOOKED_AT = 20  # new pictures of which it is asked whether they are coloured
COLOURED = 40  # of 255, between the channels of a pixel: more than a camera's tint
_GREY = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N"})
_T = TypeVar("_T")


def image_schema(mode: Mode, height: int, width: int) -> Schema:
    """The schema of images: Pillow mode ``L`` or ``RGB``, and the size ``[height, width]``.

    `survey` adds ``white`` where files have more than 8 bits: the value that becomes 255.
    """
    return {"kind": "images", "mode": mode, "size": [height, width]}


def natural_augmentation(schema: Schema) -> Augmentation:
    """What suits photographs of this size: crop and flip, or nothing for images below 24 pixels."""
    return "crop+flip" if min(schema["size"]) >= 24 else "none"


class Survey(NamedTuple):
    """What was found out about image files before any is decoded.

    Attributes:
        schema: the schema that suits them.
        notes: what the user is told of them.
    """

    schema: Schema
    notes: tuple[str, ...]


def survey(files: Sequence[Path], image_size: int | None) -> Survey:
    """The schema that suits these files, from their headers; of those of 16 bits, from the pixels too.

    ``L`` when every file is grey, else ``RGB``; `image_size` squared when given, else the size that all share
    when it is at most 64 pixels, else 64 squared.

    Raises:
        UsageError: a file is no readable image; the message names it.
    """
    headers = _each(_header, files)
    sizes = {(header.height, header.width) for header in headers}
    if image_size is not None:
        height = width = image_size
    else:
        height, width = sizes.pop()
        if sizes or max(height, width) > DEFAULT_SIZE:
            height = width = DEFAULT_SIZE
    return survey_of(headers, height, width)


def survey_of(headers: Sequence["Header"], height: int, width: int) -> Survey:
    """The schema that suits images of these headers at this size, and what is to be told of them."""
    mode: Mode = "L" if all(header.mode in _GREY for header in headers) else "RGB"
    schema = image_schema(mode, height, width)
    if any(header.brightest is not None for header in headers):
        schema["white"] = _white(headers)
    return Survey(schema, _notes(headers))


def _notes(headers: Sequence["Header"]) -> tuple[str, ...]:
    """What the user is told of images that are not plain 8 bits."""
    notes = []
    see_through = sum(header.see_through for header in headers)
    if see_through:
        of = f"{plural(see_through, 'image')} of {len(headers):,}"
        notes.append(f"{of} with an alpha channel: where one is transparent, it counts as white")
    several = sum(header.several for header in headers)
    if several:
        notes.append(f"{plural(several, 'image')} of {len(headers):,} of several frames or pages: the first counts")
    below = [header.darkest for header in headers if header.darkest < 0]
    if below:
        notes.append(f"{plural(len(below), 'image')} go down to {min(below):,}: what is below 0 counts as black")
    deep = [header.brightest for header in headers if header.brightest is not None]
    white = _white(headers) if deep else WHITE
    if white < WHITE:
        notes.append(f"{plural(len(deep), 'image')} of 16 bits go up to {max(deep):,}: {white:,} counts as white")
    return tuple(notes)


def _white(headers: Sequence["Header"]) -> int:
    """What counts as white among images of more than 8 bits: the largest value of a camera that has theirs."""
    deep = [header.brightest for header in headers if header.brightest is not None]
    bits: int = next((depth for depth in DEPTHS if max(deep) < 2**depth), max(deep).bit_length())
    return int(2**bits) - 1


def decode(files: Sequence[Path], schema: Schema) -> NDArray[np.uint8]:
    """Every file decoded once, in the schema's mode and size: ``uint8 [n, channels, height, width]``.

    The shorter side is brought to size and the centre is kept; the orientation a camera notes is applied.

    Raises:
        UsageError: a file is no readable image; the message names it.
    """
    channels = 3 if schema["mode"] == "RGB" else 1
    height, width = schema["size"]
    mend = f"give a smaller {setting('image_size')}"
    check_room(len(files) * channels * height * width, f"{len(files):,} images of {height} x {width} pixels", mend)
    out = np.empty((len(files), channels, height, width), np.uint8)

    def one(row: int) -> None:
        out[row] = decode_one(files[row], schema)

    _each(one, range(len(files)))
    return out


def decode_one(file: Path, schema: Schema, mend: str = MEND) -> NDArray[np.uint8]:
    """One file as `decode` has it: ``uint8 [channels, height, width]``; an error names the file and ends in `mend`."""
    with reading(file, mend), Image.open(file) as image:
        image.draft(schema["mode"], (2 * max(schema["size"]),) * 2)  # JPEG: decode no more than is needed
        return fit_picture(image, schema)


def fit_arrays(images: NDArray[np.uint8], schema: Schema) -> NDArray[np.uint8]:
    """Images already decoded (``uint8 [n, 1 or 3, height, width]``) in the schema's mode and size."""
    channels = 3 if schema["mode"] == "RGB" else 1
    shape = (channels, *schema["size"])
    if images.shape[1:] == shape:
        return images if images.flags.c_contiguous else np.ascontiguousarray(images)
    what = f"{len(images):,} images of {shape[1]} x {shape[2]} pixels"
    check_room(len(images) * math.prod(shape), what, f"give a smaller {setting('image_size')}")
    out = np.empty((len(images), *shape), np.uint8)
    for row, image in enumerate(images):
        pixels = image[0] if len(image) == 1 else np.ascontiguousarray(image.transpose(1, 2, 0))
        out[row] = fit_picture(Image.fromarray(pixels), schema)
    return out


def fit_picture(image: Image.Image, schema: Schema) -> NDArray[np.uint8]:
    """One image of Pillow in the schema's mode and size, upright as its camera noted: ``uint8 [channels, h, w]``."""
    height, width = schema["size"]
    image = ImageOps.exif_transpose(image)
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers, not 8 bits per channel")
    if image.mode.startswith("I"):  # 16 bits; Pillow's own conversion would cut everything above 255
        white = schema.get("white", WHITE)
        grey = np.clip(np.asarray(image).astype(np.float32) / white, 0, 1)
        image = Image.fromarray(np.rint(255 * grey).astype(np.uint8))
    if image.has_transparency_data:
        background = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(background, image.convert("RGBA"))
    image = image.convert(schema["mode"])
    if image.size != (width, height):
        image = ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(image)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def colour_dropped(files: Sequence[Path], schema: Schema, where: str) -> tuple[str, ...]:
    """A line if new pictures are in colour where those of training were grey, by a few of them spread over all."""
    if schema["mode"] != "L":
        return ()
    few = files[:: max(1, len(files) // LOOKED_AT)][:LOOKED_AT]
    first = next((file for file in few if _coloured(file)), None)
    if first is None:
        return ()
    return (f"{where}: pictures in colour, such as {first.name}, where those of training are grey: it is dropped",)


def _coloured(file: Path) -> bool:
    """Whether a picture shows colour; not one that only is saved as if it did, nor one that cannot be read."""
    try:
        with Image.open(file) as image:
            if image.mode in _GREY:
                return False
            image.thumbnail((32, 32))
            pixels = np.asarray(image.convert("RGB")).astype(np.int64)
    except Exception:  # Pillow raises whatever the bytes lead it to; whoever decodes the file says it
        return False
    return bool((pixels.max(2) - pixels.min(2)).max(initial=0) > COLOURED)


class Header(NamedTuple):
    """What is asked of an image before it is brought to the mode and size of others."""

    mode: str
    height: int
    width: int
    see_through: bool
    brightest: int | None  # of the pixels of an image of more than 8 bits
    darkest: int
    several: bool  # frames or pages


def header_of(image: Image.Image) -> Header:
    """That of an image of Pillow."""
    levels = np.asarray(image) if image.mode.startswith("I") else None
    brightest, darkest = (None, 0) if levels is None else (int(levels.max(initial=0)), int(levels.min(initial=0)))
    several = image.format != "MPO" and getattr(image, "n_frames", 1) > 1  # a camera's second one is for itself
    return Header(image.mode, image.height, image.width, image.has_transparency_data, brightest, darkest, several)


def _header(file: Path) -> Header:
    with reading(file, MEND), Image.open(file) as image:
        return header_of(image)


def _each(work: Callable[[Any], _T], items: Sequence[Any]) -> list[_T]:
    """The results in order; Pillow decodes outside Python's lock, so threads help."""
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        return list(pool.map(work, items))
