"""What does the released ELR code do for each image, each step and each epoch, restated plainly from its description?

One Pillow image at a time is padded, cropped, perhaps mirrored, made a float tensor and normalised; a data loader
stacks them; the loss finds its targets by lists of indices; SGD goes from parameter to parameter; loss and accuracy
are read at every step; float32. The transforms compute what torchvision's compute, but check less and call fewer
functions: ratios to this side are smaller than to torchvision itself (RECORDS.md).
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, RandomSampler

from earlylearn.networks.build import bare_network


class ReleasedLoss:
    """The released loss: list-indexed targets, automatic differentiation through clamp, product and log."""

    def __init__(self, num_examples: int, num_classes: int, *, lam: float = 3.0, beta: float = 0.7) -> None:
        self.targets = torch.zeros(num_examples, num_classes)
        self.lam, self.beta = lam, beta

    def __call__(self, index: list[int], logits: Tensor, labels: Tensor) -> Tensor:
        probability = torch.clamp(F.softmax(logits, dim=1), 1e-4, 1.0 - 1e-4)
        self.update(index, probability.data.detach())
        regularizer = ((1 - (self.targets[index] * probability).sum(dim=1)).log()).mean()
        return F.cross_entropy(logits, labels) + self.lam * regularizer

    def update(self, index: list[int], probability: Tensor) -> None:
        share = probability / probability.sum(dim=1, keepdim=True)
        self.targets[index] = self.beta * self.targets[index] + (1 - self.beta) * share


class PlainImages(Dataset[tuple[Tensor, int, int]]):
    """Images one at a time: ``(float32 [C, H, W], label, index)``.

    Args:
        images: ``uint8 [n, C, H, W]``, C 1 or 3.
        labels: int ``[n]``.
        mean: per channel, on the scale 0 .. 1.
        std: the same.
        pad: zero pixels on every side before the random crop; None neither crops nor mirrors.
        flip: whether to mirror with probability 1/2.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        *,
        mean: Sequence[float],
        std: Sequence[float],
        pad: int | None = 4,
        flip: bool = True,
    ) -> None:
        grey = images.shape[1] == 1
        self.pixels = images[:, 0] if grey else np.ascontiguousarray(images.transpose(0, 2, 3, 1))
        self.labels, self.pad, self.flip = labels, pad, flip
        self.mean, self.std = list(mean), list(std)

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> tuple[Tensor, int, int]:
        image = Image.fromarray(self.pixels[index])
        if self.pad is not None:
            width, height = image.size
            image = ImageOps.expand(image, border=self.pad, fill=0)
            top, left = (int(torch.randint(0, 2 * self.pad + 1, size=(1,)).item()) for _ in range(2))
            image = image.crop((left, top, left + width, top + height))
            if self.flip and torch.rand(1) < 0.5:
                image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        pixels = torch.from_numpy(np.array(image))
        tensor = pixels.view(*pixels.shape[:2], -1).permute(2, 0, 1).contiguous().float().div(255)
        return self.normalized(tensor), int(self.labels[index]), index

    def normalized(self, image: Tensor) -> Tensor:
        mean, std = (torch.as_tensor(values, dtype=image.dtype).view(-1, 1, 1) for values in (self.mean, self.std))
        if (std == 0).any():
            raise ValueError("a standard deviation is 0")
        return image.clone().sub_(mean).div_(std)


def plain_loader(images: PlainImages, batch_size: int, order: torch.Generator | None = None) -> DataLoader:
    """Batches of all images in a new order each time, made in this process."""
    return DataLoader(images, batch_size=batch_size, sampler=RandomSampler(images, generator=order))


def plain_network(name: str, shape: tuple[int, ...], classes: int) -> nn.Module:
    """The network without what a run adds: images come normalised, weights lie as PyTorch makes them."""
    return bare_network(name, shape, classes).to(memory_format=torch.contiguous_format)


def plain_optimizer(net: nn.Module, *, lr: float, momentum: float, weight_decay: float) -> torch.optim.SGD:
    """PyTorch's default SGD: on a processor, one parameter after another."""
    return torch.optim.SGD(net.parameters(), lr=lr, momentum=momentum, weight_decay=weight_decay)


def plain_epoch(
    net: nn.Module, loader: DataLoader, loss: ReleasedLoss, optimizer: torch.optim.Optimizer
) -> tuple[float, float]:
    """Train an epoch; loss and accuracy against the given labels, means over its batches."""
    net.train()
    losses, accuracies = [], []
    for images, labels, index in loader:
        logits = net(images)
        value = loss(index.tolist(), logits, labels)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(value.item())
        accuracies.append((logits.argmax(dim=1) == labels).sum().item() / len(labels))
    return sum(losses) / len(losses), sum(accuracies) / len(accuracies)
