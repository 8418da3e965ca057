"""How much longer is a training step with ELR than with cross-entropy, and how much of it is writing logits down?

Whole epochs of `earlylearn.loop.fit.Fit` on the small network, as a run trains it: rows drawn and augmented, forward,
loss, backward, SGD, in the precision a run picks here. An epoch of one method follows one of the other, on processor
time, so that a busy machine slows both alike.

Run:
    python -m benchmarks step
"""

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from lightning_fabric import Fabric

from earlylearn.loop.batches import Batches, Draw
from earlylearn.loop.fit import Fit
from earlylearn.loop.method import Method
from earlylearn.methods import METHODS
from earlylearn.networks import build_network, default_precision

NETWORK = "small-cnn"
CLASSES = 10
SHAPES = {"8x8x1_b64": ((1, 8, 8), 64), "32x32x3_b128": ((3, 32, 32), 128)}
STEPS = {"8x8x1_b64": 40, "32x32x3_b128": 4}  # of an epoch
GOALS = {f"{name}_elr_to_ce": "<= 1.05" for name in SHAPES}


class Epochs:
    """Epochs of one method, each timed.

    Attributes:
        writing: processor seconds spent so far on writing down the logits of every row (`earlylearn.loop.seen`).
    """

    def __init__(self, method: str, shape: tuple[int, int, int], batch: int, *, steps: int, epochs: int) -> None:
        n = steps * batch
        inputs = torch.randint(0, 256, (n, *shape), dtype=torch.uint8)
        self.method: Method = METHODS[method](
            lambda: build_network(
                NETWORK,
                shape=shape,
                classes=CLASSES,
                mean=torch.full((shape[0],), 0.5),
                std=torch.full((shape[0],), 0.25),
            ),
            n,
            CLASSES,
        )
        draw = Draw(torch.arange(n), torch.randint(CLASSES, (n,)))
        data = Batches(
            inputs,
            [draw],
            batch_size=batch,
            augment="crop+flip",
            order=torch.Generator().manual_seed(0),
            augmentation=torch.Generator().manual_seed(1),
        )
        fabric = Fabric(accelerator="cpu", devices=1, precision=default_precision(NETWORK))  # type: ignore[arg-type]
        self.writing = 0.0
        fit = Fit(self.method, data, fabric, epochs=epochs)
        fit.seen.add = self._timed(fit.seen.add)  # type: ignore[method-assign]
        self.epochs: Iterator[Any] = fit.run(lambda count, read: None)
        self.steps = steps

    def next(self) -> float:
        """Train an epoch; processor seconds of a step of it."""
        began = time.process_time()
        next(self.epochs)
        return (time.process_time() - began) / self.steps

    def _timed(self, write: Callable[..., None]) -> Callable[..., None]:
        def timed(*arguments: Any) -> None:
            began = time.process_time()
            write(*arguments)
            self.writing += time.process_time() - began

        return timed


def measure(rounds: int = 9) -> dict[str, float]:
    """Milliseconds of a step of each method, their ratio, the share of writing logits down: medians over the rounds."""
    result = {}
    with torch.random.fork_rng(devices=[]):
        for name, (shape, batch) in SHAPES.items():
            torch.manual_seed(0)
            ce, elr = (Epochs(method, shape, batch, steps=STEPS[name], epochs=rounds + 1) for method in ("ce", "elr"))
            ce.next(), elr.next()
            ce.writing = elr.writing = 0.0
            pairs = [(ce.next(), elr.next()) for _ in range(rounds)]
            result[f"{name}_ce_ms"] = 1e3 * statistics.median(plain for plain, _ in pairs)
            result[f"{name}_elr_ms"] = 1e3 * statistics.median(ours for _, ours in pairs)
            result[f"{name}_elr_to_ce"] = statistics.median(ours / plain for plain, ours in pairs)
            result[f"{name}_written_share"] = elr.writing / (elr.steps * sum(ours for _, ours in pairs))
    return result
