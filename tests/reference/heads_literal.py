"""What does one head of many do, trained alone, one example and one formula at a time?"""

import math

import torch


class LiteralHead:
    """A perceptron under equation 7 on the rows that it does not hold out, by plain SGD on weights over sqrt(rate).

    Args:
        weights, biases: of its layers, ``[inputs, outputs]`` and ``[outputs]``.
        rate: how many times the learning rate it takes.
        lam: regularization coefficient.
        aligned: multiply each target by the given share of its class over the mean target's, anew in every epoch.
        held_out: rows that do not train it.
        beta: temporal ensembling momentum.
    """

    def __init__(self, weights, biases, *, rate, lam, aligned, held_out, beta, rows, classes):
        self.scale = math.sqrt(rate)
        self.parameters = [
            (each / self.scale).clone().requires_grad_() for pair in zip(weights, biases, strict=True) for each in pair
        ]
        self.velocity = [torch.zeros_like(each) for each in self.parameters]
        self.lam, self.aligned, self.held_out, self.beta = lam, aligned, set(held_out), beta
        self.targets = torch.zeros(rows, classes)
        self.factor = torch.ones(classes)

    def logits(self, x):
        layers = list(zip(self.parameters[::2], self.parameters[1::2], strict=True))
        for position, (weight, bias) in enumerate(layers):
            x = self.scale * (x @ weight + bias)
            if position + 1 < len(layers):
                x = torch.relu(x)
        return x

    def begin_epoch(self, labels, training):
        """What the targets of this epoch are multiplied by; nothing before any was seen."""
        mine = [i for i in training if i not in self.held_out]
        total = sum(self.targets[i] for i in mine)
        if not self.aligned or not total.sum():
            return
        for c in range(len(total)):
            share = sum(int(labels[i] == c) for i in training) / len(training)
            self.factor[c] = share / max(float(total[c] / total.sum()), 1e-4)

    def step(self, index, x, labels, lr, momentum, weight_decay):
        losses = []
        for i, features, label in zip(index, x, labels, strict=True):
            p = torch.softmax(self.logits(features), 0)
            q = p.clamp(1e-4, 1 - 1e-4)
            now = q.detach() / q.detach().sum()
            self.targets[i] = self.beta * self.targets[i] + (1 - self.beta) * now
            target = self.targets[i].clone()
            if self.aligned:
                target = target * self.factor
                target = target * (self.targets[i].sum() / target.sum())
            if i not in self.held_out:
                losses.append(-torch.log(p[label]) + self.lam * torch.log(1 - (target * q).sum()))
        loss = sum(losses) / len(losses) if losses else 0 * self.parameters[0].sum()
        gradients = torch.autograd.grad(loss, self.parameters)
        with torch.no_grad():
            for parameter, velocity, gradient in zip(self.parameters, self.velocity, gradients, strict=True):
                velocity.mul_(momentum).add_(gradient + weight_decay * parameter)
                parameter.sub_(lr * velocity)
