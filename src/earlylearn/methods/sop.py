"""How does sparse over-parametrization model each example's label noise by variables of its own?"""

from collections.abc import Callable
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from earlylearn.loop.batches import Batch
from earlylearn.loop.method import Method
from earlylearn.methods.supervised import observed_logits, one_hot

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
        make_network: builds the network.
        n: rows of the data set.
        classes: number of classes C.
        lr_u: learning rate of u. Released code: 10, 1 for CIFAR-100, 0.1 for asymmetric noise.
        lr_v: learning rate of v. Released code: 10, 100 for asymmetric noise.
        generator: draws the initial u and v, normal with standard deviation 1e-8.

    The rates belong to batches of 128 and hundreds of epochs: an example's gradient is a mean over the batch, and u and
    v start at almost 0 and grow by a factor per epoch. With few epochs they stay there, and SOP is cross-entropy; raise
    both (100 instead of 10 for 40 epochs of batches of 64). What it believes of a label is what the network predicts:
    u^2 and v^2 rank wrong labels too, but in our runs on digits the prediction was better where SOP worked.

    Attributes:
        u: ``float32 [n, 1]``.
        v: ``float32 [n, C]``.

    Differs from the released code: rows that are not in the batch keep their values by not being touched, rather
    than by gradients of 0; training rows only, where theirs trained on the held-out ones as well. Of SOP+, which
    adds consistency between two views and class balance, nothing is here.
    """

    replayable = True
    paper = "Liu, Zhu, Qu, You, ICML 2022"
    u: Tensor
    v: Tensor

    def __init__(
        self,
        make_network: Callable[[], nn.Module],
        n: int,
        classes: int,
        *,
        lr_u: Annotated[float, Field(ge=0, description="learning rate of u; 0.1 for asymmetric noise")] = 10.0,
        lr_v: Annotated[float, Field(ge=0, description="learning rate of v; 100 for asymmetric noise")] = 10.0,
        generator: np.random.Generator | None = None,
    ) -> None:
        super().__init__(make_network, n, classes, generator=generator)
        self.lr_u, self.lr_v = lr_u, lr_v
        for name, width in (("u", 1), ("v", classes)):
            initial = self.generator.normal(0, SPREAD, (n, width)).astype(np.float32)
            self.register_buffer(name, torch.from_numpy(initial))
        self._slopes: tuple[Tensor, ...] = ()

    def loss(self, batch: Batch) -> Tensor:
        """Cross-entropy plus squared error; keeps the gradients of the rows of u and v for `after_step`."""
        p = torch.softmax(observed_logits(self, batch), 1)
        y = one_hot(batch.label, self.classes)
        rows = tuple(table[batch.index].requires_grad_() for table in (self.u, self.v))
        ce, mse = sop_loss(p, y, *rows)
        # Taken here rather than by the loop's backward, which may scale what it differentiates.
        self._slopes = torch.autograd.grad(ce + mse, rows, retain_graph=True)
        self.parts = {"ce": ce.detach(), "mse": mse.detach()}
        return ce + mse

    @torch.no_grad()
    def after_step(self, batch: Batch, trained: tuple[int, ...]) -> None:
        """A step of plain SGD on the batch's rows of u and v."""
        for table, slope, lr in zip((self.u, self.v), self._slopes, (self.lr_u, self.lr_v), strict=True):
            table.index_add_(0, batch.index, slope, alpha=-lr)
