"""How is a whole batch of images cropped and flipped at random, at once and wherever it lies?

Draws are apart from their application: `draw` says which crops, `apply` makes them, so that a slow
per-example version can be given the same draws (tests/reference/augment_literal.py).
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from earlylearn.errors import UsageError


def suitable_pad(height: int, width: int) -> int:
    """The padding that suits images of this size: CIFAR's 4 for 32 pixels, in proportion, at least 1."""
    return max(1, round(min(height, width) / 8))


def draw(n: int, *, pad: int = 4, flip: bool = True, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Draw where to crop and whether to flip ``n`` images.

    Args:
        n: images in the batch.
        pad: zero pixels on every side, 0 or more; 4 for CIFAR in every paper here.
        flip: whether to mirror with probability 1/2 (False never mirrors, and draws nothing for it).
        generator: a CPU generator; the only source of randomness.

    Returns:
        ``dy`` and ``dx``, ``int64 [n]`` uniform on ``0 .. 2 * pad``, the upper left corner of the crop in the
        padded image; ``flip``, ``bool [n]``. All on the CPU.

    Raises:
        UsageError: ``pad`` is negative.
    """
    if pad < 0:
        raise UsageError(f"augmentation: pad is {pad}; give 0 or more pixels")
    corners = torch.randint(0, 2 * pad + 1, (2, n), generator=generator)
    mirrored = torch.zeros(n, dtype=torch.bool)
    if flip:
        mirrored = torch.randint(0, 2, (n,), generator=generator).bool()
    return corners[0], corners[1], mirrored


def apply(images: Tensor, dy: Tensor, dx: Tensor, flip: Tensor, pad: int) -> Tensor:
    """Crop every image, padded by ``pad`` zeros, at its own corner, and mirror those of ``flip``.

    Args:
        images: ``[B, C, H, W]`` of any dtype.
        dy: ``int64 [B]`` in ``0 .. 2 * pad``, on the images' device, as `dx` and `flip` are.
        dx: the same, for columns.
        flip: ``bool [B]``, applied after the crop.
        pad: zero pixels on every side.

    Returns:
        ``[B, C, H, W]`` of the same dtype on the same device.
    """
    batch, channels, height, width = images.shape
    # One gather crops and mirrors: position (y, x) of the result reads row dy + y and column dx + x of the
    # padded image, or column dx + (width - 1 - x) where it is mirrored. Twice as fast on a processor as
    # indexing an unfolded view and choosing with torch.where, and nothing waits for the device.
    along = torch.arange(width, device=images.device)
    columns = dx[:, None] + torch.where(flip[:, None], width - 1 - along, along)
    rows = dy[:, None] + torch.arange(height, device=images.device)
    position = rows[:, :, None] * (width + 2 * pad) + columns[:, None, :]
    padded = F.pad(images, (pad, pad, pad, pad)).reshape(batch, channels, -1)
    read = position.view(batch, 1, -1).expand(batch, channels, -1)
    return padded.gather(2, read).view(images.shape)


def crop_and_flip(images: Tensor, *, pad: int = 4, flip: bool = True, generator: torch.Generator) -> Tensor:
    """Pad with zeros, crop back at a random place, mirror left to right with probability 1/2.

    The augmentation of ELR, ELR+ and DivideMix on CIFAR. One draw per image; no Python per image.

    Args:
        images: ``uint8 [B, C, H, W]`` (any dtype works), on any device.
        pad: zero pixels on every side; 4 suits 32 x 32, `suitable_pad` says what suits other sizes.
        flip: whether to mirror at all (digits and text must not be).
        generator: a CPU generator, whatever the images' device: the draws are the same on every machine.

    Returns:
        New images of the same shape, dtype and device.

    Raises:
        UsageError: ``images`` are not four-dimensional, or ``pad`` is negative.
    """
    if images.ndim != 4:
        raise UsageError(
            f"augmentation: inputs of shape {list(images.shape)} are not images "
            "[batch, channels, height, width]; use augmentation none"
        )
    dy, dx, mirrored = (
        drawn.to(images.device, non_blocking=True)
        for drawn in draw(len(images), pad=pad, flip=flip, generator=generator)
    )
    return apply(images, dy, dx, mirrored, pad)
