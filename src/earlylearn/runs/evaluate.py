"""How good is a method now: its predictions of training, validation and test rows, against the labels and the truth?"""

from torch import Tensor


def _share(mask: Tensor) -> float:
    return float(mask.float().mean())
