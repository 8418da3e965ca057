"""Does a method take the steps of its literal restatement, through the real loop, on a problem of twenty rows?"""

import copy

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from earlylearn.loop.batches import Batch, Batches, Draw
from earlylearn.loop.fit import Fit
from earlylearn.loop.seen import Seen
from tests.reference.elr_plus_literal import small_network

ROWS, CLASSES, HELD_OUT = 23, 3, 3
SGD = {"lr": 0.1, "momentum": 0.9, "weight_decay": 1e-3}


def toy_data(rows=ROWS, classes=CLASSES, seed=3):
    """Random inputs ``[rows, 5]`` and labels."""
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.normal(size=(rows, 5)).astype(np.float32)), torch.from_numpy(
        rng.integers(0, classes, rows)
    )


def toy_batches(x, labels, batch_size=8):
    """All rows but the last ones, which nobody trains on, in an order that every caller gets alike."""
    return Batches(
        x,
        [Draw(torch.arange(len(x) - HELD_OUT), labels)],
        batch_size=batch_size,
        augment="none",
        order=torch.Generator().manual_seed(5),
        augmentation=torch.Generator(),
    )


class HandSGD:
    """SGD with momentum and weight decay, and the gradient by automatic differentiation of the whole loss."""

    def __init__(self, net):
        self.parameters, self.velocity = list(net.parameters()), None

    def step(self, loss):
        gradients = torch.autograd.grad(loss, self.parameters)
        with torch.no_grad():
            steps = [g + SGD["weight_decay"] * p for p, g in zip(self.parameters, gradients, strict=True)]
            if self.velocity is not None:
                steps = [SGD["momentum"] * v + g for v, g in zip(self.velocity, steps, strict=True)]
            self.velocity = steps
            for p, v in zip(self.parameters, steps, strict=True):
                p -= SGD["lr"] * v


def takes_the_same_steps(make_method, literal, *, epochs=4, batch_size=8):
    """Train both from the same weights on the same batches; losses and weights are equal to 1e-5.

    Args:
        make_method: the method from ``(make_network, n, classes)``.
        literal: ``loss(net, index, x, labels)``, a scalar that can be differentiated; optionally ``after_step(index)``
            and ``after_epoch(done, net, x, labels)``, the latter with all training rows.

    Returns:
        The trained method.
    """
    torch.manual_seed(0)
    x, labels = toy_data()
    method = make_method(small_network, ROWS, CLASSES)
    net = copy.deepcopy(method.nets[0])
    optimizer = HandSGD(net)
    theirs = toy_batches(x, labels, batch_size)
    fit = Fit(method, toy_batches(x, labels, batch_size), Fabric(accelerator="cpu", devices=1), epochs=epochs, **SGD)
    for epoch in fit.run(lambda *_: None):
        total = 0.0
        for batch in theirs.batches():
            net.train()
            loss = literal.loss(net, batch.index.tolist(), batch.views[0], batch.label.tolist())
            optimizer.step(loss)
            total += loss.item() * len(batch.index)
            if hasattr(literal, "after_step"):
                literal.after_step(batch.index.tolist())
        if hasattr(literal, "after_epoch"):
            trained = len(x) - HELD_OUT
            literal.after_epoch(epoch.epoch, net, x[:trained], labels[:trained].tolist())
        assert epoch.loss == pytest.approx(total / (len(x) - HELD_OUT), abs=1e-5)
        for mine, other in zip(method.nets[0].parameters(), net.parameters(), strict=True):
            torch.testing.assert_close(mine.detach(), other.detach(), rtol=1e-5, atol=1e-5)
    return method


def seen_of(logits, labels, **others):
    """What the loop keeps of logits of all rows."""
    seen = Seen(labels, **others)
    seen.add(torch.arange(len(labels)), logits)
    seen.settle()
    return seen


class Says(torch.nn.Module):
    """A network that answers its input: logits are what they are fed."""

    def forward(self, x):
        return x


EXTREMES = {
    "certain and right": [[200.0, -200.0, 0.0], [-200.0, 200.0, 0.0]],
    "certain and wrong": [[-200.0, 200.0, 0.0], [200.0, -200.0, 0.0]],
    "undecided": [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
}


def loss_and_gradient(make_method, logits, labels=(0, 1)):
    """A method's loss on given logits, as float, and the gradient to them."""
    logits = torch.as_tensor(logits).requires_grad_()
    method = make_method(Says, len(logits), logits.shape[1])
    numbers = method.numbers(len(logits), (0,))
    loss = method.loss(Batch(torch.arange(len(logits)), (logits,), torch.tensor(labels), numbers)).loss
    assert loss.dtype == torch.float32
    loss.backward()
    return loss.item(), logits.grad


def stands_extremes(make_method):
    """Finite loss and gradient on saturated and flat logits, in bf16 those of float32, for one example too."""
    for logits in EXTREMES.values():
        loss, gradient = loss_and_gradient(make_method, logits)
        assert np.isfinite(loss)
        assert torch.isfinite(gradient).all()
        rounded, gradient_of_rounded = loss_and_gradient(make_method, torch.tensor(logits, dtype=torch.bfloat16))
        assert rounded == pytest.approx(loss, rel=1e-6)  # these logits have no digits to lose
        torch.testing.assert_close(gradient_of_rounded.float(), gradient, rtol=1e-2, atol=1e-3)
    one, _ = loss_and_gradient(make_method, [[1.0, 2.0, *[0.0] * 38]], labels=(1,))
    assert np.isfinite(one)
