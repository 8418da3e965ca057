"""Where does each kind of chance come from, so that a seed repeats a run and a checkpoint continues it?"""

import zlib
from typing import Any

import numpy as np
import torch


def seed_for(seed: int, purpose: str) -> int:
    """A seed of 32 bits of its own for every purpose (split, noise, order, ...), derived from the run's seed."""
    return int(np.random.SeedSequence([seed, zlib.crc32(purpose.encode())]).generate_state(1)[0])


class Generators:
    """The random generators a run goes on drawing from; each purpose has its own, all derived from one seed.

    Attributes:
        order: order of examples (torch, CPU).
        augmentation: crops and flips (torch, CPU).
        method: what a method draws, mixup and the like (numpy).
    """

    def __init__(self, seed: int) -> None:
        self.order = torch.Generator().manual_seed(seed_for(seed, "order"))
        self.augmentation = torch.Generator().manual_seed(seed_for(seed, "augmentation"))
        self.method = np.random.default_rng(seed_for(seed, "method"))

    def state_dict(self) -> dict[str, Any]:
        """Where every generator stands, torch's global one of the processor included (a network may drop out)."""
        return {
            "order": self.order.get_state(),
            "augmentation": self.augmentation.get_state(),
            "method": self.method.bit_generator.state,
            "global": torch.get_rng_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state of `state_dict`; torch's global generator too: the caller forks it."""
        self.order.set_state(state["order"])
        self.augmentation.set_state(state["augmentation"])
        self.method.bit_generator.state = state["method"]
        torch.set_rng_state(state["global"])
