"""Which labels does a run believe wrong at its end, and how did every row fare on the way?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from earlylearn.audit.annotators import Consensus, consensus
from earlylearn.audit.calibration import BLOCK
from earlylearn.audit.claims import MEMORISED, in_words, misgivings, wrong_range
from earlylearn.audit.data_issues import Beside, data_issues
from earlylearn.audit.dynamics import Dynamics
from earlylearn.audit.label_issues import Judged, judge, score_flags
from earlylearn.data.labelled import LabelledData
from earlylearn.documents import AuditSummary, IssueScores
from earlylearn.loop.fit import Fit


@dataclass(frozen=True)
class Audit:
    """What an audit found, to be had some rows at a time.

    Attributes:
        judged: of every row.
        data: the rows under their given labels.
        held_out: ``bool [n]``.
        dynamics: of the whole training.
        summary: what may be said of it.
        beside: what was found beside the labels.
        consensus: of several annotators and the model; None where there is one label a row.
        learner: who the dynamics are of, in the words of ``reason``.
    """

    judged: Judged
    data: LabelledData
    held_out: NDArray[np.bool_]
    dynamics: Dynamics
    summary: AuditSummary
    beside: Beside
    consensus: Consensus | None = None
    learner: str = "it"

    @property
    def issues(self) -> pd.DataFrame:
        """A row per row of the data, see `audit_run`."""
        return self.frame(slice(None))

    def frame(self, rows: slice) -> pd.DataFrame:
        """Some of the `issues`."""
        data = self.data
        issues = self.judged.frame(np.asarray(data.classes), data.ids, rows)
        if data.places is not None:
            issues["index"] = data.places[rows]
        issues["split"] = np.where(self.held_out[rows], "validation", "train")
        if data.true_labels is not None:
            issues["true_label"] = np.asarray(data.classes)[data.true_labels[rows]]
        issues = pd.concat([issues, self.dynamics.columns(rows)], axis=1)
        issues["reason"] = _reasons(issues, self.learner)
        issues["near_duplicate_set"] = self.beside.duplicate_set[rows]
        issues["is_outlier"] = self.beside.outlier[rows]
        return issues

    def scores(self) -> IssueScores:
        """How good the flags are, as far as that is known."""
        judged, data = self.judged, self.data
        wrong = None if data.true_labels is None else data.labels != data.true_labels
        return score_flags(judged.predicted != judged.given, judged.confident, judged.quality, wrong)


def audit_run(
    fit: Fit,
    data: LabelledData,
    val_rows: NDArray[np.int64],
    dynamics: Dynamics,
    *,
    gap: float | None = None,
    keep: Callable[[NDArray[np.floating[Any]]], object] = lambda _: None,
) -> Audit:
    """The label issues of every row, held-out ones included, with their training dynamics.

    Args:
        fit: the loop with the method as it is to be asked, say in the epoch that noisy validation picked.
        data: the rows under their given labels, with the true ones where they are known.
        val_rows: the rows that were held out.
        dynamics: of the whole training; their ``loss`` is of its last epoch.
        gap: see `earlylearn.audit.claims.in_words`.
        keep: is given the beliefs ``float32 [m, C]`` of one block of rows after the other.

    Returns:
        With the issues the columns of `find_label_issues`, ``split`` (``train`` or ``validation``), ``true_label``
        where it is known, the columns of `Dynamics`, ``reason``, in words, of what is flagged, ``near_duplicate_set``,
        a number of the rows that are nearly the same and 0 of others, and ``is_outlier`` (`audit.data_issues`).
    """
    held = fit.method.out_of_fold()
    out_of_fold = None if held is None else held.float().cpu().numpy()
    judged = judge(RunBeliefs(fit), data.labels, out_of_fold, keep)
    summary = _summary(judged, data, _unseen(judged, out_of_fold, val_rows), gap)
    # Nothing of a model that learned too little, or by heart, is taken without a look.
    if summary["misgivings"] or (gap is not None and gap > MEMORISED):
        judged = judged._replace(confident=np.zeros_like(judged.confident))
    held_out = np.zeros(len(data), dtype=bool)
    held_out[val_rows] = True
    said = None if data.answers is None else _consensus(fit, data, out_of_fold, val_rows)
    return Audit(judged, data, held_out, dynamics, summary, data_issues(data), said, fit.method.learner)


def _consensus(
    fit: Fit, data: LabelledData, out_of_fold: NDArray[np.float32] | None, val_rows: NDArray[np.int64]
) -> Consensus:
    """What several annotators say together with the model, which has a vote on rows that it did not train on."""
    assert data.answers is not None
    if out_of_fold is None:
        beliefs = beliefs_of(fit).numpy()
        out_of_fold = np.full_like(beliefs, np.nan)
        out_of_fold[val_rows] = beliefs[val_rows]
    codes = data.answers.codes(data.classes)
    return consensus(codes, out_of_fold, classes=data.classes, annotators=data.answers.annotators, ids=data.ids)


def _reasons(issues: pd.DataFrame, learner: str) -> list[str]:
    """Why a label is flagged, for whoever looks at it; empty for the others.

    Args:
        issues: a row per example.
        learner: who went through epochs, see `Method.learner`: what calls it otherwise may be more than that.
    """
    columns = ("is_label_issue", "predicted_label", "missed", "epochs_seen")
    return [
        f"the model calls it {predicted}{_missed(learner, missed, epochs)}" if flagged else ""
        for flagged, predicted, missed, epochs in zip(*(issues[name] for name in columns), strict=True)
    ]


def _missed(learner: str, missed: int, epochs: int) -> str:
    if not epochs:
        return ""
    return f"; {learner} missed the given label in {missed} of {epochs} epoch{'s' if epochs > 1 else ''}"


def _summary(
    judged: Judged,
    data: LabelledData,
    held_out: tuple[NDArray[np.integer], NDArray[np.int64]] | None,
    gap: float | None,
) -> AuditSummary:
    flagged = judged.predicted != data.labels
    flags = wrong_range(judged.posterior[flagged], judged.believed[flagged], judged.doubt[flagged])
    disagreement = None if held_out is None else (float(np.not_equal(*held_out).mean()), len(held_out[1]))
    labels = wrong_range(judged.posterior, judged.believed, judged.doubt, disagreement=disagreement)
    return {
        "wrong_labels": [labels.low, labels.high],
        "wrong_flags": [flags.low, flags.high],
        "claims": in_words(labels, flags, gap=gap),
        "misgivings": misgivings(data.labels, flagged, judged.top, data.classes, held_out=held_out),
    }


def _unseen(
    judged: Judged, out_of_fold: NDArray[np.float32] | None, val_rows: NDArray[np.int64]
) -> tuple[NDArray[np.integer], NDArray[np.int64]] | None:
    """What the model says of rows that it did not train on, and their given labels; None without such."""
    rows = val_rows if out_of_fold is None else np.flatnonzero(np.isfinite(out_of_fold[:, 0]))
    if not len(rows):
        return None
    predicted = judged.top[rows] if out_of_fold is None else out_of_fold[rows].argmax(1)
    return predicted, judged.given[rows]


class RunBeliefs:
    """What a run is audited with: what the method itself believes, such as ELR's targets.

    Of rows that it never saw (an epoch may be a sample), and of a method that believes nothing, its predictions.
    """

    def __init__(self, fit: Fit) -> None:
        self.fit, self.classes = fit, fit.method.classes
        self.seen = np.ones(fit.method.n, dtype=bool)  # what was not is predicted now

    def blocks(self) -> Iterator[NDArray[np.floating[Any]]]:
        """``float32 [m, C]`` of as many rows at a time as are predicted at a time."""
        method, device = self.fit.method, self.fit.data.draws[0].rows.device
        for rows in torch.arange(method.n, device=device).split(max(1, BLOCK // self.classes)):
            held = method.label_beliefs(rows)
            if held is None:
                yield torch.softmax(self.fit.logits(rows), 1).cpu().numpy()
                continue
            unseen = held[:, 0].isnan().nonzero().squeeze(1)
            if len(unseen):
                held[unseen] = torch.softmax(self.fit.logits(rows[unseen]), 1)
            yield held.float().cpu().numpy()


def beliefs_of(fit: Fit) -> Tensor:
    """The beliefs of `RunBeliefs` of all rows, ``float32 [n, C]`` on the processor."""
    return torch.from_numpy(np.concatenate(list(RunBeliefs(fit).blocks())))
