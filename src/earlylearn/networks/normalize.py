"""How do raw inputs become what a network's first layer expects?"""

import torch
from torch import Tensor, nn

from earlylearn.errors import UsageError


class Normalize(nn.Module):
    """Turns raw inputs into float32 ones of mean 0 and standard deviation 1 per channel or column.

    Images ``[B, channels, height, width]`` hold 0 .. 255, as uint8 or as floats (mixup blends them before
    they come here); the output is ``(x / 255 - mean) / std``. Features ``[B, d]`` are floats in their own units;
    the output is ``(x - mean) / std``. Being the first layer, it travels with the network into every
    checkpoint, so that whoever predicts cannot forget it.

    Args:
        mean: float ``[channels]`` on the scale 0 .. 1 for images, ``[d]`` for features.
        std: the same shape, not negative; a constant channel or column (std 0) is only centred.

    Raises:
        UsageError: mean and std are not of one length, not finite, or std is negative.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        mean = torch.as_tensor(mean, dtype=torch.float32).detach().clone().flatten()
        std = torch.as_tensor(std, dtype=torch.float32).detach().clone().flatten()
        if mean.shape != std.shape:
            raise UsageError(f"normalize: {len(mean)} means but {len(std)} standard deviations; give one each")
        bad = torch.nonzero(~torch.isfinite(mean) | ~torch.isfinite(std) | (std < 0)).flatten()
        if len(bad):
            at = int(bad[0])
            raise UsageError(
                f"normalize: mean {float(mean[at]):g} and std {float(std[at]):g} of channel or column {at}; "
                "give finite numbers, std 0 or more"
            )
        self.register_buffer("mean", mean)
        self.register_buffer("std", torch.where(std == 0, 1.0, std))

    def forward(self, x: Tensor) -> Tensor:
        """Normalised ``float32`` inputs of the same shape."""
        if x.ndim != 4:
            return (x.to(self.mean.dtype) - self.mean) / self.std
        # Two passes over the images instead of three, in place: fresh memory costs more than the arithmetic. Not so for
        # features, where a mean far larger than the standard deviation would cancel in float32.
        scale = (1 / (255 * self.std)).view(1, -1, 1, 1)
        shift = (-self.mean / self.std).view(1, -1, 1, 1)
        # Not reordered to channels_last: a convolution does so itself in the same time, a linear layer would undo it.
        return x.to(torch.float32, copy=True).mul_(scale).add_(shift)
