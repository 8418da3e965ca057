"""How does a frozen network turn pictures into features, fast on a processor as on a GPU?"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from earlylearn.machine import keep_freed_memory, processor_has_bf16

BATCH = {"cpu": 32, "cuda": 256}  # 32: larger ones leave a processor's cache
MOST_PIXELS = {"cpu": 32 * 224**2, "cuda": 256 * 224**2}  # of a batch, so that large pictures do not fill the memory


class PictureEncoder:
    """A network that makes features of square RGB pictures; it is built when the first picture comes.

    Where the hardware multiplies bf16 fast, it computes in bf16 (features move by about 1 % of their spread, see
    docs/encoders.md); the mean over the last map is float32 always.

    Args:
        name: what the encoder is called, such as ``efficientnet-lite0``.
        width: features of a picture.
        side: of the square in pixels.
        weights: what tells these weights from others.
        build: makes the network, which takes ``[B, 3, side, side]`` as `scale` makes it and gives ``[B, width]``.
        scale: pixels ``[B, 3, side, side]`` of 0..255 as the network takes them.
    """

    block = 256  # pictures between two points from which an interrupted encoding goes on

    def __init__(
        self,
        name: str,
        *,
        width: int,
        side: int,
        weights: str,
        build: Callable[[], nn.Module],
        scale: Callable[[Tensor], Tensor],
    ) -> None:
        self.name, self.width, self.side, self.weights = name, width, side, weights
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        fast = torch.cuda.is_bf16_supported() if self.device == "cuda" else processor_has_bf16()
        self.dtype = torch.bfloat16 if fast else torch.float32
        self._build, self._scale = build, scale
        self._network: nn.Module | None = None

    @property
    def identity(self) -> str:
        """What tells the features of this encoder from those of any other."""
        number = "bf16" if self.dtype == torch.bfloat16 else "f32"
        return f"{self.name}-{self.side}-{number}-{self.weights}"

    @torch.inference_mode()
    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Features ``float32 [n, width]`` of pictures ``uint8 [n, 3, side, side]``."""
        network = self._network = self._network or self._ready()
        size = min(BATCH[self.device], max(1, MOST_PIXELS[self.device] // self.side**2))
        parts = torch.from_numpy(np.ascontiguousarray(pixels)).split(size)
        features = [network(self._prepared(part)).float().cpu() for part in parts]
        return torch.cat(features).numpy() if features else np.zeros((0, self.width), np.float32)

    def as_network(self) -> nn.Module:
        """What it computes, in float32: pixels ``uint8 [B, 3, side, side]`` to features ``[B, width]``."""
        return ScaledPictures(self._scale, self._build().eval().requires_grad_(False))

    def _ready(self) -> nn.Module:
        if self.device == "cpu":
            keep_freed_memory()
        network = self._build().eval().requires_grad_(False)
        # PyTorch's own annotations leave this overload of Module.to out.
        made: nn.Module = network.to(self.device, self.dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return made

    def _prepared(self, pixels: Tensor) -> Tensor:
        x = self._scale(pixels.to(self.device).float())
        return x.to(self.dtype, memory_format=torch.channels_last)


class ScaledPictures(nn.Module):
    """A network behind the scaling of its pixels.

    Args:
        scale: pixels of 0..255 as the network takes them.
        network: see `PictureEncoder`.
    """

    def __init__(self, scale: Callable[[Tensor], Tensor], network: nn.Module) -> None:
        super().__init__()
        self.scale, self.network = scale, network

    def forward(self, x: Tensor) -> Tensor:
        """Features ``float32 [B, width]``."""
        features: Tensor = self.network(self.scale(x.float()))
        return features.float()
