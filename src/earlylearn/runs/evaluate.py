"""How good is a method now: its predictions of training, validation and test rows, against the labels and the truth?"""

from dataclasses import dataclass

import torch
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
from earlylearn.runs.prepare import LabelDraw


@dataclass(frozen=True, kw_only=True)
class Evaluator:
    """What a method's predictions are judged by, where it trains.

    Attributes:
        given: ``int64 [n]`` given labels.
        true: ``int64 [n]`` true labels, or None where they are unknown.
        train_rows: ``int64``, rows that train.
        val_rows: ``int64``, rows held out, judged by their given labels too.
        test: the test set, or None.
    """

    given: Tensor
    true: Tensor | None
    train_rows: Tensor
    val_rows: Tensor
    test: LabelledData | None

    @classmethod
    def of(cls, data: LabelledData, draw: LabelDraw, test: LabelledData | None, device: torch.device) -> "Evaluator":
        """Judge by the labels of ``data``, split as the draw has it."""
        return cls(
            given=torch.from_numpy(data.labels).to(device),
            true=None if data.true_labels is None else torch.from_numpy(data.true_labels).to(device),
            train_rows=torch.from_numpy(draw.train_rows).to(device),
            val_rows=torch.from_numpy(draw.val_rows).to(device),
            test=test,
        )

    def epoch(self, epoch: Epoch, fit: Fit, dynamics: Dynamics, *, test_due: bool) -> Evaluation:
        """An epoch's line in the metrics; counts the epoch into the dynamics, and takes the method's notes.

        The training rows were seen by the training passes already: only validation and test rows are predicted anew.
        """
        method = fit.method
        val_accuracy = self.validate(fit)
        dynamics.update(fit.seen)
        predicted = fit.seen.predicted
        rows = self.train_rows[predicted[self.train_rows] >= 0]
        notes, method.notes = method.notes, []
        test_accuracy = self.test_accuracy(fit) if test_due else None
        shares, against = self.memorization(rows, predicted[rows]), self.against_truth(rows, fit)
        evaluation: Evaluation = {
            "epoch": epoch.epoch,
            "lr": epoch.lr,
            "loss": epoch.loss,
            "loss_parts": epoch.parts,
            "val_accuracy": val_accuracy,
            "test_accuracy": test_accuracy,
            "agree": shares["agree"],
            "clean": shares["clean"],
            "wrong": shares["wrong"],
            "gradients": against["gradients"],
            "beliefs": against["beliefs"],
        }
        if notes:
            evaluation["notes"] = notes
        return evaluation

    def memorized(self, fit: Fit) -> float | None:
        """The share of wrong training labels that the method predicts now; None where none is known to be wrong."""
        if self.true is None:
            return None
        wrong = self.memorization(self.train_rows, fit.predicted(self.train_rows))["wrong"]
        return None if wrong is None else wrong["memorized"]

    def test_accuracy(self, fit: Fit) -> float | None:
        """The share of test rows whose true label is predicted; of given labels where these are all there is."""
        if self.test is None:
            return None
        truth = self.test.labels if self.test.true_labels is None else self.test.true_labels
        x = as_tensor(self.test.inputs)
        parts = x.split(evaluation_size(x, fit.method.classes))
        said = predicted_parts(fit.method, fit.fabric, ((part, part) for part in parts))
        return _share(torch.cat([logits.argmax(1).cpu() for _, logits in said]) == torch.from_numpy(truth))

    def validate(self, fit: Fit) -> float | None:
        """The share of held-out rows whose given label is predicted; the method hears of their logits."""
        if not len(self.val_rows):
            return None
        fit.validate(self.val_rows)
        return _share(fit.seen.predicted[self.val_rows] == self.given[self.val_rows])

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
