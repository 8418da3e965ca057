"""Why ELR's very regularizer: what happens with its targets, but a KL divergence to them, or no term at all?"""

from collections.abc import Callable
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from earlylearn.loop.batches import Batch
from earlylearn.loop.method import Method
from earlylearn.losses.targets import average_logits, check_beta, new_targets, target_beliefs
from earlylearn.methods.elr import Beta
from earlylearn.methods.supervised import observed_logits


class KLRegularized(Method):
    """Cross-entropy + lam * cross-entropy to ELR's targets: only delays memorisation (supplement C).

    Liu, Niles-Weed, Razavian, Fernandez-Granda, NeurIPS 2020, equation 17: ``CE - (lam / n) sum_i sum_c t_c log p_c``.
    Targets by temporal ensembling as in ELR, constant for the gradient, which is p - y + lam (p sum(t) - t): with
    t near p the regularizer vanishes, whereas ELR's grows.

    Args:
        make_network: builds the network.
        n: rows of the data set.
        classes: number of classes C.
        lam: regularization coefficient lambda >= 0; Figure C.1 shows 1, 5 and 10.
        beta: temporal ensembling momentum, 0 <= beta < 1.
        generator: unused; every method takes one.

    Attributes:
        targets: ``float32 [n, C]``, of training and held-out rows.
    """

    replayable = True
    paper = "Liu, Niles-Weed, Razavian, Fernandez-Granda, NeurIPS 2020, supplement C"
    targets: Tensor

    def __init__(
        self,
        make_network: Callable[[], nn.Module],
        n: int,
        classes: int,
        *,
        lam: Annotated[float, Field(ge=0, description="regularization coefficient lambda (equation 17)")] = 1.0,
        beta: Beta = 0.7,
        generator: np.random.Generator | None = None,
    ) -> None:
        super().__init__(make_network, n, classes, generator=generator)
        self.lam, self.beta = lam, check_beta(beta)
        self.register_buffer("targets", new_targets(n, classes))

    def loss(self, batch: Batch) -> Tensor:
        """Update the rows' targets, then cross-entropy to the labels plus lam times cross-entropy to the targets."""
        logits = observed_logits(self, batch)
        target = average_logits(self.targets, batch.index, logits, beta=self.beta)
        log_p = torch.log_softmax(logits, 1)
        ce, kl = F.nll_loss(log_p, batch.label), -(target * log_p).sum(1).mean()
        self.parts = {"ce": ce.detach(), "kl": kl.detach()}
        return ce + self.lam * kl

    @torch.no_grad()
    def observe_held_out(self, index: Tensor, logits: Tensor) -> None:
        """Average the predictions of held-out rows over the epochs, as the training rows' are."""
        super().observe_held_out(index, logits)
        average_logits(self.targets, index, logits, beta=self.beta)

    def regularizer_gradient(self, index: Tensor, logits: Tensor) -> Tensor:
        """``lam (p sum(t) - t)``: the gradient of the cross-entropy to the targets (equation 18)."""
        target = self.targets[index]
        return self.lam * (torch.softmax(logits.detach().float(), 1) * target.sum(1, keepdim=True) - target)

    def label_beliefs(self) -> Tensor:
        """The targets as probabilities, ``[n, C]``."""
        return target_beliefs(self.targets)


class TargetsOnly(Method):
    """Cross-entropy alone, with ELR's targets estimated but not used: they too overfit in the end (supplement D).

    Liu, Niles-Weed, Razavian, Fernandez-Granda, NeurIPS 2020, Figure D.1. To be judged by its label beliefs, which
    are the targets; the network is that of plain cross-entropy.

    Args:
        make_network: builds the network.
        n: rows of the data set.
        classes: number of classes C.
        beta: temporal ensembling momentum, 0 <= beta < 1; 0.7 in the figure.
        generator: unused; every method takes one.

    Attributes:
        targets: ``float32 [n, C]``, of training and held-out rows.
    """

    replayable = True
    paper = "Liu, Niles-Weed, Razavian, Fernandez-Granda, NeurIPS 2020, supplement D"
    targets: Tensor

    def __init__(
        self,
        make_network: Callable[[], nn.Module],
        n: int,
        classes: int,
        *,
        beta: Beta = 0.7,
        generator: np.random.Generator | None = None,
    ) -> None:
        super().__init__(make_network, n, classes, generator=generator)
        self.beta = check_beta(beta)
        self.register_buffer("targets", new_targets(n, classes))

    def loss(self, batch: Batch) -> Tensor:
        """Update the rows' targets; mean cross-entropy of the batch."""
        logits = observed_logits(self, batch)
        average_logits(self.targets, batch.index, logits, beta=self.beta)
        loss = F.cross_entropy(logits, batch.label)
        self.parts = {"ce": loss.detach()}
        return loss

    @torch.no_grad()
    def observe_held_out(self, index: Tensor, logits: Tensor) -> None:
        """Average the predictions of held-out rows over the epochs, as the training rows' are."""
        super().observe_held_out(index, logits)
        average_logits(self.targets, index, logits, beta=self.beta)

    def label_beliefs(self) -> Tensor:
        """The targets as probabilities, ``[n, C]``."""
        return target_beliefs(self.targets)
