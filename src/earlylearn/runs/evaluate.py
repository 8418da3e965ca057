"""How good is a method now: its predictions of training, validation and test rows, against the labels and the truth?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from earlylearn.audit.dynamics import Dynamics
from earlylearn.audit.gradients import true_class_gradients
from earlylearn.data.labelled import LabelledData
from earlylearn.documents import AgainstTruth, Evaluation, Memorization, RightBeliefs
from earlylearn.loop.batches import as_tensor, evaluation_size
from earlylearn.loop.fit import Epoch, Fit
from earlylearn.loop.method import Method
from earlylearn.loop.predict import predicted_parts
from earlylearn.loop.seen import BLOCK
from earlylearn.runs.metrics import Metric, measure
from earlylearn.runs.prepare import LabelDraw


class Scores(NamedTuple):
    """How rows are predicted.

    Attributes:
        accuracy: share of rows whose label is predicted.
        metrics: what else is measured, by name.
    """

    accuracy: float
    metrics: dict[str, float | None]


@dataclass(frozen=True, kw_only=True)
class Evaluator:
    """What a method's predictions are judged by, where it trains.

    Attributes:
        given: ``int64 [n]`` given labels.
        true: ``int64 [n]`` true labels, or None where they are unknown.
        train_rows: ``int64``, rows that train.
        val_rows: ``int64``, rows held out, judged by their given labels too.
        test: the test set, or None.
        val: a validation set beside the training data, in place of rows held out, or None.
        metrics: what is measured beside accuracy, by name.
    """

    given: Tensor
    true: Tensor | None
    train_rows: Tensor
    val_rows: Tensor
    test: LabelledData | None
    val: LabelledData | None = None
    metrics: Mapping[str, Metric] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        data: LabelledData,
        draw: LabelDraw,
        test: LabelledData | None,
        device: torch.device,
        metrics: Mapping[str, Metric],
    ) -> "Evaluator":
        """Judge by the labels of ``data``, split as the draw has it, and of its validation set."""
        return cls(
            given=torch.from_numpy(data.labels).to(device),
            true=None if data.true_labels is None else torch.from_numpy(data.true_labels).to(device),
            train_rows=torch.from_numpy(draw.train_rows).to(device),
            val_rows=torch.from_numpy(draw.val_rows).to(device),
            test=test,
            val=data.val,
            metrics=metrics,
        )

    def epoch(self, epoch: Epoch, fit: Fit, dynamics: Dynamics, *, test_due: bool) -> Evaluation:
        """An epoch's line in the metrics; counts the epoch into the dynamics, and takes the method's notes.

        The training rows were seen by the training passes already: only validation and test rows are predicted anew.
        """
        method = fit.method
        validated = self.validate(fit)
        dynamics.update(fit.seen)
        predicted = fit.seen.predicted
        rows = self.train_rows[predicted[self.train_rows] >= 0]
        notes, method.notes = method.notes, []
        tested = self.tested(fit) if test_due else None
        shares, against = self.memorization(rows, predicted[rows]), self.against_truth(rows, fit)
        evaluation: Evaluation = {
            "epoch": epoch.epoch,
            "lr": epoch.lr,
            "loss": epoch.loss,
            "loss_parts": epoch.parts,
            "val_accuracy": validated and validated.accuracy,
            "test_accuracy": tested and tested.accuracy,
            "agree": shares["agree"],
            "clean": shares["clean"],
            "wrong": shares["wrong"],
            "gradients": against["gradients"],
            "beliefs": against["beliefs"],
        }
        if notes:
            evaluation["notes"] = notes
        if self.metrics:
            evaluation["val_metrics"] = validated and validated.metrics
            evaluation["test_metrics"] = tested and tested.metrics
        return evaluation

    def memorized(self, fit: Fit) -> float | None:
        """The share of wrong training labels that the method predicts now; None where none is known to be wrong."""
        if self.true is None:
            return None
        wrong = self.memorization(self.train_rows, fit.predicted(self.train_rows))["wrong"]
        return None if wrong is None else wrong["memorized"]

    def tested(self, fit: Fit) -> "Scores | None":
        """How test rows are predicted: by true labels, or by given ones where these are all there is."""
        if self.test is None:
            return None
        truth = self.test.labels if self.test.true_labels is None else self.test.true_labels
        return self._beside(fit, self.test, truth)

    def _beside(self, fit: Fit, data: LabelledData, labels: NDArray[np.int64]) -> "Scores":
        """How rows that are not of the training data are predicted."""
        x, processes = as_tensor(data.inputs), fit.processes
        predicted = torch.empty(len(x), dtype=torch.int64, device=fit.fabric.device)
        rows = torch.arange(len(x), device=predicted.device)
        mine = rows[processes.part(len(x))].split(evaluation_size(x, fit.method.classes))
        inputs = ((part, x[part[0] : part[-1] + 1]) for part in mine if len(part))
        for part, logits in predicted_parts(fit.method, fit.fabric, inputs):
            predicted[part] = logits.argmax(1)
        if processes.several:
            processes.spread(processes.parts([rows]), [predicted])
        return self._scores(predicted.cpu(), torch.from_numpy(labels))

    def validate(self, fit: Fit) -> "Scores | None":
        """How held-out rows are predicted, by given labels; the method hears of the logits of its data."""
        if self.val is not None:
            return self._beside(fit, self.val, self.val.labels)
        if not len(self.val_rows):
            return None
        fit.validate(self.val_rows)
        return self._scores(fit.seen.predicted[self.val_rows], self.given[self.val_rows])

    def held_out(self, fit: Fit) -> "Scores | None":
        """The same, of which the method does not hear."""
        if self.val is not None:
            return self._beside(fit, self.val, self.val.labels)
        if not len(self.val_rows):
            return None
        return self._scores(fit.predicted(self.val_rows), self.given[self.val_rows])

    def _scores(self, predicted: Tensor, labels: Tensor) -> "Scores":
        measured = measure(self.metrics, labels.cpu().numpy(), predicted.cpu().numpy()) if self.metrics else {}
        return Scores(_share(predicted == labels), measured)

    def memorization(self, rows: Tensor, predicted: Tensor) -> Memorization:
        """Shares of the rows: given label predicted; and, with the truth known, the paper's Figure 1."""
        given = self.given[rows]
        shares: Memorization = {"agree": _share(predicted == given), "clean": None, "wrong": None}
        if self.true is not None:
            true = self.true[rows]
            wrong = true != given
            correct, memorized = predicted == true, (predicted == given) & wrong
            if (~wrong).any():
                shares["clean"] = {"correct": _share(correct[~wrong]), "incorrect": _share(~correct[~wrong])}
            if wrong.any():
                shares["wrong"] = {
                    "correct": _share(correct[wrong]),
                    "memorized": _share(memorized[wrong]),
                    "other": _share(~(correct | memorized)[wrong]),
                }
        return shares

    def against_truth(self, rows: Tensor, fit: Fit) -> AgainstTruth:
        """With the truth known: what pulls at the true class (Figures 2, B.1), how often beliefs are right (D.1)."""
        if self.true is None:
            return {"gradients": None, "beliefs": None}
        at_true, pull = fit.seen.at_true, fit.seen.pull
        assert at_true is not None  # the loop was made with the true labels
        assert pull is not None
        gradients = true_class_gradients(at_true[rows], self.given[rows], self.true[rows], pull[rows])
        return {"gradients": gradients, "beliefs": self._right_beliefs(rows, self.true, fit.method)}

    def _right_beliefs(self, rows: Tensor, true: Tensor, method: Method) -> RightBeliefs | None:
        if method.label_beliefs(rows[:1]) is None:
            return None

        def right(part: Tensor) -> float | None:
            blocks = part.split(max(1, BLOCK // method.classes))
            beliefs = ((block, method.label_beliefs(block)) for block in blocks)
            hits = [said.argmax(1) == true[block] for block, said in beliefs if said is not None]
            return _share(torch.cat(hits)) if len(part) else None

        return {"train": right(rows), "validation": right(self.val_rows)}


def _share(mask: Tensor) -> float:
    return float(mask.float().mean())
