"""Which arrays that are not of 8 bits are images all the same, and how do they become such?"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from earlylearn.errors import UsageError

SMALLEST = 8  # pixels of a side of square arrays [n, side, side] that may be images


def pixels(x: NDArray[Any], where: str, *, surely: bool) -> tuple[NDArray[np.uint8], tuple[str, ...]] | None:
    """An array of images as uint8, and what is to be told of it; None where it is no array of images.

    Whole numbers 0 to 255 stay what they are, whatever their type; numbers 0 to 1 are brought to 0 to 255.

    Args:
        x: as it stands in the file.
        where: the file and array, for messages.
        surely: whether the training data are images, so that these must be.

    Raises:
        UsageError: it has the shape of images, but no such numbers.
    """
    if x.dtype == np.uint8 or x.size == 0 or not _has_shape(x, surely=surely):
        return None
    low, high = float(x.min()), float(x.max())
    told = f"{where}: {x.dtype} {list(x.shape)} is taken as images"
    if x.dtype.kind == "b":
        return np.where(x, np.uint8(255), np.uint8(0)), (f"{told}, True as white",)
    if low >= 0 and high <= 255 and (high > 1 or x.dtype.kind in "iu") and bool((x == np.floor(x)).all()):
        return x.astype(np.uint8), (f"{told} of 0 to 255",)
    if low >= 0 and high <= 1:
        levels = np.rint(x * 255).astype(np.uint8)
        exact = bool(np.allclose(levels / 255, x, rtol=0, atol=1e-3))
        return levels, (f"{told} of 0 to 1" + ("" if exact else ", rounded to 256 levels"),)
    if x.ndim == 4 or surely:
        raise UsageError(
            f"{where}: {x.dtype} {list(x.shape)} has the shape of images, but holds {low:g} to {high:g}; save them as "
            "uint8 0..255, or flatten them to [n, features] if they are none"
        )
    return None


def _has_shape(x: NDArray[Any], *, surely: bool) -> bool:
    """Whether an array is [n, h, w, 1 or 3] or [n, 1 or 3, h, w]; or [n, side, side] of a size that pictures have."""
    if x.ndim == 4:
        return x.shape[3] in (1, 3) or x.shape[1] in (1, 3)
    return x.ndim == 3 and (surely or (x.shape[1] == x.shape[2] >= SMALLEST))
