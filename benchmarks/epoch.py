"""How much faster is a whole training epoch than in the released code's manner?

ELR on random images of 32 x 32 with crops and flips, batches of 128: `earlylearn.loop.fit.Fit` with its batches, in the
precision a run picks here, against the plain loop with its data loader. Nothing is evaluated on either side.

Run:
    python -m benchmarks epoch
"""

import statistics
from collections.abc import Callable

import numpy as np
import torch
from lightning_fabric import Fabric

from benchmarks.plain import PlainImages, ReleasedLoss, plain_epoch, plain_loader, plain_network, plain_optimizer
from benchmarks.timing import interleaved, ratio
from earlylearn.loop.batches import Batches, Draw
from earlylearn.loop.fit import Fit
from earlylearn.methods.elr import ELR
from earlylearn.networks import build_network, default_precision

SHAPE, CLASSES, BATCH = (3, 32, 32), 10, 128
EXAMPLES = {"small-cnn": 256, "linear": 1280}
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
LAM, BETA = 3.0, 0.7
SGD = {"lr": 0.02, "momentum": 0.9, "weight_decay": 1e-3}
GOALS = {"small-cnn_plain_to_ours": ">= 3", "linear_plain_to_ours": ">= 12"}


def sides(network: str, images: np.ndarray, labels: np.ndarray) -> dict[str, Callable[[], object]]:
    """An epoch of either way, each to be called again and again."""
    n = len(images)
    net = plain_network(network, SHAPE, CLASSES)
    loader = plain_loader(PlainImages(images, labels, mean=MEAN, std=STD), BATCH)
    loss, optimizer = ReleasedLoss(n, CLASSES, lam=LAM, beta=BETA), plain_optimizer(net, **SGD)

    method = ELR(
        lambda: build_network(network, shape=SHAPE, classes=CLASSES, mean=torch.tensor(MEAN), std=torch.tensor(STD)),
        n,
        CLASSES,
        lam=LAM,
        beta=BETA,
    )
    batches = Batches(
        torch.from_numpy(images),
        [Draw(torch.arange(n), torch.from_numpy(labels))],
        batch_size=BATCH,
        augment="crop+flip",
        order=torch.Generator().manual_seed(0),
        augmentation=torch.Generator().manual_seed(1),
    )
    fabric = Fabric(accelerator="cpu", devices=1, precision=default_precision(network, "cpu"))  # type: ignore[arg-type]
    epochs = Fit(method, batches, fabric, epochs=10**9, **SGD).run(lambda count, read: None)
    return {"plain": lambda: plain_epoch(net, loader, loss, optimizer), "ours": lambda: next(epochs)}


def measure(rounds: int = 9, *, examples: dict[str, int] = EXAMPLES) -> dict[str, float]:
    """Images per second of both ways, and the ratio of their times, for each network: medians over the rounds."""
    rng = np.random.default_rng(0)
    result = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for network, n in examples.items():
            images = rng.integers(0, 256, (n, *SHAPE)).astype(np.uint8)
            times = interleaved(sides(network, images, rng.integers(0, CLASSES, n)), rounds)
            for name, values in times.items():
                result[f"{network}_{name}_images_per_second"] = n / statistics.median(values)
            result[f"{network}_plain_to_ours"] = ratio(times["plain"], times["ours"])
    return result
