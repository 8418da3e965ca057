"""What are SOP's steps (Liu et al. 2022), one example and one class at a time?"""

import torch


def _clip(value):
    return value.clamp(0.0, 1.0)


class LiteralSOP:
    """u_i and v_ic as numbers of their own, learnt by plain SGD beside the network's."""

    def __init__(self, u, v, lr_u, lr_v):
        self.u = [torch.tensor(value) for value in u]
        self.v = [[torch.tensor(value) for value in row] for row in v]
        self.lr_u, self.lr_v = lr_u, lr_v

    def loss(self, net, index, x, labels):
        for i in index:
            self.u[i] = self.u[i].detach().requires_grad_()
            self.v[i] = [value.detach().requires_grad_() for value in self.v[i]]
        losses = []
        for i, z, label in zip(index, net(x), labels, strict=True):
            p = torch.exp(z) / torch.exp(z).sum()
            classes = range(len(p))
            given = [float(c == label) for c in classes]
            added = [_clip(self.u[i] ** 2 * given[c]) for c in classes]
            removed = [_clip(self.v[i][c] ** 2 * (1 - given[c])) for c in classes]
            corrected = [(p[c] + added[c] - removed[c].detach()).clamp(min=1e-4) for c in classes]
            cross_entropy = -torch.log((corrected[label] / sum(corrected)).clamp(min=1e-4))
            decided = [float(c == int(p.argmax())) for c in classes]
            squares = [(decided[c] + added[c] - removed[c] - given[c]) ** 2 for c in classes]
            losses.append(cross_entropy + sum(squares))
        loss = sum(losses) / len(losses)
        own = [self.u[i] for i in index] + [value for i in index for value in self.v[i]]
        self.slopes = dict(zip(map(id, own), torch.autograd.grad(loss, own, retain_graph=True), strict=True))
        return loss

    def after_step(self, index):
        for i in index:
            self.u[i] = (self.u[i] - self.lr_u * self.slopes[id(self.u[i])]).detach()
            self.v[i] = [(value - self.lr_v * self.slopes[id(value)]).detach() for value in self.v[i]]
