"""Do numbers stay distinct as the 32 bits that a network takes?"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earlylearn.wording import missing

MOST_EXACT = 2**53 - 1  # beyond it, a 64-bit float may stand for two whole numbers
FAR = 3.0  # widths of a range
COARSE = 1e-6  # rounding, against how far the numbers lie apart, below which nobody looks closer


def beyond(values: NDArray[Any]) -> bool:
    """Whether these are whole numbers of which 64-bit floats do not hold every one: of 64 bits, or of Python."""
    if values.dtype.kind == "O":
        return True
    if values.dtype.kind not in "iu" or values.dtype.itemsize < 8 or not values.size:
        return False
    return int(values.max()) > MOST_EXACT or int(values.min()) < -MOST_EXACT


def shifted(values: NDArray[Any], offset: float) -> NDArray[np.float64]:
    """Numbers ``[n]`` less an offset, as ``float64``; what is missing or not finite stays so.

    Whole numbers that 64-bit floats do not hold are subtracted as such first: nanoseconds since 1970 differ by less
    than the 256 of which those count in steps there.
    """
    if beyond(values):
        whole = int(offset)
        return np.array([np.nan if missing(each) else float(int(each) - whole) for each in values.tolist()])
    wide = values.astype(np.float64, copy=False)
    return wide - offset if offset else wide


def span(values: NDArray[Any]) -> list[float]:
    """The least and the largest finite number of an array, to six digits; zeros if there is none."""
    if not values.size:
        return [0.0, 0.0]
    low, high = np.fmin.reduce(values, axis=None), np.fmax.reduce(values, axis=None)
    if not (np.isfinite(low) and np.isfinite(high)):
        finite = values[np.isfinite(values)]
        low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    return [float(f"{low:.6g}"), float(f"{high:.6g}")]


def astray(values: NDArray[Any], known: Sequence[float]) -> NDArray[np.int64]:
    """Positions of finite numbers ``[n]`` that lie outside a range by more than `FAR` times its width.

    They are of another unit, perhaps.
    """
    low, high = known
    reach = FAR * ((high - low) or abs(high))
    least, most = span(values)
    if least >= low - reach and most <= high + reach:
        return np.zeros(0, np.int64)  # of nearly all data, and nothing as large as they are was made
    return np.flatnonzero(np.isfinite(values) & ((values < low - reach) | (values > high + reach)))


def centre(values: NDArray[Any]) -> float:
    """What to subtract of numbers ``[n]`` before they are rounded to 32 bits, so that they stay distinct.

    0 where they do anyway, which holds of nearly all features. Times in milliseconds since 1970 do not: 32 bits count
    in steps of 131,072 there.
    """
    wide = shifted(values, 0.0)
    there = np.isfinite(wide)
    finite, wide = values[there], wide[there]
    if not len(finite) or not (beyond(finite) or coarse(wide[:, None])[0]):
        return 0.0
    offset = float(np.median(wide))
    near = shifted(finite, offset)
    fits = bool(np.abs(near).max() <= np.finfo(np.float32).max)
    return offset if fits and distinct(near) > distinct(wide) else 0.0


def coarse(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which columns of ``[n, d]`` 32 bits may not hold: ``bool [d]``.

    They are rounded by more than a trifle of how far they spread; or they are whole numbers, and rounded at all.
    """
    if values.dtype.itemsize <= (4 if values.dtype.kind == "f" else 2):
        return np.zeros(values.shape[1], dtype=bool)
    with np.errstate(over="ignore", invalid="ignore"):
        wide = values.astype(np.float64)
        wide[~np.isfinite(wide)] = np.nan
        rounding = np.nanmax(np.abs(wide - wide.astype(np.float32)), axis=0, initial=0)
        spread = np.nanmax(wide, axis=0, initial=-np.inf) - np.nanmin(wide, axis=0, initial=np.inf)
        whole = ((wide == np.floor(wide)) | np.isnan(wide)).all(axis=0)
    found: NDArray[np.bool_] = (rounding > COARSE * spread) | (whole & (rounding > 0))
    found |= np.array([beyond(column) for column in values.T], dtype=bool)
    return found


def distinct(values: NDArray[Any]) -> int:
    """How many different numbers are left of ``[n]`` in 32 bits."""
    with np.errstate(over="ignore", invalid="ignore"):
        return len(np.unique(values.astype(np.float32)))


def collapsed(before: NDArray[Any], after: NDArray[np.float32]) -> tuple[int, int] | None:
    """Different numbers of a column ``[n]`` before and after it was brought to 32 bits, if that lost any, else None."""
    finite = np.isfinite(after)
    kept = after[finite]
    whole = beyond(before)
    several = len(kept) and bool((kept != kept[0]).any())
    if not len(kept) or (not whole and several and not coarse(before[finite][:, None])[0]):
        return None
    was, left = len(np.unique(before[finite])), len(np.unique(kept))
    return (was, left) if left < was else None
