"""What is ELR with targets whose class shares are held to the labels', restated row by row?"""

import torch
from torch.nn.functional import cross_entropy


class LiteralAligned:
    """As `tests.toy.takes_the_same_steps` asks: plain loops over rows and classes, gradients by autograd.

    Args:
        rows: of the table.
        trained: how many of them, the first ones, train.
        labels: of the rows that train.
        classes: C.
    """

    def __init__(self, rows, trained, labels, classes, lam, beta, align):
        self.targets = [[0.0] * classes for _ in range(rows)]
        self.given = [labels.count(c) / trained for c in range(classes)]
        self.trained, self.classes, self.lam, self.beta, self.align = trained, classes, lam, beta, align
        self.factor = [1.0] * classes

    def loss(self, net, index, x, labels):
        logits = net(x)
        p = torch.softmax(logits, 1).clamp(1e-4, 1 - 1e-4)
        regularizer = 0.0
        for k, row in enumerate(index):
            total = p[k].sum().item()
            target = [self.beta * t + (1 - self.beta) * p[k, c].item() / total for c, t in enumerate(self.targets[row])]
            self.targets[row] = target
            seen = [t * f for t, f in zip(target, self.factor, strict=True)]
            seen = [t * sum(target) / sum(seen) for t in seen]
            regularizer = regularizer + torch.log(1 - sum(p[k, c] * seen[c] for c in range(self.classes)))
        return cross_entropy(logits, torch.tensor(labels)) + self.lam * regularizer / len(index)

    def after_epoch(self, done, net, x, labels):
        sums = [sum(row[c] for row in self.targets[: self.trained]) for c in range(self.classes)]
        self.factor = [(g / (s / sum(sums))) ** self.align for g, s in zip(self.given, sums, strict=True)]
