"""Which optimizer trains a network, and with which learning rate does each of its layers learn?"""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from earlylearn.errors import UsageError, setting
from earlylearn.networks.build import behind_preparation
from earlylearn.networks.timm_networks import import_timm
from earlylearn.plugins import cause

OPTIMIZERS = ("sgd", "adamw")
Group = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class OptimizerSettings:
    """How networks are to be optimized.

    Attributes:
        optimizer: one of `OPTIMIZERS`; or of a user's own: a class of `torch.optim.Optimizer`, which gets the learning
            rate and weight decay below, a `functools.partial` of one, or a function from the network to an optimizer.
        lr: initial learning rate, of the last layers under layer-wise decay.
        momentum: of SGD.
        weight_decay: L2 coefficient of SGD on all parameters, as in the paper; decoupled in AdamW.
        layer_decay: learning rate of a layer over that of the layer after it, in (0, 1], of networks of timm;
            biases and norms then have no weight decay, as timm fine-tunes. None gives all layers the same.
    """

    optimizer: str | Callable[..., Any] = "sgd"
    lr: float = 0.02
    momentum: float = 0.9
    weight_decay: float = 1e-3
    layer_decay: float | None = None

    @property
    def own(self) -> bool:
        """Whether the optimizer is a user's own."""
        return not isinstance(self.optimizer, str)

    def make(self, network: nn.Module, device: torch.device) -> Optimizer:
        """The optimizer of a network.

        Raises:
            UsageError: there is none of that name, layer-wise decay is asked of a network that is not timm's, or an own
                one cannot be made.
        """
        if not isinstance(self.optimizer, str):
            return self._own(self.optimizer, network)
        parameters = self._parameters(network)
        if self.optimizer == "sgd":
            return torch.optim.SGD(
                parameters, lr=self.lr, momentum=self.momentum, weight_decay=self.weight_decay, fused=True
            )
        if self.optimizer == "adamw":
            # Capturable, so that steps can be replayed as CUDA graphs.
            on_gpu = device.type == "cuda"
            return torch.optim.AdamW(
                parameters, lr=self.lr, weight_decay=self.weight_decay, fused=True, capturable=on_gpu
            )
        raise UsageError(
            f"{setting('optimizer', self.optimizer)}: unknown; choose one of {', '.join(OPTIMIZERS)}, FILE.py:NAME"
        )

    def _parameters(self, network: nn.Module) -> Iterable[nn.Parameter] | list[Group]:
        if self.layer_decay is None:
            return network.parameters()
        asked, bare = setting("layer_decay", self.layer_decay), behind_preparation(network)
        if not hasattr(bare, "group_matcher"):
            raise UsageError(
                f"{asked}: is for networks of timm; use {setting('network', 'timm:NAME')}, or leave it out"
            )
        import_timm(asked)
        found: list[Group] = import_module("timm.optim").param_groups_layer_decay(
            bare, weight_decay=self.weight_decay, layer_decay=self.layer_decay
        )
        return [
            {"params": group["params"], "weight_decay": group["weight_decay"], "lr": self.lr * group["lr_scale"]}
            for group in found
        ]

    def _own(self, make: Callable[..., Any], network: nn.Module) -> Optimizer:
        asked = setting("optimizer", getattr(make, "__qualname__", type(make).__name__))
        kind = make.func if isinstance(make, partial) else make
        try:
            if isinstance(kind, type) and issubclass(kind, Optimizer):
                taken = inspect.signature(make).parameters
                given = {"lr": self.lr, "weight_decay": self.weight_decay} if make is kind else {}
                made = make(network.parameters(), **{k: v for k, v in given.items() if k in taken})
            else:
                made = make(behind_preparation(network))
        except UsageError:
            raise
        except Exception as error:
            raise UsageError(f"{asked}: cannot be made: {cause(error)}; it is given the network") from error
        if not isinstance(made, Optimizer):
            raise UsageError(f"{asked}: makes a {type(made).__name__}; return a torch.optim.Optimizer")
        ours = {id(weight) for weight in network.parameters()}
        if any(id(weight) not in ours for group in made.param_groups for weight in group["params"]):
            raise UsageError(
                f"{asked}: trains weights that are not the network's, of which a copy is trained; make it of the "
                "network that it is given"
            )
        return made
