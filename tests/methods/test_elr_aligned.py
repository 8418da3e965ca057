"""Do aligned targets keep a rare class from being swallowed, as their literal restatement has it?"""

from functools import partial

import numpy as np
import pytest
import torch

from earlylearn.data.labelled import LabelledData
from earlylearn.losses.targets import share_aligned, share_factor
from earlylearn.methods.elr import ELR
from earlylearn.runs.session import Session
from earlylearn.runs.train import resume, train
from tests.conftest import blobs
from tests.reference.elr_aligned_literal import LiteralAligned
from tests.toy import CLASSES, HELD_OUT, ROWS, stands_extremes, takes_the_same_steps, toy_data


@pytest.mark.parametrize("align", [0.5, 1.0])
def test_takes_the_steps_of_the_literal_method(align):
    trained = ROWS - HELD_OUT
    labels = toy_data()[1][:trained].tolist()
    literal = LiteralAligned(ROWS, trained, labels, CLASSES, lam=3.0, beta=0.7, align=align)
    method = takes_the_same_steps(partial(ELR, lam=3.0, beta=0.7, align=align), literal)
    torch.testing.assert_close(method.targets, torch.tensor(literal.targets), rtol=1e-5, atol=1e-5)


def test_stands_extreme_logits():
    stands_extremes(partial(ELR, align=1.0))


def test_a_whole_alignment_gives_mean_targets_the_shares_of_the_labels():
    given, mean = torch.tensor([0.6, 0.3, 0.1]), torch.tensor([0.45, 0.04, 0.01])
    factor = share_factor(mean, given, 1.0)
    torch.testing.assert_close(mean * factor / (mean * factor).sum(), given)
    torch.testing.assert_close(share_factor(mean, given, 0.0), torch.ones(3))
    rows = torch.tensor([[0.5, 0.2, 0.0], [0.0, 0.0, 0.0]])
    aligned = share_aligned(rows, factor)
    torch.testing.assert_close(aligned.sum(1), rows.sum(1))
    assert torch.equal(share_factor(torch.zeros(3), given, 1.0), torch.ones(3))


def unbalanced():
    """Two overlapping classes, one in ten of the rare one, all labels right."""
    rng = np.random.default_rng(0)
    labels = (np.arange(600) % 10 == 0).astype(np.int64)
    inputs = rng.normal(size=(600, 6)) + 1.5 * labels[:, None] * np.array([1, 1, 1, 0, 0, 0])
    ids = np.arange(600).astype(str)
    return LabelledData(
        name="rare", inputs=inputs.astype(np.float32), labels=labels, classes=("common", "rare"), ids=ids
    )


@pytest.mark.slow
def test_a_rare_class_is_not_swallowed(tmp_path):
    asked = {"network": "mlp", "epochs": 12, "lam": 5.0, "quiet": True}
    flagged = {}
    for align in (0.0, 1.0):
        issues = train(unbalanced(), "elr", align=align, out=tmp_path / str(align), **asked).label_issues()
        flagged[align] = issues.loc[issues["given_label"] == "rare", "is_label_issue"].mean()
    assert flagged[0.0] > 0.9
    assert flagged[1.0] < 0.7


@pytest.mark.slow
def test_a_resumed_run_is_the_same(tmp_path, monkeypatch):
    asked = {"align": 1.0, "epochs": 3, "network": "linear", "quiet": True}
    whole = train(blobs(), "elr", out=tmp_path / "whole", **asked)
    keep = Session._keep

    def stopped(self, folder, record):
        keep(self, folder, record)
        if record["epoch"] == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Session, "_keep", stopped)
    with pytest.raises(KeyboardInterrupt):
        train(blobs(), "elr", out=tmp_path / "stopped", **asked)
    monkeypatch.undo()
    again = resume(tmp_path / "stopped", blobs(), quiet=True)
    assert again.label_issues().equals(whole.label_issues())
