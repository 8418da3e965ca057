"""Are the losses of one formula those of their papers, and do they stand saturated, rounded and scarce examples?"""

import math
from functools import partial

import numpy as np
import pytest
import torch

from earlylearn.methods.supervised import (
    Bootstrap,
    CrossEntropy,
    GeneralizedCrossEntropy,
    LabelSmoothing,
    SymmetricCrossEntropy,
)
from earlylearn.runs.train import train
from tests.conftest import blobs
from tests.reference.supervised_literal import LiteralBootstrap, LiteralGCE, LiteralSCE, LiteralSmoothing
from tests.toy import HELD_OUT, ROWS, loss_and_gradient, stands_extremes, takes_the_same_steps

TWINS = {
    "bootstrap": (Bootstrap, LiteralBootstrap(0.95, hard=False)),
    "bootstrap much": (partial(Bootstrap, label_weight=0.3), LiteralBootstrap(0.3, hard=False)),
    "bootstrap hard": (partial(Bootstrap, hard=True), LiteralBootstrap(0.8, hard=True)),
    "gce": (GeneralizedCrossEntropy, LiteralGCE(0.7)),
    "gce q=1": (partial(GeneralizedCrossEntropy, q=1.0), LiteralGCE(1.0)),
    "sce": (SymmetricCrossEntropy, LiteralSCE(0.1, 1.0, -4.0)),
    "sce as released for CIFAR-100": (
        partial(SymmetricCrossEntropy, alpha=6.0, beta=0.1, log_zero=math.log(1e-4)),
        LiteralSCE(6.0, 0.1, math.log(1e-4)),
    ),
    "label-smoothing": (LabelSmoothing, LiteralSmoothing(0.1)),
    "label-smoothing negative": (partial(LabelSmoothing, smoothing=-0.5), LiteralSmoothing(-0.5)),
}


@pytest.mark.parametrize("name", TWINS)
def test_takes_the_steps_of_the_literal_loss(name):
    takes_the_same_steps(*TWINS[name])


@pytest.mark.parametrize("name", TWINS)
def test_stands_extremes(name):
    stands_extremes(TWINS[name][0])


def test_truncated_gce_leaves_out_the_same_examples_when_the_paper_does():
    k, q = 0.35, 0.7
    literal = LiteralGCE(q, k, prune_start=2, prune_every=2, n=ROWS)
    method = takes_the_same_steps(
        partial(GeneralizedCrossEntropy, q=q, truncation=k, prune_start=2, prune_every=2), literal, epochs=7
    )
    assert method.weights.tolist() == literal.weights
    assert 0 < method.weights[: ROWS - HELD_OUT].sum() < ROWS - HELD_OUT
    kept = int(method.weights[: ROWS - HELD_OUT].sum())
    assert len(method.notes) == 3
    assert method.notes[-1] == f"truncation keeps {kept} of {ROWS - HELD_OUT} examples"


def test_truncation_that_would_leave_nothing_leaves_everything(run_path):
    run = train(blobs(), "gce", truncation=0.9999, prune_start=1, epochs=2, lr=1e-4, out=run_path, quiet=True)
    assert run.metrics[0]["notes"] == [
        "truncation 0.9999 would leave no example; the examples that count stay the same"
    ]
    assert (run._model("last").weights == 1).all()


def test_what_is_left_out_is_part_of_the_checkpoint(run_path):
    run = train(blobs(), "gce", truncation=0.5, prune_start=6, epochs=7, out=run_path, quiet=True)
    trained = run.folder.read_labels()["train_rows"]
    assert 0 < run._model("last").weights[trained].sum() < len(trained)


def test_gce_lies_between_cross_entropy_and_absolute_error():
    logits = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(6) % 4
    p = torch.softmax(logits, 1)[torch.arange(6), labels]
    ce, _ = loss_and_gradient(CrossEntropy, logits, labels.tolist())
    assert loss_and_gradient(partial(GeneralizedCrossEntropy, q=1e-6), logits, labels.tolist())[0] == pytest.approx(
        ce, rel=1e-4
    )
    assert loss_and_gradient(partial(GeneralizedCrossEntropy, q=1.0), logits, labels.tolist())[0] == pytest.approx(
        float((1 - p).mean())
    )


@pytest.mark.parametrize(
    "neutral",
    [
        partial(Bootstrap, label_weight=1.0),
        partial(LabelSmoothing, smoothing=0.0),
        partial(SymmetricCrossEntropy, alpha=1.0, beta=0.0),
    ],
)
def test_without_their_own_part_they_are_cross_entropy(neutral):
    logits = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    labels = [0, 1, 2, 3, 0, 1]
    (a, slope), (b, other) = loss_and_gradient(neutral, logits, labels), loss_and_gradient(CrossEntropy, logits, labels)
    assert a == pytest.approx(b)
    torch.testing.assert_close(slope, other)


def test_weights_of_bootstrapping_are_the_papers():
    make = partial(Bootstrap, lambda: torch.nn.Linear(1, 2), 1, 2)
    assert (make().label_weight, make(hard=True).label_weight, make(label_weight=0.0).label_weight) == (0.95, 0.8, 0.0)


def test_negative_smoothing_trains(run_path):
    run = train(blobs(), "label-smoothing", smoothing=-1.0, epochs=5, out=run_path, quiet=True)
    assert np.isfinite(run.metrics[-1]["loss"])
