"""How does early-learning regularization train one network (the paper's Algorithm 1)?"""

from collections.abc import Callable
from functools import partial
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from earlylearn.loop.batches import Batch
from earlylearn.loop.method import Method
from earlylearn.losses.elr import elr_loss
from earlylearn.losses.targets import average_logits, check_beta, clamped, new_targets, target_beliefs, update_targets
from earlylearn.methods.supervised import observed_logits

Lam = Annotated[float, Field(ge=0, description="regularization coefficient lambda (equation 7)")]
Beta = Annotated[float, Field(ge=0, lt=1, description="temporal ensembling momentum (Algorithm 1)")]


class ELR(Method):
    """Early-learning regularization: cross-entropy + lam * mean log(1 - <p, t>), t a running average of p.

    Liu, Niles-Weed, Razavian, Fernandez-Granda, NeurIPS 2020, equation 7 and Algorithm 1.

    Args:
        make_network: builds the network.
        n: rows of the data set.
        classes: number of classes C.
        lam: regularization coefficient lambda >= 0. Were the targets exactly the model's probabilities, memorisation
            would be prevented above 2 and only delayed below; in practice it depends on the data (docs/LOG.md).
        beta: temporal ensembling momentum, 0 <= beta < 1.
        generator: unused; every method takes one.

    Attributes:
        targets: ``float32 [n, C]``. Held-out rows have targets too, averaged over the validation passes.
    """

    replayable = True
    paper = "Liu, Niles-Weed, Razavian, Fernandez-Granda, NeurIPS 2020"
    targets: Tensor

    def __init__(
        self,
        make_network: Callable[[], nn.Module],
        n: int,
        classes: int,
        *,
        lam: Lam = 3.0,
        beta: Beta = 0.7,
        generator: np.random.Generator | None = None,
    ) -> None:
        super().__init__(make_network, n, classes, generator=generator)
        self.lam, self.beta = lam, check_beta(beta)
        self.register_buffer("targets", new_targets(n, classes))

    def loss(self, batch: Batch) -> Tensor:
        """Update the rows' targets with the current probabilities, then cross-entropy plus regularizer."""
        logits = observed_logits(self, batch)
        update = partial(update_targets, self.targets, batch.index, beta=self.beta)
        loss, ce, regularizer = elr_loss(logits, batch.label, update, self.lam)
        self.parts = {"ce": ce, "elr": regularizer}
        return loss

    @torch.no_grad()
    def observe_held_out(self, index: Tensor, logits: Tensor) -> None:
        """Average the predictions of held-out rows over the epochs, as the training rows' are."""
        super().observe_held_out(index, logits)
        average_logits(self.targets, index, logits, beta=self.beta)

    def regularizer_gradient(self, index: Tensor, logits: Tensor) -> Tensor:
        """``lam g`` of Lemma 2: the gradient of ``lam log(1 - <p, t>)``, targets constant, p clamped as in the loss."""
        logits = logits.detach().float().requires_grad_()
        with torch.enable_grad():
            agreement = (self.targets[index] * clamped(torch.softmax(logits, 1))).sum(1)
            return torch.autograd.grad(self.lam * torch.log1p(-agreement).sum(), logits)[0]

    def label_beliefs(self) -> Tensor:
        """The targets as probabilities, ``[n, C]``."""
        return target_beliefs(self.targets)
