"""Do targets average as Algorithm 1 says, row by row, held-out rows included?"""

import pytest
import torch

from earlylearn.errors import UsageError
from earlylearn.losses.targets import check_beta, target_beliefs, update_targets
from earlylearn.runs.train import train
from tests.conftest import blobs


def test_only_the_rows_named_change_and_mass_is_one_minus_beta_to_the_k():
    table = torch.zeros(5, 3)
    index = torch.tensor([4, 1])
    for k in range(1, 6):
        rows = update_targets(table, index, torch.rand(2, 3) + 0.1, beta=0.7)
        assert torch.equal(rows, table[index])
        torch.testing.assert_close(rows.sum(1), torch.full((2,), 1 - 0.7**k))
    assert not table[[0, 2, 3]].any()


def test_average_is_the_literal_recursion():
    table, expected = torch.zeros(1, 4), [0.0] * 4
    for p in torch.rand(7, 4) + 0.01:
        update_targets(table, torch.tensor([0]), p.unsqueeze(0), beta=0.9)
        total = p.sum().item()
        expected = [0.9 * t + 0.1 * q / total for t, q in zip(expected, p.tolist(), strict=True)]
    torch.testing.assert_close(table[0], torch.tensor(expected))


def test_beliefs_are_probabilities_and_unseen_rows_nan():
    table = torch.zeros(3, 2)
    update_targets(table, torch.tensor([2]), torch.tensor([[0.2, 0.6]]), beta=0.5)
    beliefs = target_beliefs(table)
    torch.testing.assert_close(beliefs[2], torch.tensor([0.25, 0.75]))
    assert beliefs[:2].isnan().all()


@pytest.mark.parametrize("beta", [1.0, -0.1, float("nan")])
def test_momentum_out_of_range(beta):
    with pytest.raises(UsageError, match="0 <= beta < 1"):
        check_beta(beta)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["elr", "elr+"])
def test_held_out_rows_have_targets_of_their_own(method, run_path):
    """Figure D.1 plots the accuracy of the targets of validation examples."""
    data = blobs()
    run = train(data, method, epochs=6, lr=0.05, out=run_path, quiet=True)
    issues, held_out = run.label_issues(), run.folder.read_labels()["val_rows"]
    assert set(issues.loc[held_out, "split"]) == {"validation"}
    right = issues["predicted_label"] == issues["true_label"]
    assert right[held_out].mean() > 0.9
