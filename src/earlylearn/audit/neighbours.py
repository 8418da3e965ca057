"""Which rows are most like a row, and which labels do they have: evidence for or against its own?"""

import numpy as np
from numpy.typing import NDArray


class Neighbours:
    """The nearest rows by cosine similarity of their features, each column standardised.

    Args:
        features: ``[n, d]`` numbers, or images ``uint8 [n, channels, height, width]``, which count as their pixels.
        labels: ``int64 [n]`` given labels.
    """

    def __init__(self, features: NDArray[np.generic], labels: NDArray[np.int64]) -> None:
        self.labels = labels
        flat = features.reshape(len(features), -1).astype(np.float32)
        flat -= flat.mean(0)
        flat /= np.maximum(flat.std(0), 1e-3)
        flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
        self._unit = flat

    def of_class(self, index: int, label: int, count: int = 3) -> list[int]:
        """The ``count`` rows with this given label that are most like the row ``index``, the nearest first."""
        members = np.flatnonzero(self.labels == label)
        members = members[members != index]
        near = np.argsort(-(self._unit[members] @ self._unit[index]), kind="stable")[:count]
        return [int(row) for row in members[near]]
