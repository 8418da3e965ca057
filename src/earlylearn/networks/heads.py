"""How are many small heads on the same features one network, which computes them as batched products?"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from earlylearn.errors import UsageError, setting

WIDE = 64  # inputs, from which on the rate of linear heads goes by rows too:
ROWS, SLOWEST, FASTEST = 10_000, 0.25, 2.0  # of so many it is as else, and at least, at most so many times that


class HeadBank(nn.Module):
    """Copies of one small perceptron, all from the same initial weights, which part as they are trained.

    Args:
        layers: the linear layers of the perceptron, ReLU between them; one alone is a linear head.
        settings: S, how many ways there are of training it.
        copies: K, how many copies each of these has, one for every fold and the like.
        rate: how many times the optimizer's learning rate these heads are to be trained with: SGD takes such steps if
            the weights divided by sqrt(rate) are what it trains.
    """

    def __init__(self, layers: Sequence[nn.Linear], settings: int, copies: int, *, rate: float) -> None:
        super().__init__()
        self.copies, self.width, self.scale = copies, layers[0].out_features, math.sqrt(rate)
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        heads = settings * copies
        for layer in layers:
            weight, bias = layer.weight.detach().T / self.scale, layer.bias.detach() / self.scale
            first = layer is layers[0]  # the input is common, so the heads of the first layer make one wide product
            self.weights.append(weight.repeat(1, heads) if first else weight.repeat(heads, 1, 1))
            self.biases.append(bias.repeat(heads) if first else bias.repeat(heads, 1, 1))

    def forward(self, x: Tensor, settings: int) -> Tensor:
        """Logits ``[B, settings, K, C]`` of features ``[B, d]``, by the first so many settings."""
        heads, scale = settings * self.copies, self.scale
        (bias, *biases), (weight, *weights) = self.biases, self.weights
        width = heads * self.width
        if width < len(bias):  # a part of a matrix costs its gradient a copy of the whole
            weight, bias = weight[:, :width], bias[:width]
            weights, biases = [each[:heads] for each in weights], [each[:heads] for each in biases]
        a = torch.addmm(bias, x, weight, beta=scale, alpha=scale).view(len(x), heads, self.width)
        if weights:
            a = a.transpose(0, 1)
            for weight, bias in zip(weights, biases, strict=True):
                a = torch.baddbmm(bias, a.relu(), weight, beta=scale, alpha=scale)
            a = a.transpose(0, 1)
        return a.reshape(len(x), settings, self.copies, -1)

    @torch.no_grad()
    def keep(self, settings: int) -> None:
        """Have no more than the first so many settings, at least one; to be called before an optimizer takes a step."""
        heads = max(1, settings) * self.copies
        (bias, *biases), (weight, *weights) = self.biases, self.weights
        weight.data = weight[:, : heads * self.width].clone()
        for each, kept in ((bias, heads * self.width), *((each, heads) for each in (*weights, *biases))):
            each.data = each[:kept].clone()

    def get_extra_state(self) -> dict[str, float]:
        """By what the weights are multiplied, without which they mean nothing."""
        return {"scale": self.scale}

    def set_extra_state(self, state: dict[str, float]) -> None:
        """Take up a state of `get_extra_state`."""
        self.scale = state["scale"]

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *others: Any) -> None:
        """Take up as many settings as were kept; before the scale was kept, it did not go by rows."""
        linear = len(self.weights) == 1
        before = math.sqrt(linear_rate(len(self.weights[0]), ROWS)) if linear else self.scale
        state_dict.setdefault(f"{prefix}_extra_state", {"scale": before})
        for name, own in self.named_parameters():
            saved = state_dict.get(prefix + name)
            if isinstance(saved, Tensor) and saved.ndim == own.ndim:
                own.data = own.new_empty(saved.shape)
        super()._load_from_state_dict(state_dict, prefix, *others)

    def layers(self, settings: int, copies: int) -> list[tuple[Tensor, Tensor]]:
        """The weights ``[H, inputs, units]`` and biases ``[H, units]`` of each layer, as they multiply.

        Args:
            settings: the first so many settings.
            copies: the first so many copies of each: there are H = settings x copies, copies changing fastest.
        """
        heads = torch.arange(settings)[:, None] * self.copies + torch.arange(copies)
        heads = heads.flatten().to(self.biases[0].device)
        (weight, *weights), (bias, *biases) = self.weights, self.biases
        first = weight.unflatten(1, (-1, self.width)).transpose(0, 1), bias.unflatten(0, (-1, self.width))
        each = [first, *zip(weights, (bias.squeeze(1) for bias in biases), strict=True)]
        return [(self.scale * w.detach()[heads], self.scale * b.detach()[heads]) for w, b in each]


class Shape(NamedTuple):
    """How many heads a stage of training has.

    Attributes:
        linear, hidden: settings of linear heads, and of heads with hidden layers.
        copies: of each setting.
    """

    linear: int
    hidden: int
    copies: int


class Heads(nn.Module):
    """Linear and hidden heads behind one preparation of the inputs, anew for every stage of training.

    Args:
        network: a perceptron as `earlylearn.networks.build_network` makes it: its preparation (`Normalize` and the
            like) is kept, its linear layers are the hidden heads. Without hidden layers there are linear heads alone.
        classes: C.
        stages: the heads of each stage, by name.
        rows: n, on how many they train.

    Raises:
        UsageError: the network is no perceptron.
    """

    def __init__(self, network: nn.Module, classes: int, stages: Mapping[str, Shape], *, rows: int) -> None:
        super().__init__()
        layers = _linear_layers(network)
        self.prepare = nn.Sequential(*list(network.children())[:-1], nn.Flatten())
        self.inputs = layers[0].in_features
        flat = nn.Linear(self.inputs, classes)
        nn.init.zeros_(flat.weight)  # the loss of a linear head without regularizer is convex: no symmetry to be broken
        nn.init.zeros_(flat.bias)
        self.has_hidden = len(layers) > 1
        self.linear, self.hidden = nn.ModuleDict(), nn.ModuleDict()
        for name, (linear, hidden, copies) in stages.items():
            self.linear[name] = HeadBank([flat], linear, copies, rate=linear_rate(self.inputs, rows))
            if self.has_hidden:
                self.hidden[name] = HeadBank(layers, hidden, copies, rate=hidden_rate(self.inputs))

    def forward(self, x: Tensor, stage: str, linear: int, hidden: int) -> Tensor:
        """Logits ``[B, linear + hidden, K, C]`` of raw inputs, by the first settings of each kind in a stage."""
        features = self.prepare(x)
        kinds = [(self.linear, linear), (self.hidden, hidden)]
        return torch.cat([bank[stage](features, settings) for bank, settings in kinds if settings], dim=1)

    def keep(self, stage: str, linear: int, hidden: int) -> None:
        """Have no more than the first settings of each kind in a stage that has not begun, see `HeadBank.keep`."""
        for bank, settings in ((self.linear, linear), (self.hidden, hidden)):
            if stage in bank:
                cast(HeadBank, bank[stage]).keep(settings)


def linear_rate(inputs: int, rows: int) -> float:
    """The learning rate of linear heads on n rows of d standardised features, as a multiple of that of the run.

    A step changes a row's own logits by d times the rate: 5 / d keeps that the same. Many columns tell rows from each
    other, so that a linear head memorises too, and the fewer the rows, the sooner (docs/LOG.md).
    """
    by_rows = min(FASTEST, max(SLOWEST, rows / ROWS)) if inputs >= WIDE else 1.0
    return min(15.0, 250 / inputs * by_rows)


def hidden_rate(inputs: int) -> float:
    """The same of hidden heads, whose inner layers do not widen with d."""
    return min(5.0, 22.5 / math.sqrt(inputs))


def inputs_of(network: nn.Module) -> int:
    """How many inputs a perceptron takes; errors as of `Heads`."""
    return _linear_layers(network)[0].in_features


def _linear_layers(network: nn.Module) -> list[nn.Linear]:
    """The linear layers of a perceptron, in order; UsageError if it has anything else that is trained."""
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    if sum(p.numel() for layer in layers for p in layer.parameters()) != sum(p.numel() for p in network.parameters()):
        raise UsageError(
            f"{setting('network')}: is no perceptron, and {setting('method', 'auto')} chooses among small heads; use "
            f"{setting('network', 'mlp:64-64')} or {setting('network', 'linear')}, or another method"
        )
    if not layers:
        return [nn.Linear(1, 1)]  # stands in where there is no network, when only the rest is asked for
    return layers
