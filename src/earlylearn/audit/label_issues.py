"""Which labels are wrong, given what a model believes of every example?"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import average_precision_score
from torch import Tensor

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

    Args:
        labels: ``[n]`` given labels, integers 0..C-1.
        beliefs: ``[n, C]`` probabilities of each label, such as ELR's targets (`ELRLoss.beliefs`); a row of NaN
            is an example never seen, and is not flagged.
        classes: C class names, to be shown instead of integers.
        ids: n stable names of the examples; their position otherwise.

    Returns:
        Columns ``id, index, given_label, predicted_label, label_quality, is_label_issue`` (cleanlab's names), in
        the order given. ``label_quality`` in [0, 1] is the believed probability of the given label, lower = more
        likely wrong; an example is a label issue where another label is believed more. Nothing is relabelled.

    Raises:
        UsageError: shapes or the number of names do not fit, a label is outside 0..C-1, or a belief outside [0, 1].
    """
    given = np.asarray(labels.detach().cpu() if isinstance(labels, Tensor) else labels)
    p = np.asarray(beliefs.detach().cpu() if isinstance(beliefs, Tensor) else beliefs, dtype=np.float64)
    if p.ndim != 2 or given.shape != (len(p),):
        raise UsageError(
            f"labels have shape {list(given.shape)} and beliefs {list(p.shape)}; expected [n] and [n, classes]"
        )
    if not np.issubdtype(given.dtype, np.integer):
        raise UsageError(f"labels have dtype {given.dtype}; expected integers 0..{p.shape[1] - 1}")
    if len(given) and not (given.min() >= 0 and given.max() < p.shape[1]):
        bad = np.flatnonzero((given < 0) | (given >= p.shape[1]))[0]
        raise UsageError(f"labels[{bad}] is {given[bad]}, outside 0..{p.shape[1] - 1}")
    for what, names, length in (("classes", classes, p.shape[1]), ("ids", ids, len(p))):
        if names is not None and len(np.asarray(names)) != length:
            raise UsageError(f"{what} has {len(np.asarray(names))} names; expected {length}")
    seen = np.asarray(~np.isnan(p).any(axis=1))
    if len(p[seen]) and (p[seen].min() < 0 or p[seen].max() > 1 + 1e-6):
        raise UsageError("beliefs must be probabilities in [0, 1]; pass softmax(logits), not logits")
    rows = np.arange(len(p))
    believed = p[rows, given]
    predicted = np.where(seen, np.where(seen[:, None], p, 0).argmax(axis=1), given)
    issue = seen & (np.where(seen[:, None], p, 0).max(axis=1) > believed)
    shown = np.asarray(classes if classes is not None else range(p.shape[1]))
    return pd.DataFrame(
        {
            "id": rows if ids is None else np.asarray(ids),
            "index": rows,
            "given_label": shown[given],
            "predicted_label": shown[predicted],
            "label_quality": np.clip(believed, 0, 1),
            "is_label_issue": issue,
        }
    )


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
    if wrong is None:
        return {"flagged": flagged, "precision": None, "recall": None, "average_precision": None}
    hits, all_wrong = int((flags & wrong).sum()), int(wrong.sum())
    suspicion = 1 - issues["label_quality"].fillna(1)
    return {
        "flagged": flagged,
        "precision": hits / flagged if flagged else None,
        "recall": hits / all_wrong if all_wrong else None,
        "average_precision": float(average_precision_score(wrong, suspicion)) if all_wrong else None,
    }
