"""Is the paired test what one row at a time gives, and does each model count by how far it is behind?"""

import math

import numpy as np
import pytest
import torch

from earlylearn.data.splits import stratified_folds
from earlylearn.methods.account import account, tried
from earlylearn.methods.choice import Standing, compare, not_beaten, row_weights, shares


def literal(right, labels, classes):
    """Agreement, and standard errors behind the best, one row at a time."""
    n = len(labels)
    present = [c for c in range(classes) if c in labels]
    weights = [0.5 / n + 0.5 / (len(present) * labels.count(label)) for label in labels]
    agreement = [sum(w for w, row in zip(weights, right, strict=True) if row[s]) for s in range(len(right[0]))]
    best = agreement.index(max(agreement))
    behind = []
    for s in range(len(right[0])):
        lead = sum(w * (row[best] - row[s]) for w, row in zip(weights, right, strict=True))
        error = math.sqrt(sum((w * (row[best] - row[s])) ** 2 for w, row in zip(weights, right, strict=True)))
        behind.append(lead / error if error else 0.0)
    return agreement, behind


def test_it_is_what_one_row_at_a_time_gives():
    rng = np.random.default_rng(0)
    right, labels = rng.random((50, 4)) < [0.8, 0.7, 0.5, 0.8], rng.integers(0, 3, 50)
    right[:, 3] = right[:, 0]
    standing = compare(torch.from_numpy(right), row_weights(torch.from_numpy(labels), 4))
    agreement, behind = literal(right.astype(int).tolist(), labels.tolist(), 4)
    np.testing.assert_allclose(standing.agreement, agreement)
    np.testing.assert_allclose(standing.behind, behind, atol=1e-12)
    assert standing.best == 0
    assert standing.behind[3] == 0


def test_with_balanced_classes_it_is_mcnemars():
    right = torch.tensor([[1, 0]] * 9 + [[0, 1]] * 4 + [[1, 1]] * 7)
    standing = compare(right, row_weights(torch.tensor([0, 1] * 10), 2))
    assert float(standing.behind[1]) == pytest.approx((9 - 4) / math.sqrt(9 + 4))


def test_a_model_that_answers_the_commonest_class_alone_does_not_win():
    labels = torch.tensor([0] * 90 + [1] * 10)
    commonest = torch.cat([torch.ones(90), torch.zeros(10)])
    fair = torch.cat([torch.ones(80), torch.zeros(10), torch.ones(9), torch.zeros(1)])
    standing = compare(torch.stack([commonest, fair], 1), row_weights(labels, 2))
    assert standing.best == 1


def test_the_further_behind_the_less_a_model_counts():
    standing = Standing(torch.tensor([0.8, 0.79, 0.7]), torch.tensor([0.0, 0.5, 5.0]))
    weights = shares(standing)
    assert float(weights.sum()) == pytest.approx(1)
    assert float(weights[1] / weights[0]) == pytest.approx(math.exp(-0.5))
    assert float(weights[2]) < 1e-9


def test_the_best_that_are_not_beaten_go_on():
    standing = Standing(torch.tensor([0.5, 0.8, 0.7, 0.79, 0.78]), torch.tensor([9.0, 0.0, 2.6, 0.3, 1.0]))
    assert not_beaten(standing, 4) == [1, 3, 4]
    assert not_beaten(standing, 2) == [1, 3]


def test_the_account_names_what_counts_and_how_many_were_tried():
    standing = Standing(torch.tensor([0.8, 0.79, 0.5]), torch.tensor([0.0, 0.1, 7.0]))
    weights = (0.6, 0.399, 0.001)
    names = ("a hidden head", "another", "a third")
    settings = [tried(name, "final", standing, k, weights[k]) for k, name in enumerate(names)]
    choice = account(settings, [tried("a fourth", "race", standing, 2)], agreed=0.834)
    assert choice["line"] == (
        "a hidden head, in a mean with 1 that hardly differs; chosen among 4 by out-of-fold agreement with "
        "the given labels, 0.83"
    )
    assert [each["name"] for each in choice["settings"]] == [*names, "a fourth"]


def test_folds_hold_each_class_and_all_rows_in_equal_shares():
    labels = np.repeat([0, 1, 2], [53, 20, 7])
    folds = stratified_folds(labels, 5, np.random.default_rng(0))
    assert set(np.bincount(folds)) == {16}
    for label in range(3):
        counts = np.bincount(folds[labels == label], minlength=5)
        assert counts.max() - counts.min() <= 1
    assert not np.array_equal(folds, stratified_folds(labels, 5, np.random.default_rng(1)))
