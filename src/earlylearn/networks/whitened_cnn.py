"""Which convolutional network learns 32 x 32 images in the fewest operations?

What the fastest public CIFAR-10 codes agree on (Page 2019; Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU",
2024): a first layer that whitens patches and is not trained, convolutions that begin as identities, pooling early,
batch normalisation without a trained scale and with a shift that learns fast, small logits.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from earlylearn.networks.max_pool import max_pool2

PATCH = 2  # pixels along a side of what is whitened
SHIFT_SCALE = 8.0  # SGD on a shift stored as 1/8 of itself moves it 64 times as fast
SMALLEST_VARIANCE = 5e-4  # of a patch's direction that is blown up to 1; below it there is nothing but noise


class WhitenedCNN(nn.Module):
    """Whitening 2 x 2 convolution, then blocks of two 3x3 convolutions with max-pooling between, a linear layer.

    Takes ``[B, channels, height, width]`` of at least 8 x 8 pixels, gives logits ``[B, classes]``. 2.0 million weights,
    .71 billion operations for a training step on an image of 32 x 32.

    Args:
        channels: of the images.
        classes: number of logits.
        widths: channels of the blocks.
    """

    whitening: Tensor

    def __init__(self, channels: int, classes: int, *, widths: Sequence[int] = (64, 256, 256)) -> None:
        super().__init__()
        size = channels * PATCH**2
        self.register_buffer("whitening", _with_opposites(torch.eye(size).view(size, channels, PATCH, PATCH)))
        self.shift = nn.Parameter(torch.zeros(2 * size))
        blocks, before = [], 2 * size
        for width in widths:
            blocks.append(_Block(before, width))
            before = width
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(before, classes, bias=False)

    @torch.no_grad()
    def whiten(self, images: Tensor) -> None:
        """Make the first layer's filters from normalised images ``float32 [m, channels, height, width]``.

        They are the principal directions of the images' patches, each divided by its standard deviation, and their
        opposites: behind ReLU-like functions of both nothing of a patch is lost.
        """
        patches = F.unfold(images.contiguous(), PATCH).transpose(1, 2).reshape(-1, len(self.whitening) // 2).double()
        patches -= patches.mean(0)
        variances, directions = torch.linalg.eigh(patches.T @ patches / len(patches))
        filters = (directions / torch.sqrt(variances + SMALLEST_VARIANCE)).T
        self.whitening.copy_(_with_opposites(filters.view(-1, *self.whitening.shape[1:])))

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[B, classes]``."""
        x = self.blocks(F.silu(F.conv2d(x, self.whitening, self.shift)))
        # By 9, as the public codes do: small logits, so that training does not begin with certainty.
        logits: Tensor = self.head(F.max_pool2d(x, x.shape[-2:]).flatten(1)) / 9
        return logits


class _Block(nn.Module):
    def __init__(self, before: int, width: int) -> None:
        super().__init__()
        self.first, self.second = _identity_convolution(before, width), _identity_convolution(width, width)
        self.first_norm, self.second_norm = _FastShiftNorm(width), _FastShiftNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        if min(x.shape[-2:]) > 1:  # small images are one pixel before the last block
            x = max_pool2(x)
        x = F.silu(self.first_norm(x))
        return F.silu(self.second_norm(self.second(x)))


class _FastShiftNorm(nn.BatchNorm2d):
    """Batch normalisation with the scale fixed at 1 and the shift `SHIFT_SCALE` times its parameter.

    Its averages forget over few batches (momentum .4), for a run has few.
    """

    scale: Tensor

    def __init__(self, width: int) -> None:
        super().__init__(width, momentum=0.4, affine=False)
        self.shift = nn.Parameter(torch.zeros(width))
        self.register_buffer("scale", torch.ones(width), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        shift = SHIFT_SCALE * self.shift
        averages = (self.running_mean, self.running_var)
        return F.batch_norm(x, *averages, self.scale, shift, self.training, self.momentum or 0.0, self.eps)


def _identity_convolution(before: int, width: int) -> nn.Conv2d:
    """A 3x3 convolution whose first channels pass on what they get; the others begin as PyTorch has them."""
    convolution = nn.Conv2d(before, width, kernel_size=3, padding=1, bias=False)
    nn.init.dirac_(convolution.weight[: min(before, width)].data)
    return convolution


def _with_opposites(filters: Tensor) -> Tensor:
    return torch.cat((filters, -filters))
