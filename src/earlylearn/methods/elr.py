"""How does early-learning regularization train one network (the paper's Algorithm 1)?"""

from functools import partial
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from earlylearn.loop.batches import Batch
from earlylearn.loop.method import Method, Step
from earlylearn.losses.elr import elr_loss
from earlylearn.losses.targets import clamped, update_targets
from earlylearn.methods.with_targets import KeepsTargets

Lam = Annotated[float, Field(ge=0, description="regularization coefficient lambda (equation 7)")]
Beta = Annotated[float, Field(ge=0, lt=1, description="temporal ensembling momentum (Algorithm 1)")]


class ELR(KeepsTargets, Method):
    """Early-learning regularization: cross-entropy + lam * mean log(1 - <p, t>), t a running average of p.

    Liu, Niles-Weed, Razavian, Fernandez-Granda, NeurIPS 2020, equation 7 and Algorithm 1.

    Args:
        lam: regularization coefficient lambda >= 0. Were the targets exactly the model's probabilities, memorisation
            would be prevented above 2 and only delayed below; in practice it depends on the data (docs/LOG.md).
        beta: temporal ensembling momentum, 0 <= beta < 1.
    """

    replayable = True
    paper = "Liu, Niles-Weed, Razavian, Fernandez-Granda, NeurIPS 2020"

    def __init__(self, *given: Any, lam: Lam = 3.0, beta: Beta = 0.7, **others: Any) -> None:
        super().__init__(*given, **others)
        self.lam = lam
        self.keep_targets(self.n, self.classes, beta=beta)

    def loss(self, batch: Batch) -> Step:
        """Update the rows' targets with the current probabilities, then cross-entropy plus regularizer."""
        logits = self.nets[0](batch.views[0]).float()
        update = partial(update_targets, self.targets, batch.index, beta=self.beta)
        loss, ce, regularizer = elr_loss(logits, batch.label, update, self.lam)
        return Step(loss, logits, {"ce": ce, "elr": regularizer})

    def regularizer_gradient(self, index: Tensor, logits: Tensor) -> Tensor:
        """``lam g`` of Lemma 2: the gradient of ``lam log(1 - <p, t>)``, targets constant, p clamped as in the loss."""
        logits = logits.detach().float().requires_grad_()
        with torch.enable_grad():
            agreement = (self.targets[index] * clamped(torch.softmax(logits, 1))).sum(1)
            return torch.autograd.grad(self.lam * torch.log1p(-agreement).sum(), logits)[0]
