"""What are the one-formula losses, written one example at a time from their papers' equations?"""

import math

import torch


def _mean(losses):
    return sum(losses) / len(losses)


class LiteralBootstrap:
    """Reed et al. 2015: -sum_k [b t_k + (1 - b) q_k] log q_k, or z = onehot(argmax q) in place of the inner q."""

    def __init__(self, b, hard):
        self.b, self.hard = b, hard

    def loss(self, net, index, x, labels):
        losses = []
        for z, label in zip(net(x), labels, strict=True):
            q = torch.exp(z) / torch.exp(z).sum()
            terms = []
            for k in range(len(q)):
                inner = (1.0 if k == int(q.argmax()) else 0.0) if self.hard else q[k]
                terms.append((self.b * (k == label) + (1 - self.b) * inner) * torch.log(q[k]))
            losses.append(-sum(terms))
        return _mean(losses)


class LiteralGCE:
    """Zhang and Sabuncu 2018: L_q(f, j) = (1 - f_j^q) / q; sum_i w_i (L_q(f_i) - L_q(k)), w_i = [L_q(f_i) < L_q(k)]."""

    def __init__(self, q, k=None, prune_start=None, prune_every=None, n=0):
        self.q, self.k, self.prune_start, self.prune_every = q, k, prune_start, prune_every
        self.weights = [1.0] * n
        self.seen = {}

    def loss(self, net, index, x, labels):
        losses = []
        for i, z, label in zip(index, net(x), labels, strict=True):
            f = (torch.exp(z) / torch.exp(z).sum())[label]
            loss = (1 - f**self.q) / self.q
            self.seen[i] = loss.item()
            if self.k is not None:
                loss = self.weights[i] * (loss - (1 - self.k**self.q) / self.q)
            losses.append(loss)
        return _mean(losses)

    def after_epoch(self, done, net, x, labels):
        if self.k is None or done not in range(self.prune_start, 1000, self.prune_every):
            return
        limit = (1 - self.k**self.q) / self.q
        for i, loss in self.seen.items():
            self.weights[i] = 1.0 if loss < limit else 0.0


class LiteralSCE:
    """Wang et al. 2019: alpha (-sum_k y_k log p_k) + beta (-sum_k p_k log y_k), log 0 = A."""

    def __init__(self, alpha, beta, a):
        self.alpha, self.beta, self.a = alpha, beta, a

    def loss(self, net, index, x, labels):
        losses = []
        for z, label in zip(net(x), labels, strict=True):
            p = torch.exp(z) / torch.exp(z).sum()
            reverse = -sum(p[k] * (math.log(1.0) if k == label else self.a) for k in range(len(p)))
            losses.append(-self.alpha * torch.log(p[label]) + self.beta * reverse)
        return _mean(losses)


class LiteralSmoothing:
    """Szegedy et al. 2016: cross-entropy against (1 - r) onehot(y) + r / K."""

    def __init__(self, r):
        self.r = r

    def loss(self, net, index, x, labels):
        losses = []
        for z, label in zip(net(x), labels, strict=True):
            p = torch.exp(z) / torch.exp(z).sum()
            target = [(1 - self.r) * (k == label) + self.r / len(p) for k in range(len(p))]
            losses.append(-sum(t * torch.log(q) for t, q in zip(target, p, strict=True)))
        return _mean(losses)
