"""Does mixup take the published steps, and are its logits those of examples rather than of mixtures?"""

from functools import partial

import numpy as np
import pytest
import torch

from earlylearn.loop.batches import Batch
from earlylearn.methods.mixup import Mixup
from earlylearn.methods.supervised import CrossEntropy
from tests.reference.mixup_literal import LiteralMixup
from tests.toy import CLASSES, Says, loss_and_gradient, small_network, stands_extremes, takes_the_same_steps


@pytest.mark.parametrize("alpha", [0.2, 1.0, 8.0])
def test_takes_the_steps_of_the_literal_loss(alpha):
    takes_the_same_steps(
        partial(Mixup, alpha=alpha, generator=np.random.default_rng(7)),
        LiteralMixup(alpha, CLASSES, np.random.default_rng(7)),
    )


def test_stands_extremes():
    stands_extremes(Mixup)


def test_says_of_its_examples_what_they_are():
    method = Mixup(Says, 4, 3)
    logits = torch.randn(4, 3)
    method.train()
    batch = Batch(torch.tensor([2, 0, 3, 1]), (logits,), torch.tensor([0, 1, 2, 0]), method.numbers(4, (0,)))
    assert torch.equal(method.loss(batch).logits, logits)
    assert method.nets[0].training


def test_looking_at_examples_leaves_the_running_statistics_to_the_mixtures():
    method = Mixup(small_network, 8, 3)
    method.loss(Batch(torch.arange(8), (torch.randn(8, 5),), torch.arange(8) % 3, method.numbers(8, (0,))))
    assert method.nets[0][1].num_batches_tracked == 1


def test_without_mixing_it_is_cross_entropy():
    logits = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    labels = [0, 1, 2, 0, 1, 2]
    (a, slope), (b, other) = (
        loss_and_gradient(make, logits, labels) for make in (partial(Mixup, alpha=0.0), CrossEntropy)
    )
    assert a == pytest.approx(b)
    torch.testing.assert_close(slope, other)
