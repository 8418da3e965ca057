"""Is a mean of models as sure as labels nobody trained on bear out, and is nobody outvoted by one that is ever sure?"""

import numpy as np
import pytest
import torch

from earlylearn.methods import sureness
from earlylearn.methods.sureness import LEAST, MOST, fitted, power_of_truth, powers, together


def said(rows=4000, classes=3, sharp=1.0, seed=0):
    """Log probabilities that are true, taken by a power, with labels drawn from the true ones."""
    rng = np.random.default_rng(seed)
    log_p = torch.log_softmax(torch.from_numpy(rng.normal(size=(rows, classes)) * 2), 1)
    labels = torch.from_numpy((rng.random((rows, 1)) < log_p.exp().cumsum(1).numpy()).argmax(1))
    return torch.log_softmax(sharp * log_p, 1), labels


def test_newtons_method_finds_what_a_search_finds():
    log_p, labels = said()
    models = torch.stack([torch.log_softmax(each * log_p, 1) for each in (0.4, 1.0, 5.0)], 1)
    found = powers(models, labels)
    np.testing.assert_allclose(found * torch.tensor([0.4, 1.0, 5.0]), float(found[1]), rtol=1e-6)
    tries = torch.linspace(0.5, 1.5, 1001).double()
    likelihood = [float(torch.log_softmax(t * log_p, 1).gather(1, labels[:, None]).mean()) for t in tries]
    assert float(found[1]) == pytest.approx(float(tries[int(np.argmax(likelihood))]), abs=0.002)


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_the_power_of_truth_is_that_of_the_right_labels_where_some_are_replaced(share):
    log_p, labels = said(20_000, sharp=3.0)
    wrong = torch.rand(len(labels), generator=torch.Generator().manual_seed(0)) < share
    given = torch.where(wrong, (labels + 1 + torch.arange(len(labels)) % 2) % 3, labels)
    assert power_of_truth(log_p, given) == pytest.approx(1 / 3, rel=0.2)
    if share:
        assert float(powers(log_p[:, None], given)) < 0.2  # which is how sure it may be of the given ones


def test_one_that_is_ever_sure_does_not_outvote_another_of_many_times_its_weight():
    log_p, labels = said()
    other = torch.log_softmax(20 * torch.randn(log_p.shape, generator=torch.Generator().manual_seed(0)), 1).double()
    models, weights = torch.stack([log_p, other], 1), torch.tensor([0.9, 0.1]).double()
    plain = together(models, weights, torch.ones(2)).argmax(1)
    power, sureness = fitted(models, labels, weights)
    mean = together(models, weights, power).argmax(1)
    assert (plain == log_p.argmax(1)).double().mean() < 0.8
    assert (mean == log_p.argmax(1)).double().mean() > 0.97
    assert sureness > 0


def test_what_cannot_be_fitted_stays_within_bounds():
    sure = torch.log_softmax(torch.eye(4).repeat(5, 1) * 9, 1).unsqueeze(1)
    right = torch.arange(4).repeat(5)
    assert 1.5 < float(powers(sure, right)) <= MOST
    assert float(powers(sure, right.roll(1))) == LEAST
    flat = torch.full((6, 2, 3), 1 / 3).log()
    assert torch.isfinite(powers(flat, torch.zeros(6, dtype=torch.int64))).all()
    power, sureness = fitted(sure, right, torch.ones(1))
    assert torch.isfinite(power).all()
    assert LEAST <= sureness <= MOST


def test_labels_that_take_turns_are_all_heard(monkeypatch):
    """A head that is sure of everything and right about one class: every second row would be of that class alone."""
    monkeypatch.setattr(sureness, "NUMBERS", 1)
    labels = torch.arange(6000) % 2
    noise = torch.randn(len(labels), generator=torch.Generator().manual_seed(0))
    logit = torch.where(labels == 0, 8.0, -2.0) + 3 * noise
    log_p = torch.log_softmax(torch.stack([logit, -logit], 1), 1).unsqueeze(1)
    power, _ = fitted(log_p, labels, torch.ones(1))
    assert float(power) == pytest.approx(float(powers(log_p, labels)), rel=0.1)
