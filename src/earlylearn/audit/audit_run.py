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
        With the issues the columns of `find_label_issues`, ``split`` (``train``, ``validation``), ``true_label`` where
        it is known, the columns of `Dynamics`, and ``reason``, in words, of what is flagged.
    """
    beliefs = beliefs_of(fit).float().numpy()
    judged = judge(beliefs, data.labels)
    summary = _summary(judged, beliefs, data, val_rows, gap)
    if summary["misgivings"] or (
        gap is not None and gap > MEMORISED
    ):  # nothing of such a model is taken without a look
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
    judged: Judged, beliefs: NDArray[np.float32], data: LabelledData, val_rows: NDArray[np.int64], gap: float | None
) -> AuditSummary:
    flagged = judged.predicted != data.labels
    flags = wrong_range(judged.posterior[flagged], judged.believed[flagged])
    believed = np.where(np.isnan(beliefs), -np.inf, beliefs).argmax(1)
    held_out = None
    if len(val_rows):
        held_out = float((believed[val_rows] == data.labels[val_rows]).mean()), data.labels[val_rows]
    disagreement = None if held_out is None else (1 - held_out[0], len(val_rows))
    labels = wrong_range(judged.posterior, judged.believed, disagreement=disagreement)
    return {
        "wrong_labels": [labels.low, labels.high],
        "wrong_flags": [flags.low, flags.high],
        "claims": in_words(labels, flags, gap=gap),
        "misgivings": misgivings(data.labels, flagged, believed, data.classes, held_out=held_out),
    }


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
