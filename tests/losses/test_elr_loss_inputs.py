"""Does the loss take what CrossEntropyLoss takes, and mean the same by it?"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import earlylearn as el
from earlylearn.errors import UsageError

B, C = 6, 4
WEIGHT = torch.tensor([0.5, 1.0, 2.0, 0.0])
SETTINGS = [
    {},
    {"weight": WEIGHT},
    {"label_smoothing": 0.2},
    {"weight": WEIGHT, "label_smoothing": 0.2},
    {"reduction": "sum"},
    {"reduction": "none"},
    {"reduction": "none", "weight": WEIGHT, "label_smoothing": 0.1},
]
GENERATOR = torch.Generator().manual_seed(0)
HARD = torch.tensor([0, 1, -100, 3, 2, 1])
SOFT = torch.softmax(torch.randn(B, C, generator=GENERATOR), 1)
SEVERAL = (torch.rand(B, C, generator=GENERATOR) < 0.5).float()


def logits(*shape: int, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(*shape, generator=generator, dtype=torch.float64) * 2).requires_grad_()


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("labels", [HARD, SOFT, SEVERAL], ids=["hard", "soft", "several"])
def test_without_regularizer_it_is_cross_entropy(settings, labels):
    ours, theirs = logits(B, C), logits(B, C)
    criterion, settings = el.ELRLoss(B, C, lam=0.0, **settings), dict(settings)
    loss = criterion(ours, labels, torch.arange(B))
    if "weight" in settings:
        settings["weight"] = settings["weight"].double()
    expected = F.cross_entropy(theirs, labels if labels is HARD else labels.double(), **settings)
    loss.sum().backward()
    expected.sum().backward()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(ours.grad, theirs.grad)
    torch.testing.assert_close(criterion.eval()(theirs, labels), expected)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("labels", [HARD, SOFT], ids=["hard", "soft"])
def test_the_regularizer_weighs_as_much_as_its_example(settings, labels):
    """Against automatic differentiation of the formula, row by row."""
    z, z_literal = logits(B, C), logits(B, C)
    criterion = el.ELRLoss(B, C, lam=3.0, beta=0.7, **settings)
    start = torch.softmax(torch.randn(B, C, generator=torch.Generator().manual_seed(5)), 1)
    criterion.targets.copy_(start)
    loss = criterion(z, labels, torch.arange(B))
    loss.sum().backward()
    kept = labels != -100 if labels.ndim == 1 else torch.ones(B, dtype=torch.bool)
    q = torch.softmax(z_literal, 1).clamp(1e-4, 1 - 1e-4)
    target = 0.7 * start + 0.3 * (q / q.sum(1, keepdim=True)).detach().float()
    of_class = settings.get("weight", torch.ones(C)).double()
    weight = of_class[labels.clamp(0)] * kept if labels.ndim == 1 else (labels.double() * of_class).sum(1)
    divisor = {"sum": 1, "none": 1}.get(
        settings.get("reduction", "mean"), weight.sum() if labels.ndim == 1 else torch.tensor(B)
    )
    regularizer = weight * torch.log(1 - (target * q).sum(1)) / divisor
    ce = F.cross_entropy(
        z_literal,
        labels if labels.ndim == 1 else labels.double(),
        **{**settings, **({"weight": of_class} if "weight" in settings else {})},
    )
    expected = ce + 3.0 * (regularizer if settings.get("reduction") == "none" else regularizer.sum())
    expected.sum().backward()
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(z.grad, z_literal.grad, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(criterion.targets[kept], target[kept])
    assert torch.equal(criterion.targets[~kept], start[~kept])


@pytest.mark.parametrize(
    "settings", [{}, {"label_smoothing": 1e-12}, {"weight": [1.0] * C}, {"repeats": True}], ids=str
)
def test_the_way_for_unusual_batches_gives_what_the_usual_gives(settings):
    usual, other = el.ELRLoss(20, C), el.ELRLoss(20, C, **settings)
    labels = torch.arange(20) % C
    for step in range(6):
        index = torch.randperm(20, generator=torch.Generator().manual_seed(step))[:7]
        z, z_other = logits(7, C, seed=step).float().detach(), logits(7, C, seed=step).float().detach()
        a, b = usual(z.requires_grad_(), labels[index], index), other(z_other.requires_grad_(), labels[index], index)
        a.backward()
        b.backward()
        torch.testing.assert_close((a, z.grad, usual.parts["elr"]), (b, z_other.grad, other.parts["elr"]))
        torch.testing.assert_close(usual.targets, other.targets)


@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8, torch.int16, torch.bool])
def test_labels_and_index_of_any_integers(dtype):
    z, labels = logits(2, 2), torch.tensor([0, 1])
    expected = el.ELRLoss(2, 2)(z, labels, torch.tensor([1, 0]))
    assert torch.equal(el.ELRLoss(2, 2)(z, labels.to(dtype), torch.tensor([1, 0], dtype=torch.int32)), expected)
    criterion = el.ELRLoss(2, 2)
    for _ in range(5):  # the first two passes are looked at more closely
        loss = criterion(input=z, target=labels.numpy(), index=np.array([1, 0], dtype=np.int32))
    assert loss.isfinite()
    assert torch.equal(el.ELRLoss(2, 2)(z, [0, 1], [1, 0]), expected)


@pytest.mark.parametrize("usual", [False, True])
def test_a_few_ignored_labels_late(usual):
    criterion = el.ELRLoss(B, C)
    plain = torch.tensor([0, 1, 0, 3, 2, 1])
    for _ in range(3 if usual else 0):
        criterion(logits(B, C), plain, torch.arange(B))
    before = criterion.targets.clone()
    if not usual:
        plain = HARD
    z = logits(B, C, seed=3)
    labels = plain.clone()
    labels[2] = -100
    loss = criterion(z, labels, torch.arange(B))
    loss.backward()
    assert torch.equal(criterion.targets[2], before[2])
    assert not z.grad[2].any()
    torch.testing.assert_close(criterion.parts["ce"], F.cross_entropy(z, labels).detach())


def test_a_batch_of_ignored_labels_only_is_zero():
    z = logits(B, C)
    loss = el.ELRLoss(B, C)(z, torch.full((B,), -100), torch.arange(B))
    loss.backward()
    assert loss.item() == 0
    assert not z.grad.any()


@pytest.mark.parametrize("last", [False, True], ids=["[B, C, T]", "[B, T, C]"])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_tokens_are_rows(last, reduction):
    labels = torch.tensor([[0, 1, 2, -100, 3], [3, -100, 1, 0, 0]])
    z, flat = logits(2, 5, C), logits(2, 5, C)
    criterion = el.ELRLoss(3, C, rows_per_example=6, reduction=reduction)
    loss = criterion(z if last else z.transpose(1, 2), labels, torch.tensor([2, 0]))
    rows = torch.tensor([[12, 13, 14, 15, 16], [0, 1, 2, 3, 4]])
    expected = el.ELRLoss(18, C, reduction=reduction)
    value = expected(flat.flatten(0, 1), labels.flatten(), rows.flatten())
    loss.sum().backward()
    value.sum().backward()
    assert loss.shape == (labels.shape if reduction == "none" else ())
    assert torch.equal(loss.flatten(), value.flatten())
    assert torch.equal(z.grad, flat.grad)
    assert torch.equal(criterion.targets, expected.targets)
    assert not criterion.targets[15].any()
    same = el.ELRLoss(18, C, reduction=reduction)(z.detach() if last else z.detach().transpose(1, 2), labels, rows)
    assert torch.equal(same, loss)


def test_pixels_are_rows():
    z, labels = logits(2, C, 3, 2), torch.randint(C, (2, 3, 2), generator=torch.Generator().manual_seed(2))
    criterion = el.ELRLoss(5, C, rows_per_example=6)
    criterion(z, labels, torch.tensor([4, 1])).backward()
    assert criterion.targets.view(5, 6, C)[[4, 1]].all()
    criterion.eval()
    torch.testing.assert_close(criterion(z, labels), F.cross_entropy(z, labels))
    soft = torch.softmax(logits(2, C, 3, 2, seed=8).detach(), 1)
    torch.testing.assert_close(criterion(z, soft), F.cross_entropy(z, soft))


def test_which_dimension_counts_classes_is_asked_once_it_cannot_be_told():
    square, labels, index = logits(2, C, C), torch.zeros(2, C, dtype=torch.int64), torch.arange(2)
    criterion = el.ELRLoss(2, C, rows_per_example=8)
    with pytest.raises(UsageError, match=r"input\.flatten\(0, 1\)"):
        criterion(square, labels, index)
    tokens = torch.zeros(2, 5, dtype=torch.int64)
    criterion(logits(2, 5, C), tokens, index)  # now it is known
    loss = criterion(square, labels, index)
    loss.backward()
    torch.testing.assert_close(criterion.parts["ce"], F.cross_entropy(square.flatten(0, 1), labels.flatten()).detach())


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda c: c(torch.randn(2, 5, C), torch.zeros(2, 5).long(), torch.arange(2)), ["rows_per_example=5"]),
        (lambda c: c(torch.randn(2, 5, C), torch.zeros(2, 5).long(), torch.arange(3)), ["[2]", "[2, 5]"]),
        (lambda c: c(torch.randn(2, C), torch.zeros(2), torch.arange(2)), ["float32", "int64"]),
        (lambda c: c(torch.randn(2, C), torch.zeros(2).long(), ["a", "b"]), ["'a'", "RowIds"]),
        (lambda c: c(torch.randn(C), torch.tensor(0), torch.arange(1)), [f"[batch, {C}]"]),
        (lambda c: el.ELRLoss(2, C, weight=[1.0, 2.0]), ["weight", f"expected {C}"]),
        (lambda c: el.ELRLoss(2, C, weight=[1.0, 2.0, -1.0, 0.0]), ["weight", "-1"]),
        (lambda c: el.ELRLoss(2, C, label_smoothing=1.5), ["label_smoothing is 1.5"]),
        (lambda c: el.ELRLoss(2, C, reduction="batchmean"), ["'batchmean'", "mean, sum or none"]),
        (lambda c: el.ELRLoss(2, C, rows_per_example=0), ["rows_per_example is 0"]),
        (lambda c: c.resize_(0), ["resize_(0)"]),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(call, names):
    with pytest.raises(UsageError) as error:
        call(el.ELRLoss(10, C))
    assert all(name in str(error.value) for name in names), error.value
    assert "\n" not in str(error.value)
