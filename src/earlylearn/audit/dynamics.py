"""How did each example fare during training: learned, forgotten, by what margin?"""

import pandas as pd
import torch
from torch import Tensor, nn

from earlylearn.loop.seen import Seen


class Dynamics(nn.Module):
    """Per-example training dynamics, from the logits of the training passes themselves: no extra forward pass.

    Args:
        n: rows of the data set, held-out ones included (for these, the validation passes count).

    Attributes:
        loss: ``float32 [n]`` cross-entropy against the given label, latest epoch that saw the row; NaN before.
        margin_sum: ``float32 [n]`` sum over epochs of logit(given) - max logit(other); its mean is the area under
            the margin (Pleiss et al. 2020).
        agrees: ``bool [n]``, the given label was predicted in the latest epoch that saw the row.
        probability_sum: ``float32 [n]`` sum over epochs of the given label's probability; its mean and
            standard deviation are confidence and variability of dataset cartography (Swayamdipta et al. 2020).
        probability_squares: ``float32 [n]`` the same of its square.
        missed: ``int32 [n]`` epochs that saw the row and did not predict its given label.
        visits: ``int32 [n]`` epochs that saw the row.
        times_learned, times_forgotten: ``int32 [n]`` changes of `agrees` to true, to false (Toneva et al. 2019).
        first_learned: ``int32 [n]`` first epoch, from 1, that predicted the given label; 0 = never.
        epochs: epochs counted.
    """

    loss: Tensor
    margin_sum: Tensor
    probability_sum: Tensor
    probability_squares: Tensor
    missed: Tensor
    agrees: Tensor
    times_learned: Tensor
    times_forgotten: Tensor
    first_learned: Tensor
    visits: Tensor
    epochs: Tensor

    def __init__(self, n: int) -> None:
        super().__init__()
        self.register_buffer("loss", torch.full((n,), torch.nan))
        for name in ("margin_sum", "probability_sum", "probability_squares"):
            self.register_buffer(name, torch.zeros(n))
        self.register_buffer("agrees", torch.zeros(n, dtype=torch.bool))
        for name in ("times_learned", "times_forgotten", "first_learned", "missed", "visits"):
            self.register_buffer(name, torch.zeros(n, dtype=torch.int32))
        self.register_buffer("epochs", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def update(self, said: Seen) -> None:
        """Count an epoch in: what was said in it of every row, held-out ones included."""
        seen = said.predicted >= 0
        agrees = torch.where(seen, said.predicted == said.labels, self.agrees)
        self.epochs += 1
        self.visits += seen
        probability = torch.where(seen, (-said.loss).exp(), 0.0)
        self.loss.copy_(torch.where(seen, said.loss, self.loss))
        self.probability_sum += probability
        self.probability_squares += probability.square()
        self.missed += seen & ~agrees
        self.margin_sum += torch.where(seen, said.margin, 0.0)
        self.times_learned += agrees & ~self.agrees
        self.times_forgotten += self.agrees & ~agrees
        self.first_learned += self.epochs * (agrees & (self.first_learned == 0))
        self.agrees.copy_(agrees)

    def columns(self, rows: slice = slice(None)) -> pd.DataFrame:
        """A row per example of some, NaN where it was never seen.

        ``missed, epochs_seen, mean_probability, variability`` (of the given label's probability, over the epochs that
        saw the row), ``margin`` (mean), ``loss, times_learned, times_forgotten, first_learned``.
        """
        visits = self.visits[rows]
        mean = self.probability_sum[rows] / visits
        variance = self.probability_squares[rows] / visits - mean.square()
        columns = {
            "missed": self.missed[rows],
            "epochs_seen": visits,
            "mean_probability": mean,
            "variability": variance.clamp(min=0).sqrt(),
            "margin": self.margin_sum[rows] / visits,
            "loss": self.loss[rows],
            "times_learned": self.times_learned[rows],
            "times_forgotten": self.times_forgotten[rows],
            "first_learned": self.first_learned[rows],
        }
        return pd.DataFrame({name: each.cpu().numpy() for name, each in columns.items()})
