"""Are targets cut short what they would be by hand, and near enough to dense ones for the gradient?"""

import pytest
import torch

from earlylearn.losses.elr import elr_loss
from earlylearn.losses.sparse import MOST_CLASSES, SparseTargets
from earlylearn.losses.targets import clamped, target_beliefs, update_targets
from earlylearn.methods import METHODS
from tests.reference.sparse_literal import LiteralSparseTargets


@pytest.mark.parametrize("classes", [2, 5, 17, 30])
def test_rows_are_those_of_plain_python(classes):
    generator = torch.Generator().manual_seed(0)
    table = SparseTargets(6, classes)
    literal = LiteralSparseTargets(6, classes, table.kept)
    for _ in range(5):
        index = torch.randperm(6, generator=generator)[:4]
        p = clamped(torch.softmax(3 * torch.randn(4, classes, generator=generator), 1))
        moved = table.update(index, p, beta=0.7)
        by_hand = [literal.update(i, row, 0.7) for i, row in zip(index.tolist(), p.tolist(), strict=True)]
        torch.testing.assert_close(moved, torch.tensor(by_hand), rtol=1e-4, atol=1e-5)
    rows = table.rows(torch.arange(6))
    torch.testing.assert_close(rows, torch.tensor([literal.row(i) for i in range(6)]), rtol=1e-3, atol=1e-5)


def test_a_row_that_was_never_seen_believes_nothing():
    table = SparseTargets(3, 20)
    table.update(torch.tensor([1]), torch.full((1, 20), 0.05), beta=0.9)
    assert target_beliefs(table.rows(torch.arange(3)))[:, 0].isnan().tolist() == [True, False, True]


def test_many_classes_keep_their_numbers():
    table = SparseTargets(1, MOST_CLASSES + 2)
    p = torch.full((1, MOST_CLASSES + 2), 1e-4)
    p[0, -1] = 1
    table.update(torch.tensor([0]), p, beta=0.5)
    assert table.rows(torch.tensor([0])).argmax() == MOST_CLASSES + 1
    assert SparseTargets(1, MOST_CLASSES).entries.dtype == torch.int16


def gradient_error(classes, rows, epochs, beta, lam, sharpness):
    """The largest relative error of the gradient over the epochs of logits that learn, waver and saturate."""
    generator = torch.Generator().manual_seed(classes)
    labels = torch.randint(classes, (rows,), generator=generator)
    like = torch.randn(rows, classes, generator=generator)
    dense, sparse, index, worst = torch.zeros(rows, classes), SparseTargets(rows, classes), torch.arange(rows), 0.0
    for epoch in range(epochs):
        waver = 0.5 * torch.randn(rows, classes, generator=generator)
        logits = (1 + 0.2 * epoch) * like + waver
        logits[index, labels] += sharpness * (epoch + 1) / epochs
        found = []
        for update in (
            lambda q: update_targets(dense, index, q, beta=beta),
            lambda q: sparse.update(index, q, beta=beta),
        ):
            z = logits.clone().requires_grad_()
            elr_loss(z, labels, update, lam)[0].backward()
            found.append(z.grad)
        worst = max(worst, float((found[1] - found[0]).norm() / found[0].norm()))
    return worst


@pytest.mark.parametrize(("classes", "rows", "lam"), [(100, 200, 7.0), (21_841, 12, 3.0)])
@pytest.mark.parametrize("beta", [0.7, 0.9])
def test_the_gradient_is_within_a_hundredth_of_the_dense_one(classes, rows, lam, beta):
    assert gradient_error(classes, rows, 12, beta, lam, sharpness=14.0) < 0.01


def test_imagenet_21k_takes_less_than_a_gigabyte():
    table = SparseTargets(10, 21_841)
    assert sum(buffer.nbytes for buffer in table.buffers()) * 14_200_000 / 10 < 1e9


def test_large_tables_are_cut_short_where_nothing_is_said(monkeypatch):
    monkeypatch.setattr("earlylearn.methods.with_targets.MOST_DENSE", 7 * 12)
    kept = {
        (n, table): len(METHODS["elr"](torch.nn.Identity, n, 12, table=table).tables)
        for n in (7, 8)
        for table in ("auto", "dense", "top16")
    }
    assert kept == {(7, "auto"): 0, (7, "dense"): 0, (7, "top16"): 1, (8, "auto"): 1, (8, "dense"): 0, (8, "top16"): 1}
