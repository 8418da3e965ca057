"""How does DivideMix treat the labels it doubts as missing, and train two networks by semi-supervised learning?"""

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Annotated, Any

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from earlylearn.loop.batches import Batch, Batches
from earlylearn.loop.method import Method, Pass, Step
from earlylearn.methods.mixture import clean_probability, rescaled
from earlylearn.methods.supervised import one_hot

MANY_ROWS = 10_000  # enough of them to tell the spread of a column


def sharpened(probability: Tensor, temperature: float) -> Tensor:
    """p^(1/T) / sum p^(1/T), by row; as a softmax, because small powers are all 0."""
    return torch.softmax(probability.log() / temperature, 1)


class DivideMix(Method):
    """DivideMix: a mixture of the losses divides the data; each network learns from the other's division by MixMatch.

    Li, Socher, Hoi, ICLR 2020, Algorithm 1 and its CIFAR recipe. After ``warmup`` epochs of cross-entropy, every epoch
    divides the data (`co_divide`), and each network trains on the division that the other's losses make (`loss`): rows
    whose labels are clean with a probability above ``p_threshold`` are labelled, the rest unlabelled.

    Args:
        warmup: epochs of cross-entropy. Published: 10 of 300 on CIFAR-10, 30 on CIFAR-100.
        p_threshold: a label counts as clean above this; 0.5, with 90 % noise 0.6.
        lambda_u: weight of the unlabelled loss. The released default 25 costs 4 points on human label noise; the
            published tables use 0 for 20 % symmetric and 40 % asymmetric noise, 25 to 150 from 50 % symmetric on.
        ramp: epochs over which lambda_u ramps up; 16.
        temperature: of the sharpening, T; 0.5.
        alpha: mixup Beta parameter; 4.
        prior_weight: of the penalty on predicting few classes; 1. It assumes balanced classes: lower it if not.
        confidence_penalty: weight of the negative entropy in warm-up; 1 in the published asymmetric runs.
        history: epochs over which losses are averaged before the mixture; 5 in the published 90 % runs.
        view_noise: of inputs that are not augmented (tables, digits), whose two views would be the same: Gaussian, in
            standard deviations of their column or channel. Ours; not in warm-up.

    Attributes:
        clean: ``float32 [2, n]``, for each network the probability w that a label is clean; 1 before the first
            division, and of held-out rows.
        losses: ``float32 [2, history, n]``, losses scaled to 0 .. 1, a ring over the epochs.
        beliefs: ``float32 [n, C]``, see `label_beliefs`.

    Differs from the released code: everything is drawn from the run's generators (there, mixup and mixture cannot be
    repeated); validation rows are held out; the last batch of a pass is never a single row. States in which the
    released code stops are noted: no labelled half-batch gives an epoch of cross-entropy; fewer than two unlabelled
    rows, an epoch without them; losses that do not divide count as all clean. There is no ``as_released`` switch:
    nothing published depends on a slip. As there: guesses of the network in training use and update batch statistics;
    network 2 sees network 1 as already trained in this epoch; a step takes as many rows as in warm-up (2 x 64).
    """

    one_process = "it makes its batches of what both networks guess of all rows"
    paper = "Li, Socher, Hoi, ICLR 2020"
    networks = 2
    views = 2
    noise_rate = (
        "lambda_u: if not given, 0, as published for CIFAR-10 with 20 % symmetric or 40 % asymmetric noise; recipes "
        "have the values for more"
    )
    clean: Tensor
    losses: Tensor
    beliefs: Tensor

    def __init__(
        self,
        *given: Any,
        warmup: Annotated[int, Field(ge=0, description="epochs of cross-entropy first")] = 5,
        p_threshold: Annotated[
            float, Field(ge=0, lt=1, description="probability above which a label counts as clean")
        ] = 0.5,
        lambda_u: Annotated[
            float, Field(ge=0, description="weight of the unlabelled loss; 25 to 150 from 50 % symmetric noise on")
        ] = 0.0,
        ramp: Annotated[int, Field(ge=0, description="epochs over which lambda_u ramps up")] = 16,
        temperature: Annotated[float, Field(gt=0, description="sharpening temperature T")] = 0.5,
        alpha: Annotated[float, Field(gt=0, description="mixup Beta parameter")] = 4.0,
        prior_weight: Annotated[
            float, Field(ge=0, description="weight of the penalty on predicting some classes too rarely")
        ] = 1.0,
        confidence_penalty: Annotated[
            float, Field(ge=0, description="weight of the negative entropy in warm-up; 1 for asymmetric noise")
        ] = 0.0,
        history: Annotated[int, Field(ge=1, description="epochs of losses averaged; 5 for 90 % noise")] = 1,
        view_noise: Annotated[
            float, Field(ge=0, description="noise on inputs that are not augmented, in standard deviations")
        ] = 0.1,
        **others: Any,
    ) -> None:
        super().__init__(*given, **others)
        self.warmup, self.p_threshold, self.lambda_u, self.ramp = warmup, p_threshold, lambda_u, ramp
        self.temperature, self.alpha, self.prior_weight = temperature, alpha, prior_weight
        self.confidence_penalty, self.view_noise = confidence_penalty, view_noise
        self.register_buffer("clean", torch.ones(2, self.n))
        self.register_buffer("losses", torch.zeros(2, history, self.n))
        self.register_buffer("beliefs", torch.full((self.n, self.classes), 1 / self.classes))
        self.divided = 0  # epochs of losses in the ring
        self.step = 0  # steps of this pass
        self.spread: Tensor | None = None

    def passes(self, epoch: int, data: Batches) -> Iterator[Pass]:
        """Warm-up, or co-divide and then one network after the other on the other's division."""
        if epoch < self.warmup:
            for k in (0, 1):
                yield Pass(data.batches(), partial(self.warm_up_loss, k=k), (k,))
            return
        self.spread = self._spread(data)
        seen = self.co_divide(data)
        for k in (0, 1):
            yield Pass(*self._divided(k, epoch, data), (k,), seen if k == 0 else None)

    def _divided(self, k: int, epoch: int, data: Batches) -> tuple[Iterable[Batch], Callable[[Batch], Step]]:
        """What network k trains on, and how, after a division."""
        self.nets[k].train()
        rows = data.draws[0].rows
        half = max(2, data.batch_size // 2)
        trusted = self.clean[1 - k, rows] > self.p_threshold
        labelled, unlabelled = rows[trusted], rows[~trusted]
        if len(labelled) < half:
            self.note(
                f"network {k + 1}: only {len(labelled)} labels count as clean, fewer than half a batch; "
                "cross-entropy on all labels in this epoch"
            )
            return data.batches(), partial(self.warm_up_loss, k=k)
        if len(unlabelled) < 2:
            self.note(f"network {k + 1}: every label counts as clean; no unlabelled part in this epoch")
            unlabelled = unlabelled[:0]
        self.nets[1 - k].eval()
        self.step = 0
        steps = len(labelled) // half + 1
        return _pairs(data, labelled, unlabelled, half), partial(self.loss, k=k, epoch=epoch, steps=steps)

    def warm_up_loss(self, batch: Batch, k: int) -> Step:
        """Network k's cross-entropy, with the confidence penalty if asked for."""
        logits = self.nets[k](batch.views[0]).float()
        log_p = torch.log_softmax(logits, 1)
        if self.divided == 0:
            self.beliefs.index_copy_(0, batch.index, log_p.detach().exp())
        loss = ce = F.nll_loss(log_p, batch.label)
        if self.confidence_penalty:
            loss = ce + self.confidence_penalty * (log_p.exp() * log_p).sum(1).mean()
        return Step(loss, logits, {"ce": ce.detach()})

    @torch.no_grad()
    def co_divide(self, data: Batches) -> tuple[Tensor, Tensor]:
        """Set `clean` and `beliefs` of all training rows, from both networks' losses in evaluation mode.

        w is the posterior probability of the component with the smaller mean, of a mixture of two Gaussians fitted to a
        network's losses.

        Returns:
            The rows ``int64 [m]`` and their logits ``float32 [m, C]``, the networks' mean.
        """
        rows, labels = data.draws[0].rows, data.draws[0].labels[data.draws[0].rows]
        logits = []
        for k, net in enumerate(self.nets):
            net.eval()
            logits.append(torch.cat([net(x).float() for _, x in data.in_order(rows)]))
            losses = F.cross_entropy(logits[k], labels, reduction="none").cpu().numpy()
            ring = self.losses[k]
            ring[self.divided % len(ring), rows] = torch.from_numpy(rescaled(losses)).to(ring)
            filled = ring[: min(self.divided + 1, len(ring))]
            averaged = filled[:, rows].mean(0).cpu().numpy()
            clean = clean_probability(averaged, seed=int(self.generator.integers(2**31)))
            if clean is None:
                self.note(f"network {k + 1}: the losses do not divide in two; all labels count as clean in this epoch")
                clean = np.ones(len(rows))
            self.clean[k, rows] = torch.from_numpy(clean).to(self.clean)
        self.divided += 1
        both = torch.stack(logits)
        clean_share = self.clean[:, rows].mean(0).unsqueeze(1)
        predicted = torch.softmax(both, 2).mean(0)
        self.beliefs[rows] = clean_share * one_hot(labels, self.classes) + (1 - clean_share) * predicted
        return rows, both.mean(0)

    def loss(self, batch: Batch, k: int = 0, epoch: int = 0, steps: int = 1) -> Step:
        """Network k's MixMatch loss of a batch made by `_pairs`; says nothing of rows, all of which `co_divide` saw.

        Labels are refined, y = sharpen(w y + (1 - w) p, T), p the mean softmax over the views; those of unlabelled rows
        guessed, q = sharpen(mean softmax over views and both networks, T); all inputs and targets mixed with a
        permutation of themselves, the share max(b, 1 - b), b ~ Beta(alpha, alpha). Then

        CE(labelled) + lambda(t) mean (p - q)^2 + prior_weight KL(uniform | mean p),
        lambda(t) = lambda_u min((epochs since warm-up) / ramp, 1).
        """
        views = [self._perturbed(x) for x in batch.views]
        labelled, unlabelled = views[:2], views[2:]
        count = len(labelled[0])
        own, peer = self.nets[k], self.nets[1 - k]
        with torch.no_grad():
            targets = []
            if unlabelled:
                guessed = [torch.softmax(net(u).float(), 1) for net in (own, peer) for u in unlabelled]
                targets = [sharpened(torch.stack(guessed).mean(0), self.temperature)] * 2
            predicted = torch.stack([torch.softmax(own(x).float(), 1) for x in labelled]).mean(0)
            clean = self.clean[1 - k].index_select(0, batch.index[:count]).unsqueeze(1)
            given = one_hot(batch.label[:count], self.classes)
            refined = sharpened(clean * given + (1 - clean) * predicted, self.temperature)
            target = torch.cat([refined, refined, *targets])
            x = torch.cat([v.float() for v in views])
        share = self.generator.beta(self.alpha, self.alpha)
        share = max(share, 1 - share)
        partner = torch.from_numpy(self.generator.permutation(len(x))).to(x.device)
        x, target = (share * v + (1 - share) * v[partner] for v in (x, target))
        log_p = torch.log_softmax(own(x).float(), 1)
        ce = -(target[: 2 * count] * log_p[: 2 * count]).sum(1).mean()
        # Of the mean over the batch, the logarithm: KL(uniform | mean) stays finite where a class is at 0.
        log_mean = log_p.logsumexp(0) - math.log(len(log_p))
        prior = -math.log(self.classes) - log_mean.mean()
        loss = ce + self.prior_weight * prior
        parts = {"ce": ce.detach(), "prior": prior.detach()}
        if unlabelled and self.lambda_u:
            match = (log_p[2 * count :].exp() - target[2 * count :]).square().mean()
            since = epoch - self.warmup + self.step / steps
            loss = loss + self.lambda_u * (min(since / self.ramp, 1.0) if self.ramp else 1.0) * match
            parts["match"] = match.detach()
        return Step(loss, None, parts)

    def after_step(self, batch: Batch, trained: tuple[int, ...]) -> None:
        """Count the steps of a pass, on which the ramp depends."""
        self.step += 1

    def observe_held_out(self, index: Tensor, logits: Tensor) -> None:
        """Of rows that are in neither part, the predictions are the beliefs."""
        self.beliefs.index_copy_(0, index, torch.softmax(logits.float(), 1))

    def label_beliefs(self, rows: Tensor | None = None) -> Tensor:
        """The refined labels of the latest co-divide before sharpening, w y + (1 - w) p: ``[n, C]``.

        w and p are means over the two networks. Of held-out rows it is p alone; before the first co-divide, what the
        network that saw the row last says.
        """
        return self.beliefs if rows is None else self.beliefs.index_select(0, rows)

    def get_extra_state(self) -> dict[str, Any]:
        """How many epochs of losses have gone through the ring."""
        return {"divided": self.divided}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take up the count of `get_extra_state`."""
        self.divided = state["divided"]

    def _spread(self, data: Batches) -> Tensor | None:
        """Standard deviations of the view noise per column or channel; None where views need no noise."""
        if data.augment != "none" or not self.view_noise:
            return None
        x = data.take(data.draws[0].rows[:MANY_ROWS]).float()
        return x.std([0, *range(2, x.ndim)], keepdim=True, correction=0) * self.view_noise

    def _perturbed(self, x: Tensor) -> Tensor:
        """A view with noise of its own, if views need it."""
        if self.spread is None:
            return x
        noise = torch.from_numpy(self.generator.standard_normal(x.shape, dtype=np.float32))
        return x.float() + noise.to(x.device) * self.spread


def _pairs(data: Batches, labelled: Tensor, unlabelled: Tensor, size: int) -> Iterator[Batch]:
    """Every labelled row once, each batch with one of unlabelled rows, which start over when they are through.

    ``index`` and ``label`` hold the labelled rows, then the unlabelled; ``views`` are two of the labelled, then (if
    there are unlabelled rows) two of the unlabelled. Thus ``len(views[0])`` is the number of labelled rows.
    """
    others: Iterator[Batch] = iter(())
    for batch in data.batches(2, rows=labelled, batch_size=size):
        if not len(unlabelled):
            yield batch
            continue
        other = next(others, None)
        if other is None:
            others = iter(data.batches(2, rows=unlabelled, batch_size=size))
            other = next(others)
        yield Batch(
            torch.cat([batch.index, other.index]), batch.views + other.views, torch.cat([batch.label, other.label])
        )
