"""What may be said of the wrong labels before anybody has looked, and when are the flags no use?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SWALLOWED = 0.8  # of a class's labels flagged, from which on the model rather than the labels is at fault
FEW = 5  # rows, of a class that is not judged
LEARNED = 2.0  # standard deviations beyond chance by which a model agrees with labels held out that learned from others
MISTAKEN = 0.5  # of what every explanation puts down to the labels, as much as the model's own mistakes may be
ENOUGH = 50  # flagged rows that a person must look at before anything is known of the rest
MEMORISED = 0.25  # how much more often given labels are predicted of rows trained on than of rows held out


@dataclass(frozen=True)
class Range:
    """Between how many of so many labels are wrong.

    Attributes:
        low, high: numbers. At least half of what every explanation of the noise puts down to the labels: the other half
            may be mistakes of the model. At most what the beliefs say at their word, or what the model disagrees with
            on rows held out, whichever is more. People err where a row is hard, and then the truth may lie above.
        of: rows that it speaks of.
    """

    low: int
    high: int
    of: int


def wrong_range(
    posterior: NDArray[np.floating],
    beliefs: NDArray[np.floating],
    doubt: NDArray[np.floating],
    *,
    disagreement: tuple[float, int] | None = None,
) -> Range:
    """Between how many labels are wrong.

    Args:
        posterior: ``[m]`` posterior probability of the given labels (`earlylearn.audit.calibration`).
        beliefs: ``[m]`` the probability that the model believes them with; NaN of a row never seen, which counts not.
        doubt: ``[m]`` the probability that they are wrong by every explanation (`Calibration.doubt`).
        disagreement: share of the given labels of held-out rows that the model does not predict, and their number: a
            label that is wrong, or a model that is.
    """
    seen = np.isfinite(beliefs)
    of = int(seen.sum())
    right, believed, least = (float(each[seen].sum(dtype=np.float64)) for each in (posterior, beliefs, doubt))
    by_posterior, by_belief = of - right, of - believed
    low = MISTAKEN * min(by_posterior, by_belief, least)
    high = _and_an_error(max(by_posterior, by_belief) / max(of, 1), of) * of
    if disagreement is not None:
        high = max(high, _and_an_error(*disagreement) * of)
    return Range(int(np.floor(low)), int(np.ceil(high)), of)


def _and_an_error(share: float, rows: int) -> float:
    """A share and one standard error of it."""
    return min(1.0, share + math.sqrt(max(share * (1 - share), 0.0) / max(rows, 1)))


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
            f"labels by heart, wrong ones among them. How many are wrong cannot be said from it; {_check(flags.of)}."
        ]
    if labels.low:
        between = f"{labels.low:,} and {labels.high:,} of the {labels.of:,} labels"
        lines = [f"Between {between} are wrong, as far as the model can tell."]
    else:
        verb = "is" if labels.high == 1 else "are"
        lines = [
            f"At most {labels.high:,} of the {labels.of:,} labels {verb} wrong, as far as the model can tell; what it "
            "doubts may be wrong labels or its own mistakes."
        ]
    if flags.of and flags.low == 0 and flags.high >= flags.of:
        lines.append(f"How many of the {flags.of:,} flagged are wrong, no model can say of itself: {_check(flags.of)}.")
    elif flags.of:
        shares = f"{flags.low / flags.of:.0%} and {flags.high / flags.of:.0%}"
        lines.append(
            f"Of the {flags.of:,} flagged, between {shares} are wrong; the model may be wrong itself: "
            f"{_check(flags.of)}."
        )
    return lines


def _check(flagged: int) -> str:
    return "check 50 to know" if not 0 < flagged < ENOUGH else "check them all to know"


def swallowed_classes(given: NDArray[np.int64], flagged: NDArray[np.bool_], count: int) -> list[int]:
    """Classes nearly all of whose labels are flagged: the model did not learn them."""
    counts, spoilt = (np.bincount(labels, minlength=count) for labels in (given, given[flagged]))
    return [k for k in range(count) if counts[k] >= FEW and spoilt[k] >= SWALLOWED * counts[k]]


def misgivings(
    given: NDArray[np.int64],
    flagged: NDArray[np.bool_],
    believed: NDArray[np.integer],
    classes: Sequence[str],
    *,
    held_out: tuple[NDArray[np.integer], NDArray[np.int64]] | None,
) -> list[str]:
    """Why these flags should not be used, worst first; none where nothing speaks against them.

    Args:
        given: ``int64 [n]`` given labels.
        flagged: ``bool [n]``.
        believed: ``int [n]``, the class each row is believed to have.
        classes: names.
        held_out: the class that rows held out are believed to have, and their given labels; None if nothing was.
    """
    found = []
    if held_out is not None:
        found += _learned_little(*held_out, len(classes))
    counts = np.bincount(given, minlength=len(classes))
    spoilt = np.bincount(given[flagged], minlength=len(classes))
    swallowed = swallowed_classes(given, flagged, len(classes))
    if swallowed:
        names = ", ".join(f"{classes[k]!r} ({spoilt[k]:,} of {counts[k]:,})" for k in swallowed[:5])
        found.append(
            f"Nearly all labels of a class are flagged, so the class was not learned; do not use the flags of: {names}."
        )
    missing = [k for k in range(len(classes)) if counts[k] >= FEW and not (believed == k).any() and k not in swallowed]
    if missing:
        found.append(f"No row is believed to be of class {', '.join(repr(classes[k]) for k in missing[:5])}.")
    if flagged.mean() > 0.5:
        found.append(
            f"More than half of the labels are flagged ({flagged.mean():.0%}); the model is more likely wrong than they"
            " are."
        )
    return found


def _learned_little(predicted: NDArray[np.integer], labels: NDArray[np.int64], count: int) -> list[str]:
    """What is to be said of a model that agrees with labels it did not see no more than one answer for all would.

    Where a class is rare and labels are wrong by chance, a model that is right on nearly all may do so: most labels
    that name the rare class are then wrong. Whether it learned at all shows in which rows it gives which class.
    """
    agreement = float((predicted == labels).mean())
    largest = np.bincount(labels, minlength=count).max() / len(labels)
    if agreement > largest + math.sqrt(largest * (1 - largest) / len(labels)):  # one standard error
        return []
    with_one = f"always answering the commonest class would with {largest:.0%}"
    if beyond_chance(predicted, labels, count) < LEARNED:
        return [
            f"This model learned too little; do not use these flags: of held-out rows it agrees with {agreement:.0%} "
            f"of the labels, and {with_one}."
        ]
    return [
        f"Of held-out rows this model agrees with {agreement:.0%} of the labels, and {with_one}: it learned what tells "
        "classes apart, but a rare class or many wrong labels hide how well; look at a flag before you use it."
    ]


def beyond_chance(predicted: NDArray[np.integer], labels: NDArray[np.int64], count: int) -> float:
    """By how many standard deviations predictions agree with labels more often than if these were dealt anew."""
    n = len(labels)
    said, given = (np.bincount(each, minlength=count).astype(np.float64) for each in (predicted, labels))
    both = said * given
    variance = (both * (n - said) * (n - given)).sum() + both.sum() ** 2 - (both**2).sum()
    if n < 2 or variance <= 0:
        return 0.0
    return float(((predicted == labels).sum() - both.sum() / n) / math.sqrt(variance / (n**2 * (n - 1))))
