"""Which labels do the examples of a data set give, one each or one a token, and what are its classes called?"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from earlylearn.errors import UsageError


class Given(NamedTuple):
    """Labels of examples, one after the other.

    Attributes:
        labels: ``[m]``.
        example: ``int64 [m]``, the example of each.
        position: ``int64 [m]``, of a token in its example; 0 where there is one label.
        classes: names, where the data set has them.
    """

    labels: NDArray[Any]
    example: NDArray[np.int64]
    position: NDArray[np.int64]
    classes: list[str] | None


def given_labels(data: Any, called: Sequence[str], ignore_index: int) -> Given:
    """The labels of a ``datasets.Dataset``, or of items that are dicts.

    Args:
        data: of it.
        called: what the labels may be called.
        ignore_index: a label that is left out.

    Raises:
        UsageError: there are no labels of these names.
    """
    data = data.with_format(None) if hasattr(data, "with_format") else data
    columns = getattr(data, "column_names", None) or data[0]
    name = next((name for name in called if name in columns), None)
    if name is None:
        raise UsageError(f"the training set has no labels under any of {', '.join(called)}")
    values = data[name] if hasattr(data, "column_names") else [example[name] for example in data]
    rows = [np.atleast_1d(np.asarray(labels)) for labels in values]
    labels, example = np.concatenate(rows), np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    position = np.concatenate([np.arange(len(row)) for row in rows])
    feature = (getattr(data, "features", None) or {}).get(name)
    classes = getattr(feature, "names", None) or getattr(getattr(feature, "feature", None), "names", None)
    used = labels != ignore_index
    return Given(labels[used], example[used], position[used], classes)
