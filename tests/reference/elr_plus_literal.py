"""What are ELR+'s steps (Algorithm 2, and supplement F), written one example and one formula at a time?"""

import copy
import math

import numpy as np
import torch
from torch import nn


class LiteralELRPlus:
    """Two networks, plain SGD with momentum by hand, automatic differentiation, Python floats."""

    def __init__(self, nets, n, classes, *, lam, beta, alpha, gamma, lr, momentum, weight_decay, mixup_rng):
        self.nets = nets
        self.averages = [copy.deepcopy(net) for net in nets]
        self.targets = [[[0.0] * classes for _ in range(n)] for _ in nets]
        self.velocity = [[torch.zeros_like(p) for p in net.parameters()] for net in nets]
        self.steps = [0, 0]
        self.classes, self.lam, self.beta, self.alpha, self.gamma = classes, lam, beta, alpha, gamma
        self.lr, self.momentum, self.weight_decay, self.rng = lr, momentum, weight_decay, mixup_rng

    def step(self, k: int, index: list[int], x: torch.Tensor, labels: list[int]) -> float:
        net, teacher = self.nets[k], self.averages[1 - k]
        net.train()
        teacher.train()
        with torch.no_grad():
            taught = torch.softmax(teacher(x), dim=1).clamp(1e-4, 1 - 1e-4).tolist()
        for i, p in zip(index, taught, strict=True):
            row = self.targets[k][i]
            self.targets[k][i] = [self.beta * t + (1 - self.beta) * q / sum(p) for t, q in zip(row, p, strict=True)]
        share = self.rng.beta(self.alpha, self.alpha)
        share = max(share, 1 - share)
        partner = self.rng.permutation(len(x))
        loss = torch.zeros(())
        mixed = torch.stack([share * x[i] + (1 - share) * x[partner[i]] for i in range(len(x))])
        logits = net(mixed)
        for i in range(len(x)):
            label = np.zeros(self.classes)
            label[labels[i]] += share
            label[labels[partner[i]]] += 1 - share
            own, other = self.targets[k][index[i]], self.targets[k][index[partner[i]]]
            target = torch.tensor([share * a + (1 - share) * b for a, b in zip(own, other, strict=True)])
            log_p = torch.log_softmax(logits[i], dim=0)
            p = torch.softmax(logits[i], dim=0).clamp(1e-4, 1 - 1e-4)
            cross_entropy = -(torch.tensor(label, dtype=torch.float32) * log_p).sum()
            loss = loss + cross_entropy + self.lam * torch.log(1 - (target * p).sum())
        loss = loss / len(x)
        gradients = torch.autograd.grad(loss, list(net.parameters()))
        with torch.no_grad():
            for j, (p, g) in enumerate(zip(net.parameters(), gradients, strict=True)):
                g = g + self.weight_decay * p
                self.velocity[k][j] = g if self.steps[k] == 0 else self.momentum * self.velocity[k][j] + g
                p -= self.lr * self.velocity[k][j]
            kept = min(1 - 1 / (self.steps[k] + 1), self.gamma)
            for a, p in zip(self.averages[k].parameters(), net.parameters(), strict=True):
                a.copy_(kept * a + (1 - kept) * p)
        self.steps[k] += 1
        return loss.item()


def literal_ramp(step: int, length: int) -> float:
    """Laine and Aila's sigmoid ramp-up: exp(-5 (1 - min(step, length) / length)^2)."""
    return math.exp(-5.0 * (1.0 - min(step, length) / length) ** 2)


def small_network() -> nn.Module:
    return nn.Sequential(nn.Linear(5, 7), nn.BatchNorm1d(7), nn.ReLU(), nn.Linear(7, 3))
