"""What is the PreActResNet-18 that ELR+ and DivideMix train on 32 x 32 images?"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from earlylearn.networks.cifar_resnet import RESNET18_BLOCKS, conv3x3


class PreActBlock(nn.Module):
    """Two BN-ReLU-conv layers around a shortcut, nothing after the sum (He et al. 2016b, ECCV)."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(before), conv3x3(before, after, stride)
        self.bn2, self.conv2 = nn.BatchNorm2d(after), conv3x3(after, after)
        self.shortcut: nn.Conv2d | None = None
        if stride != 1 or before != after:
            self.shortcut = nn.Conv2d(before, after, kernel_size=1, stride=stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, before, h, w]`` to ``[B, after, h / stride, w / stride]``."""
        activated = F.relu(self.bn1(x))
        # A shortcut that convolves sees the activated input, one that passes on sees the raw one.
        kept = x if self.shortcut is None else self.shortcut(activated)
        added: Tensor = self.conv2(F.relu(self.bn2(self.conv1(activated)))) + kept
        return added


class PreActResNet(nn.Module):
    """Pre-activation ResNet as the ELR+ and DivideMix code has it: 11,171,274 parameters for ten classes.

    It departs from He et al. 2016b at both ends: the stem is conv-BN-ReLU, and there is *no* batch
    normalisation and no ReLU between the last block and the average pooling. Pooling is over whatever is
    left of the image (4 x 4 of 32 x 32), so other sizes work too.

    Args:
        channels: of the images.
        classes: number of logits.
        blocks: how many blocks each of the four stages (64, 128, 256, 512 channels) has.
    """

    def __init__(self, channels: int, classes: int, *, blocks: Sequence[int] = RESNET18_BLOCKS) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv3x3(channels, 64), nn.BatchNorm2d(64)
        stages: list[nn.Module] = []
        before = 64
        for stage, count in enumerate(blocks):
            after = 64 * 2**stage
            first_stride = 1 if stage == 0 else 2
            layers = []
            for position in range(count):
                layers.append(PreActBlock(before, after, first_stride if position == 0 else 1))
                before = after
            stages.append(nn.Sequential(*layers))
        self.stages = nn.Sequential(*stages)
        self.linear = nn.Linear(before, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[B, classes]`` of normalised images ``[B, channels, h, w]``."""
        out = self.stages(F.relu(self.bn1(self.conv1(x))))
        logits: Tensor = self.linear(out.mean(dim=(2, 3)))
        return logits
