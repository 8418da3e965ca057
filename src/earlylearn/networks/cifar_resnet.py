"""What is the ResNet-34 that the paper trains on 32 x 32 images?"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

RESNET18_BLOCKS = (2, 2, 2, 2)
RESNET34_BLOCKS = (3, 4, 6, 3)


def conv3x3(before: int, after: int, stride: int = 1) -> nn.Conv2d:
    """A 3x3 convolution that keeps the size (at stride 1), without bias: batch normalisation follows."""
    return nn.Conv2d(before, after, kernel_size=3, stride=stride, padding=1, bias=False)


class BasicBlock(nn.Module):
    """Two conv-BN layers around a shortcut, ReLU after the sum (He et al. 2016a, CVPR)."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv3x3(before, after, stride), nn.BatchNorm2d(after)
        self.conv2, self.bn2 = conv3x3(after, after), nn.BatchNorm2d(after)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or before != after:
            self.shortcut = nn.Sequential(
                nn.Conv2d(before, after, kernel_size=1, stride=stride, bias=False), nn.BatchNorm2d(after)
            )

    def forward(self, x: Tensor) -> Tensor:
        """``[B, before, h, w]`` to ``[B, after, h / stride, w / stride]``."""
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


class CifarResNet(nn.Module):
    """ResNet with a 3x3 stem of stride 1 and no max-pooling, for small images.

    With ``RESNET34_BLOCKS`` this is ELR's network on CIFAR: 21,282,122 parameters for ten classes. Average
    pooling is over whatever is left of the image (4 x 4 of 32 x 32), so other sizes work too.

    Differs from the released code: the output-gradient hook that it registers and never uses is left out.

    Args:
        channels: of the images.
        classes: number of logits.
        blocks: how many blocks each of the four stages (64, 128, 256, 512 channels) has.
    """

    def __init__(self, channels: int, classes: int, *, blocks: Sequence[int] = RESNET34_BLOCKS) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv3x3(channels, 64), nn.BatchNorm2d(64)
        stages: list[nn.Module] = []
        before = 64
        for stage, count in enumerate(blocks):
            after = 64 * 2**stage
            first_stride = 1 if stage == 0 else 2
            layers = []
            for position in range(count):
                layers.append(BasicBlock(before, after, first_stride if position == 0 else 1))
                before = after
            stages.append(nn.Sequential(*layers))
        self.stages = nn.Sequential(*stages)
        self.linear = nn.Linear(before, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[B, classes]`` of normalised images ``[B, channels, h, w]``."""
        out = self.stages(F.relu(self.bn1(self.conv1(x))))
        logits: Tensor = self.linear(out.mean(dim=(2, 3)))
        return logits
