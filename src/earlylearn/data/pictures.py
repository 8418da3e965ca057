"""Which pictures stand behind the rows of a data set, at whatever size they are wanted?"""

import filecmp
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from earlylearn.data.image_store import pixels_checksum, store_pictures
from earlylearn.data.readers.images import decode, decode_one, fit_arrays
from earlylearn.data.readers.paths import reading
from earlylearn.data.room import memory_for_data
from earlylearn.data.schema import Schema

SEVERAL = 2**26  # bytes of decoded pictures, some thousand of 64 x 64 pixels
SAMPLE = 200  # files whose size is looked at to tell how large the pictures of a set are


class Pictures:
    """Pictures in files, which are decoded when asked for, or as pixels in memory.

    Args:
        source: the files, or ``uint8 [n, 1 or 3, height, width]``.
        schema: their schema (see `earlylearn.data.readers.images`): mode, size of a thumbnail, what counts as white.
        root: the folder of the data, beside which decoded files may be kept; None keeps none.
    """

    def __init__(self, source: Sequence[Path] | NDArray[np.uint8], schema: Schema, root: Path | None = None) -> None:
        self.source, self.schema, self.root = source, schema, root

    def __len__(self) -> int:
        return len(self.source)

    def subset(self, rows: NDArray[np.int64]) -> "Pictures":
        """The pictures of these rows, in that order."""
        if isinstance(self.source, np.ndarray):
            return Pictures(self.source[rows], self.schema)
        return Pictures([self.source[row] for row in rows], self.schema, self.root)

    def decoded(self) -> NDArray[np.uint8]:
        """All of them as the schema says: ``uint8 [n, channels, height, width]``; UsageError names a broken file."""
        if isinstance(self.source, np.ndarray):
            return fit_arrays(self.source, self.schema)
        return decode(self.source, self.schema)

    def once(self) -> tuple[NDArray[np.uint8], str]:
        """The same, and a checksum of them if they are more than `SEVERAL` bytes, which takes long to decode.

        So many are decoded once, into a file that is mapped into memory; the next time that is only opened.
        """
        channels = 3 if self.schema["mode"] == "RGB" else 1
        size = len(self) * channels * math.prod(self.schema["size"])
        most = memory_for_data()
        if isinstance(self.source, np.ndarray) or size <= (SEVERAL if most is None else min(SEVERAL, most)):
            return self.decoded(), ""
        found = None if self.root is None else store_pictures(self.source, self.schema, self.root)
        pixels, checksum = found or (self.decoded(), None)
        if size <= SEVERAL:
            return pixels, ""
        return pixels, pixels_checksum(pixels) if checksum is None else checksum

    def thumbnail(self, row: int) -> NDArray[np.uint8]:
        """One of them as the schema says: ``uint8 [channels, height, width]``."""
        picture: NDArray[np.uint8] = self._read([row], self.schema)[0]
        return picture

    def squares(self, rows: Sequence[int], side: int) -> NDArray[np.uint8]:
        """Some of them in colour, the shorter side brought to `side`, the centre kept: ``uint8 [m, 3, side, side]``."""
        return self._read(rows, self.schema | {"mode": "RGB", "size": [side, side]})

    def side(self) -> int:
        """The median of their shorter sides in pixels, as a person sees them; of a sample where they are many."""
        if isinstance(self.source, np.ndarray):
            return int(min(self.source.shape[2:]))
        return int(np.median([_shorter_side(file) for file in self.source[:: -(-len(self.source) // SAMPLE)]]))

    def content(self, row: int) -> tuple[bytes | memoryview, ...]:
        """What tells this picture from others: its pixels; or size and time of its file, and where it begins and ends.

        A photograph of some megabytes is not read whole. One that was altered has another time, and hardly ever the
        same size, beginning and end.
        """
        if isinstance(self.source, np.ndarray):
            pixels = np.ascontiguousarray(self.source[row])
            return str(pixels.shape).encode(), pixels.data
        file = self.source[row]
        with reading(file, "restore the file"), file.open("rb") as opened:
            found = file.stat()
            head = opened.read(_PART)
            opened.seek(max(found.st_size - _PART, 0))
            noted = f"{found.st_size} {found.st_mtime_ns} {self.schema.get('white')}"
            return noted.encode(), head, opened.read(_PART)

    def fell_together(self, inputs: NDArray[Any]) -> tuple[list[tuple[int, int]], int]:
        """Rows of inputs ``[n, ...]`` that equal an earlier one though the pictures differ: (earlier, row).

        And how many rows were looked at: of more than `SEVERAL` bytes so many, evenly spread.
        """
        first, found = dict[int, int](), []
        rows = range(0, len(inputs), max(1, -(-inputs.nbytes // max(1, SEVERAL))))
        for row in rows:
            earlier = first.setdefault(hash(inputs[row].tobytes()), row)
            if earlier != row and np.array_equal(inputs[earlier], inputs[row]) and self._differ(earlier, row):
                found.append((earlier, row))
        return found, len(rows)

    def _differ(self, one: int, other: int) -> bool:
        if isinstance(self.source, np.ndarray):
            return not np.array_equal(self.source[one], self.source[other])
        return not filecmp.cmp(self.source[one], self.source[other], shallow=False)

    def _read(self, rows: Sequence[int], schema: Schema) -> NDArray[np.uint8]:
        if isinstance(self.source, np.ndarray):
            return fit_arrays(self.source[np.asarray(rows, np.int64)], schema)
        if len(rows) == 1:
            return decode_one(self.source[rows[0]], schema)[None]
        return decode([self.source[row] for row in rows], schema)


_PART = 32_768  # bytes


def _shorter_side(file: Path) -> int:
    with reading(file, "restore the file"), Image.open(file) as image:
        return min(image.size)
