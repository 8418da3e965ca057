"""What does a method predict of rows, whatever its networks are wrapped in?"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from earlylearn.loop.inference import unwrap
from earlylearn.loop.method import Method

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def load_method(method: Method, state: dict[str, Any]) -> None:
    """Load a method's state whether or not its networks are wrapped (their wrapper changes names on loading)."""
    nets = list(method.nets)
    for k, net in enumerate(nets):
        method.nets[k] = unwrap(net)
    method.load_state_dict(state)
    for k, net in enumerate(nets):
        method.nets[k] = net


def predicted_parts(
    method: Method, fabric: "Fabric | None", batches: Iterable[tuple[Tensor, Tensor]]
) -> Iterator[tuple[Tensor, Tensor]]:
    """``(index, logits)`` of ``(index, inputs)`` batches, ``float32 [B, C]``, evaluated; without Fabric on the CPU."""
    method.eval()
    for index, x in batches:
        with torch.no_grad():
            if fabric is None:
                logits = method.predict(x).float()
            else:
                with fabric.autocast():
                    logits = method.predict(x.to(fabric.device, non_blocking=True)).float()
        yield index, logits


def predict_batches(method: Method, fabric: "Fabric | None", batches: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
    """The logits of `predicted_parts` as one tensor, ``float32 [sum of B, C]``."""
    return torch.cat([logits for _, logits in predicted_parts(method, fabric, batches)])
