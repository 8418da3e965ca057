"""How much faster are whole batches cropped, flipped and normalised than one image at a time?

The other side is the manner of torchvision's PIL transforms, which the released ELR code runs: per image, a
Pillow image is padded, cropped, perhaps mirrored, turned into a float tensor and normalised, and the batch
is stacked at the end. Both sides run in turn within each round, so that a busy machine slows both alike.

Run:
    python -m benchmarks augmentation
"""

import random
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from earlylearn.data.augment import crop_and_flip
from earlylearn.networks import Normalize

BATCH = 128
PAD = 4
GOALS = {"ratio_cpu": ">= 10"}
MEAN = torch.tensor([0.4914, 0.4822, 0.4465])
STD = torch.tensor([0.2023, 0.1994, 0.2010])


def one_by_one(images: np.ndarray, draws: random.Random) -> Tensor:
    """``uint8 [B, H, W, 3]`` to ``float32 [B, 3, H, W]``, a Pillow image at a time."""
    height, width = images.shape[1:3]
    mean, std = MEAN[:, None, None], STD[:, None, None]
    results = []
    for pixels in images:
        image = ImageOps.expand(Image.fromarray(pixels), border=PAD, fill=0)
        top, left = draws.randint(0, 2 * PAD), draws.randint(0, 2 * PAD)
        image = image.crop((left, top, left + width, top + height))
        if draws.random() < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        tensor = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous().float().div(255)
        results.append(tensor.sub_(mean).div_(std))
    return torch.stack(results)


def timed(work: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Wall and processor seconds of one call out of ``repeats``."""
    wall, processor = time.perf_counter(), time.process_time()
    for _ in range(repeats):
        work()
    return (time.perf_counter() - wall) / repeats, (time.process_time() - processor) / repeats


def measure(rounds: int = 7) -> dict[str, float]:
    """Images per second of both ways, and their ratios: medians over interleaved rounds.

    The number of threads is the caller's; the command line sets one.
    """
    images = torch.randint(0, 256, (BATCH, 3, 32, 32), dtype=torch.uint8)
    pixels = images.permute(0, 2, 3, 1).contiguous().numpy()
    generator, draws = torch.Generator().manual_seed(0), random.Random(0)
    normalize = Normalize(MEAN, STD)

    def batched() -> Tensor:
        return normalize(crop_and_flip(images, pad=PAD, generator=generator))

    def per_image() -> Tensor:
        return one_by_one(pixels, draws)

    timed(batched, 20)
    timed(per_image, 2)
    fast, slow = [], []
    for _ in range(rounds):
        fast.append(timed(batched, 60))
        slow.append(timed(per_image, 5))
    pairs = list(zip(fast, slow, strict=True))
    return {
        "batched_images_per_second": BATCH / statistics.median(wall for wall, _ in fast),
        "per_image_images_per_second": BATCH / statistics.median(wall for wall, _ in slow),
        "ratio_wall": statistics.median(s[0] / f[0] for f, s in pairs),
        "ratio_cpu": statistics.median(s[1] / f[1] for f, s in pairs),
        "rounds": float(rounds),
        "threads": float(torch.get_num_threads()),
    }
