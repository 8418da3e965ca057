"""How does a module take up saved buffers whose shapes only the data decided?"""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn


class GrownBuffers(nn.Module):
    """A base beside another that brings no constructor: buffers that begin empty, and are loaded in any shape.

    Attributes:
        grown: names of these buffers; float32 but where the module registers them otherwise.
    """

    grown: ClassVar[tuple[str, ...]] = ()

    def begin_empty(self) -> None:
        """Register the buffers, empty; to be called once, by the constructor."""
        for name in self.grown:
            self.register_buffer(name, torch.zeros(0))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *others: Any) -> None:
        for name in self.grown:
            saved, own = state_dict.get(prefix + name), getattr(self, name)
            if isinstance(saved, Tensor):
                setattr(self, name, torch.empty(saved.shape, dtype=saved.dtype, device=own.device))
        super()._load_from_state_dict(state_dict, prefix, *others)
