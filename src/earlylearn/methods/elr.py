"""How does early-learning regularization train one network (the paper's Algorithm 1)?"""

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from earlylearn.loop.batches import Batch, Batches
from earlylearn.loop.method import Method, Pass, Step
from earlylearn.loop.seen import BLOCK
from earlylearn.losses.elr import Parts, elr_loss, weighted_parts, with_gradient
from earlylearn.losses.targets import clamped, share_aligned, share_factor
from earlylearn.methods.with_targets import KeepsTargets, Table

Lam = Annotated[float, Field(ge=0, description="regularization coefficient lambda (equation 7)")]
Align = Annotated[float, Field(ge=0, le=1, description="hold the targets' class shares to the labels'; paper 0")]
Beta = Annotated[float, Field(ge=0, lt=1, description="temporal ensembling momentum (Algorithm 1)")]


class ELR(KeepsTargets, Method):
    """Early-learning regularization: cross-entropy + lam * mean log(1 - <p, t>), t a running average of p.

    Liu, Niles-Weed, Razavian, Fernandez-Granda, NeurIPS 2020, equation 7 and Algorithm 1.

    Args:
        lam: regularization coefficient lambda >= 0. Were the targets exactly the model's probabilities, memorisation
            would be prevented above 2 and only delayed below; in practice it depends on the data (docs/LOG.md).
        beta: temporal ensembling momentum, 0 <= beta < 1.
        align: 0 is the published method. Above it, the loss sees targets whose class shares are moved towards those of
            the given labels, recomputed at the beginning of every epoch; 1 makes them equal. Without that a class that
            is rare, or overlaps with a larger one, may never be learned: its first targets say the larger one, and the
            regularizer holds the network to them. The table itself, and what is believed of a label, stay as they are.
        table: how targets are kept, see `earlylearn.losses.sparse`.
    """

    replayable = takes_class_weights = True
    one_process = ""
    paper = "Liu, Niles-Weed, Razavian, Fernandez-Granda, NeurIPS 2020"

    factor: Tensor

    def __init__(
        self,
        *given: Any,
        lam: Lam = 3.0,
        beta: Beta = 0.7,
        align: Align = 0.0,
        table: Table = "auto",
        **others: Any,
    ) -> None:
        super().__init__(*given, **others)
        self.lam, self.align = lam, align
        self.keep_targets(self.n, self.classes, beta=beta, table=table)
        self.register_buffer("factor", torch.ones(self.classes), persistent=False)

    def passes(self, epoch: int, data: Batches) -> Iterator[Pass]:
        """One pass; before it the shares of classes among the targets are looked at anew."""
        if self.align:
            rows, labels = data.draws[0]
            given = torch.bincount(labels[rows], minlength=self.classes) / len(rows)
            parts = [self.target_rows(part).sum(0) for part in rows.split(max(1, BLOCK // self.classes))]
            mean = torch.stack(parts).sum(0) / len(rows)
            self.factor.copy_(share_factor(mean, given, self.align))  # in place, for steps that are replayed read it
        yield from super().passes(epoch, data)

    def loss(self, batch: Batch) -> Step:
        """Update the rows' targets with the current probabilities, then cross-entropy plus regularizer."""
        logits = self.nets[0](batch.views[0]).float()
        update = partial(self._update, batch.index)
        if self.class_weights is None:
            loss, ce, regularizer = elr_loss(logits, batch.label, update, self.lam)
        else:  # as of ELRLoss(weight=...): both means weigh examples by their given class
            weight = self.class_weights[batch.label]
            weight = weight / weight.sum()

            def parts(z: Tensor) -> Parts:
                each = weighted_parts(z, batch.label, weight, update, self.lam)
                return Parts(each.ce.sum(), each.regularizer.sum(), each.gradient)

            loss, (ce, regularizer, *_) = with_gradient(logits, parts, self.lam)
        return Step(loss, logits, {"ce": ce, "elr": regularizer})

    def _update(self, index: Tensor, probability: Tensor) -> Tensor:
        """Temporal ensembling of these rows; the targets ``[B, C]`` that the loss is to see."""
        targets = self.move_targets(index, probability)
        return share_aligned(targets, self.factor) if self.align else targets

    def regularizer_gradient(self, index: Tensor, logits: Tensor) -> Tensor:
        """``lam g`` of Lemma 2: the gradient of ``lam log(1 - <p, t>)``, targets constant, p clamped as in the loss."""
        logits = logits.detach().float().requires_grad_()
        with torch.enable_grad():
            targets = self.target_rows(index)
            if self.align:
                targets = share_aligned(targets, self.factor)
            agreement = (targets * clamped(torch.softmax(logits, 1))).sum(1)
            return torch.autograd.grad(self.lam * torch.log1p(-agreement).sum(), logits)[0]
