"""How does ELR+ train two networks on each other's averages with mixup (the paper's Algorithm 2)?"""

import copy
import math
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from earlylearn.loop.batches import Batch, Batches, Numbers
from earlylearn.loop.method import Method, Pass, Step
from earlylearn.losses.elr import elr_loss
from earlylearn.methods.elr import Beta, Lam
from earlylearn.methods.supervised import one_hot
from earlylearn.methods.with_targets import KeepsTargets, Table, said

Ramp = Annotated[int, Field(ge=0, description="steps of the sigmoid ramp-up; 0 switches the ramp off")]


def sigmoid_ramp(step: int, length: int) -> float:
    """exp(-5 (1 - min(step, length) / length)^2), from 0.007 up to 1 after ``length`` steps; 1 if length is 0."""
    return math.exp(-5 * (1 - min(step, length) / length) ** 2) if length else 1.0


def move(average: list[Tensor], live: list[Tensor], share: float | Tensor) -> None:
    """Move averages in place by a share, 0 .. 1, of the way to the live weights."""
    if isinstance(share, Tensor):  # on the device, where lerp takes no such number for many tensors at once
        way = torch._foreach_sub(live, average)
        torch._foreach_mul_(way, share)
        torch._foreach_add_(average, way)
    else:
        torch._foreach_lerp_(average, live, share)


class ELRPlus(KeepsTargets, Method):
    """ELR+: each network's targets come from the other's weight average on clean views; mixup; two networks.

    Liu et al., NeurIPS 2020, Algorithm 2 and supplement F. Each part can be switched off alone, which is the
    ablation of Table 5: ``networks=1``, ``alpha=0`` (no mixup), ``gamma=0`` (no weight averaging).

    Args:
        lam: regularization coefficient lambda >= 0.
        beta: temporal ensembling momentum, 0 <= beta < 1.
        alpha: mixup Beta parameter; 0 means no mixup. One coefficient and one permutation per batch.
        gamma: weight averaging momentum, 0 <= gamma < 1; 0 means the live weights.
        gamma_ramp: steps over which gamma ramps up (CIFAR: 40000). At 0 the average is the plain mean of the
            weights until it is gamma's exponential one: momentum min(1 - 1/(step + 1), gamma).
        lam_ramp: steps over which lam ramps up (CIFAR-100: 40000).
        networks: 2, or 1 network taught by its own average.
        table: how targets are kept, see `earlylearn.losses.sparse`.
        update_labels: multiply the (mixed) labels by the targets and renormalise, as the paper does on CIFAR-100.

    Differs from the released code: both networks see one split and one noise draw (the run setting
    ``as_released`` draws two); averages start as copies of their networks, not as other random networks; the ramps
    count steps from 0, there lam's from 1 and gamma's from 2, so that with ``gamma_ramp=0`` the first average is the
    weights after the first step (momentum 0), there their mean with the initial ones (momentum 1/2); targets
    are clamped as in ELR, so that relabelling never divides 0 by 0; relabelling is an option of its own, not
    keyed on 100 classes. As there: the average's forward pass uses batch statistics, and the two networks'
    logits are averaged to predict. Of several processes, each has the averages look at the whole batch: their targets
    are those of one process, in as much time.
    """

    replayable = True
    one_process = ""
    whole_batches = True
    paper = "Liu, Niles-Weed, Razavian, Fernandez-Granda, NeurIPS 2020"
    draw_per_network = True
    networks = 2
    held_out: Tensor

    def __init__(
        self,
        *given: Any,
        lam: Lam = 3.0,
        beta: Beta = 0.7,
        alpha: Annotated[float, Field(ge=0, description="mixup Beta parameter; 0 switches mixup off")] = 1.0,
        gamma: Annotated[float, Field(ge=0, lt=1, description="weight averaging momentum")] = 0.997,
        gamma_ramp: Ramp = 0,
        lam_ramp: Ramp = 0,
        networks: Annotated[Literal[1, 2], Field(description="networks that teach each other")] = 2,
        update_labels: Annotated[bool, Field(description="multiply labels by targets (CIFAR-100)")] = False,
        table: Table = "auto",
        **others: Any,
    ) -> None:
        self.networks = networks
        super().__init__(*given, **others)
        self.lam, self.alpha, self.gamma = lam, alpha, gamma
        self.gamma_ramp, self.lam_ramp, self.update_labels = gamma_ramp, lam_ramp, update_labels
        self.averages = nn.ModuleList(copy.deepcopy(net).requires_grad_(False) for net in self.nets)
        self.keep_targets(networks, self.n, self.classes, beta=beta, table=table)
        self.register_buffer("held_out", torch.ones(networks, self.n, dtype=torch.bool), persistent=False)
        self.steps = [0] * networks

    def passes(self, epoch: int, data: Batches) -> Iterator[Pass]:
        """One network after the other, each over an order (and, as released, a noise draw) of its own."""
        for k in range(self.networks):
            self.held_out[k] = True
            self.held_out[k, data.rows(k)] = False
            yield Pass(data.batches(self.views, draw=k), partial(self.loss, k=k), (k,))

    def numbers(self, examples: int, trained: tuple[int, ...]) -> Numbers:
        """lam and the step of the weight average, as far as ramped up; with mixup, the share and the partners."""
        (k,) = trained
        step = self.steps[k]
        self.steps[k] += 1
        lam = self.lam * sigmoid_ramp(step, self.lam_ramp)
        if self.gamma_ramp:
            momentum = self.gamma * sigmoid_ramp(step, self.gamma_ramp)
        else:
            momentum = min(1 - 1 / (step + 1), self.gamma)
        if not self.alpha:
            return lam, 1 - momentum
        share = self.generator.beta(self.alpha, self.alpha)
        return lam, 1 - momentum, max(share, 1 - share), torch.from_numpy(self.generator.permutation(examples))

    def loss(self, batch: Batch, k: int = 0) -> Step:
        """Network k's loss: soft cross-entropy on mixed inputs plus the regularizer on mixed targets."""
        x, label, mine = batch.views[0], one_hot(batch.label, self.classes), batch.part
        with torch.no_grad():
            taught = self.averages[(k + 1) % self.networks](x)
            target = self.move_targets(batch.index, said(taught), k=k)
        lam, _, *mixing = batch.numbers
        if mixing:
            share, partner = mixing
            others = partner[mine]
            x, label, target = (share * v[mine] + (1 - share) * v[others] for v in (x.float(), label, target))
        else:
            x, label, target = (v[mine] for v in (x, label, target))
        if self.update_labels:
            label = label * target
            label = label / label.sum(1, keepdim=True)
        loss, ce, regularizer = elr_loss(self.nets[k](x), label, target, lam)
        return Step(loss, taught[mine], {"ce": ce, "elr": regularizer})

    @torch.no_grad()
    def after_step(self, batch: Batch, trained: tuple[int, ...]) -> None:
        """Move the trained networks' averages towards their weights."""
        for k in trained:
            average: list[Tensor] = list(self.averages[k].parameters())
            live: list[Tensor] = list(self.nets[k].parameters())
            move(average, live, batch.numbers[1])

    def observe_held_out(self, index: Tensor, logits: Tensor) -> None:
        """Average the predictions in the targets of each network that does not train on the rows."""
        # As released, what the first network holds out may train the second, whose pass has averaged it already.
        for k, free in enumerate(self.held_out[:, index]):
            self.move_targets(index[free], said(logits[free]), k=k)

    def get_extra_state(self) -> dict[str, Any]:
        """The optimizer steps each network has taken, on which the ramps depend."""
        return {"steps": list(self.steps)}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take up the step counts of `get_extra_state`."""
        self.steps = list(state["steps"])
