"""What is wrong with data beside their labels: rows twice, rows like no other, rare classes, a column of ids?"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earlylearn.data.labelled import LabelledData
from earlylearn.data.mapped import blocks, row_hashes
from earlylearn.data.readers.features import feature_names
from earlylearn.documents import DataIssues
from earlylearn.wording import plural

NEIGHBOURS = 10
NEAR = 0.13  # of the median distance to the nearest row, below which two rows count as one seen twice (cleanlab's)
FAR = 4.0  # standard deviations of the logarithm of the distance to the neighbours above which a table's row is alone
FAR_IN_ANGLE = 3.5  # of the distance itself, between features of length 1
LEAST = 0.05  # standard deviation, so that rows that are all alike make no other an outlier
RARE = 0.1  # of an equal share of the rows, below which a class is rare (cleanlab's)
MOST_ROWS = 30_000  # beyond which neighbours are not looked for
MOST_BYTES = 2**30  # of inputs mapped from the disk, beyond which they are not read once more for equal rows
WIDTH = 64  # features are brought to by a random projection before neighbours are looked for
FIRST_ROWS = 1000  # of a column, that rule out for the most part that it counts rows
FEWEST_ROWS = 50  # from which a column may count as one of ids
SPARSE = 10  # times the rows that ids may span


class Beside(NamedTuple):
    """What was found.

    Attributes:
        duplicate_set: ``int64 [n]``, a number of the rows that are nearly the same; 0 of a row that is like no other.
        outlier: ``bool [n]``, far from all other rows.
        summary: counts and names, and in words.
    """

    duplicate_set: NDArray[np.int64]
    outlier: NDArray[np.bool_]
    summary: DataIssues


def data_issues(data: LabelledData) -> Beside:
    """Look at inputs and given labels; nothing is changed, and no training needed.

    Two rows are near duplicates if their features differ by less than `NEAR` of the usual distance to the nearest row,
    in a table if all features are equal. A row is an outlier if the mean distance to its `NEIGHBOURS` nearest is far
    above that of the others. Of more than `MOST_ROWS` rows equal ones are found, outliers and near ones are not.
    """
    groups, outlier = _like_no_other(data)
    shared = np.flatnonzero(groups)
    labels = pd.Series(data.labels[shared]).groupby(groups[shared]).nunique()
    rows = len(shared)
    counts = np.bincount(data.labels, minlength=len(data.classes))
    rare = {data.classes[k]: int(counts[k]) for k in np.flatnonzero(counts < RARE * len(data) / len(data.classes))}
    summary: DataIssues = {
        "duplicates": rows,
        "duplicate_sets": int(groups.max(initial=0)),
        "conflicting_sets": int((labels > 1).sum()),
        "outliers": None if outlier is None else int(outlier.sum()),
        "rare_classes": rare,
        "identifiers": _identifiers(data),
        "lines": [],
    }
    summary["lines"] = _in_words(summary, exact=outlier is None or _is_table(data))
    return Beside(groups, np.zeros(len(data), dtype=bool) if outlier is None else outlier, summary)


def _in_words(found: DataIssues, *, exact: bool) -> list[str]:
    lines = []
    if found["duplicates"]:
        how = "have the same features as another" if exact else "are nearly the same as another"
        conflict = (
            f"; in {found['conflicting_sets']:,} of them the labels differ, so one is wrong or the rows cannot be told "
            "apart"
            if found["conflicting_sets"]
            else ", each with one label"
        )
        lines.append(f"{found['duplicates']:,} rows {how}, in {plural(found['duplicate_sets'], 'set')}{conflict}.")
    if found["outliers"]:
        are = "row is" if found["outliers"] == 1 else "rows are"
        lines.append(f"{found['outliers']:,} {are} like no other: look whether they belong to these data at all.")
    if found["rare_classes"]:
        named = ", ".join(f"{name!r} ({count:,})" for name, count in list(found["rare_classes"].items())[:8])
        more = f" and {len(found['rare_classes']) - 8} more" if len(found["rare_classes"]) > 8 else ""
        lines.append(f"Rare classes, whose flags rest on few rows: {named}{more}.")
    for name in found["identifiers"]:
        lines.append(f"Column {name!r} looks like an identifier or a date and says nothing of a new row: leave it out.")
    return lines


def _like_no_other(data: LabelledData) -> tuple[NDArray[np.int64], NDArray[np.bool_] | None]:
    """The set of each row's near duplicates, 0 where it has none; which rows are outliers, None if not looked for."""
    equal = _equal_rows(data.inputs)
    if not NEIGHBOURS < len(data) <= MOST_ROWS or not np.prod(data.inputs.shape[1:]):
        return equal, None
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from sklearn.neighbors import NearestNeighbors

    points = _points(data)
    distance, near = NearestNeighbors(n_neighbors=NEIGHBOURS + 1).fit(points).kneighbors(points)
    own = near == np.arange(len(data))[:, None]
    own[~own.any(1), -1] = True  # of many equal rows a row itself may not be among the nearest
    distance, near = distance[~own].reshape(len(data), -1), near[~own].reshape(len(data), -1)
    apart = distance[:, 0][distance[:, 0] > 0]
    groups = equal
    if not _is_table(data) and len(apart):
        rows, columns = np.nonzero(distance < NEAR * np.median(apart))
        pairs = coo_array((np.ones(len(rows)), (rows, near[rows, columns])), shape=(len(data), len(data)))
        groups = _numbered(connected_components(pairs, directed=False)[1])
    return groups, _alone(distance.mean(1), in_angle=not _is_table(data))


def _alone(distance: NDArray[np.floating], *, in_angle: bool) -> NDArray[np.bool_]:
    """Rows whose neighbours are much farther off than is usual.

    Between features of length 1 distances have an upper end, and are compared as they are. In a table their logarithms
    are, by the spread of their upper half, which is wide by nature where columns have long tails.
    """
    logs = distance if in_angle else np.log(np.maximum(distance, 1e-12))
    middle = float(np.median(logs))
    if in_angle:
        return np.asarray(logs > middle + FAR_IN_ANGLE * max(1.4826 * float(np.median(np.abs(logs - middle))), LEAST))
    return np.asarray(logs > middle + FAR * max((float(np.quantile(logs, 0.9)) - middle) / 1.2816, LEAST))


def _is_table(data: LabelledData) -> bool:
    return data.inputs.ndim == 2 and not data.is_embedding


def _points(data: LabelledData) -> NDArray[np.float32]:
    """Rows as points: a table's columns standardised, other features centred and of length 1; `WIDTH` at most."""
    width = int(np.prod(data.inputs.shape[1:]))
    generator = np.random.default_rng(0)  # which projection it is moves no finding
    projection = generator.standard_normal((width, WIDTH), dtype=np.float32) if width > WIDTH else None
    if _is_table(data):
        flat = data.inputs.astype(np.float32)
        flat -= flat.mean(0)
        flat /= np.maximum(flat.std(0), 1e-6)
        return flat if projection is None else flat @ projection / np.float32(np.sqrt(WIDTH))
    mean = np.sum([part.sum(0, dtype=np.float64) for part in blocks(data.inputs)], axis=0).reshape(-1) / len(data)
    found = []
    for part in blocks(data.inputs):  # as numbers of 32 bits all pictures would be the largest thing in memory
        flat = part.reshape(len(part), -1) - mean.astype(np.float32)
        flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
        found.append(flat if projection is None else flat @ projection / np.float32(np.sqrt(WIDTH)))
    return np.concatenate(found)


def _equal_rows(inputs: NDArray[np.generic]) -> NDArray[np.int64]:
    """The set of equal rows that each row is in, 0 of one that is alone."""
    too_large = isinstance(inputs, np.memmap) and inputs.nbytes > MOST_BYTES
    if not np.prod(inputs.shape[1:]) or too_large:
        return np.zeros(len(inputs), dtype=np.int64)
    return _numbered(pd.factorize(row_hashes(inputs))[0])


def _numbered(group: NDArray[np.integer]) -> NDArray[np.int64]:
    """Groups of two and more numbered from 1 in the order of their first row; 0 for the others."""
    shared = np.bincount(group)[group] > 1
    numbers = np.zeros(len(group), dtype=np.int64)
    numbers[shared] = pd.factorize(group[shared])[0] + 1
    return numbers


def _identifiers(data: LabelledData) -> list[str]:
    """Columns of numbers that count rows or rise with them; of tables and few features alone."""
    if not _is_table(data):
        return []
    numbers = [column["name"] for column in data.schema.get("columns", ()) if column["type"] == "number"]
    if data.cells is not None and (data.cells.shape[1] or not numbers):
        return [name for name in numbers if name in data.cells and _counts_rows(data.cells[name].to_numpy())]
    if numbers:  # of a table that is mapped from the disk
        place = {name: k for k, name in enumerate(feature_names(data.schema["columns"]))}
        return [name for name in numbers if _counts_rows(data.inputs[:, place[name]])]
    return [f"x{k}" for k in range(data.inputs.shape[1]) if _counts_rows(data.inputs[:, k])]


def _may_count_rows(first: NDArray[np.float64]) -> bool:
    """Whether the first values rule nothing out: they differ, and are whole numbers, or rise or fall throughout."""
    steps = np.diff(first)
    if not np.isfinite(first).all() or len(np.unique(first)) < len(first):
        return False
    return bool((first == np.round(first)).all() or (steps > 0).all() or (steps < 0).all())


def _counts_rows(values: NDArray[np.generic]) -> bool:
    """Whether all values differ and are the whole numbers of a narrow range, or rise from row to row."""
    if len(values) < FEWEST_ROWS or values.dtype.kind not in "iuf":
        return False
    if not _may_count_rows(values[:FIRST_ROWS].astype(np.float64)):  # a column of many is hardly looked at
        return False
    numbers = values.astype(np.float64)
    if not np.isfinite(numbers).all() or len(np.unique(numbers)) < len(numbers):
        return False
    steps = np.diff(numbers)
    dense = (numbers == np.round(numbers)).all() and np.ptp(numbers) < SPARSE * len(numbers)
    return bool(dense or (steps > 0).all() or (steps < 0).all())
