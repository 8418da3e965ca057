"""Is a label accepted unseen only where it is told apart from an error of the model?"""

import numpy as np
import pytest

from earlylearn.audit import acceptance
from earlylearn.audit.acceptance import WRONG, Evidence, as_where_surest, not_both_ways
from tests.reference import acceptance_literal


def least(beliefs, labels):
    evidence = Evidence(labels, beliefs.shape[1])
    evidence.add(0, beliefs)
    return evidence.least()


def beliefs_of(logits):
    p = np.exp(logits - logits.max(1, keepdims=True))
    return p / p.sum(1, keepdims=True)


def drawn(generator, n, classes, knows, rate):
    """Beliefs of a model that is right the more often the larger ``knows``, true labels, and given ones."""
    true = generator.integers(0, classes, n)
    beliefs = beliefs_of(generator.normal(size=(n, classes)) + knows * np.eye(classes)[true])
    given = np.where(generator.random(n) < rate, (true + generator.integers(1, classes, n)) % classes, true)
    return beliefs, true, given


@pytest.fixture
def few_explanations(monkeypatch):
    tried = np.array([(a, t, u) for a in (-3.0, -1.0, 0.5) for t in (0.0, 0.6, 2.0) for u in range(3)])
    monkeypatch.setattr(acceptance, "EXPLANATIONS", tried)


@pytest.mark.parametrize("knows", [1.0, 4.0])
def test_as_row_by_row(few_explanations, monkeypatch, knows):
    monkeypatch.setattr(acceptance, "as_where_surest", lambda wrong, *_: np.ones_like(wrong))
    monkeypatch.setattr(acceptance, "not_both_ways", lambda wrong, *_: np.ones_like(wrong))
    beliefs, _, given = drawn(np.random.default_rng(0), 90, 3, knows, 0.3)
    np.testing.assert_allclose(least(beliefs, given), acceptance_literal.least(beliefs, given), rtol=1e-4, atol=1e-6)


def test_wrong_labels_are_accepted_where_the_model_knows():
    beliefs, true, given = drawn(np.random.default_rng(0), 3000, 5, 3.0, 0.3)
    accepted = least(beliefs, given) > WRONG
    assert (given != true)[accepted].mean() > 0.97
    assert accepted.sum() > 0.5 * (given != true).sum()


def test_nothing_is_accepted_where_agreement_does_not_depend_on_sureness():
    """A model that is right on half of the rows however sure it is, and labels that are all right."""
    generator = np.random.default_rng(0)
    true = generator.integers(0, 2, 2000)
    said = np.where(generator.random(2000) < 0.6, true, 1 - true)
    beliefs = beliefs_of(np.eye(2)[said] * generator.gamma(2, 2, (2000, 1)))
    assert not (least(beliefs, true) > WRONG).any()


def test_two_classes_that_the_model_cannot_tell_apart_are_left():
    """Two of four classes look alike, the model is sure of one of them, and one label in ten is wrong."""
    generator = np.random.default_rng(0)
    n = 4000
    true = generator.integers(0, 4, n)
    seen = np.where(true >= 2, generator.integers(2, 4, n), true)
    beliefs = beliefs_of(generator.normal(size=(n, 4)) + 3 * np.eye(4)[seen])
    given = np.where(generator.random(n) < 0.2, (true + generator.integers(1, 4, n)) % 4, true)
    accepted = least(beliefs, given) > WRONG
    alike = (seen >= 2) & (given >= 2)
    assert alike.sum() > 800
    assert not (accepted & alike).any()
    assert (given != true)[accepted].mean() > 0.95
    assert accepted.sum() > 100


def test_rows_never_seen_and_blocks():
    beliefs, _, given = drawn(np.random.default_rng(1), 600, 4, 3.0, 0.3)
    beliefs[::7] = np.nan
    evidence = Evidence(given, 4)
    for start in range(0, 600, 47):
        evidence.add(start, beliefs[start : start + 47])
    whole = least(beliefs, given)
    np.testing.assert_array_equal(evidence.least(), whole)
    assert not whole[::7].any()
    assert not least(np.full((3, 2), np.nan), np.array([0, 1, 0])).any()


def test_of_many_rows_a_sample_tells(monkeypatch):
    beliefs, true, given = drawn(np.random.default_rng(2), 6000, 4, 3.0, 0.3)
    whole = least(beliefs, given)
    monkeypatch.setattr(acceptance, "MOST_ROWS", 2000)
    part = least(beliefs, given)
    assert ((part > WRONG) != (whole > WRONG)).mean() < 0.1
    assert (given != true)[part > WRONG].mean() > 0.97


def test_blocks_of_explanations_change_nothing(monkeypatch):
    beliefs, _, given = drawn(np.random.default_rng(3), 300, 3, 4.0, 0.3)
    whole = least(beliefs, given)
    monkeypatch.setattr(acceptance, "BLOCK", 500)
    np.testing.assert_allclose(least(beliefs, given), whole, rtol=1e-5)


def test_labels_are_wrong_no_more_often_than_where_the_model_is_surest():
    wrong = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.5])
    rank = np.array([0.1, 0.2, 0.3, 0.3, 0.9, 0.1])
    pairs = np.array([7, 7, 7, 7, 7, 8])  # of the second pair there is none among the surest
    np.testing.assert_allclose(as_where_surest(wrong, pairs, rank), [0.25, 0.25, 0.25, 0.25, 1, 0])


def test_what_goes_both_ways_more_often_than_elsewhere_is_left_out():
    called = np.repeat([0, 1, 0, 2], [100, 80, 4, 4])
    labels = np.repeat([1, 0, 2, 1], [100, 80, 4, 4])
    left = not_both_ways(np.ones(188), called, labels, 3)
    even = 2 * 80 / 6  # both ways, by pair
    beyond = 80 - even - 2 * np.sqrt(even) - 1
    np.testing.assert_allclose(left[[0, 100]], [1 - beyond / 100, 1 - beyond / 80])
    assert (left[180:] == 1).all()
    assert (not_both_ways(np.ones(90), np.repeat([0, 1], 45), np.repeat([1, 0], 45), 2) == 1).all()


def test_a_rare_class_mistaken_where_the_model_is_unsure_is_left(monkeypatch):
    """Half of a rare class is called another, never surely, and as if its own name were out of the question."""
    generator = np.random.default_rng(0)
    n = 3000
    true = generator.choice(3, n, p=[0.48, 0.46, 0.06])
    logits = generator.normal(size=(n, 3)) + 4 * np.eye(3)[true]
    missed = (true == 2) & (generator.random(n) < 0.5)
    logits[missed] = generator.normal(size=(int(missed.sum()), 3)) * 0.3 + [1.5, 0.5, -5]
    beliefs = beliefs_of(logits)
    taken = (least(beliefs, true) > WRONG) & missed
    monkeypatch.setattr(acceptance, "as_where_surest", lambda wrong, *_: np.ones_like(wrong))
    before = (least(beliefs, true) > WRONG) & missed
    assert before.sum() > 20
    assert not taken.any()
