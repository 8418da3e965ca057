"""What are supplement C's KL regularization and supplement D's unused targets, one example at a time?"""

import torch


class LiteralKL:
    """CE - (lam / n) sum_i sum_c t_c log p_c, t by temporal ensembling (Algorithm 1), with lam = 0 for supplement D."""

    def __init__(self, n, classes, lam, beta):
        self.targets = [[0.0] * classes for _ in range(n)]
        self.lam, self.beta = lam, beta

    def loss(self, net, index, x, labels):
        losses = []
        for i, z, label in zip(index, net(x), labels, strict=True):
            p = torch.exp(z) / torch.exp(z).sum()
            q = [min(max(c, 1e-4), 1 - 1e-4) for c in p.tolist()]
            t = [self.beta * old + (1 - self.beta) * c / sum(q) for old, c in zip(self.targets[i], q, strict=True)]
            self.targets[i] = t
            regularizer = -sum(c * torch.log(value) for c, value in zip(t, p, strict=True))
            losses.append(-torch.log(p[label]) + self.lam * regularizer)
        return sum(losses) / len(losses)
