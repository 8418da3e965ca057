"""What does a BERT make of a sentence, token by token and head by head, in float64, as its paper has it?"""

import math

import numpy as np


def sentence(weights, tokens, *, layers, heads, epsilon, pooling, unit):
    """The vector of one sentence, whose tokens are all there."""
    w = {name: np.asarray(weight, np.float64) for name, weight in weights.items()}

    def norm(x, name):
        return (x - x.mean()) / math.sqrt(x.var() + epsilon) * w[f"{name}.weight"] + w[f"{name}.bias"]

    def linear(x, name):
        return w[f"{name}.weight"] @ x + w[f"{name}.bias"]

    def gelu(value):
        return 0.5 * value * (1 + math.erf(value / math.sqrt(2)))

    states = [
        norm(
            w["embeddings.word_embeddings.weight"][token]
            + w["embeddings.position_embeddings.weight"][place]
            + w["embeddings.token_type_embeddings.weight"][0],
            "embeddings.LayerNorm",
        )
        for place, token in enumerate(tokens)
    ]
    size = len(states[0]) // heads
    for k in range(layers):
        layer = f"encoder.layer.{k}"
        query, key, value = (
            [linear(x, f"{layer}.attention.self.{part}") for x in states] for part in ("query", "key", "value")
        )
        after = []
        for i, x in enumerate(states):
            mixed = np.zeros(len(x))
            for h in range(heads):
                part = slice(h * size, (h + 1) * size)
                scores = np.exp([query[i][part] @ key[j][part] / math.sqrt(size) for j in range(len(states))])
                mixed[part] = sum(s * value[j][part] for j, s in enumerate(scores / scores.sum()))
            x = norm(x + linear(mixed, f"{layer}.attention.output.dense"), f"{layer}.attention.output.LayerNorm")
            wide = np.array([gelu(each) for each in linear(x, f"{layer}.intermediate.dense")])
            after.append(norm(x + linear(wide, f"{layer}.output.dense"), f"{layer}.output.LayerNorm"))
        states = after
    vector = states[0] if pooling == "cls" else np.mean(states, axis=0)
    return vector / np.linalg.norm(vector) if unit else vector
