"""What did the user's own file hold of a row: the picture at full size, the cells in their own words?"""

import io
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageOps

from earlylearn.data.labelled import LabelledData
from earlylearn.data.readers.frames import read_frame
from earlylearn.data.readers.paths import TABLE_SUFFIXES, listed, reading
from earlylearn.errors import UsageError, setting

# What every browser shows as it is; all else is brought to PNG.
_SHOWN = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp"}
_FIRST = 8  # columns shown where none was named


class Picture(NamedTuple):
    """A picture for a browser.

    Attributes:
        content: the bytes of the file.
        kind: its media type.
    """

    content: bytes
    kind: str


class Originals:
    """The rows of a data set as the user's own files have them.

    Args:
        data: the rows as they train; pictures that have no file of their own come from here.
        path: the folder or table the data were read from; None where they have none (arrays, built-in sets).
        image: the column of image paths of a table.
        id_column: the column of ids of a table; without it ids are row numbers of the table.
        hide: columns that are not shown, such as the label's.
        show: columns to show first and in this order; all others follow unless these are given.
    """

    def __init__(
        self,
        data: LabelledData,
        path: Path | None = None,
        *,
        image: str | None = None,
        id_column: str | None = None,
        hide: Sequence[str] = (),
        show: Sequence[str] = (),
    ) -> None:
        self.data, self.path, self.image, self.id_column = data, path, image, id_column
        self.hide, self.show = set(hide), list(show)
        self.is_table = path is not None and path.suffix.lower() in TABLE_SUFFIXES

    @property
    def has_pictures(self) -> bool:
        """Whether rows are pictures."""
        return self.data.is_image or self.image is not None or (self.path is not None and self.path.is_dir())

    def check_shown(self) -> None:
        """Raises UsageError if a column that is to be shown is not there."""
        if self.show and not self.is_table:
            raise UsageError(f"{setting('show', self.show[0])}: names a table's column, but the data are no table")
        for name in self.show:
            if name not in self._frame.columns:
                raise UsageError(f"{setting('show', name)}: no such column; it has {listed(self._frame.columns)}")

    def picture(self, index: int) -> Picture | None:
        """The picture of a row of the data; None of a row of numbers or text.

        Raises:
            UsageError: the file is gone or is no image.
        """
        file = self.file(index)
        if file is not None:
            with reading(file, "restore the file"):
                kind = _SHOWN.get(file.suffix.lower())
                with Image.open(file) as image:
                    return Picture(file.read_bytes(), kind) if kind else _as_png(ImageOps.exif_transpose(image))
        if self.data.is_image:
            return _as_png(_array_image(self.data.inputs[index]))
        if self.data.pictures is not None:  # the inputs are features of it
            return _as_png(_array_image(self.data.pictures.thumbnail(index)))
        return None

    def cells(self, index: int) -> list[tuple[str, str]]:
        """Column names and values of a table's row, as they stand in the file; no cell of a row without a table."""
        if not self.is_table:
            return []
        row = self._frame.iloc[self._row(index)]
        names = self.show or [name for name in self._frame.columns if name not in self.hide]
        return [(name, "" if pd.isna(row[name]) else str(row[name])) for name in names if name in self._frame.columns]

    def describe(self, index: int) -> str:
        """A row of a table in one line; empty where there is nothing to say."""
        shown = [f"{name}: {value}" for name, value in self.cells(index)]
        return " · ".join(shown[:_FIRST]) + (" · ..." if len(shown) > _FIRST else "")

    @cached_property
    def _frame(self) -> pd.DataFrame:
        assert self.path is not None
        frame = read_frame(self.path)
        if self.path.suffix.lower() in (".csv", ".tsv"):
            frame = read_frame(self.path, [str(name) for name in frame.columns])  # 007 stays 007, 1.50 stays 1.50
        return frame

    @cached_property
    def _rows(self) -> dict[str, int]:
        if self.id_column is None:
            return {}
        return {str(value): row for row, value in enumerate(self._frame[self.id_column])}

    def _row(self, index: int) -> int:
        name = str(self.data.ids[index])
        return self._rows[name] if self.id_column is not None else int(name)

    def file(self, index: int) -> Path | None:
        """The file of a row's picture, or None."""
        if self.path is None:
            return None
        if self.path.is_dir():
            return self.path / str(self.data.ids[index])
        if self.is_table and self.image is not None:
            return self.path.parent / str(self._frame[self.image].iloc[self._row(index)]).strip()
        return None


def _array_image(pixels: NDArray[np.uint8]) -> Image.Image:
    """``uint8 [channels, height, width]`` as a picture; of any other number of channels than 1 and 3, the mean."""
    if len(pixels) == 3:
        return Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    plane = pixels[0] if len(pixels) == 1 else pixels.mean(axis=0).round().astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(plane))


def _as_png(image: Image.Image) -> Picture:
    if image.mode.startswith("I"):  # 16 bits; Pillow's own conversion would cut everything above 255
        wide = np.asarray(image).astype(np.float64)
        image = Image.fromarray((255 * (wide - wide.min()) / max(np.ptp(wide), 1)).astype(np.uint8))
    buffer = io.BytesIO()
    (image if image.mode in ("L", "RGB", "RGBA", "P", "1") else image.convert("RGB")).save(buffer, format="PNG")
    return Picture(buffer.getvalue(), "image/png")
