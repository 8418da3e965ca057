"""How do whole images become the squares that the network was trained on?"""

from torch import Tensor, nn

from earlylearn.errors import UsageError, setting


class CentreCrop(nn.Module):
    """Takes the centre of images larger than ``side``; crops of that size, as training makes them, pass unchanged.

    Being the first layer, it makes evaluation and prediction see the centre, whoever asks.

    Args:
        side: pixels of the square, 1 or more.
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, x: Tensor) -> Tensor:
        """``[B, channels, side, side]`` of images ``[B, channels, h, w]``, a view; UsageError if they are smaller."""
        height, width = x.shape[-2:]
        if min(height, width) < self.side:
            raise UsageError(
                f"{setting('crop', self.side)}: the images are only {height} x {width} pixels; give larger ones"
            )
        top, left = (height - self.side) // 2, (width - self.side) // 2
        return x[..., top : top + self.side, left : left + self.side]

    def extra_repr(self) -> str:
        """The side, for printing the network."""
        return str(self.side)
