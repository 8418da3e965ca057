"""Which networks are small enough for tables, digits and a processor without a GPU?"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from earlylearn.networks.max_pool import MaxPool2


def linear(inputs: int, classes: int) -> nn.Sequential:
    """Softmax regression: flattens ``[B, ...]`` to ``[B, inputs]``, gives logits ``[B, classes]``."""
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, classes))


def mlp(inputs: int, classes: int, *, hidden: Sequence[int] = (512, 512)) -> nn.Sequential:
    """ReLU perceptron: flattens ``[B, ...]`` to ``[B, inputs]``, gives logits ``[B, classes]``.

    Args:
        inputs: numbers per example.
        classes: number of logits.
        hidden: units of each hidden layer; neither batch normalisation nor dropout lies between them.
    """
    layers: list[nn.Module] = [nn.Flatten()]
    width = inputs
    for units in hidden:
        layers += [nn.Linear(width, units), nn.ReLU(inplace=True)]
        width = units
    return nn.Sequential(*layers, nn.Linear(width, classes))


class SmallCNN(nn.Module):
    """Three 3x3 conv-BN-ReLU blocks with max-pooling between them, global average pooling, a linear layer.

    Pooling comes before ReLU: the same numbers and gradients, of a quarter as many pixels.

    Takes ``[B, channels, height, width]`` of at least 4 x 4 pixels, gives logits ``[B, classes]``.

    Args:
        channels: of the images, 1 for grey ones.
        classes: number of logits.
        widths: channels of the blocks.
    """

    def __init__(self, channels: int, classes: int, *, widths: Sequence[int] = (32, 64, 128)) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        before = channels
        for position, width in enumerate(widths, start=1):
            blocks += [nn.Conv2d(before, width, kernel_size=3, padding=1, bias=False), nn.BatchNorm2d(width)]
            if position < len(widths):
                blocks.append(MaxPool2())
            blocks.append(nn.ReLU(inplace=True))
            before = width
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(before, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[B, classes]``."""
        features = self.blocks(x)
        # The mean over the pixels; mean(dim=(2, 3)) takes longer, a sixteenth of the whole step.
        logits: Tensor = self.head(F.avg_pool2d(features, features.shape[-2:]).flatten(1))
        return logits
