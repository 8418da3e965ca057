"""How much does an example of each class count in the loss?"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from earlylearn.data.labelled import LabelledData
from earlylearn.errors import UsageError, did_you_mean, setting
from earlylearn.methods import METHODS
from earlylearn.values import plain


def weights_given(asked: Any, classes: Sequence[str]) -> Any:
    """Weights as a request may give them, as a number a class where they are given by class name or as an array.

    Args:
        asked: ``{class: weight}`` (or ``["class=weight", ...]``, of the command line), in which a class that is not
            named weighs 1; an array or tensor; all else is returned as it is.
        classes: names, in their order.

    Raises:
        UsageError: a name is no class, or a weight no number.
    """
    if isinstance(asked, str) and "=" in asked:
        asked = [part.strip() for part in asked.split(",")]
    if isinstance(asked, list | tuple) and asked and all(isinstance(each, str) and "=" in each for each in asked):
        asked = {name: weight for name, _, weight in (each.rpartition("=") for each in asked)}
    if not isinstance(asked, Mapping):
        return asked.tolist() if hasattr(asked, "tolist") else asked
    named, found = setting("class_weights", asked), dict.fromkeys(classes, 1.0)
    for name, weight in asked.items():
        if str(name) not in found:
            raise UsageError(
                f"{named}: there is no class {name!r}; {did_you_mean(str(name), classes)}the classes are "
                f"{', '.join(classes[:12])}{', ...' if len(classes) > 12 else ''}"
            )
        try:
            found[str(name)] = float(plain(weight))
        except (TypeError, ValueError):
            raise UsageError(f"{named}: the weight of {name!r} is {weight!r}; give a number") from None
    return list(found.values())


def check_class_weights(asked: Any, method: str, takes: bool) -> None:
    """Raise UsageError if weights are asked of a method whose loss does not heed them."""
    if asked is not None and not takes:
        able = ", ".join(name for name, kind in METHODS.items() if kind.takes_class_weights)
        raise UsageError(
            f"{setting('class_weights', asked)}: method {method} takes none; use one of {able}, or "
            f"{setting('balanced_batches')}"
        )


def class_weights(asked: Any, data: LabelledData, rows: NDArray[np.int64]) -> Tensor:
    """Weights ``float32 [C]``: as asked, or so that all given classes of the rows count alike (``balanced``).

    Raises:
        UsageError: not a number, 0 or more, for each class.
    """
    classes = len(data.classes)
    if asked == "balanced":
        counts = np.bincount(data.labels[rows], minlength=classes)
        return torch.from_numpy(len(rows) / (classes * np.maximum(counts, 1))).float()
    weights = torch.tensor(asked, dtype=torch.float32)
    if weights.shape != (classes,) or not bool((weights >= 0).all() and (weights > 0).any()):
        raise UsageError(
            f"{setting('class_weights', asked)}: give {classes} numbers, 0 or more, in the order of the classes "
            f"{', '.join(data.classes[:5])}{', ...' if classes > 5 else ''}, or name them: {{{data.classes[0]!r}: 2}}"
        )
    return weights
