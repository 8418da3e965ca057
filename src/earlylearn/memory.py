"""How much did a run learn by heart, and did what judges it train: the fields of ``memory`` in ``summary.json``?"""

from typing import Literal, NotRequired

from typing_extensions import TypedDict  # typing's own cannot be checked by pydantic before Python 3.12

Verdict = Literal["kept", "partly memorised", "memorised", "not learned"]


class CanaryVerdict(TypedDict):
    """What planted wrong labels said of these data (`earlylearn diagnose`), and where that is told in full.

    ``memorized`` is the share of planted labels that ``method`` ends with by heart, ``found`` ``[low, high]`` the range
    of the share of wrong labels that label issues find.
    """

    verdict: Verdict
    method: str
    memorized: float
    found: list[float]
    line: str
    path: str


class Copied(TypedDict):
    """Of a set's rows, how many are rows of the training data; 0 where rows of few values recur by chance."""

    rows: int
    of: int


class Copies(TypedDict):
    """The same of the test set and of a validation set of the user's own; None where that was not looked for."""

    test: Copied | None
    val: Copied | None


class MemorySummary(TypedDict):
    """How much a run learned by heart, as far as the given labels tell.

    ``flagged_repeated`` is the share of flagged training labels that the last epoch predicts all the same; ``gap`` is
    how much more often it predicts given labels of rows that it trained on than of rows held out. None where there are
    no such rows. ``copies`` is there where the user gave a test or validation set.
    """

    flagged_repeated: float | None
    gap: float | None
    canaries: CanaryVerdict | None
    copies: NotRequired[Copies]
