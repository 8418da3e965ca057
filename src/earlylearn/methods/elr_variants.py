"""Why ELR's very regularizer: what happens with its targets, but a KL divergence to them, or no term at all?"""

from typing import Annotated, Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from earlylearn.loop.batches import Batch
from earlylearn.loop.method import Method, Step
from earlylearn.methods.elr import Beta
from earlylearn.methods.with_targets import KeepsTargets, Table, said


class KLRegularized(KeepsTargets, Method):
    """Cross-entropy + lam * cross-entropy to ELR's targets: only delays memorisation (supplement C).

    Liu, Niles-Weed, Razavian, Fernandez-Granda, NeurIPS 2020, equation 17: ``CE - (lam / n) sum_i sum_c t_c log p_c``.
    Targets by temporal ensembling as in ELR, constant for the gradient, which is p - y + lam (p sum(t) - t): with
    t near p the regularizer vanishes, whereas ELR's grows.

    Args:
        lam: regularization coefficient lambda >= 0; Figure C.1 shows 1, 5 and 10.
        beta: temporal ensembling momentum, 0 <= beta < 1.
        table: how targets are kept, see `earlylearn.losses.sparse`.
    """

    replayable = takes_class_weights = True
    one_process = ""
    paper = "Liu, Niles-Weed, Razavian, Fernandez-Granda, NeurIPS 2020, supplement C"

    def __init__(
        self,
        *given: Any,
        lam: Annotated[float, Field(ge=0, description="regularization coefficient lambda (equation 17)")] = 1.0,
        beta: Beta = 0.7,
        table: Table = "auto",
        **others: Any,
    ) -> None:
        super().__init__(*given, **others)
        self.lam = lam
        self.keep_targets(self.n, self.classes, beta=beta, table=table)

    def loss(self, batch: Batch) -> Step:
        """Update the rows' targets, then cross-entropy to the labels plus lam times cross-entropy to the targets."""
        logits = self.nets[0](batch.views[0]).float()
        target = self.move_targets(batch.index, said(logits))
        log_p = torch.log_softmax(logits, 1)
        ce = F.nll_loss(log_p, batch.label, self.class_weights)
        kl = -self.mean_over((target * log_p).sum(1), batch.label)
        return Step(ce + self.lam * kl, logits, {"ce": ce.detach(), "kl": kl.detach()})

    def regularizer_gradient(self, index: Tensor, logits: Tensor) -> Tensor:
        """``lam (p sum(t) - t)``: the gradient of the cross-entropy to the targets (equation 18)."""
        target = self.target_rows(index)
        return self.lam * (torch.softmax(logits.detach().float(), 1) * target.sum(1, keepdim=True) - target)


class TargetsOnly(KeepsTargets, Method):
    """Cross-entropy alone, with ELR's targets estimated but not used: they too overfit in the end (supplement D).

    Liu, Niles-Weed, Razavian, Fernandez-Granda, NeurIPS 2020, Figure D.1. To be judged by its label beliefs, which
    are the targets; the network is that of plain cross-entropy.

    Args:
        beta: temporal ensembling momentum, 0 <= beta < 1; 0.7 in the figure.
        table: how targets are kept, see `earlylearn.losses.sparse`.
    """

    replayable = takes_class_weights = True
    one_process = ""
    paper = "Liu, Niles-Weed, Razavian, Fernandez-Granda, NeurIPS 2020, supplement D"

    def __init__(self, *given: Any, beta: Beta = 0.7, table: Table = "auto", **others: Any) -> None:
        super().__init__(*given, **others)
        self.keep_targets(self.n, self.classes, beta=beta, table=table)

    def loss(self, batch: Batch) -> Step:
        """Update the rows' targets; mean cross-entropy of the batch."""
        logits = self.nets[0](batch.views[0]).float()
        self.move_targets(batch.index, said(logits))
        loss = F.cross_entropy(logits, batch.label, self.class_weights)
        return Step(loss, logits, {"ce": loss.detach()})
