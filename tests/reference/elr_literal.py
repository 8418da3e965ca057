"""What does the released ELR loss compute, restated step by step with automatic differentiation?"""

import torch
from torch import Tensor


class LiteralELRLoss:
    """The published formula, slow and plain: list-indexed targets, autograd through clamp, product and log."""

    def __init__(self, num_examples: int, num_classes: int, lam: float, beta: float) -> None:
        self.targets = torch.zeros(num_examples, num_classes)
        self.lam, self.beta = lam, beta

    def __call__(self, index: list[int], logits: Tensor, labels: Tensor) -> Tensor:
        probability = torch.softmax(logits, dim=1)
        probability = torch.clamp(probability, 1e-4, 1.0 - 1e-4)
        detached = probability.data.detach()
        self.targets[index] = self.beta * self.targets[index] + (1 - self.beta) * (
            detached / detached.sum(dim=1, keepdim=True)
        )
        cross_entropy = torch.nn.functional.cross_entropy(logits, labels)
        regularizer = (1 - (self.targets[index] * probability).sum(dim=1)).log().mean()
        return cross_entropy + self.lam * regularizer


def lemma_2_gradient(z: Tensor, t: Tensor) -> Tensor:
    """g of Lemma 2, entry by entry: g_c = p_c / (1 - <p, t>) * sum_k (t_k - t_c) p_k, for one example."""
    p = torch.softmax(z, dim=0)
    denominator = 1 - (p * t).sum()
    return torch.stack([p[c] / denominator * sum((t[k] - t[c]) * p[k] for k in range(len(p))) for c in range(len(p))])
