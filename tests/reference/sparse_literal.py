"""What does a table of targets cut short to the largest entries hold, row by row in plain Python?"""

import numpy as np


class LiteralSparseTargets:
    """Per row a dictionary of the ``kept`` largest targets, each rounded to 16 bits, and the sum of the others.

    Of the largest its distance from 1 is what is rounded.
    """

    def __init__(self, n: int, classes: int, kept: int) -> None:
        self.classes, self.kept = classes, kept
        self.rows: list[tuple[dict[int, float], float]] = [({}, 0.0) for _ in range(n)]

    def row(self, i: int) -> list[float]:
        """All targets of a row."""
        entries, rest = self.rows[i]
        return [entries.get(c, rest / (self.classes - self.kept)) for c in range(self.classes)]

    def update(self, i: int, probability: list[float], beta: float) -> list[float]:
        """t <- beta t + (1 - beta) p / sum(p), kept as far as there is room; returns it as it was before that."""
        total = sum(probability)
        new = [beta * t + (1 - beta) * p / total for t, p in zip(self.row(i), probability, strict=True)]
        ranked = sorted(range(self.classes), key=lambda c: -new[c])
        largest, *others = ranked[: self.kept]
        entries = {c: float(np.float16(new[c])) for c in others}
        entries[largest] = 1 - float(np.float16(1 - new[largest]))
        self.rows[i] = (entries, float(np.float16(sum(new[c] for c in ranked[self.kept :]))))
        return new
