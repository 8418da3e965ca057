"""What pulls the prediction of each example at its true class: the labels, and the regularizer?"""

import torch
from torch import Tensor

from earlylearn.documents import Gradients, SideGradient


def true_class_gradients(logits: Tensor, labels: Tensor, true: Tensor, regularizer: Tensor | None) -> Gradients:
    """The loss's gradient with respect to the logits at the true class c*, per side (Figures 2 and B.1).

    The cross-entropy term is p - y (equation 4 of the paper): below 0 at c* where the label is right, above 0 where
    it is wrong, and there it is what makes the network forget. A positive entry lowers the true class's logit.

    Args:
        logits: ``[m, C]``, what the model says of m examples.
        labels: ``int64 [m]`` given labels.
        true: ``int64 [m]`` true labels.
        regularizer: ``[m, C]`` the regularizer's own gradient, its coefficient included, or None.

    Returns:
        ``{"clean": side, "wrong": side}``; a side is None without such examples, else ``{"ce": [mean, sd], "ce_abs":
        [mean, sd], "regularizer": [mean, sd] or None}``, sd the population's, ``ce_abs`` of the absolute values.
    """
    at_true = true.unsqueeze(1)
    ce = torch.softmax(logits.float(), 1).gather(1, at_true).squeeze(1) - (labels == true).float()
    pull = None if regularizer is None else regularizer.gather(1, at_true).squeeze(1)

    def side(rows: Tensor) -> SideGradient | None:
        if not rows.any():
            return None
        return {
            "regularizer": None if pull is None else _moments(pull[rows]),
            "ce": _moments(ce[rows]),
            "ce_abs": _moments(ce[rows].abs()),
        }

    return {"clean": side(labels == true), "wrong": side(labels != true)}


def _moments(values: Tensor) -> list[float]:
    return [float(values.mean()), float(values.std(correction=0))]
