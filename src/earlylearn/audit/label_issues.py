"""Which labels are wrong, given what a model believes of every example, and how sure is that?"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from earlylearn.audit.acceptance import WRONG, Evidence
from earlylearn.audit.calibration import BLOCK, Sample, calibrate
from earlylearn.audit.claims import swallowed_classes
from earlylearn.documents import IssueScores
from earlylearn.errors import UsageError


def find_label_issues(
    labels: ArrayLike | Tensor,
    beliefs: ArrayLike | Tensor,
    *,
    classes: Sequence[str] | None = None,
    ids: ArrayLike | None = None,
) -> pd.DataFrame:
    """A row per example: is its given label believed wrong, and how sure is that?

    A model that disagrees with a label may be wrong itself, so a flag says "look", no more. How the labels go wrong is
    estimated from the beliefs and the given labels (`earlylearn.audit.calibration`). Where noise goes by class, as far
    as the given labels tell, that ranks too (`earlylearn.audit.drift`); elsewhere the beliefs do.

    Args:
        labels: ``[n]`` given labels: integers 0..C-1 (whole floats and booleans count as such), or names in `classes`.
        beliefs: ``[n, C]`` probabilities of each label, such as ELR's targets (`ELRLoss.beliefs`); a row of NaN
            is an example never seen, and is not flagged.
        classes: C class names, to be shown instead of integers.
        ids: n stable names of the examples; their position otherwise.

    Returns:
        In the order given, cleanlab's columns ``id, index, given_label, predicted_label, label_quality,
        is_label_issue``, then ``confident, suspicion_rank, suggested_quality``.
        ``label_quality`` in [0, 1] is the probability of the given label, lower = more likely wrong; NaN of an example
        never seen. ``is_label_issue``: another label is believed more, have a look. ``confident``: even the likely
        explanation that blames the model most says that the label is wrong with probability above .7
        (`earlylearn.audit.acceptance`): the other may be accepted in bulk. ``suspicion_rank`` counts from 1, the most
        suspicious.
        ``suggested_quality`` is the probability of ``predicted_label``. Nothing is relabelled.

    Raises:
        UsageError: shapes or the number of names do not fit, a label is none of the classes or more than one, a belief
            is outside [0, 1], or some beliefs of a row are NaN and others are not.
    """
    p = _probabilities(beliefs)
    if len(p) and np.isnan(p).all():
        raise UsageError("beliefs are NaN in every row: no example was seen yet; train first, or load the checkpoint")
    given = check_labels(labels, len(p), p.shape[1], classes, ids)
    shown = np.asarray(classes if classes is not None else range(p.shape[1]))
    return judge(Held(p), given).frame(shown, None if ids is None else np.asarray(ids))


def check_labels(
    labels: ArrayLike | Tensor, rows: int, count: int, classes: Sequence[str] | None, ids: ArrayLike | None
) -> NDArray[np.int64]:
    """Labels as `label_integers` has them; UsageError unless labels, names of the classes and ids are of these rows."""
    given = label_integers(labels, count, classes)
    if given.shape != (rows,):
        raise UsageError(
            f"labels have shape {list(given.shape)} and beliefs {[rows, count]}; expected [n] and [n, classes]"
        )
    for what, names, length in (("classes", classes, count), ("ids", ids, rows)):
        if names is not None and len(np.asarray(names)) != length:
            raise UsageError(f"{what} has {len(np.asarray(names))} names; expected {length}")
    return given


def label_integers(labels: ArrayLike | Tensor, count: int, classes: Sequence[str] | None = None) -> NDArray[np.int64]:
    """Labels as ``int64 [n]`` in 0..count-1, whatever they are written as.

    Raises:
        UsageError: a label is no whole number and no name in `classes`, outside the range, or a list of several.
    """
    try:
        given = np.asarray(labels.detach().cpu() if isinstance(labels, Tensor) else labels)
    except ValueError:  # lists of different lengths
        given = np.empty((0, 0), dtype=object)
    if given.ndim == 2 and given.shape[1] == 1:
        given = given[:, 0]
    if given.ndim == 0:
        raise UsageError("labels are no list; give one label per example")
    if given.dtype == object and pd.api.types.infer_dtype(given) in ("integer", "floating", "boolean"):
        given = given.astype(np.float64)
    if given.ndim > 1 or (given.dtype == object and any(isinstance(each, list | tuple) for each in given)):
        raise UsageError(
            "labels hold several labels for one example; one label per example is audited: audit each label of a "
            "multi-label set apart, as present or absent"
        )
    if given.dtype.kind in "OUS":
        return _from_names(given, classes)
    if given.dtype.kind == "f" and not (given == np.round(given)).all():
        bad = int(np.flatnonzero(given != np.round(given))[0])
        raise UsageError(f"labels[{bad}] is {given[bad]}, not a whole number; expected 0..{count - 1}")
    if given.dtype.kind not in "biuf":
        raise UsageError(f"labels have dtype {given.dtype}; expected integers 0..{count - 1} or class names")
    integers = given.astype(np.int64)
    bad_rows = np.flatnonzero((integers < 0) | (integers >= count))
    if len(bad_rows):
        raise UsageError(f"labels[{bad_rows[0]}] is {given[bad_rows[0]]}, outside 0..{count - 1}")
    return integers


def _from_names(given: NDArray[Any], classes: Sequence[str] | None) -> NDArray[np.int64]:
    if classes is None:
        raise UsageError(f"labels are names, such as {str(given[0])!r}; give classes=, the names in the beliefs' order")
    position = {str(name): k for k, name in enumerate(classes)}
    unknown = next((k for k, name in enumerate(given) if str(name) not in position), None)
    if unknown is not None:
        raise UsageError(f"labels[{unknown}] is {str(given[unknown])!r}, none of classes={list(position)[:12]}")
    return np.array([position[str(name)] for name in given], dtype=np.int64)


def _probabilities(beliefs: ArrayLike | Tensor) -> NDArray[np.floating[Any]]:
    try:
        p = np.asarray(beliefs.detach().cpu().float() if isinstance(beliefs, Tensor) else beliefs)
        p = p if p.dtype.kind == "f" else p.astype(np.float32)
    except (TypeError, ValueError):  # text, objects, or rows of different lengths
        raise UsageError("beliefs must be numbers of the shape [n, classes]; pass probabilities") from None
    if p.ndim != 2 or p.shape[1] < 2:
        raise UsageError(f"beliefs have shape {list(p.shape)}; expected [n, classes], at least two classes")
    if len(p) and (np.nanmin(p, initial=0) < 0 or np.nanmax(p, initial=0) > 1 + 1e-6):
        raise UsageError("beliefs must be probabilities in [0, 1]; pass softmax(logits), not logits")
    unknown = np.isnan(p)
    odd = np.flatnonzero(unknown.any(axis=1) & ~unknown.all(axis=1))
    if len(odd):
        raise UsageError(
            f"beliefs[{odd[0]}] are NaN in part; a row never seen is NaN throughout, any other in no class"
        )
    return p


class Beliefs(Protocol):
    """Where beliefs come from, some rows at a time: never are those of all rows needed at once.

    Attributes:
        seen: ``bool [n]``, of which rows there are any.
        classes: C.
    """

    seen: NDArray[np.bool_]
    classes: int

    def blocks(self) -> Iterator[NDArray[np.floating[Any]]]:
        """``[m, C]`` of one row after the other, NaN of a row not seen; the same whenever it is asked."""


class Held:
    """Beliefs that are held as an array ``[n, C]``."""

    def __init__(self, p: NDArray[np.floating[Any]]) -> None:
        self.p, self.classes, self.seen = p, p.shape[1], np.isfinite(p[:, 0])

    def blocks(self) -> Iterator[NDArray[np.floating[Any]]]:
        """Views of the array."""
        block = max(1, BLOCK // self.classes)
        return (self.p[start : start + block] for start in range(0, len(self.p), block))


class Judged(NamedTuple):
    """What beliefs say of every row; probabilities are NaN of a row never seen.

    Attributes:
        given: ``int64 [n]``, the labels that were judged.
        predicted: ``int32 [n]``, the label it is believed to have.
        quality: ``float64 [n]``, the probability of its given label that ranks.
        suggested: the same of the predicted label.
        confident: ``bool [n]``, the prediction may be accepted without a look.
        believed, posterior: ``float32 [n]``, the given label's probability as the model believes it, and by Bayes.
        doubt: ``float32 [n]``, the probability that the given label is wrong by all explanations of the noise.
        top: ``int32 [n]``, the class that is believed most.
        rank: ``int32 [n]``, from 1, the most suspicious.
    """

    given: NDArray[np.int64]
    predicted: NDArray[np.int32]
    quality: NDArray[np.float64]
    suggested: NDArray[np.float64]
    confident: NDArray[np.bool_]
    believed: NDArray[np.float32]
    posterior: NDArray[np.float32]
    doubt: NDArray[np.float32]
    top: NDArray[np.int32]
    rank: NDArray[np.int32]

    def frame(self, shown: NDArray[Any], ids: NDArray[Any] | None = None, rows: slice = slice(None)) -> pd.DataFrame:
        """The columns of `find_label_issues`, of some of the rows.

        Args:
            shown: the classes' names.
            ids: n of them; their position otherwise.
            rows: which.
        """
        index = np.arange(len(self.given))[rows]
        return pd.DataFrame(
            {
                "id": index if ids is None else ids[rows],
                "index": index,
                "given_label": shown[self.given[rows]],
                "predicted_label": shown[self.predicted[rows]],
                "label_quality": self.quality[rows],
                "is_label_issue": self.predicted[rows] != self.given[rows],
                "confident": self.confident[rows],
                "suspicion_rank": self.rank[rows],
                "suggested_quality": self.suggested[rows],
            }
        )


def judge(
    p: Beliefs,
    given: NDArray[np.int64],
    out_of_fold: NDArray[np.floating[Any]] | None = None,
    keep: Callable[[NDArray[np.floating[Any]]], object] = lambda _: None,
) -> Judged:
    """A few numbers per row, going through the beliefs twice: how the labels go wrong, then what that says of each.

    Args:
        p: beliefs.
        given: ``int64 [n]`` given labels.
        out_of_fold: ``[n, C]``, beliefs by models that did not train on the row, which tell better how labels go wrong.
        keep: is given every block of beliefs once.
    """
    sample, start = Sample(p.seen if out_of_fold is None else np.zeros_like(p.seen), given, p.classes), 0
    evidence = Evidence(given, p.classes)
    top, other = given.astype(np.int32), given.astype(np.int32)  # of many rows these are what memory goes to
    for beliefs in p.blocks():
        part = slice(start, start + len(beliefs))
        sample.add(start, beliefs)
        evidence.add(start, _unseen(beliefs, out_of_fold, part))
        top[part] = np.where(p.seen[part, None], beliefs, 0).argmax(axis=1)
        other[part] = _other_than(beliefs, given[part], p.seen[part])
        start = part.stop
    calibration = sample.calibration() if out_of_fold is None else calibrate(out_of_fold, given)
    # A class that the model swallowed looks to the estimate like one whose labels are all wrong.
    swallowed = swallowed_classes(given, other != given, p.classes)
    predicted = other
    quality, suggested = np.full((2, len(given)), np.nan)
    believed_given, posterior_given, doubt = np.full((3, len(given)), np.nan, np.float32)
    start = 0
    for beliefs in p.blocks():
        part = slice(start, start + len(beliefs))
        label, seen, rows = given[part], p.seen[part], np.arange(len(beliefs))
        keep(beliefs)
        posterior = calibration.posterior(beliefs, label)
        final = beliefs if swallowed else calibration.ranking(beliefs, label)
        believed = other[part]
        likely = np.where(believed == label, _other_than(final, label, seen), believed)
        predicted[part] = likely
        quality[part] = np.clip(final[rows, label], 0, 1)
        suggested[part] = np.clip(final[rows, likely], 0, 1)
        believed_given[part], posterior_given[part] = beliefs[rows, label], posterior[rows, label]
        doubt[part] = calibration.doubt(_unseen(beliefs, out_of_fold, part), label)
        start = part.stop
    confident = (evidence.least() > WRONG) & (predicted == evidence.called)
    rank = _ranks(quality)
    return Judged(given, predicted, quality, suggested, confident, believed_given, posterior_given, doubt, top, rank)


def _unseen(
    beliefs: NDArray[np.floating[Any]], out_of_fold: NDArray[np.floating[Any]] | None, part: slice
) -> NDArray[np.floating[Any]]:
    """What models say that did not train on the row, where there are such."""
    return beliefs if out_of_fold is None else np.where(np.isfinite(out_of_fold[part]), out_of_fold[part], beliefs)


def _other_than(p: NDArray[np.floating[Any]], given: NDArray[np.int64], seen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The most probable label, the given one where none is more probable or nothing is known."""
    best = np.where(seen[:, None], p, 0).argmax(axis=1)
    rows = np.arange(len(p))
    return np.where(seen & (p[rows, best] > p[rows, given]), best, given)


def _ranks(quality: NDArray[np.floating[Any]]) -> NDArray[np.int32]:
    ranks = np.empty(len(quality), dtype=np.int32)
    ranks[np.argsort(quality, kind="stable")] = np.arange(1, len(quality) + 1, dtype=np.int32)  # NaN sorts last
    return ranks


def score_flags(
    flags: NDArray[np.bool_],
    confident: NDArray[np.bool_] | None,
    quality: NDArray[np.float64],
    wrong: NDArray[np.bool_] | None,
) -> IssueScores:
    """How good are the flags and the ranking, where it is known which labels are wrong?

    Args:
        flags: ``[n]`` whether a label is flagged.
        confident: ``[n]`` whether that flag may be accepted in bulk; None where nothing is said of that.
        quality: ``[n]`` label quality in [0, 1], by whose ascending order average precision ranks; NaN ranks last.
        wrong: ``[n]`` whether the label differs from the true one; None where that is unknown.

    Returns:
        ``flagged``, a count, and ``precision, recall, average_precision`` in [0, 1], or None where undefined.
    """
    from sklearn.metrics import average_precision_score

    flagged = int(flags.sum())
    sure: IssueScores = {"flagged": flagged, "precision": None, "recall": None, "average_precision": None}
    if confident is not None:
        sure["confident"] = int(confident.sum())
    if wrong is None:
        return sure
    hits, all_wrong = int((flags & wrong).sum()), int(wrong.sum())
    suspicion = 1 - np.nan_to_num(quality, nan=1.0)
    return {
        **sure,
        "precision": hits / flagged if flagged else None,
        "recall": hits / all_wrong if all_wrong else None,
        "average_precision": float(average_precision_score(wrong, suspicion)) if all_wrong else None,
    }
