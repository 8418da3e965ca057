"""What is mixup's loss, one pair at a time (Zhang et al. 2018)?"""

import torch


class LiteralMixup:
    """share ~ Beta(alpha, alpha) and a permutation per batch; inputs and one-hot labels mixed; soft cross-entropy."""

    def __init__(self, alpha, classes, rng):
        self.alpha, self.classes, self.rng = alpha, classes, rng

    def loss(self, net, index, x, labels):
        share = self.rng.beta(self.alpha, self.alpha)
        partner = self.rng.permutation(len(x))
        logits = net(torch.stack([share * x[i] + (1 - share) * x[partner[i]] for i in range(len(x))]))
        losses = []
        for i, z in enumerate(logits):
            p = torch.exp(z) / torch.exp(z).sum()
            label = [0.0] * self.classes
            label[labels[i]] += share
            label[labels[partner[i]]] += 1 - share
            losses.append(-sum(y * torch.log(q) for y, q in zip(label, p, strict=True)))
        return sum(losses) / len(losses)
