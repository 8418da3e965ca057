"""What are the steps of co-teaching and co-teaching+ (Algorithm 1 of both papers), one example at a time?"""

import math

import torch


def literal_forget_rate(epoch: int, tau: float, num_gradual: int) -> float:
    """R(T) of the paper, tau min(T / T_k, 1), T the number of epochs done."""
    return tau if epoch >= num_gradual else tau * epoch / num_gradual


class LiteralCoTeaching:
    """Two networks, plain SGD with momentum by hand, Python lists of who is chosen.

    ``initial`` is the epoch from which on only disagreements count (co-teaching+); None is co-teaching.
    """

    def __init__(self, nets, *, tau, num_gradual, initial, lr, momentum, weight_decay):
        self.nets = nets
        self.velocity = [[None for _ in net.parameters()] for net in nets]
        self.tau, self.num_gradual, self.initial = tau, num_gradual, initial
        self.lr, self.momentum, self.weight_decay = lr, momentum, weight_decay
        self.chosen = []  # of every step: what network 1 learned from, what network 2 learned from

    def step(self, epoch: int, index: list[int], x: torch.Tensor, labels: list[int]) -> float:
        rate = literal_forget_rate(epoch, self.tau, self.num_gradual)
        losses, predictions = [], []
        for net in self.nets:
            net.train()
            p = torch.softmax(net(x), dim=1)
            losses.append([-torch.log(p[i, labels[i]]) for i in range(len(labels))])
            predictions.append([p[i].tolist().index(max(p[i].tolist())) for i in range(len(labels))])
        pool = list(range(len(labels)))
        if self.initial is not None and epoch >= self.initial:
            differ = [i for i in pool if predictions[0][i] != predictions[1][i]]
            if len(differ) >= 2:
                pool = differ
        number = max(1, math.floor(round((1 - rate) * len(pool), 6)))
        total, chosen, gradients = 0.0, [], []
        for k in (0, 1):
            by_peer = sorted(pool, key=lambda i, k=k: losses[1 - k][i].item())[:number]
            loss = sum(losses[k][i] for i in by_peer) / number
            gradients.append(torch.autograd.grad(loss, list(self.nets[k].parameters())))
            total += loss.item()
            chosen.append(sorted(index[i] for i in by_peer))
        self.chosen.append(chosen)
        with torch.no_grad():
            for k in (0, 1):
                for j, (p, g) in enumerate(zip(self.nets[k].parameters(), gradients[k], strict=True)):
                    g = g + self.weight_decay * p
                    before = self.velocity[k][j]
                    self.velocity[k][j] = g if before is None else self.momentum * before + g
                    p -= self.lr * self.velocity[k][j]
        return total
