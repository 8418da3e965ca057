"""What do the processes of a launcher do that train runs together?

    python -m torch.distributed.run --standalone --nproc-per-node 2 -m tests.runs.shared_runs FOLDER CASE ...

and with ``--nproc-per-node 1`` a single one.
"""

import os
import sys
from pathlib import Path

import numpy as np
from torch import nn

import earlylearn as el

METHODS = (
    "ce",
    "kl",
    "targets",
    "elr",
    "elr+",
    "mixup",
    "bootstrap",
    "forward",
    "gce",
    "sce",
    "label-smoothing",
    "sop",
)
ROWS, CLASSES = 66, 3  # with batches of 16 the last has two rows: of three processes one has none
SETTINGS = {
    "epochs": 3,
    "batch_size": 16,
    "lr": 0.1,
    "schedule": "constant",
    "val_fraction": 0.0,
    "quiet": True,
    "accelerator": "cpu",
}
CASES = {name: {"method": name, "noise": "symmetric:0.4", "test_every": 1} for name in METHODS}
CASES |= {
    "held-out": {"method": "elr", "align": 1.0, "val_fraction": 0.2},
    "top16": {"method": "elr", "table": "top16"},
    "one-teacher": {"method": "elr+", "networks": 1, "alpha": 0, "val_fraction": 0.2},
    "weighted": {"method": "elr", "class_weights": "balanced"},
    "truncated": {"method": "gce", "truncation": 0.3, "prune_start": 1, "prune_every": 1},
    "warmed-up": {"method": "forward", "warmup": 1},
    "learned-noise": {"method": "sop", "lr_u": 100.0, "lr_v": 100.0},
    "balanced": {"method": "ce", "balanced_batches": 3},
}


def normalised(shape, classes):
    """A network that looks at the whole batch."""
    return nn.Sequential(nn.Linear(shape[0], 16), nn.BatchNorm1d(16), nn.SiLU(), nn.Linear(16, classes))


def points(rows=ROWS):
    """Three clouds, the first twice as large as either other."""
    rng = np.random.default_rng(0)
    y = np.minimum(np.arange(rows) % 4, CLASSES - 1)
    return rng.normal(size=(rows, 5)).astype(np.float32) + 2 * np.eye(5, dtype=np.float32)[y], y


def train(folder: Path, case: str, **settings):
    x, y = points()
    test = points(37)
    return el.train((x, y), test=test, network=normalised, out=folder / case, **{**SETTINGS, **CASES[case], **settings})


if __name__ == "__main__":
    if os.environ["RANK"] == "0":  # which alone writes pages
        from tests.undrawn import undrawn

        undrawn()
    for name in sys.argv[2:]:
        train(Path(sys.argv[1]), name)
