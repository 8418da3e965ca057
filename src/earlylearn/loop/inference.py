"""What is left of a trained method for whoever predicts: networks without what the loop put around them?"""

import sys
from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn


def unwrap(net: nn.Module) -> nn.Module:
    """The network itself, without what the loop put around it."""
    if "lightning_fabric" not in sys.modules:  # who only predicts need not wait for it
        return net
    from lightning_fabric.wrappers import is_wrapped

    return cast(nn.Module, net.module) if is_wrapped(net) else net


class MeanOfNetworks(nn.Module):
    """The mean of networks' logits.

    Args:
        networks: from the same inputs to logits ``[B, C]``.
    """

    def __init__(self, networks: Iterable[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[B, C]``."""
        return torch.stack([network(x) for network in self.networks]).mean(0)
