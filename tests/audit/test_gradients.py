"""Does the recorded pull at the true class equal the gradient of the loss, example by example?"""

import numpy as np
import pytest
import torch

from earlylearn.audit.gradients import true_class_gradients
from earlylearn.methods.elr import ELR
from earlylearn.methods.elr_variants import KLRegularized
from earlylearn.methods.supervised import CrossEntropy
from earlylearn.runs.train import train
from tests.conftest import blobs
from tests.reference.elr_literal import lemma_2_gradient
from tests.toy import Says, seen_of

LOGITS = torch.tensor([[2.0, 0.5, -1.0], [0.3, -0.4, 0.9], [0.0, 0.0, 0.0], [-1.5, 1.0, 0.2]])
TARGETS = torch.tensor([[0.6, 0.2, 0.1], [0.1, 0.3, 0.5], [0.2, 0.2, 0.5], [0.0, 0.9, 0.05]])
INDEX = torch.tensor([3, 0, 2, 1])


def gradients_of(labels, true, regularizer):
    seen = seen_of(LOGITS, labels, true=true, regularizer=regularizer)
    return true_class_gradients(seen.at_true, labels, true, seen.pull)


def with_targets(method):
    method.targets[INDEX] = TARGETS
    return method


def test_elr_is_lam_times_lemma_2():
    method = with_targets(ELR(Says, 5, 3, lam=2.5))
    g = torch.stack([lemma_2_gradient(z, t) for z, t in zip(LOGITS, TARGETS, strict=True)])
    torch.testing.assert_close(method.regularizer_gradient(INDEX, LOGITS), 2.5 * g)


def test_kl_is_the_gradient_of_its_term():
    method = with_targets(KLRegularized(Says, 5, 3, lam=5.0))
    z = LOGITS.clone().requires_grad_()
    (-5.0 * (TARGETS * torch.log_softmax(z, 1)).sum()).backward()
    torch.testing.assert_close(method.regularizer_gradient(INDEX, LOGITS), z.grad)


def test_sides_are_moments_of_p_minus_y_at_the_true_class():
    labels, true = torch.tensor([0, 1, 2, 1]), torch.tensor([0, 0, 2, 0])
    regularizer = torch.arange(12.0).reshape(4, 3)
    found = gradients_of(labels, true, lambda rows, logits: regularizer[rows])
    z = LOGITS.clone().requires_grad_()
    torch.nn.functional.cross_entropy(z, labels, reduction="sum").backward()
    at_true = z.grad.gather(1, true[:, None]).squeeze(1).numpy()
    for side, rows in (("clean", [0, 2]), ("wrong", [1, 3])):
        assert found[side]["ce"] == pytest.approx([at_true[rows].mean(), at_true[rows].std()], rel=1e-5)
        assert found[side]["ce_abs"] == pytest.approx([abs(at_true[rows]).mean(), abs(at_true[rows]).std()], rel=1e-5)
    assert found["clean"]["regularizer"] == [4.0, 4.0]  # entries 0 and 8
    assert found["wrong"]["regularizer"] == [6.0, 3.0]  # entries 3 and 9


def test_a_side_without_examples_is_none():
    found = gradients_of(torch.zeros(4).long(), torch.zeros(4).long(), None)
    assert found["wrong"] is None
    assert found["clean"]["regularizer"] is None


@pytest.mark.slow
def test_metrics_hold_gradients_and_beliefs_where_the_truth_is_known(tmp_path):
    run = train(blobs(), "elr", epochs=3, out=tmp_path / "elr", quiet=True)
    last = run.metrics[-1]
    assert last["gradients"]["clean"]["ce"][0] < 0 < last["gradients"]["wrong"]["ce"][0]
    assert last["gradients"]["wrong"]["regularizer"][0] < 0  # it keeps the true class up against the wrong label
    assert 0.8 < last["beliefs"]["train"] <= 1
    issues = run.label_issues()
    held_out = issues[issues["split"] == "validation"]
    if run.summary["accuracy"]["best_epoch"] == 3:
        share = (held_out["predicted_label"] == held_out["true_label"]).mean()
        assert last["beliefs"]["validation"] == pytest.approx(share)
    plain = train(blobs(), "ce", epochs=1, out=tmp_path / "ce", quiet=True).metrics[-1]
    assert plain["beliefs"] is None
    assert plain["gradients"]["clean"]["regularizer"] is None
    assert CrossEntropy(Says, 5, 3).regularizer_gradient(INDEX, LOGITS) is None


def test_without_the_truth_neither_is_known(tmp_path):
    data = blobs()
    data = data.with_labels(data.labels, None)
    last = train(data, "elr", epochs=1, out=tmp_path / "run", quiet=True).metrics[-1]
    assert last["gradients"] is None
    assert last["beliefs"] is None
    assert np.isfinite(last["loss"])
