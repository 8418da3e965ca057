"""Which labels does a run believe wrong at its end, and how did every row fare on the way?"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from earlylearn.audit.claims import MEMORISED, in_words, misgivings, wrong_range
from earlylearn.audit.dynamics import Dynamics
from earlylearn.audit.label_issues import Judged, issues_frame, judge
from earlylearn.data.labelled import LabelledData
from earlylearn.documents import AuditSummary
from earlylearn.loop.fit import Fit


class Audit(NamedTuple):
    """What an audit found.

    Attributes:
        issues: a row per row of the data, see `audit_run`.
        beliefs: ``float32 [n, C]`` it was made by.
        summary: what may be said of it.
    """

    issues: pd.DataFrame
    beliefs: NDArray[np.float32]
    summary: AuditSummary


def audit_run(
    fit: Fit, data: LabelledData, val_rows: NDArray[np.int64], dynamics: Dynamics, *, gap: float | None = None
) -> Audit:
    """The label issues of every row, held-out ones included, with their training dynamics.

    Args:
        fit: the loop with the method as it is to be asked, say in the epoch that noisy validation picked.
        data: the rows under their given labels, with the true ones where they are known.
        val_rows: the rows that were held out.
        dynamics: of the whole training; their ``loss`` is of its last epoch.
        gap: see `earlylearn.audit.claims.in_words`.

    Returns:
        With the issues the columns of `find_label_issues`, ``split`` (``train`` or ``validation``), ``true_label``
        where it is known, the columns of `Dynamics`, and ``reason``, in words, of what is flagged.
    """
    beliefs, held = beliefs_of(fit).float().numpy(), fit.method.out_of_fold()
    out_of_fold = None if held is None else held.float().cpu().numpy()
    judged = judge(beliefs, data.labels, out_of_fold)
    unseen = _unseen(beliefs, out_of_fold, data.labels, val_rows)
    summary = _summary(judged, beliefs, data, unseen, gap)
    # Nothing of a model that learned too little, or by heart, is taken without a look.
    if summary["misgivings"] or (gap is not None and gap > MEMORISED):
        judged = judged._replace(confident=np.zeros_like(judged.confident))
    issues = issues_frame(judged, data.labels, len(data.classes), classes=data.classes, ids=data.ids)
    held_out = np.isin(np.arange(len(data)), val_rows)
    issues["split"] = np.where(held_out, "validation", "train")
    if data.true_labels is not None:
        issues["true_label"] = np.asarray(data.classes)[data.true_labels]
    issues = pd.concat([issues, dynamics.columns()], axis=1)
    issues["reason"] = _reasons(issues)
    return Audit(issues, beliefs, summary)


def _reasons(issues: pd.DataFrame) -> list[str]:
    """Why a label is flagged, for whoever looks at it; empty for the others."""
    columns = ("is_label_issue", "predicted_label", "suggested_quality", "missed", "epochs_seen")
    return [
        f"{predicted} with probability {probability:.2f}; the given label was missed in {missed} of {epochs} epochs"
        if flagged
        else ""
        for flagged, predicted, probability, missed, epochs in zip(*(issues[name] for name in columns), strict=True)
    ]


def _summary(
    judged: Judged,
    beliefs: NDArray[np.float32],
    data: LabelledData,
    held_out: tuple[float, NDArray[np.int64]] | None,
    gap: float | None,
) -> AuditSummary:
    flagged = judged.predicted != data.labels
    flags = wrong_range(judged.posterior[flagged], judged.believed[flagged])
    believed = np.where(np.isnan(beliefs), -np.inf, beliefs).argmax(1)
    disagreement = None if held_out is None else (1 - held_out[0], len(held_out[1]))
    labels = wrong_range(judged.posterior, judged.believed, disagreement=disagreement)
    return {
        "wrong_labels": [labels.low, labels.high],
        "wrong_flags": [flags.low, flags.high],
        "claims": in_words(labels, flags, gap=gap),
        "misgivings": misgivings(data.labels, flagged, believed, data.classes, held_out=held_out),
    }


def _unseen(
    beliefs: NDArray[np.float32],
    out_of_fold: NDArray[np.float32] | None,
    labels: NDArray[np.int64],
    val_rows: NDArray[np.int64],
) -> tuple[float, NDArray[np.int64]] | None:
    """Agreement with the given labels of rows that the model did not train on, and these labels; None without such."""
    rows = val_rows if out_of_fold is None else np.flatnonzero(np.isfinite(out_of_fold[:, 0]))
    if not len(rows):
        return None
    predicted = (beliefs if out_of_fold is None else out_of_fold)[rows].argmax(1)
    return float((predicted == labels[rows]).mean()), labels[rows]


def beliefs_of(fit: Fit) -> Tensor:
    """The beliefs ``[n, C]`` to audit with, on the processor: what the method itself believes, such as ELR's targets.

    Of rows that it never saw (an epoch may be a sample), and of a method that believes nothing, its predictions.
    """
    method, rows = fit.method, fit.data.draws[0].rows
    held = method.label_beliefs()
    beliefs = torch.full((method.n, method.classes), torch.nan) if held is None else held.cpu()
    unseen = beliefs[:, 0].isnan().nonzero().squeeze(1)
    if len(unseen):
        beliefs[unseen] = torch.softmax(fit.logits(unseen.to(rows.device)), 1).cpu()
    return beliefs
