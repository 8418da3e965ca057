"""Does the one-pass loss equal the literal formula, and does it explain itself when misused?"""

import math
import warnings

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import earlylearn as el
from earlylearn.errors import UsageError
from earlylearn.losses.elr import CLAMP, elr_loss
from tests.reference.elr_literal import LiteralELRLoss, lemma_2_gradient


def _batches(classes: int, scale: float, batch: int = 16, steps: int = 5, n: int = 40):
    generator = torch.Generator().manual_seed(classes)
    labels = torch.randint(classes, (n,), generator=generator)
    for _ in range(steps):
        index = torch.randperm(n, generator=generator)[:batch]
        logits = torch.randn(batch, classes, generator=generator) * scale
        yield index, logits, labels[index]


@pytest.mark.parametrize("classes", [2, 10, 1000])
@pytest.mark.parametrize("scale", [0.1, 3.0, 60.0], ids=["flat", "usual", "saturated"])
@pytest.mark.parametrize("batch", [1, 16])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_equals_the_literal_formula_in_value_gradient_and_table(classes, scale, batch, dtype):
    literal = LiteralELRLoss(40, classes, lam=3.0, beta=0.7)
    ours = el.ELRLoss(40, classes, lam=3.0, beta=0.7)
    for index, logits, labels in _batches(classes, scale, batch):
        z_ours = logits.to(dtype).requires_grad_()
        z_literal = logits.to(dtype).float().requires_grad_()
        value, expected = ours(z_ours, labels, index), literal(index.tolist(), z_literal, labels)
        value.backward()
        expected.backward()
        assert value.dtype == torch.float32
        assert torch.isfinite(value)
        torch.testing.assert_close(value, expected, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(ours.targets, literal.targets, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(z_ours.grad, z_literal.grad.to(dtype), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_mixed_labels_equal_automatic_differentiation(scale):
    generator = torch.Generator().manual_seed(0)
    logits = (torch.randn(8, 10, generator=generator) * scale).requires_grad_()
    labels = torch.softmax(torch.randn(8, 10, generator=generator), 1)
    targets = torch.softmax(torch.randn(8, 10, generator=generator), 1)
    loss, ce, regularizer = elr_loss(logits, labels, targets, 3.0)
    (ours,) = torch.autograd.grad(loss, logits)
    expected_ce = -(labels * torch.log_softmax(logits, 1)).sum(1).mean()
    q = torch.softmax(logits, 1).clamp(CLAMP, 1 - CLAMP)
    expected_regularizer = torch.log(1 - (targets * q).sum(1)).mean()
    (expected,) = torch.autograd.grad(expected_ce + 3.0 * expected_regularizer, logits)
    torch.testing.assert_close((ce, regularizer), (expected_ce, expected_regularizer), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_gradient_is_that_of_lemma_2(classes):
    generator = torch.Generator().manual_seed(1)
    z = torch.randn(4, classes, dtype=torch.float64, generator=generator).requires_grad_()
    t = torch.softmax(torch.randn(4, classes, dtype=torch.float64, generator=generator), 1) * 0.9
    labels = torch.arange(4) % classes
    assert torch.autograd.gradcheck(lambda x: elr_loss(x, labels, t, 3.0)[0], (z,))
    (regularizer_only,) = torch.autograd.grad(elr_loss(z, labels, t, 3.0)[0] - elr_loss(z, labels, t, 0.0)[0], z)
    expected = torch.stack([lemma_2_gradient(z[i].detach(), t[i]) for i in range(4)]) * 3.0 / 4
    torch.testing.assert_close(regularizer_only, expected)


def test_is_float32_under_autocast():
    criterion = el.ELRLoss(4, 3)
    logits = (torch.eye(4, 3) * 40).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for _ in range(30):
            loss = criterion(logits.to(torch.bfloat16), torch.tensor([0, 1, 2, 0]), torch.arange(4))
    assert loss.dtype == criterion.targets.dtype == torch.float32
    assert torch.isfinite(loss)


def test_regularizer_is_bounded_below_however_sure_the_model():
    criterion = el.ELRLoss(1, 2, lam=1.0, beta=0.0)
    criterion(torch.tensor([[80.0, -80.0]]), torch.tensor([0]), torch.tensor([0]))
    assert math.log(CLAMP) <= criterion.parts["elr"].item() < -8


def test_targets_travel_in_the_state_dict():
    first, second = el.ELRLoss(6, 3), el.ELRLoss(6, 3)
    first(torch.randn(3, 3), torch.tensor([0, 1, 2]), torch.tensor([5, 0, 3]))
    assert list(first.state_dict()) == ["targets"]
    second.load_state_dict(first.state_dict())
    assert torch.equal(first.targets, second.targets)
    assert torch.isnan(first.beliefs()[[1, 2, 4]]).all()
    torch.testing.assert_close(first.beliefs()[[5, 0, 3]].sum(1), torch.ones(3))


def test_second_derivative_is_refused_rather_than_wrong():
    logits = torch.randn(2, 3, requires_grad=True)
    loss = elr_loss(logits, torch.tensor([0, 1]), torch.full((2, 3), 0.3), 3.0)[0]
    with pytest.raises(NotImplementedError, match="second derivative"):
        torch.autograd.grad(loss, logits, create_graph=True)


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda c: c(torch.randn(4, 3), torch.zeros(4, dtype=torch.int64)), ["IndexedDataset"]),
        (
            lambda c: c(torch.randn(4, 3), torch.zeros(4, dtype=torch.int64), torch.arange(4) + 8),
            ["10", "0..9"],
        ),
        (
            lambda c: c(torch.randn(4, 3), torch.zeros(4, dtype=torch.int64), torch.tensor([0, 1, 1, 2])),
            ["twice"],
        ),
        (lambda c: c(torch.randn(4, 5), torch.zeros(4, dtype=torch.int64), torch.arange(4)), ["[batch, 3]"]),
        (lambda c: c(torch.randn(4, 3), torch.zeros(3, dtype=torch.int64), torch.arange(4)), ["int64 [4]"]),
        (lambda c: c(torch.randn(4, 3), torch.zeros(4, dtype=torch.int64), torch.rand(4)), ["float32"]),
        (lambda c: c(torch.randn(4, 3), torch.tensor([0, 1, 3, 0]), torch.arange(4)), ["0..2", "num_classes is 3"]),
        (lambda c: c(torch.randn(0, 3), torch.zeros(0, dtype=torch.int64), torch.arange(0)), ["[0]", "empty"]),
        (lambda c: el.ELRLoss(0, 3), ["num_examples=0"]),
        (lambda c: el.ELRLoss(4, 3, beta=1.0), ["beta is 1.0", "0 <= beta < 1"]),
        (lambda c: el.ELRLoss(4, 3, lam=-1), ["lam is -1"]),
        (lambda c: el.ELRLoss([0, 1, 2], 3), ["num_examples is a list", "len(dataset)"]),
        (lambda c: el.ELRLoss(4.0, 3), ["num_examples is a float"]),
        (lambda c: el.ELRLoss(4, 3, lam="3"), ["lam is a str"]),
        (lambda c: c({"logits": torch.randn(4, 3)}, torch.zeros(4).long(), torch.arange(4)), ["a dict", ".logits"]),
    ],
)
def test_misuse_names_the_culprit_and_the_mend(call, names):
    with pytest.raises(UsageError) as error:
        call(el.ELRLoss(10, 3))
    assert all(name in str(error.value) for name in names)
    assert "\n" not in str(error.value)


def test_positions_in_the_batch_instead_of_examples_are_noticed():
    criterion = el.ELRLoss(num_examples=4, num_classes=3)
    criterion(torch.randn(4, 3), torch.tensor([0, 1, 2, 0]), torch.arange(4))
    with pytest.raises(UsageError, match="not positions in a batch"):
        criterion(torch.randn(4, 3), torch.tensor([1, 1, 2, 0]), torch.arange(4))


def test_probabilities_in_place_of_logits_are_told_once():
    criterion, labels, rows = el.ELRLoss(10, 3), torch.tensor([0, 1, 2, 0]), torch.arange(4)
    logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    with pytest.warns(UserWarning, match="pass logits, without the softmax"):
        criterion(logits.softmax(1).requires_grad_(), labels, rows)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        criterion(logits.softmax(1).requires_grad_(), labels, rows)
        el.ELRLoss(10, 3)(logits.log_softmax(1).requires_grad_(), labels, rows)  # which a softmax leaves alone
        el.ELRLoss(10, 3)(torch.zeros(4, 3, requires_grad=True), labels, rows)  # of a head that begins with zeros


def test_indexed_dataset_in_a_loop_of_your_own():
    x, y = torch.randn(20, 5), torch.arange(20) % 2
    loader = DataLoader(el.IndexedDataset(TensorDataset(x, y)), batch_size=6, shuffle=True)
    network, criterion = torch.nn.Linear(5, 2), el.ELRLoss(20, 2)
    for _ in range(3):
        for inputs, labels, index in loader:
            assert torch.equal(x[index], inputs)
            criterion(network(inputs), labels, index).backward()
    torch.testing.assert_close(criterion.targets.sum(1), torch.full((20,), 1 - 0.7**3))
    with pytest.raises(UsageError, match="tuple"):
        el.IndexedDataset([1, 2, 3])[0]
    with pytest.raises(UsageError, match="length"):
        el.IndexedDataset(iter([]))
