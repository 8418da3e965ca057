"""Does one step of Bayes find how labels go wrong, and is it what one row at a time gives?"""

import numpy as np
import pytest

from earlylearn.audit import calibration
from earlylearn.audit.calibration import TEMPERATURES, calibrate

PAIR = np.array([[0.6, 0.4, 0.0], [0.0, 0.6, 0.4], [0.4, 0.0, 0.6]])
EVEN = np.full((3, 3), 0.2) + 0.4 * np.eye(3)


def noisy(transition, n=900, sharp=3.0, seed=0):
    """True labels, given labels, and beliefs of a model that never saw the given ones."""
    generator = np.random.default_rng(seed)
    true = generator.integers(0, 3, n)
    given = np.array([generator.choice(3, p=transition[k]) for k in true])
    logits = generator.normal(size=(n, 3))
    logits[np.arange(n), true] += sharp
    beliefs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return true, given, beliefs


def literal(beliefs, given, temperature, steps):
    """Expectation maximization for a full matrix, one row and one class at a time."""
    n, classes = beliefs.shape
    q = [[b ** (1 / temperature) for b in row] for row in beliefs]
    q = [[b / sum(row) for b in row] for row in q]
    matrix = [[0.8 if k == j else 0.2 / (classes - 1) for j in range(classes)] for k in range(classes)]
    for _ in range(steps):
        counts = [[0.0] * classes for _ in range(classes)]
        for i in range(n):
            weights = [q[i][k] * matrix[k][given[i]] for k in range(classes)]
            for k in range(classes):
                counts[k][given[i]] += weights[k] / sum(weights)
        matrix = [[(c + 1 / classes) / (sum(row) + 1) for c in row] for row in counts]
    posterior = [[q[i][k] * matrix[k][given[i]] for k in range(classes)] for i in range(n)]
    return np.array(matrix), np.array([[w / sum(row) for w in row] for row in posterior])


def test_pair_noise_is_found_and_its_matrix():
    true, given, beliefs = noisy(PAIR)
    found = calibrate(beliefs, given)
    assert found.kind == "full"
    np.testing.assert_allclose(found.transition, PAIR, atol=0.06)
    rows = np.arange(len(given))
    wrong = given != true
    auc = [
        wrong[np.argsort(-s)][: wrong.sum()].mean()
        for s in (1 - found.posterior(beliefs, given)[rows, given], 1 - beliefs[rows, given])
    ]
    assert auc[0] > auc[1]


def test_a_sample_has_all_labels_also_where_they_take_turns(monkeypatch):
    monkeypatch.setattr(calibration, "MOST_ROWS", 900)
    _, given, beliefs = noisy(PAIR, n=2700)
    least = np.bincount(given).min()
    turns = np.stack([np.flatnonzero(given == k)[:least] for k in range(3)], axis=1).ravel()  # 0, 1, 2, 0, 1, 2, ...
    assert len(set(given[turns][::3])) == 1
    np.testing.assert_allclose(calibrate(beliefs[turns], given[turns]).transition, PAIR, atol=0.06)


def test_symmetric_noise_takes_one_rate():
    _, given, beliefs = noisy(EVEN)
    found = calibrate(beliefs, given)
    assert found.kind == "symmetric"
    assert found.transition[0, 0] == pytest.approx(0.6, abs=0.05)
    assert len({round(rate, 9) for rate in found.transition[~np.eye(3, dtype=bool)]}) == 1


def test_it_is_what_one_row_at_a_time_gives():
    _, given, beliefs = noisy(PAIR, n=240)
    found = calibrate(beliefs, given)
    assert found.temperature in TEMPERATURES
    matrix, posterior = literal(beliefs, given, found.temperature, steps=300)
    np.testing.assert_allclose(found.transition, matrix, atol=2e-4)
    np.testing.assert_allclose(found.posterior(beliefs, given), posterior, atol=2e-3)


def test_overconfident_beliefs_are_softened():
    _, given, beliefs = noisy(EVEN, sharp=3.0)
    sharper = beliefs**4 / (beliefs**4).sum(1, keepdims=True)
    assert calibrate(sharper, given).temperature > calibrate(beliefs, given).temperature


def test_few_rows_free_no_matrix_and_unknown_rows_stay_unknown():
    _, given, beliefs = noisy(PAIR, n=100)
    beliefs[7] = np.nan
    found = calibrate(beliefs, given)
    assert found.kind == "symmetric"
    posterior = found.posterior(beliefs, given)
    assert np.isnan(posterior[7]).all()
    np.testing.assert_allclose(np.delete(posterior, 7, axis=0).sum(1), 1, atol=1e-6)


def test_a_class_that_no_row_was_given_is_no_trouble():
    _, given, beliefs = noisy(EVEN, n=400)
    given = np.where(given == 2, 0, given)
    assert np.isfinite(calibrate(beliefs, given).posterior(beliefs, given)).all()


def precise(ranking, given, wrong):
    """The share of wrong labels among as many of the most suspicious as there are."""
    return wrong[np.argsort(ranking[np.arange(len(given)), given])][: wrong.sum()].mean()


def test_where_labels_drift_that_ranks():
    for transition in (PAIR, np.array([[0.7, 0.3, 0.0], [0.0, 1.0, 0.0], [0.0, 0.3, 0.7]])):
        true, given, beliefs = noisy(transition, sharp=1.5)
        found, wrong = calibrate(beliefs, given), given != true
        assert found.drift.clear
        assert precise(found.ranking(beliefs, given), given, wrong) > precise(beliefs, given, wrong) + 0.01


def test_under_even_noise_the_beliefs_rank():
    _, given, beliefs = noisy(EVEN)
    found = calibrate(beliefs, given)
    assert not found.drift.clear
    np.testing.assert_allclose(found.drift.tilt, 1, atol=0.5)
    order, by_beliefs = (p[np.arange(len(given)), given].argsort() for p in (found.ranking(beliefs, given), beliefs))
    assert len(set(order[:100]) & set(by_beliefs[:100])) > 85


def test_a_model_that_mistakes_two_classes_for_each_other_is_no_drift():
    true, given, beliefs = noisy(np.eye(3))
    mixed = beliefs.copy()
    mixed[:, :2] = beliefs[:, :2].sum(1, keepdims=True) * np.random.default_rng(1).dirichlet([1, 1], len(true))
    assert not calibrate(mixed, given).drift.clear
