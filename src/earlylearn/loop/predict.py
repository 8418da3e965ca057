"""What does a method predict of rows, whatever its networks are wrapped in?"""

from collections.abc import Iterable
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

from earlylearn.loop.inference import unwrap
from earlylearn.loop.method import Method


def load_method(method: Method, state: dict[str, Any]) -> None:
    """Load a method's state whether or not its networks are wrapped (their wrapper changes names on loading)."""
    nets = list(method.nets)
    for k, net in enumerate(nets):
        method.nets[k] = unwrap(net)
    method.load_state_dict(state)
    for k, net in enumerate(nets):
        method.nets[k] = net


@torch.no_grad()
def predict_batches(method: Method, fabric: Fabric, batches: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
    """Logits ``float32 [sum of B, C]`` of ``(index, inputs)`` batches, in evaluation mode."""
    method.eval()
    with fabric.autocast():
        return torch.cat([method.predict(x.to(fabric.device, non_blocking=True)).float() for _, x in batches])
