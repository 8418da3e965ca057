"""What is a transition matrix, and how is one read from a file, text or array?"""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# How far a row's sum may be from 1. Ten probabilities written with four digits are together up to 5e-4 off; a missing
# or mistyped one shows. Who draws labels divides by the sum, and in a loss 1e-3 is a constant without gradient.
TOLERANCE = 1e-3


def read_transition(value: Any, classes: int | None = None) -> NDArray[np.float64]:
    """A transition matrix: row i is the distribution of the given label when the true class is i.

    Args:
        value: a ``.npy`` or ``.csv`` file (no header, comma separated), the text of a JSON list of rows, an array, or
            a list of rows.
        classes: how many the data have; None if any number will do.

    Returns:
        ``float64 [C, C]``, as it was given: non-negative, each row's sum within `TOLERANCE` of 1.

    Raises:
        ValueError: it cannot be read or is no such matrix; the message names the row and the mend.
    """
    size = "" if classes is None else f"{classes} x {classes} "
    matrix = _numbers(value, size)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.shape[0] != (classes or len(matrix)):
        found = " x ".join(str(side) for side in matrix.shape) or "a single number"
        wanted = "" if classes is None else f", the data has {classes} classes"
        raise ValueError(
            f"the matrix is {found}{wanted}; give {size}numbers, a row per true class and a column per given label"
        )
    for row, values in enumerate(matrix):
        bad = np.flatnonzero(~(values >= 0) | ~np.isfinite(values))
        if len(bad):
            raise ValueError(f"row {row}, column {bad[0]} is {values[bad[0]]:g}; probabilities must be 0 or more")
        if abs(values.sum() - 1) > TOLERANCE:
            raise ValueError(f"row {row} sums to {values.sum():.8g}; make each row sum to 1")
    return matrix


def _numbers(value: Any, size: str) -> NDArray[np.float64]:
    """The numbers, of whatever shape."""
    is_file = isinstance(value, (str, Path)) and not str(value).lstrip().startswith("[")
    if is_file and not Path(value).is_file():
        raise ValueError(f"no such file; give a .npy or .csv file of {size}numbers")
    if is_file and Path(value).suffix not in (".npy", ".csv"):
        raise ValueError(f"cannot read '{Path(value).suffix}' files; save it as .npy or .csv")
    try:
        if not is_file:
            return np.asarray(json.loads(value) if isinstance(value, str) else value, dtype=np.float64)
        if Path(value).suffix == ".npy":
            return np.asarray(np.load(value, allow_pickle=False), dtype=np.float64)
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # of an empty file NumPy only warns
            return np.loadtxt(value, delimiter=",", dtype=np.float64, ndmin=2)
    except (ValueError, TypeError, OSError, EOFError, UserWarning) as error:
        reason = str(error).splitlines()[0] if str(error) else "it is empty"
        raise ValueError(f"not a table of numbers ({reason}); give {size}numbers") from None
