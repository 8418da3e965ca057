"""Does SOP move the network, u and v as published, from any start, and at the extremes of its clips?"""

from functools import partial

import numpy as np
import pytest
import torch

from earlylearn.loop.batches import Batch
from earlylearn.methods.sop import SOP, sop_loss
from tests.reference.sop_literal import LiteralSOP
from tests.toy import CLASSES, HELD_OUT, ROWS, loss_and_gradient, stands_extremes, takes_the_same_steps


def _started(size, lr_u, lr_v):
    """SOP whose u and v start at visible values, some beyond the clip, in place of 1e-8."""

    def make(make_network, n, classes):
        method = SOP(make_network, n, classes, lr_u=lr_u, lr_v=lr_v)
        rng = np.random.default_rng(1)
        method.u.copy_(torch.from_numpy(rng.normal(size=(n, 1)) * size))
        method.v.copy_(torch.from_numpy(rng.normal(size=(n, classes)) * size))
        return method

    return make


@pytest.mark.parametrize(("size", "lr_u", "lr_v"), [(0.3, 1.0, 1.0), (1.2, 0.5, 5.0), (1e-8, 10.0, 10.0)])
def test_takes_the_steps_of_the_literal_algorithm(size, lr_u, lr_v):
    make = _started(size, lr_u, lr_v)
    start = make(torch.nn.Identity, ROWS, CLASSES)
    literal = LiteralSOP(start.u[:, 0].tolist(), start.v.tolist(), lr_u, lr_v)
    method = takes_the_same_steps(make, literal)
    torch.testing.assert_close(method.u[:, 0], torch.stack(literal.u), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(method.v, torch.tensor([[float(c) for c in row] for row in literal.v]))
    assert torch.equal(method.u[-HELD_OUT:], start.u[-HELD_OUT:])
    assert not torch.equal(method.u[:-HELD_OUT], start.u[:-HELD_OUT])


def test_starts_near_zero_by_its_generator_and_keeps_both_tables():
    first, again, other = (SOP(torch.nn.Identity, 1000, 3, generator=np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(first.v, again.v)
    assert not torch.equal(first.v, other.v)
    assert float(first.v.std()) == pytest.approx(1e-8, rel=0.1)
    assert {"u", "v"} <= first.state_dict().keys()


@pytest.mark.parametrize("size", [1e-8, 0.7, 30.0])
def test_stands_extremes(size):
    stands_extremes(_started(size, 10.0, 10.0))


def test_the_squared_error_does_not_move_the_network_and_v_is_constant_for_the_cross_entropy():
    logits = torch.tensor([[2.0, 1.0, 0.0]], requires_grad=True)
    y = torch.tensor([[0.0, 1.0, 0.0]])
    u, v = torch.tensor([[0.5]], requires_grad=True), torch.full((1, 3), 0.4, requires_grad=True)
    ce, mse = sop_loss(torch.softmax(logits, 1), y, u, v)
    assert torch.autograd.grad(mse, logits, retain_graph=True, allow_unused=True)[0] is None
    assert torch.autograd.grad(ce, v, retain_graph=True, allow_unused=True)[0] is None
    # For a label the network contradicts, u^2 shall reach 1 at the label and v^2 at what the network says.
    assert torch.autograd.grad(mse, u, retain_graph=True)[0].item() == pytest.approx(2 * (0.25 - 1) * 2 * 0.5)
    assert torch.autograd.grad(mse, v)[0][0].tolist() == pytest.approx(
        [2 * (1 - 0.16) * -2 * 0.4, 0, 2 * 0.16 * 2 * 0.4]
    )


def test_steps_of_the_tables_ignore_a_gradient_scaler():
    plain, scaled = (_started(0.3, 1.0, 1.0)(torch.nn.Identity, 2, 3) for _ in range(2))
    _, gradient = loss_and_gradient(lambda *_: plain, torch.zeros(2, 3))
    logits = torch.zeros(2, 3, requires_grad=True)
    (65536 * scaled.loss(Batch(torch.arange(2), (logits,), torch.tensor([0, 1]))).loss).backward()
    torch.testing.assert_close(logits.grad, 65536 * gradient)
    assert torch.equal(plain.u, scaled.u)
    assert torch.equal(plain.v, scaled.v)
    assert not torch.equal(plain.u, _started(0.3, 1.0, 1.0)(torch.nn.Identity, 2, 3).u)


def test_more_classes_than_examples():
    assert np.isfinite(loss_and_gradient(partial(SOP, lr_u=1.0), torch.randn(2, 50))[0])
