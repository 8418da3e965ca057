"""What pulls the prediction of each example at its true class: the labels, and the regularizer?"""

from torch import Tensor

from earlylearn.documents import Gradients, SideGradient


def true_class_gradients(at_true: Tensor, labels: Tensor, true: Tensor, pull: Tensor) -> Gradients:
    """The loss's gradient with respect to the logits at the true class c*, per side (Figures 2 and B.1).

    The cross-entropy term is p - y (equation 4 of the paper): below 0 at c* where the label is right, above 0 where
    it is wrong, and there it is what makes the network forget. A positive entry lowers the true class's logit.

    Args:
        at_true: ``float32 [m]``, probability of the true class of m examples.
        labels: ``int64 [m]`` given labels.
        true: ``int64 [m]`` true labels.
        pull: ``float32 [m]``, the regularizer's own gradient there, its coefficient included; NaN where it has none.

    Returns:
        ``{"clean": side, "wrong": side}``; a side is None without such examples, else ``{"ce": [mean, sd], "ce_abs":
        [mean, sd], "regularizer": [mean, sd] or None}``, sd the population's, ``ce_abs`` of the absolute values.
    """
    ce = at_true - (labels == true).float()
    silent = bool(pull.isnan().all())

    def side(rows: Tensor) -> SideGradient | None:
        if not rows.any():
            return None
        return {
            "regularizer": None if silent else _moments(pull[rows]),
            "ce": _moments(ce[rows]),
            "ce_abs": _moments(ce[rows].abs()),
        }

    return {"clean": side(labels == true), "wrong": side(labels != true)}


def _moments(values: Tensor) -> list[float]:
    return [float(values.mean()), float(values.std(correction=0))]
