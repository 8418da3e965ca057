"""How does sparse over-parametrization model each example's label noise by variables of its own?"""

from typing import Annotated, Any

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from earlylearn.loop.batches import Batch
from earlylearn.loop.method import Method, Step
from earlylearn.methods.supervised import one_hot

FLOOR = 1e-4  # below it, a prediction counts as this much, and has no gradient
SPREAD = 1e-8  # of the initial u and v: as good as 0, which itself would never move


def sop_loss(p: Tensor, y: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """The cross-entropy and the squared error of SOP.

    ``U = clip(u^2 y)``, ``V = clip(v^2 (1 - y))`` to [0, 1]; cross-entropy of the prediction p + U - V, floored at
    1e-4 and normalised, with V constant; ``mean_i |onehot(argmax p) + U - V - y|^2``.

    Args:
        p: ``float32 [B, C]`` probabilities.
        y: ``float32 [B, C]`` one-hot given labels.
        u: ``[B, 1]``, how much of the given label is noise.
        v: ``[B, C]``, how much each other label is missing.
    """
    added, removed = (u**2 * y).clamp(0, 1), (v**2 * (1 - y)).clamp(0, 1)
    prediction = F.normalize((p + added - removed.detach()).clamp(min=FLOOR), p=1, dim=1).clamp(min=FLOOR)
    ce = -(y * prediction.log()).sum(1).mean()
    decided = torch.zeros_like(p).scatter_(1, p.argmax(1, keepdim=True), 1)
    return ce, (decided + added - removed - y).square().sum(1).mean()


class SOP(Method):
    """Sparse over-parametrization: per-example variables u, v learn the label noise, so the network need not.

    Liu, Zhu, Qu, You, ICML 2022 (by ELR's author). Network and u learn from the cross-entropy of `sop_loss`, u and v
    from its squared error; u and v by plain SGD with constant rates of their own.

    Args:
        lr_u: learning rate of u. Released for CIFAR-100: 1, and 0.1 for asymmetric noise.
        lr_v: learning rate of v. Released for CIFAR-100: 10, and 100 for asymmetric noise. For CIFAR-10 no rates are
            released; a reproduction (Hudovernik et al., ReScience C 2026) takes 10 and 10, our defaults.

    The rates belong to batches of 128 and hundreds of epochs: an example's gradient is a mean over the batch, and u and
    v start at almost 0 and grow by a factor per epoch. With few epochs they stay there, and SOP is cross-entropy; raise
    both (100 instead of 10 for 40 epochs of batches of 64). What it believes of a label is what the network predicts:
    u^2 and v^2 rank wrong labels too, but in our runs on digits the prediction was better where SOP worked.

    Attributes:
        u: ``float32 [n, 1]``; like v it starts normal with standard deviation 1e-8.
        v: ``float32 [n, C]``.

    Differs from the released code: rows that are not in the batch keep their values by not being touched, rather
    than by gradients of 0; training rows only, where theirs trained on the held-out ones as well. Of SOP+, which
    adds consistency between two views and class balance, nothing is here.
    """

    replayable = True
    one_process = ""
    paper = "Liu, Zhu, Qu, You, ICML 2022"
    u: Tensor
    v: Tensor

    def __init__(
        self,
        *given: Any,
        lr_u: Annotated[float, Field(ge=0, description="learning rate of u; 0.1 for asymmetric noise")] = 10.0,
        lr_v: Annotated[float, Field(ge=0, description="learning rate of v; 100 for asymmetric noise")] = 10.0,
        **others: Any,
    ) -> None:
        super().__init__(*given, **others)
        self.lr_u, self.lr_v = lr_u, lr_v
        for name, width in (("u", 1), ("v", self.classes)):
            initial = self.generator.normal(0, SPREAD, (self.n, width)).astype(np.float32)
            self.register_buffer(name, torch.from_numpy(initial))

    def loss(self, batch: Batch) -> Step:
        """Cross-entropy plus squared error; takes a step of plain SGD on the batch's rows of u and v."""
        logits = self.nets[0](batch.views[0]).float()
        y = one_hot(batch.label, self.classes)
        u, v = (table[batch.index].requires_grad_() for table in (self.u, self.v))  # copies: the tables may change
        ce, mse = sop_loss(torch.softmax(logits, 1), y, u, v)
        # Their gradients are taken here rather than by the loop's backward, which may scale what it differentiates.
        slopes = torch.autograd.grad(ce + mse, (u, v), retain_graph=True)
        for table, slope, lr in zip((self.u, self.v), slopes, (self.lr_u, self.lr_v), strict=True):
            table.index_add_(0, batch.index, slope, alpha=-lr * batch.share)  # of the mean over the whole step
        return Step(ce + mse, logits, {"ce": ce.detach(), "mse": mse.detach()})

    def row_tables(self) -> list[Tensor]:
        """u and v."""
        return [self.u, self.v]
