"""What may be said of the number of wrong labels before anybody has looked, and what may not?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MEMORISED = 0.25  # how much more often given labels are predicted of rows trained on than of rows held out


@dataclass(frozen=True)
class Range:
    """Between how many of so many labels are wrong.

    Attributes:
        low, high: expected numbers, from an estimate of how the labels go wrong up to taking the beliefs at their word.
            On 12 of 15 label sets the truth lay within; people err where a row is hard, and then it may lie above.
        of: rows that it speaks of.
    """

    low: int
    high: int
    of: int


def wrong_range(posterior: NDArray[np.floating], beliefs: NDArray[np.floating]) -> Range:
    """Between how many labels are wrong.

    Args:
        posterior: ``[m]`` posterior probability of the given labels (`earlylearn.audit.calibration`).
        beliefs: ``[m]`` the probability that the model believes them with; NaN of a row never seen, which counts not.
    """
    seen = np.isfinite(beliefs)
    ends = sorted(float((1 - values[seen]).sum()) for values in (posterior, beliefs))
    return Range(int(np.floor(ends[0])), int(np.ceil(ends[1])), int(seen.sum()))


def in_words(labels: Range, flags: Range, *, gap: float | None) -> list[str]:
    """The statement that a page or terminal may make: ranges, and what cannot be known.

    Args:
        labels: of all labels.
        flags: of the flagged ones.
        gap: agreement with the given labels of rows trained on, minus that of rows held out; None if nothing was
            held out.
    """
    if gap is not None and gap > MEMORISED:
        return [
            f"The model agrees with {gap:.0%} more of the labels it trained on than of labels it never saw: it learned "
            "labels by heart, wrong ones among them. How many are wrong cannot be said from it; check 50 to know."
        ]
    lines = [
        f"Between {labels.low:,} and {labels.high:,} of the {labels.of:,} labels are wrong, as far as the model can tell."
    ]
    if flags.of:
        shares = f"{flags.low / flags.of:.0%} and {flags.high / flags.of:.0%}"
        lines.append(
            f"Of the {flags.of:,} flagged, between {shares} are wrong; the model may be wrong itself: check 50 to know."
        )
    return lines
