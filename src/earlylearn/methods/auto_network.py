"""What does `auto` predict with, as a plain network of weighted heads?"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from earlylearn.methods.sureness import together


class PlainHeads(nn.Module):
    """H perceptrons of one shape on the same features, ReLU between their layers.

    Args:
        layers: weights ``[H, inputs, units]`` and biases ``[H, units]`` of each.
    """

    def __init__(self, layers: Sequence[tuple[Tensor, Tensor]]) -> None:
        super().__init__()
        self.weights = nn.ParameterList(weight.clone() for weight, _ in layers)
        self.biases = nn.ParameterList(bias.clone() for _, bias in layers)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[B, H, C]`` of features ``[B, inputs]``."""
        a = x
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            a = torch.einsum("bi,hio->bho", a, weight) if k == 0 else torch.einsum("bhi,hio->bho", a.relu(), weight)
            a = a + bias
        return a


class WeightedHeads(nn.Module):
    """The weighted mean of what heads say, and boosted trees behind them if there are any, each as sure as it may be.

    Args:
        prepare: raw inputs to features ``[B, inputs]``.
        banks: heads of one shape each.
        weights: ``float32 [H]``, how much each head counts, in the order of the banks, and the trees behind them.
        power: ``float32 [H]``, by which the probabilities of each of these are taken.
        trees: raw inputs to log probabilities ``[B, C]``; None if there are none.
    """

    weights: Tensor
    power: Tensor

    def __init__(
        self,
        prepare: nn.Module,
        banks: Sequence[PlainHeads],
        weights: Tensor,
        power: Tensor,
        trees: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.prepare, self.banks, self.trees = prepare, nn.ModuleList(banks), trees
        self.register_buffer("weights", weights.clone())
        self.register_buffer("power", power.clone())

    def forward(self, x: Tensor) -> Tensor:
        """Log probabilities ``[B, C]``, up to a constant of each row: logits like any other network's."""
        features = self.prepare(x)
        log_p = torch.log_softmax(torch.cat([bank(features) for bank in self.banks], 1), 2)
        if self.trees is not None:
            log_p = torch.cat([log_p, self.trees(x).unsqueeze(1)], 1)
        return together(log_p, self.weights, self.power)
