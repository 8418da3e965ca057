"""Are the settings of the loss possible?"""

from numbers import Integral, Real

from numpy.typing import ArrayLike
from torch import Tensor

from earlylearn.errors import UsageError
from earlylearn.losses.flat import as_tensor


def check_settings(
    num_examples: int, num_classes: int, lam: float, label_smoothing: float, reduction: str, rows_per_example: int
) -> None:
    """Raise UsageError for a setting of `ELRLoss` that is no number, or out of range."""
    sizes = {"num_examples": num_examples, "num_classes": num_classes, "rows_per_example": rows_per_example}
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, Integral):
            raise UsageError(f"{name} is a {type(size).__name__}; give a whole number, such as len(dataset)")
    for name, value in (("lam", lam), ("label_smoothing", label_smoothing)):
        if isinstance(value, bool) or not isinstance(value, Real):
            raise UsageError(f"{name} is a {type(value).__name__}; give a number")
    if num_examples < 1 or num_classes < 2:
        raise UsageError(
            f"ELRLoss(num_examples={num_examples}, num_classes={num_classes}): "
            "needs at least one example and two classes"
        )
    if not lam >= 0:
        raise UsageError(f"lam is {lam}; the regularization coefficient must be >= 0")
    if not 0 <= label_smoothing <= 1:
        raise UsageError(f"label_smoothing is {label_smoothing}; it must lie in 0 .. 1")
    if reduction not in ("mean", "sum", "none"):
        raise UsageError(f"reduction is {reduction!r}; it must be mean, sum or none")
    if rows_per_example < 1:
        raise UsageError(f"rows_per_example is {rows_per_example}; an example has at least one label")


def class_weights(weight: ArrayLike | Tensor | None, classes: int) -> Tensor | None:
    """Class weights ``float32 [C]``; raises UsageError if they are not one number >= 0 a class."""
    if weight is None:
        return None
    weights = as_tensor(weight, "weight").detach().float()
    if weights.shape != (classes,) or not bool((weights >= 0).all() & weights.isfinite().all()):
        raise UsageError(
            f"weight is {list(weights.shape)} between {weights.min():g} and {weights.max():g}; "
            f"expected {classes} finite numbers >= 0, one a class"
        )
    return weights
