"""Do numbers stay distinct as the 32 bits that a network takes?"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

COARSE = 1e-6  # rounding, against how far the numbers lie apart, below which nobody looks closer


def shifted(values: NDArray[np.float64], offset: float) -> NDArray[np.float64]:
    """``float64`` numbers less an offset; what is not finite stays so."""
    return values - offset if offset else values


def centre(values: NDArray[np.float64]) -> float:
    """What to subtract of numbers ``float64 [n]`` before they are rounded to 32 bits, so that they stay distinct.

    0 where they do anyway, which holds of nearly all features. Times in milliseconds since 1970 do not: 32 bits count
    in steps of 131,072 there.
    """
    finite = values[np.isfinite(values)]
    if not len(finite) or not coarse(finite[:, None])[0]:
        return 0.0
    offset = float(np.median(finite))
    return offset if distinct(shifted(finite, offset)) > distinct(finite) else 0.0


def coarse(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which columns of ``[n, d]`` 32 bits may not hold: ``bool [d]``.

    They are rounded by more than a trifle of how far they spread; or they are whole numbers, and rounded at all.
    """
    if values.dtype.kind != "f" and values.dtype.itemsize < 3:
        return np.zeros(values.shape[1], dtype=bool)
    with np.errstate(over="ignore", invalid="ignore"):
        wide = values.astype(np.float64)
        wide[~np.isfinite(wide)] = np.nan
        rounding = np.nanmax(np.abs(wide - wide.astype(np.float32)), axis=0, initial=0)
        spread = np.nanmax(wide, axis=0, initial=-np.inf) - np.nanmin(wide, axis=0, initial=np.inf)
        whole = ((wide == np.floor(wide)) | np.isnan(wide)).all(axis=0)
    found: NDArray[np.bool_] = (rounding > COARSE * spread) | (whole & (rounding > 0))
    return found


def distinct(values: NDArray[Any]) -> int:
    """How many different numbers are left of ``[n]`` in 32 bits."""
    with np.errstate(over="ignore", invalid="ignore"):
        return len(np.unique(values.astype(np.float32)))


def collapsed(before: NDArray[Any], after: NDArray[np.float32]) -> tuple[int, int] | None:
    """Different numbers of a column ``[n]`` before and after it was brought to 32 bits, if that lost any, else None."""
    finite = np.isfinite(before)
    kept = after[finite]
    if not len(kept) or (not coarse(before[finite][:, None])[0] and len(np.unique(kept)) > 1):
        return None
    was, left = len(np.unique(before[finite])), len(np.unique(kept))
    return (was, left) if left < was else None
