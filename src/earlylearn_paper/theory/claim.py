"""What is said of a claim once it has been measured?"""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

AS_PRINTED = "as printed"
CORRECTED = "corrected"
LITERAL = "literally, at this size"


@dataclass(frozen=True)
class Claim:
    """One claim of the paper, checked on many draws.

    Attributes:
        claim: its name; ends with "(as printed)" where the supplement's slip is tested, with "(corrected)" for what it
            should say, with "(literally, at this size)" for an asymptotic claim taken at its word.
        statement: what is claimed, in words.
        inequality: what was tested of every seed.
        measured: what came out, by name; the names say whether it is the least, largest or mean over the seeds.
        passed: for each seed, whether the inequality held.
        expected: whether the inequality should hold for every seed, given the theory and its known slips; None where
            that is left to chance at this size.
        setting: sizes and parameters.
        slip: what the supplement prints wrongly here, and what is right; empty if nothing.
        note: what a reader should know of finite sizes.
    """

    claim: str
    statement: str
    inequality: str
    measured: dict[str, float]
    passed: tuple[bool, ...]
    expected: bool | None = True
    setting: dict[str, float] = field(default_factory=dict)
    slip: str = ""
    note: str = ""

    @property
    def seeds(self) -> int:
        """Number of seeds."""
        return len(self.passed)

    @property
    def held(self) -> int:
        """Number of seeds for which the inequality held."""
        return sum(self.passed)

    @property
    def holds(self) -> bool:
        """Whether the inequality held for every seed."""
        return all(self.passed)

    @property
    def as_expected(self) -> bool:
        """Whether it held where it should, and failed where it should."""
        return self.expected is None or self.holds == self.expected

    def record(self) -> dict[str, Any]:
        """The claim for a JSON document."""
        fields = asdict(self)
        del fields["passed"]
        return {**fields, "holds": self.holds, "held": self.held, "seeds": self.seeds, "as_expected": self.as_expected}


def judged(held: ArrayLike) -> tuple[bool, ...]:
    """One truth value per seed, or a single one, as plain booleans."""
    return tuple(bool(value) for value in np.atleast_1d(held))


def least(values: ArrayLike) -> float:
    """The smallest value, as a plain number."""
    return float(np.min(values))


def largest(values: ArrayLike) -> float:
    """The largest value, as a plain number."""
    return float(np.max(values))


def mean(values: ArrayLike) -> float:
    """The mean, as a plain number."""
    return float(np.asarray(values).mean())
