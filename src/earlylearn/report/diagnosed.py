"""What does a diagnosis by planted wrong labels say, field by field (``diagnosis.json``)?"""

from typing import Any, Literal

from typing_extensions import TypedDict  # typing's own cannot be checked by pydantic before Python 3.12

from earlylearn.documents import FailedRun
from earlylearn.memory import CanaryVerdict

CanaryKind = Literal["random", "likeness"]


class Share(TypedDict):
    """A share of so many rows, with its 95 % interval."""

    share: float
    low: float
    high: float
    of: int


class CanaryShares(TypedDict):
    """Of wrong labels: those that the last epoch predicts (of rows that trained), and those that were flagged."""

    memorized: Share
    found: Share


class CanaryCurves(TypedDict):
    """Shares of the rows with planted labels, a value per epoch: the label they had is predicted, or the planted."""

    recovered: list[float]
    memorized: list[float]


class DiagnosedRun(TypedDict):
    """A run on data with planted labels.

    ``lam`` is None of a method without one; ``agreement`` is with given labels of rows held out; ``known`` is of the
    data's own wrong labels, None where none is known.
    """

    name: str
    method: str
    options: dict[str, Any]
    lam: float | None
    folder: str
    seconds: float
    epochs: int
    agreement: float | None
    agreement_rows: int
    test_last: float | None
    curves: CanaryCurves
    random: CanaryShares
    likeness: CanaryShares
    both: CanaryShares
    known: CanaryShares | None


class DiagnosisFacts(TypedDict):
    """A diagnosis, before anything is concluded from it.

    ``fingerprint`` is of the data as they were read, before any noise; ``chance`` is the share of rows with planted
    labels that always answering the commonest label would give their own label back; ``default`` names the run that
    is as asked.
    """

    data: str
    noise: str | None
    seed: int
    fingerprint: str
    examples: int
    classes: int
    planted: dict[CanaryKind, int]
    chance: float
    default: str
    runs: list[DiagnosedRun]
    failed: list[FailedRun]


class DiagnosisDocument(DiagnosisFacts):
    """``diagnosis.json``; ``summary``, which runs on the same data repeat, is None where the run as asked failed."""

    format: int
    conclusion: list[str]
    summary: CanaryVerdict | None
