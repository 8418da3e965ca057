"""Which labels are wrong, given what a model believes of every example, and how sure is that?"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import average_precision_score
from torch import Tensor

from earlylearn.audit.calibration import calibrate
from earlylearn.audit.claims import swallowed_classes
from earlylearn.documents import IssueScores
from earlylearn.errors import UsageError

BLOCK = 2**20  # numbers looked at at a time
SURE = 0.5  # posterior of another label above which it may be accepted without a look


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
        never seen. ``is_label_issue``: another label is believed more, have a look. ``confident``: another label's
        posterior is above one half, it may be accepted in bulk. ``suspicion_rank`` counts from 1, the most suspicious.
        ``suggested_quality`` is the probability of ``predicted_label``. Nothing is relabelled.

    Raises:
        UsageError: shapes or the number of names do not fit, a label is none of the classes or more than one, or a
            belief is outside [0, 1].
    """
    p = _probabilities(beliefs)
    given = label_integers(labels, p.shape[1], classes)
    if given.shape != (len(p),):
        raise UsageError(
            f"labels have shape {list(given.shape)} and beliefs {list(p.shape)}; expected [n] and [n, classes]"
        )
    for what, names, length in (("classes", classes, p.shape[1]), ("ids", ids, len(p))):
        if names is not None and len(np.asarray(names)) != length:
            raise UsageError(f"{what} has {len(np.asarray(names))} names; expected {length}")
    return issues_frame(judge(p, given), given, p.shape[1], classes=classes, ids=ids)


def issues_frame(
    judged: "Judged",
    given: NDArray[np.int64],
    count: int,
    *,
    classes: Sequence[str] | None = None,
    ids: ArrayLike | None = None,
) -> pd.DataFrame:
    """What was judged of ``count`` classes' labels, as the columns of `find_label_issues`."""
    shown = np.asarray(classes if classes is not None else range(count))
    return pd.DataFrame(
        {
            "id": np.arange(len(given)) if ids is None else np.asarray(ids),
            "index": np.arange(len(given)),
            "given_label": shown[given],
            "predicted_label": shown[judged.predicted],
            "label_quality": judged.quality,
            "is_label_issue": judged.predicted != given,
            "confident": judged.confident,
            "suspicion_rank": _ranks(judged.quality),
            "suggested_quality": judged.suggested,
        }
    )


def label_integers(labels: ArrayLike | Tensor, count: int, classes: Sequence[str] | None = None) -> NDArray[np.int64]:
    """Labels as ``int64 [n]`` in 0..count-1, whatever they are written as.

    Raises:
        UsageError: a label is no whole number and no name in `classes`, outside the range, or a list of several.
    """
    try:
        given = np.asarray(labels.detach().cpu() if isinstance(labels, Tensor) else labels)
    except ValueError:  # lists of different lengths
        given = np.empty(0, dtype=object)
    if given.ndim > 1 or (given.dtype == object and any(isinstance(each, list | tuple) for each in labels)):  # type: ignore[union-attr]
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
    p = np.asarray(beliefs.detach().cpu().float() if isinstance(beliefs, Tensor) else beliefs)
    p = p if p.dtype.kind == "f" else p.astype(np.float32)
    if p.ndim != 2 or p.shape[1] < 2:
        raise UsageError(f"beliefs have shape {list(p.shape)}; expected [n, classes], at least two classes")
    if len(p) and (np.nanmin(p, initial=0) < 0 or np.nanmax(p, initial=0) > 1 + 1e-6):
        raise UsageError("beliefs must be probabilities in [0, 1]; pass softmax(logits), not logits")
    return p


class Judged(NamedTuple):
    """What beliefs say of every row; probabilities are NaN of a row never seen.

    Attributes:
        predicted: ``int64 [n]``, the label it is believed to have.
        quality: ``float64 [n]``, the probability of its given label that ranks.
        suggested: the same of the predicted label.
        confident: ``bool [n]``, the prediction may be accepted without a look.
        believed, posterior: ``float64 [n]``, the given label's probability as the model believes it, and by Bayes.
    """

    predicted: NDArray[np.int64]
    quality: NDArray[np.float64]
    suggested: NDArray[np.float64]
    confident: NDArray[np.bool_]
    believed: NDArray[np.float64]
    posterior: NDArray[np.float64]


def judge(
    p: NDArray[np.floating[Any]], given: NDArray[np.int64], out_of_fold: NDArray[np.floating[Any]] | None = None
) -> Judged:
    """A few numbers per row, by blocks of rows: what is in between is never held for all rows at once.

    Args:
        p: beliefs, as of `find_label_issues`.
        given: ``int64 [n]`` given labels.
        out_of_fold: the same by models that did not train on the row, which tell better how labels go wrong.
    """
    calibration = calibrate(p if out_of_fold is None else out_of_fold, given)
    # A class that the model swallowed looks to the estimate like one whose labels are all wrong.
    swallowed = swallowed_classes(given, _believed(p, given) != given, p.shape[1])
    predicted, confident = given.copy(), np.zeros(len(p), dtype=bool)
    quality, suggested, believed_given, posterior_given = np.full((4, len(p)), np.nan)
    block = max(1, BLOCK // p.shape[1])
    for start in range(0, len(p), block):
        part = slice(start, start + block)
        beliefs, label = p[part], given[part]
        seen, rows = np.isfinite(beliefs[:, 0]), np.arange(len(label))
        posterior = calibration.posterior(beliefs, label)
        final = beliefs if swallowed else calibration.ranking(beliefs, label)
        believed = _other_than(beliefs, label, seen)
        other = np.where(believed == label, _other_than(final, label, seen), believed)
        predicted[part] = other
        quality[part] = np.clip(final[rows, label], 0, 1)
        suggested[part] = np.clip(final[rows, other], 0, 1)
        believed_given[part], posterior_given[part] = beliefs[rows, label], posterior[rows, label]
        confident[part] = (other != label) & (np.nan_to_num(posterior[rows, other]) > SURE)
    return Judged(predicted, quality, suggested, confident, believed_given, posterior_given)


def _believed(p: NDArray[np.floating[Any]], given: NDArray[np.int64]) -> NDArray[np.int64]:
    """The label each row is believed to have, by blocks of rows."""
    block = max(1, BLOCK // p.shape[1])
    parts = [slice(start, start + block) for start in range(0, len(p), block)]
    found = [_other_than(p[part], given[part], np.isfinite(p[part][:, 0])) for part in parts]
    return np.concatenate(found) if found else given


def _other_than(p: NDArray[np.floating[Any]], given: NDArray[np.int64], seen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The most probable label, the given one where none is more probable or nothing is known."""
    best = np.where(seen[:, None], p, 0).argmax(axis=1)
    rows = np.arange(len(p))
    return np.where(seen & (p[rows, best] > p[rows, given]), best, given)


def _ranks(quality: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    ranks = np.empty(len(quality), dtype=np.int64)
    ranks[np.argsort(quality, kind="stable")] = np.arange(1, len(quality) + 1)  # NaN sorts last
    return ranks


def score_label_issues(issues: pd.DataFrame, wrong: NDArray[np.bool_] | None) -> IssueScores:
    """How good are the flags and the ranking, where it is known which labels are wrong?

    Args:
        issues: a frame of `find_label_issues`.
        wrong: ``bool [n]``, the label differs from the true one; None where that is unknown.

    Returns:
        ``flagged`` (a count), and ``precision, recall, average_precision`` in [0, 1], or None where undefined.
        Average precision ranks by ascending ``label_quality``.
    """
    flags = issues["is_label_issue"].to_numpy(bool)
    flagged = int(flags.sum())
    sure: IssueScores = {"flagged": flagged, "precision": None, "recall": None, "average_precision": None}
    if "confident" in issues:
        sure["confident"] = int(issues["confident"].sum())
    if wrong is None:
        return sure
    hits, all_wrong = int((flags & wrong).sum()), int(wrong.sum())
    suspicion = 1 - issues["label_quality"].fillna(1)
    return {
        **sure,
        "precision": hits / flagged if flagged else None,
        "recall": hits / all_wrong if all_wrong else None,
        "average_precision": float(average_precision_score(wrong, suspicion)) if all_wrong else None,
    }
