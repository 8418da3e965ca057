"""Do the benchmarks run, and does the released loss they compare with equal the reference?"""

import math

import pytest
import torch

from benchmarks import augmentation, loss, step

from .reference.elr_literal import LiteralELRLoss


@pytest.mark.parametrize(
    ("measure", "goals"),
    [
        (lambda: loss.measure(1, compiled=False), [key for key in loss.GOALS if "compiled" not in key]),
        (lambda: step.measure(1), list(step.GOALS)),
        (lambda: augmentation.measure(1), list(augmentation.GOALS)),
    ],
    ids=["loss", "step", "augmentation"],
)
def test_measures_what_the_goals_speak_of(measure, goals):
    result = measure()
    assert set(goals) <= set(result)
    assert all(math.isfinite(value) for value in result.values())
    assert result["rounds"] == 1


def test_the_released_loss_is_the_literal_one():
    ours, reference = loss.ReleasedLoss(8, 3), LiteralELRLoss(8, 3, lam=loss.LAM, beta=loss.BETA)
    for _ in range(3):
        logits, labels = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
        assert torch.equal(ours([5, 0, 3, 7], logits, labels), reference([5, 0, 3, 7], logits, labels))
