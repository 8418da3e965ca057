"""How do two networks teach each other with the examples whose loss is small (co-teaching, co-teaching+)?"""

from collections.abc import Iterator
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from earlylearn.loop.batches import Batch, Batches
from earlylearn.loop.method import Method, Pass, Step
from earlylearn.loop.seen import Seen
from earlylearn.methods.forget_rate import NOISE_RATE, ForgetRate

Forget = Annotated[
    float | None, Field(ge=0, le=1, description="noise rate tau: share of a batch left out; none = estimated")
]
Gradual = Annotated[int, Field(ge=0, description="epochs over which the share left out rises from 0 to forget_rate")]
Warmup = Annotated[
    int, Field(ge=1, description="epoch that estimates forget_rate from training labels; no use with a validation set")
]


def mean_of_smallest(loss: Tensor, judged: Tensor, keep: Tensor) -> Tensor:
    """Mean of ``loss [B]`` over the ``keep`` examples that have the smallest ``judged [B]``.

    NaN ranks last, equal ones rank as they come. A mask rather than a selection: shapes do not depend on the data,
    and nothing waits for the device.
    """
    order = judged.detach().argsort(stable=True)
    rank = torch.empty_like(order).scatter_(0, order, torch.arange(len(order), device=order.device))
    return torch.where(rank < keep, loss, 0.0).sum() / keep


class CoTeaching(Method):
    """Co-teaching: each network learns from the examples of a batch that have the smallest loss in the other.

    Han et al., NeurIPS 2018, Algorithm 1. Of a batch of B, network 1 takes the mean cross-entropy over the
    floor((1 - R) B) examples that are smallest in network 2's losses, and the other way round; the share left out
    rises as R(epoch) = tau min(epoch / num_gradual, 1), epochs counted from 0.

    Args:
        forget_rate: tau, the noise rate. The paper takes it as known; None estimates it from the noisy data, and
            says so: see `ForgetRate`.
        num_gradual: epochs T_k of the ramp; 10 in the paper.
        warmup: if there are fewer than 20 held-out rows, the epoch whose training agreement is the estimate.

    Differs from the released code: the loss is the mean over the kept examples, not that mean divided by their
    number once more (Adam hides the factor, SGD does not); the last, smaller batch trains too; with
    ``num_gradual`` 10 the ramp goes from 0 in the first epoch to tau in the 11th, there from tau / 9 to tau in the 9th;
    at least one example is kept. Left out: no ``as_released`` switch, because the published numbers hang on the
    released network and Adam, not on these. Adam, too, is left out: the loop's SGD is every method's.
    """

    replayable = True
    one_process = "it chooses examples by their losses among the whole batch"
    paper = "Han et al., NeurIPS 2018"
    networks = 2
    noise_rate = NOISE_RATE

    def __init__(
        self,
        *given: Any,
        forget_rate: Forget = None,
        num_gradual: Gradual = 10,
        warmup: Warmup = 3,
        **others: Any,
    ) -> None:
        super().__init__(*given, **others)
        self.forget = ForgetRate(forget_rate, num_gradual, warmup)

    def passes(self, epoch: int, data: Batches) -> Iterator[Pass]:
        """Both networks see the same batches and step together."""
        self.forget.start(epoch, data.draws[0])
        yield from super().passes(epoch, data)

    def loss(self, batch: Batch) -> Step:
        """The sum of the two networks' losses, each over the other's choice."""
        logits = [net(batch.views[0]).float() for net in self.nets]
        first, second = (F.cross_entropy(out, batch.label, reduction="none") for out in logits)
        keep = self.forget.kept(len(batch.label))
        loss = mean_of_smallest(first, second, keep) + mean_of_smallest(second, first, keep)
        return Step(loss, torch.stack(logits).mean(0), {"ce": loss.detach() / 2})

    def after_epoch(self, epoch: int, seen: Seen) -> None:
        """Estimate the noise rate from the training rows, if it is time."""
        self.forget.learn_trained(epoch, seen, self)

    def after_validation(self, rows: Tensor, seen: Seen) -> None:
        """Estimate the noise rate from the held-out rows."""
        self.forget.learn_held_out(rows, seen, self)


class CoTeachingPlus(Method):
    """Co-teaching+: co-teaching on those examples of a batch on which the two networks' predictions disagree.

    Yu et al., ICML 2019, Algorithm 1, "update by disagreement": with D the examples of the batch whose two predicted
    classes differ, each network takes the mean cross-entropy over the floor((1 - R) |D|) examples of D that are
    smallest in the other's losses. R as in co-teaching. The first ``initial`` epochs are plain co-teaching, and so is
    any batch with fewer than two disagreements.

    Args:
        forget_rate: tau, the noise rate; None estimates it, see `ForgetRate`.
        num_gradual: epochs of the ramp; 10 in the paper.
        initial: epochs of plain co-teaching. Released code, of 200: 0 on MNIST, 20 on CIFAR-10, 5 on CIFAR-100. With
            pair noise disagreements are mostly wrong labels, and much hangs on the seed (docs/LOG.md).
        warmup: if there are fewer than 20 held-out rows, the epoch whose training agreement is the estimate.

    Differs from the released code: the ramp, as in co-teaching; the cross-entropy takes logits, there softmax is
    applied twice; row 0 of the data may disagree as any other; the mean is not divided by the kept number again; a
    batch with one disagreement is trained by co-teaching, there on that one alone; a batch without any too, there by
    cross-entropy on all of it before a miscounted step 5000 and by momentum alone after; where (1 - R) |D| is below 1,
    one example is kept, there all of D. Left out: no ``as_released`` switch. These are slips, its published numbers
    come from a LeNet and Adam, and the numbers that others quote from re-runs with other code.
    """

    replayable = True
    one_process = "it chooses examples by their losses among the whole batch"
    paper = "Yu et al., ICML 2019"
    networks = 2
    noise_rate = NOISE_RATE
    all_count: Tensor

    def __init__(
        self,
        *given: Any,
        forget_rate: Forget = None,
        num_gradual: Gradual = 10,
        initial: Annotated[int, Field(ge=0, description="epochs of plain co-teaching first")] = 0,
        warmup: Warmup = 3,
        **others: Any,
    ) -> None:
        super().__init__(*given, **others)
        self.initial = initial
        self.register_buffer("all_count", torch.tensor(False), persistent=False)  # whether in agreement or not
        self.forget = ForgetRate(forget_rate, num_gradual, warmup)

    def passes(self, epoch: int, data: Batches) -> Iterator[Pass]:
        """Both networks see the same batches and step together."""
        self.all_count.fill_(epoch < self.initial)
        self.forget.start(epoch, data.draws[0])
        yield from super().passes(epoch, data)

    def loss(self, batch: Batch) -> Step:
        """The sum of the two networks' losses, each over the other's choice among the disagreements."""
        logits = [net(batch.views[0]).float() for net in self.nets]
        first, second = (F.cross_entropy(out, batch.label, reduction="none") for out in logits)
        eligible = (logits[0].argmax(1) != logits[1].argmax(1)) | self.all_count
        eligible = eligible | (eligible.sum() < 2)
        keep = self.forget.kept(eligible.sum())
        by_first, by_second = (judged.detach().masked_fill(~eligible, torch.inf) for judged in (first, second))
        loss = mean_of_smallest(first, by_second, keep) + mean_of_smallest(second, by_first, keep)
        parts = {"ce": loss.detach() / 2, "disagree": eligible.float().mean()}
        return Step(loss, torch.stack(logits).mean(0), parts)

    def after_epoch(self, epoch: int, seen: Seen) -> None:
        """Estimate the noise rate from the training rows, if it is time."""
        self.forget.learn_trained(epoch, seen, self)

    def after_validation(self, rows: Tensor, seen: Seen) -> None:
        """Estimate the noise rate from the held-out rows."""
        self.forget.learn_held_out(rows, seen, self)
