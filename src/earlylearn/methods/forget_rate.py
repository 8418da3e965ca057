"""What share of every batch does co-teaching leave out, and what if the noise rate is not known?"""

from typing import Any

import torch
from torch import Tensor, nn

from earlylearn.loop.batches import Draw
from earlylearn.loop.method import Method
from earlylearn.loop.seen import Seen

ENOUGH_HELD_OUT = 20  # rows; from fewer, a share is no estimate
NOISE_RATE = (
    "forget_rate: if not given, estimated after every epoch from the held-out labels, or, with fewer than "
    f"{ENOUGH_HELD_OUT} of them, once from the training labels"
)


class ForgetRate(nn.Module):
    """R(epoch) = tau min(epoch / num_gradual, 1), epochs counted from 0; tau is given, or estimated from noisy labels.

    The estimate is 1 - the best agreement yet of the predictions with the given labels of the *held-out* rows: a
    network that has learned the classes and memorised nothing agrees with the labels that are right. It errs on the
    high side as long as the network does, which the ramp forgives, and mends itself with every epoch. With fewer
    than 20 held-out rows it is 1 - the agreement on the training rows in epoch ``warmup``, later than which
    memorisation hides the noise. Until there is an estimate, nothing is left out. docs/LOG.md shows how near the
    estimates come.

    Args:
        given: tau, or None to estimate it.
        num_gradual: epochs of the ramp; 0 = no ramp.
        warmup: the epoch, from 1, that estimates from the training rows.

    Attributes:
        now: R of this epoch, on the device.
        held_out: best agreement yet on held-out rows, or None.
        trained: agreement on the training rows in epoch ``warmup``, or None.
        told: the estimate the user was last told.
    """

    now: Tensor

    def __init__(self, given: float | None, num_gradual: int, warmup: int) -> None:
        super().__init__()
        self.given, self.num_gradual, self.warmup = given, num_gradual, warmup
        self.register_buffer("now", torch.zeros(()), persistent=False)
        self.held_out: float | None = None
        self.trained: float | None = None
        self.told: float | None = None

    def tau(self) -> float | None:
        """The noise rate to go by, or None while there is none."""
        if self.given is not None:
            return self.given
        agreement = self.trained if self.held_out is None else self.held_out
        return None if agreement is None else 1 - agreement

    def start(self, epoch: int, draw: Draw) -> None:
        """Set the rate of an epoch that trains on these rows under these labels."""
        self.draw = draw
        share = min(epoch / self.num_gradual, 1.0) if self.num_gradual else 1.0
        self.now.fill_(share * (self.tau() or 0.0))

    def kept(self, examples: Tensor | int) -> Tensor:
        """How many of so many examples to keep: floor((1 - R) examples), at least one. Stays on the device."""
        # The small number mends products just below a whole one; int((1 - 0.9) * 10) of the released code is 0.
        return torch.floor((1 - self.now) * examples + 1e-4).clamp(min=1)

    def learn_held_out(self, rows: Tensor, seen: Seen, method: Method) -> None:
        """Estimate from the held-out rows, once per epoch."""
        if self.given is None and len(rows) >= ENOUGH_HELD_OUT:
            self.held_out = max(self.held_out or 0.0, _agreement(seen.predicted[rows], self.draw.labels[rows]))
            self._tell(method, "best agreement with held-out labels yet")

    def learn_trained(self, epoch: int, seen: Seen, method: Method) -> None:
        """Estimate from what was seen of the training rows, in the one epoch that serves."""
        if self.given is None and epoch + 1 == self.warmup:
            rows, labels = self.draw
            self.trained = _agreement(seen.predicted[rows], labels[rows])
            if self.held_out is None:
                self._tell(method, "agreement with the training labels")

    def _tell(self, method: Method, source: str) -> None:
        """Say the estimate when it is new or has moved."""
        tau = self.tau()
        if tau is not None and (self.told is None or abs(tau - self.told) >= 0.05):
            self.told = tau
            method.note(f"forget_rate: estimated noise rate {tau:.2f} (1 - {source})")

    def get_extra_state(self) -> dict[str, Any]:
        """The estimates."""
        return {"held_out": self.held_out, "trained": self.trained, "told": self.told}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take up the estimates of `get_extra_state`."""
        self.held_out, self.trained, self.told = state["held_out"], state["trained"], state["told"]


def _agreement(predicted: Tensor, labels: Tensor) -> float:
    """The share of the rows seen (the others are -1) for which the label is predicted."""
    return float((predicted == labels)[predicted >= 0].float().mean())
