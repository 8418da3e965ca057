"""What are forward correction and its matrix estimate, one example and one class at a time (Patrini et al. 2017)?"""

import copy
import math

import torch


class LiteralForward:
    """-log sum_i p_i T[i][y]; T from anchor points after ``warmup`` epochs of cross-entropy, if it is not given."""

    def __init__(self, classes, transition=None, warmup=None, percentile=None):
        identity = [[float(i == j) for j in range(classes)] for i in range(classes)]
        self.transition = identity if transition is None else transition
        self.warmup, self.percentile = warmup, percentile

    def loss(self, net, index, x, labels):
        losses = []
        for z, label in zip(net(x), labels, strict=True):
            p = torch.exp(z) / torch.exp(z).sum()
            losses.append(-torch.log(sum(p[i] * self.transition[i][label] for i in range(len(p)))))
        return sum(losses) / len(losses)

    def after_epoch(self, done, net, x, labels):
        if done != self.warmup:
            return
        still = copy.deepcopy(net).eval()
        with torch.no_grad():
            noisy = [torch.softmax(still(x[i : i + 1]), 1)[0].tolist() for i in range(len(x))]
        self.transition = [self._row(noisy, c) for c in range(len(noisy[0]))]

    def _row(self, noisy, c):
        """The noisy-label probabilities at the anchor point of class c."""
        by_certainty = sorted(noisy, key=lambda p: p[c])
        anchor = by_certainty[math.ceil(self.percentile / 100 * (len(noisy) - 1))]
        return anchor if max(anchor) == anchor[c] else by_certainty[-1]
