"""What do the layers of a BERT make of tokens: one vector for each, and one for the sentence?"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from earlylearn.errors import UsageError

Pooling = Literal["mean", "cls"]


class Shape(NamedTuple):
    """What of config.json the weights themselves do not tell."""

    layers: int
    heads: int
    epsilon: float  # of every layer normalisation


class SentenceBert(nn.Module):
    """A frozen BERT (Devlin et al., NAACL 2019) whose tokens' last vectors are pooled to one vector a sentence.

    Written out here because it is short: the sentence encoders of that architecture then need neither transformers nor
    sentence-transformers. The three projections of attention are one product.

    Args:
        weights: as Hugging Face's BertModel names them, with or without ``bert.`` before.
        shape: see `Shape`.
        pooling: ``mean`` over the tokens, or the vector of the first one.
        unit: whether vectors are brought to length 1.

    Raises:
        UsageError: a weight is missing, or of another shape; the message names it.
    """

    def __init__(self, weights: Mapping[str, Tensor], shape: Shape, *, pooling: Pooling, unit: bool) -> None:
        super().__init__()
        given = {name.removeprefix("bert."): weight for name, weight in weights.items()}
        self.shape, self.pooling, self.unit = shape, pooling, unit
        try:
            self.words, self.positions, self.kinds = (
                nn.Parameter(given[f"embeddings.{name}_embeddings.weight"].float(), requires_grad=False)
                for name in ("word", "position", "token_type")
            )
            self.norm = _norm(given, "embeddings.LayerNorm", shape.epsilon)
            self.layers = nn.ModuleList(_Layer(given, f"encoder.layer.{k}", shape) for k in range(shape.layers))
        except KeyError as error:
            raise UsageError(
                f"the sentence encoder has no weight {error}; give the model.safetensors of a BERT"
            ) from None
        self.eval()

    @property
    def width(self) -> int:
        """Numbers of a sentence's vector."""
        return self.words.shape[1]

    @property
    def longest(self) -> int:
        """Tokens of the longest text it takes."""
        return len(self.positions)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Vectors ``float32 [B, width]`` of sentences.

        Args:
            tokens: ``int64 [B, L]`` positions in the vocabulary, L <= `longest`, at least one a row.
            mask: ``bool [B, L]``, true where there is a token, false where a shorter sentence was filled up.
        """
        x = self.norm(self.words[tokens] + self.positions[: tokens.shape[1]] + self.kinds[0])
        seen = mask[:, None, None, :]
        for layer in self.layers:
            x = layer(x, seen)
        if self.pooling == "cls":
            pooled = x[:, 0].float()
        else:
            held = mask[:, :, None].float()
            pooled = (x.float() * held).sum(1) / held.sum(1)
        return F.normalize(pooled, dim=1) if self.unit else pooled


class _Layer(nn.Module):
    """Attention of every token to every other, then a hidden layer on each; both added and normalised."""

    def __init__(self, weights: Mapping[str, Tensor], name: str, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.project = _linear(weights, *(f"{name}.attention.self.{part}" for part in ("query", "key", "value")))
        self.out = _linear(weights, f"{name}.attention.output.dense")
        self.norm = _norm(weights, f"{name}.attention.output.LayerNorm", shape.epsilon)
        self.widen = _linear(weights, f"{name}.intermediate.dense")
        self.narrow = _linear(weights, f"{name}.output.dense")
        self.norm_after = _norm(weights, f"{name}.output.LayerNorm", shape.epsilon)

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        rows, length, width = x.shape
        query, key, value = self.project(x).view(rows, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        x = self.norm(x + self.out(mixed.transpose(1, 2).reshape(rows, length, width)))
        after: Tensor = self.norm_after(x + self.narrow(F.gelu(self.widen(x))))
        return after


def _linear(weights: Mapping[str, Tensor], *names: str) -> nn.Linear:
    """One layer out of one or several of the file's, side by side."""
    weight = torch.cat([weights[f"{name}.weight"] for name in names]).float()
    bias = torch.cat([weights[f"{name}.bias"] for name in names]).float()
    layer = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    layer.weight, layer.bias = nn.Parameter(weight, requires_grad=False), nn.Parameter(bias, requires_grad=False)
    return layer


def _norm(weights: Mapping[str, Tensor], name: str, epsilon: float) -> nn.LayerNorm:
    weight, bias = weights[f"{name}.weight"].float(), weights[f"{name}.bias"].float()
    layer = nn.LayerNorm(len(weight), eps=epsilon, device="meta")
    layer.weight, layer.bias = nn.Parameter(weight, requires_grad=False), nn.Parameter(bias, requires_grad=False)
    return layer
