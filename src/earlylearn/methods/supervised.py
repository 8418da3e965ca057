"""How does training on the given labels alone go: cross-entropy, and its robust variants of one formula each?"""

from collections.abc import Iterator
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from earlylearn.loop.batches import Batch, Batches
from earlylearn.loop.method import Method, Pass, Step
from earlylearn.loop.seen import Seen


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """Labels ``int64 [B]`` as ``float32 [B, C]``; unlike PyTorch's own, reads no value on the way."""
    zeros = torch.zeros(len(labels), classes, device=labels.device)
    return zeros.scatter_(1, labels.unsqueeze(1), 1)


class CrossEntropy(Method):
    """Cross-entropy on the given labels: the baseline, which memorises wrong labels."""

    replayable = takes_class_weights = True
    one_process = ""

    def loss(self, batch: Batch) -> Step:
        """Mean cross-entropy of the batch."""
        logits = self.nets[0](batch.views[0]).float()
        loss = F.cross_entropy(logits, batch.label, self.class_weights)
        return Step(loss, logits, {"ce": loss.detach()})


class Bootstrap(Method):
    """Bootstrapping: cross-entropy against a mixture of the given label and the model's own prediction.

    Reed, Lee, Anguelov, Szegedy, Erhan, Rabinovich, ICLR 2015 workshop:
    ``-sum_c (b y_c + (1 - b) q_c) log p_c`` with q = p (soft) or the one-hot argmax of p (hard).

    Args:
        hard: the prediction as one-hot argmax instead of probabilities.
        label_weight: b; the paper's 0.95 (soft) or 0.8 (hard) if None.

    The gradient of the soft form goes through q too, which makes it minimum entropy regularization; the hard
    form's argmax has none.
    """

    replayable = takes_class_weights = True
    one_process = ""
    paper = "Reed et al., ICLR 2015 workshop"

    def __init__(
        self,
        *given: Any,
        hard: Annotated[bool, Field(description="bootstrap on the predicted class, not on probabilities")] = False,
        label_weight: Annotated[
            float | None, Field(ge=0, le=1, description="weight b of the given label; default 0.95 soft, 0.8 hard")
        ] = None,
        **others: Any,
    ) -> None:
        super().__init__(*given, **others)
        self.hard = hard
        self.label_weight = label_weight if label_weight is not None else (0.8 if hard else 0.95)

    def loss(self, batch: Batch) -> Step:
        """b cross-entropy + (1 - b) cross-entropy on the model's own prediction."""
        logits = self.nets[0](batch.views[0]).float()
        log_p = torch.log_softmax(logits, 1)
        ce = F.nll_loss(log_p, batch.label, self.class_weights)
        own = -self.mean_over(log_p.max(1).values if self.hard else (log_p.exp() * log_p).sum(1), batch.label)
        loss = self.label_weight * ce + (1 - self.label_weight) * own
        return Step(loss, logits, {"ce": ce.detach(), "own": own.detach()})


class GeneralizedCrossEntropy(Method):
    """Generalized cross-entropy: (1 - p_y^q) / q, between cross-entropy (q to 0) and mean absolute error (q = 1).

    Zhang and Sabuncu, NeurIPS 2018. With ``truncation`` k their truncated loss: an example whose loss is above that of
    p_y = k no longer counts. Which examples count is checked now and then, not at every step: a weight of 0 or 1 per
    example, 1 for all until ``prune_start`` epochs are done, checked then and after every ``prune_every`` more.

    Args:
        q: 0 < q <= 1; paper 0.7.
        truncation: k, 0 <= k < 1; 0 switches the truncation off; paper 0.5.
        prune_start: epochs before the first check; paper 40.
        prune_every: epochs between checks; paper 10.

    Attributes:
        weights: ``float32 [n]``, 0 for rows that no longer count.

    Differs from the released code: the check uses the logits seen in the epoch that just ended, not another pass
    over the data with the best checkpoint so far; it comes when 40, 50, ... epochs are done, there 39, 49, ...; and
    where no example would be left, all stay as they were.
    """

    replayable = takes_class_weights = True
    one_process = ""
    paper = "Zhang, Sabuncu, NeurIPS 2018"
    weights: Tensor

    def __init__(
        self,
        *given: Any,
        q: Annotated[float, Field(gt=0, le=1, description="between cross-entropy (0) and absolute error (1)")] = 0.7,
        truncation: Annotated[
            float, Field(ge=0, lt=1, description="leave out examples with p_y <= k; 0 switches it off, paper 0.5")
        ] = 0.0,
        prune_start: Annotated[int, Field(ge=1, description="epochs before truncation begins")] = 40,
        prune_every: Annotated[int, Field(ge=1, description="epochs between checks of what is left out")] = 10,
        **others: Any,
    ) -> None:
        super().__init__(*given, **others)
        self.q, self.truncation = q, truncation
        self.prune_start, self.prune_every = prune_start, prune_every
        self.register_buffer("weights", torch.ones(self.n))

    def passes(self, epoch: int, data: Batches) -> Iterator[Pass]:
        """One pass; its rows are those that `after_epoch` checks."""
        self.draw = data.draws[0]
        yield from super().passes(epoch, data)

    def after_epoch(self, epoch: int, seen: Seen) -> None:
        """Every ``prune_every`` epochs, decide which training rows still count."""
        done = epoch + 1
        if self.truncation and done >= self.prune_start and (done - self.prune_start) % self.prune_every == 0:
            self._prune(self.draw.rows, seen)

    def _prune(self, rows: Tensor, seen: Seen) -> None:
        weights = self.weights.clone()
        rows_seen = rows[seen.predicted[rows] >= 0]  # an epoch may be a sample of the rows
        weights[rows_seen] = ((-seen.loss[rows_seen]).exp() > self.truncation).float()
        kept = int(weights[rows].sum())
        if not kept:
            self.note(f"truncation {self.truncation:g} would leave no example; the examples that count stay the same")
            return
        self.weights.copy_(weights)
        self.note(f"truncation keeps {kept} of {len(rows)} examples")

    def loss(self, batch: Batch) -> Step:
        """Mean of w (1 - p_y^q) / q, less the constant w (1 - k^q) / q where examples are left out."""
        logits = self.nets[0](batch.views[0]).float()
        log_p = torch.log_softmax(logits, 1).gather(1, batch.label[:, None]).squeeze(1)
        # expm1 of the logarithm: exact near p = 1, and no 0^(q - 1) in the gradient at p = 0.
        loss = -torch.expm1(self.q * log_p) / self.q
        if self.truncation:
            loss = (loss - (1 - self.truncation**self.q) / self.q) * self.weights[batch.index]
        loss = self.mean_over(loss, batch.label)
        return Step(loss, logits, {"gce": loss.detach()})


class SymmetricCrossEntropy(Method):
    """Symmetric cross-entropy: alpha CE(y, p) + beta CE(p, y), the reverse one with log 0 replaced by a constant.

    Wang, Ma, Chen, Luo, Yi, Bailey, ICCV 2019. The reverse part of a one-hot label is ``-log_zero (1 - p_y)``.

    Args:
        alpha: weight of cross-entropy; paper 0.1 on CIFAR-10, 6 on CIFAR-100.
        beta: weight of reverse cross-entropy; paper 1 on CIFAR-10, 0.1 on CIFAR-100.
        log_zero: what stands for log 0, A in the paper.

    Differs from the released code: it clips the label at 1e-4, hence ``log_zero`` = -9.21, where the paper says -4.
    """

    replayable = takes_class_weights = True
    one_process = ""
    paper = "Wang et al., ICCV 2019"

    def __init__(
        self,
        *given: Any,
        alpha: Annotated[float, Field(ge=0, description="weight of cross-entropy; paper 0.1, CIFAR-100 6")] = 0.1,
        beta: Annotated[
            float, Field(ge=0, description="weight of reverse cross-entropy; paper 1, CIFAR-100 0.1")
        ] = 1.0,
        log_zero: Annotated[float, Field(lt=0, description="stands for log 0; released code -9.21")] = -4.0,
        **others: Any,
    ) -> None:
        super().__init__(*given, **others)
        self.alpha, self.beta, self.log_zero = alpha, beta, log_zero

    def loss(self, batch: Batch) -> Step:
        """Alpha cross-entropy + beta reverse cross-entropy."""
        logits = self.nets[0](batch.views[0]).float()
        log_p = torch.log_softmax(logits, 1).gather(1, batch.label[:, None]).squeeze(1)
        ce = -self.mean_over(log_p, batch.label)
        reverse = self.log_zero * self.mean_over(torch.expm1(log_p), batch.label)
        loss = self.alpha * ce + self.beta * reverse
        return Step(loss, logits, {"ce": ce.detach(), "reverse": reverse.detach()})


class LabelSmoothing(Method):
    """Label smoothing: cross-entropy against (1 - r) y + r / C; a negative r sharpens instead.

    Szegedy et al., CVPR 2016; under label noise Lukasik et al., ICML 2020 (r > 0), and Wei et al., ICML
    2022 (r < 0 where much is wrong).

    Args:
        smoothing: r < 1. Below 0 the loss has no lower bound: weight decay keeps the logits from growing for ever.
    """

    replayable = takes_class_weights = True
    one_process = ""
    paper = "Szegedy et al., CVPR 2016; Lukasik et al., ICML 2020; Wei et al., ICML 2022"

    def __init__(
        self,
        *given: Any,
        smoothing: Annotated[float, Field(lt=1, description="share r taken from the label; may be negative")] = 0.1,
        **others: Any,
    ) -> None:
        super().__init__(*given, **others)
        self.smoothing = smoothing

    def loss(self, batch: Batch) -> Step:
        """(1 - r) cross-entropy + r cross-entropy on the uniform distribution."""
        logits = self.nets[0](batch.views[0]).float()
        log_p = torch.log_softmax(logits, 1)
        ce = F.nll_loss(log_p, batch.label, self.class_weights)
        uniform = -self.mean_over(log_p.mean(1), batch.label)
        loss = (1 - self.smoothing) * ce + self.smoothing * uniform
        return Step(loss, logits, {"ce": ce.detach(), "uniform": uniform.detach()})
