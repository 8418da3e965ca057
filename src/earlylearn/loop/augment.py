"""How is a whole batch of images cropped and flipped at random, at once and wherever it lies?

The augmentation of ELR, ELR+ and DivideMix on CIFAR: pad with zeros, crop back at a random place, mirror with
probability 1/2; without padding and to a smaller size, theirs on larger images. No Python per image.

Choices are apart from what they lead to: `choose_crops` says which crops, `apply` makes them, so that a slow
per-example version can be given the same ones (tests/reference/augment_literal.py).
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from earlylearn.errors import UsageError, setting


def suitable_pad(height: int, width: int) -> int:
    """The padding that suits images of this size: CIFAR's 4 for 32 pixels, in proportion, at least 1."""
    return max(1, round(min(height, width) / 8))


def choose_crops(
    n: int, *, pad: int = 4, spare: int = 0, flip: bool = True, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Choose at random where to crop and whether to flip ``n`` images.

    Args:
        n: images in the batch.
        pad: zero pixels on every side, 0 or more; 4 for CIFAR in every paper here.
        spare: pixels by which the images are larger than the crops.
        flip: whether to mirror with probability 1/2 (False never mirrors, and uses no random number for it).
        generator: a CPU generator; the only source of randomness.

    Returns:
        ``dy`` and ``dx``, ``int64 [n]`` uniform on ``0 .. 2 * pad + spare``, the upper left corner of the crop in the
        padded image; ``flip``, ``bool [n]``. All on the CPU.

    Raises:
        UsageError: ``pad`` is negative.
    """
    if pad < 0:
        raise UsageError(f"augmentation: pad is {pad}; give 0 or more pixels")
    corners = torch.randint(0, 2 * pad + spare + 1, (2, n), generator=generator)
    mirrored = torch.zeros(n, dtype=torch.bool)
    if flip:
        mirrored = torch.randint(0, 2, (n,), generator=generator).bool()
    return corners[0], corners[1], mirrored


def apply(images: Tensor, dy: Tensor, dx: Tensor, flip: Tensor, pad: int, size: int | None = None) -> Tensor:
    """Crop every image, padded by ``pad`` zeros, at its own corner, and mirror those of ``flip``.

    Args:
        images: ``[B, C, H, W]`` of any dtype.
        dy: ``int64 [B]``, the upper edge of each crop, on the images' device, as `dx` and `flip` are.
        dx: the same, for columns.
        flip: ``bool [B]``, or 0 and 1, applied after the crop.
        pad: zero pixels on every side.
        size: the side of the square that is cut out; as large as the images if None.

    Returns:
        ``[B, C, H, W]`` of the same dtype on the same device, or ``[B, C, size, size]``.
    """
    batch, channels, full_height, full_width = images.shape
    height, width = (full_height, full_width) if size is None else (size, size)
    padded = (F.pad(images, (pad, pad, pad, pad)) if pad else images).contiguous()
    # A row of a crop is a run of neighbours in memory, and copying runs takes half the time of gathering pixels. All
    # crops are mirrored and then picked from: torch.where takes longer, and a choice of rows would make a GPU wait.
    across = full_width + 2 * pad
    plane = across * (full_height + 2 * pad)
    image, channel, row = (torch.arange(count, device=images.device) for count in (batch, channels, height))
    corner = image * (channels * plane) + dy * across + dx
    begin = corner[:, None, None] + (channel * plane)[:, None] + row * across
    crops = padded.view(-1).unfold(0, width, 1).index_select(0, begin.flatten()).view(batch, channels, height, width)
    return torch.cat((crops, crops.flip(3))).index_select(0, image + batch * flip)


def check_images(shape: Sequence[int], size: int | None) -> None:
    """Raise UsageError unless inputs of shape ``(channels, height, width)`` can be cropped to squares of `size`."""
    if len(shape) != 3:
        raise UsageError(
            f"augmentation: inputs of shape {list(shape)} are not images [channels, height, width]; "
            "use augmentation none"
        )
    height, width = shape[1:]
    if size is not None and not height == width >= size:
        raise UsageError(
            f"{setting('crop', size)}: images of {height} x {width} pixels; give square ones at least as large"
        )
