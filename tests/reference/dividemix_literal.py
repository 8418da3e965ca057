"""What are the steps of DivideMix (Algorithm 1, CIFAR recipe), one example and one formula at a time?"""

import math

import numpy as np
import torch
from sklearn.mixture import GaussianMixture


def literal_clean_probability(losses: list[float], seed: int) -> list[float]:
    """Posterior of the component with the smaller mean, by the densities of the fitted mixture."""
    column = np.array(losses).reshape(-1, 1)
    mixture = GaussianMixture(2, max_iter=10, tol=1e-2, reg_covar=5e-4, random_state=seed).fit(column)
    low = int(mixture.means_[0, 0] > mixture.means_[1, 0])
    posteriors = []
    for loss in losses:
        density = [
            mixture.weights_[c]
            * math.exp(-((loss - mixture.means_[c, 0]) ** 2) / (2 * mixture.covariances_[c, 0, 0]))
            / math.sqrt(mixture.covariances_[c, 0, 0])
            for c in (0, 1)
        ]
        posteriors.append(density[low] / sum(density))
    return posteriors


def literal_lambda(
    epoch: int, step: int, labelled: int, size: int, *, warmup: int, lambda_u: float, ramp: int
) -> float:
    """Weight of the unlabelled loss: a linear ramp from the end of the warm-up, in fractions of epochs."""
    position = (epoch + step / (labelled // size + 1) - warmup) / ramp
    return lambda_u * min(max(position, 0.0), 1.0)


class LiteralDivideMix:
    """Two networks, plain SGD with momentum by hand, lists and Python floats wherever there is no gradient."""

    def __init__(self, nets, classes, *, options, lr, momentum, weight_decay, rng):
        self.nets, self.classes, self.rng = nets, classes, rng
        self.velocity = [[None for _ in net.parameters()] for net in nets]
        self.lr, self.momentum, self.weight_decay = lr, momentum, weight_decay
        self.kept_losses = [[], []]
        for name, value in options.items():
            setattr(self, name, value)

    def warm_up_step(self, k: int, x: torch.Tensor, labels: list[int]) -> float:
        self.nets[k].train()
        p = torch.softmax(self.nets[k](x), dim=1)
        loss = torch.zeros(())
        for i, label in enumerate(labels):
            entropy = -(p[i] * torch.log(p[i])).sum()
            loss = loss - torch.log(p[i, label]) - self.confidence_penalty * entropy
        return self._update(k, loss / len(labels))

    def co_divide(self, x: torch.Tensor, labels: list[int]) -> list[list[float]]:
        """Clean probabilities by each network, of all training rows."""
        posteriors = []
        for k, net in enumerate(self.nets):
            net.eval()
            with torch.no_grad():
                p = torch.softmax(net(x), dim=1)
            losses = [-math.log(p[i, label].item()) for i, label in enumerate(labels)]
            low, high = min(losses), max(losses)
            self.kept_losses[k].append([(loss - low) / (high - low) for loss in losses])
            recent = self.kept_losses[k][-self.history :]
            averaged = [sum(column) / len(recent) for column in zip(*recent, strict=True)]
            posteriors.append(literal_clean_probability(averaged, int(self.rng.integers(2**31))))
        return posteriors

    def step(self, k, epoch, step, number_labelled, size, x_views, u_views, labels, clean) -> float:
        """One MixMatch step of network k; ``clean`` are its peer's probabilities of the labelled rows."""
        net, peer = self.nets[k], self.nets[1 - k]
        net.train()
        peer.eval()
        noisy_x = [self._perturbed(view) for view in x_views]
        noisy_u = [self._perturbed(view) for view in u_views]
        with torch.no_grad():
            guesses = [torch.softmax(n(view), dim=1) for n in (net, peer) for view in noisy_u]
            refined = [torch.softmax(net(view), dim=1) for view in noisy_x]
        targets_x, targets_u = [], []
        for i, label in enumerate(labels):
            p = [(refined[0][i, c].item() + refined[1][i, c].item()) / 2 for c in range(self.classes)]
            mixed = [clean[i] * (c == label) + (1 - clean[i]) * p[c] for c in range(self.classes)]
            targets_x.append(self._sharpen(mixed))
        for i in range(len(noisy_u[0])):
            targets_u.append(self._sharpen([sum(g[i, c].item() for g in guesses) / 4 for c in range(self.classes)]))
        inputs = torch.cat([*noisy_x, *noisy_u])
        targets = torch.tensor([*targets_x, *targets_x, *targets_u, *targets_u])
        share = self.rng.beta(self.alpha, self.alpha)
        share = max(share, 1 - share)
        partner = self.rng.permutation(len(inputs))
        mixed_inputs = torch.stack([share * inputs[i] + (1 - share) * inputs[j] for i, j in enumerate(partner)])
        mixed_targets = torch.stack([share * targets[i] + (1 - share) * targets[j] for i, j in enumerate(partner)])
        p = torch.softmax(net(mixed_inputs), dim=1)
        first = 2 * len(labels)
        labelled_loss, unlabelled_loss = torch.zeros(()), torch.zeros(())
        for i in range(len(p)):
            if i < first:
                labelled_loss = labelled_loss - (mixed_targets[i] * torch.log(p[i])).sum() / first
            else:
                squares = ((p[i] - mixed_targets[i]) ** 2).sum() / self.classes
                unlabelled_loss = unlabelled_loss + squares / (len(p) - first)
        mean = p.mean(0)
        penalty = sum((1 / self.classes) * torch.log((1 / self.classes) / mean[c]) for c in range(self.classes))
        weight = literal_lambda(
            epoch, step, number_labelled, size, warmup=self.warmup, lambda_u=self.lambda_u, ramp=self.ramp
        )
        return self._update(k, labelled_loss + weight * unlabelled_loss + self.prior_weight * penalty)

    def _perturbed(self, view: torch.Tensor) -> torch.Tensor:
        noise = self.rng.standard_normal(view.shape, dtype=np.float32)
        return view + torch.tensor(noise) * torch.tensor(self.view_noise * self.spread, dtype=torch.float32)

    def _sharpen(self, p: list[float]) -> list[float]:
        powers = [q ** (1 / self.temperature) for q in p]
        return [power / sum(powers) for power in powers]

    def _update(self, k: int, loss: torch.Tensor) -> float:
        gradients = torch.autograd.grad(loss, list(self.nets[k].parameters()))
        with torch.no_grad():
            for j, (p, g) in enumerate(zip(self.nets[k].parameters(), gradients, strict=True)):
                g = g + self.weight_decay * p
                before = self.velocity[k][j]
                self.velocity[k][j] = g if before is None else self.momentum * before + g
                p -= self.lr * self.velocity[k][j]
        return loss.item()
