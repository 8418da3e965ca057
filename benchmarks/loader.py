"""How much faster do whole batches reach the network than images made one at a time?

Both sides draw an order, crop (4 zero pixels around), mirror and normalise images of 32 x 32 in batches of 128, and
give float32: `earlylearn.loop.batches` and the network's first layer here, the plain data loader there.

Run:
    python -m benchmarks loader
"""

import statistics

import numpy as np
import torch

from benchmarks.plain import PlainImages, plain_loader
from benchmarks.timing import interleaved, ratio
from earlylearn.loop.batches import Batches, Draw
from earlylearn.networks import Normalize

EXAMPLES, BATCH = 640, 128
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
GOALS = {"plain_to_batched": ">= 12"}


def measure(rounds: int = 9) -> dict[str, float]:
    """Images per second of both ways, and the ratio of their times: medians over the rounds."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (EXAMPLES, 3, 32, 32)).astype(np.uint8)
    labels = rng.integers(0, 10, EXAMPLES)
    loader = plain_loader(PlainImages(images, labels, mean=MEAN, std=STD), BATCH)
    batches = Batches(
        torch.from_numpy(images),
        [Draw(torch.arange(EXAMPLES), torch.from_numpy(labels))],
        batch_size=BATCH,
        augment="crop+flip",
        order=torch.Generator().manual_seed(0),
        augmentation=torch.Generator().manual_seed(1),
    )
    normalize = Normalize(torch.tensor(MEAN), torch.tensor(STD))

    def plain() -> None:
        for _ in loader:
            pass

    def batched() -> None:
        for batch in batches.batches():
            normalize(batch.views[0])

    times = interleaved({"plain": plain, "batched": batched}, rounds)
    return {
        "plain_images_per_second": EXAMPLES / statistics.median(times["plain"]),
        "batched_images_per_second": EXAMPLES / statistics.median(times["batched"]),
        "plain_to_batched": ratio(times["plain"], times["batched"]),
    }
