"""Are KL regularization and unused targets those of supplements C and D?"""

from functools import partial

import numpy as np
import pytest
import torch

from earlylearn.methods.elr_variants import KLRegularized, TargetsOnly
from earlylearn.methods.supervised import CrossEntropy
from earlylearn.runs.train import train
from tests.conftest import blobs
from tests.reference.elr_variants_literal import LiteralKL
from tests.toy import CLASSES, ROWS, loss_and_gradient, stands_extremes, takes_the_same_steps


@pytest.mark.parametrize("lam", [1.0, 10.0])
def test_kl_takes_the_steps_of_the_literal_loss(lam):
    literal = LiteralKL(ROWS, CLASSES, lam, 0.9)
    method = takes_the_same_steps(partial(KLRegularized, lam=lam, beta=0.9), literal)
    torch.testing.assert_close(method.targets, torch.tensor(literal.targets), rtol=1e-5, atol=1e-5)


def test_targets_take_the_steps_of_cross_entropy_and_are_those_of_the_literal_average():
    literal = LiteralKL(ROWS, CLASSES, 0.0, 0.7)
    method = takes_the_same_steps(TargetsOnly, literal)
    torch.testing.assert_close(method.targets, torch.tensor(literal.targets), rtol=1e-5, atol=1e-5)


def test_kl_gradient_is_equation_18():
    logits = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(6) % 4
    _, gradient = loss_and_gradient(partial(KLRegularized, lam=5.0, beta=0.0), logits, labels.tolist())
    p, y = torch.softmax(logits, 1), torch.nn.functional.one_hot(labels, 4)
    # Without memory t = p, so that lam (p - t) vanishes: what the supplement blames for the failure.
    torch.testing.assert_close(gradient, (p - y) / 6, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("make", [KLRegularized, partial(KLRegularized, lam=10.0, beta=0.0), TargetsOnly])
def test_stands_extremes(make):
    stands_extremes(make)


@pytest.mark.parametrize("method", ["kl", "targets"])
def test_beliefs_are_the_targets_of_every_row(method, run_path):
    run = train(blobs(), method, epochs=2, out=run_path, quiet=True)
    beliefs = run._model("last").label_beliefs()
    np.testing.assert_allclose(beliefs.sum(1), 1, rtol=1e-5)
    issues = run.label_issues()
    assert issues["label_quality"].between(0, 1).all()


@pytest.mark.slow
def test_targets_train_the_network_of_cross_entropy(tmp_path):
    runs = [train(blobs(), method, epochs=3, out=tmp_path / method, quiet=True) for method in ("ce", "targets")]
    a, b = (run.predict_proba(blobs().inputs, weights="last") for run in runs)
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(*(run.label_issues()["label_quality"] for run in runs))


def test_kl_without_lam_is_cross_entropy():
    logits = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    a, b = (
        loss_and_gradient(make, logits, [0, 1, 2, 3, 0, 1]) for make in (partial(KLRegularized, lam=0.0), CrossEntropy)
    )
    assert a[0] == pytest.approx(b[0])
    torch.testing.assert_close(a[1], b[1])
