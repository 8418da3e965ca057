"""What are the losses of every method's first twenty steps, for a change that must not change them?

Run (``make golden``), where a change is meant to change them; the difference then shows in the commit:
    python -m tests.golden.losses
"""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric

from earlylearn.loop.batches import Batches, Draw
from earlylearn.loop.fit import Fit
from earlylearn.methods import METHODS
from earlylearn.networks import build_network

FILE = Path(__file__).with_name("losses.json")
STEPS, ROWS, CLASSES, COLUMNS, BATCH, EPOCHS = 20, 40, 3, 8, 10, 5
# What makes a method do within twenty steps all that it does.
OPTIONS: dict[str, dict[str, Any]] = {
    "elr+": {"gamma_ramp": 7, "lam_ramp": 9, "update_labels": True},
    "forward": {"warmup": 2},
    "gce": {"truncation": 0.2, "prune_start": 1, "prune_every": 1},
    "co-teaching": {"forget_rate": 0.3, "num_gradual": 2},
    "co-teaching+": {"forget_rate": 0.3, "num_gradual": 2},
    "dividemix": {"warmup": 1, "lambda_u": 25.0, "ramp": 1},
    "sop": {"lr_u": 1e7, "lr_v": 1e7},
}


def losses(name: str) -> list[float]:
    """After each step of method ``name``, the mean loss of its epoch so far: of blobs of points, 30 % wrongly labelled.

    In float32, on a processor, with one thread or many.
    """
    rng = np.random.default_rng(0)
    true = np.arange(ROWS) % CLASSES
    labels = np.where(rng.random(ROWS) < 0.3, rng.integers(0, CLASSES, ROWS), true)
    inputs = (rng.normal(size=(CLASSES, COLUMNS))[true] + rng.normal(size=(ROWS, COLUMNS))).astype(np.float32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        moments = {"mean": torch.zeros(COLUMNS), "std": torch.ones(COLUMNS)}
        method = METHODS[name](
            lambda: build_network("mlp", shape=(COLUMNS,), classes=CLASSES, **moments),
            ROWS,
            CLASSES,
            **OPTIONS.get(name, {}),
            generator=np.random.default_rng(1),
        )
        data = Batches(
            torch.from_numpy(inputs),
            [Draw(torch.arange(ROWS), torch.from_numpy(labels))],
            batch_size=BATCH,
            augment="none",
            order=torch.Generator().manual_seed(2),
            augmentation=torch.Generator().manual_seed(3),
        )
        fit = Fit(method, data, Fabric(accelerator="cpu", devices=1, precision="32-true"), epochs=EPOCHS)
        return list(itertools.islice(_after_each_step(fit), STEPS))


def _after_each_step(fit: Fit) -> Iterator[float]:
    said: list[float] = []
    for _ in fit.run(lambda _, read: said.append(read()["loss"])):
        yield from said
        said.clear()


def write() -> None:
    """Measure all methods and keep the losses, to six digits."""
    golden = {name: [float(f"{loss:.6g}") for loss in losses(name)] for name in METHODS}
    lines = (f"{json.dumps(name)}: {json.dumps(values)}" for name, values in golden.items())
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    write()
