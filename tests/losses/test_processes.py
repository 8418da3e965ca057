"""Do several processes come to one table, the one that a single process has?"""

import subprocess
import sys
from unittest.mock import patch

import pytest
import torch
from torch.nn import functional as F
from torch.utils.data.distributed import DistributedSampler

import earlylearn as el
from earlylearn.losses.processes import SharedRows
from earlylearn.losses.targets import first_places
from tests.losses.shared_table import BATCH, EPOCHS, LR, C, N, digits, network

WORLD = 2


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Each process's tables, of one start of the program."""
    folder = tmp_path_factory.mktemp("shared")
    command = ["torch.distributed.run", "--standalone", f"--nproc-per-node={WORLD}", "-m", "tests.losses.shared_table"]
    done = subprocess.run([sys.executable, "-m", *command, folder], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return [torch.load(folder / f"{rank}.pt") for rank in range(WORLD)]


def one_process(seed=1):
    """The same steps in one process, literally: all ranks' rows are a batch, filling is not averaged again."""
    x, y = digits()
    net, table = network(), torch.zeros(N, C)
    optimizer = torch.optim.SGD(net.parameters(), lr=LR, momentum=0.9)
    ranks = [DistributedSampler(range(N), WORLD, rank, seed=seed) for rank in range(WORLD)]
    for epoch in range(EPOCHS):
        for sampler in ranks:
            sampler.set_epoch(epoch)
        orders = [torch.tensor(list(sampler)) for sampler in ranks]
        seen = torch.zeros(N, dtype=torch.bool)
        for parts in zip(*(order.split(BATCH) for order in orders), strict=True):
            rows = torch.cat(parts)
            logits = net(x[rows])
            q = torch.softmax(logits, 1).clamp(1e-4, 1 - 1e-4)
            target = 0.7 * table[rows] + 0.3 * (q / q.sum(1, keepdim=True)).detach()
            optimizer.zero_grad()
            (F.cross_entropy(logits, y[rows]) + 3 * torch.log(1 - (target * q).sum(1)).mean()).backward()
            optimizer.step()
            new = ~seen[rows]
            table[rows[new]] = target[new]
            seen[rows] = True
    return table


@pytest.mark.slow
@pytest.mark.parametrize("where", ["outside", "inside"])
def test_digits_with_an_odd_number_of_rows(tables, where):
    first, second = (each[where] for each in tables)
    assert torch.equal(first, second)
    torch.testing.assert_close(first.sum(1), torch.full((N,), 1 - 0.7**EPOCHS), rtol=0, atol=1e-5)
    expected = one_process()
    torch.testing.assert_close(first, expected, rtol=0, atol=1e-5)
    issues, known = (
        el.find_label_issues(digits()[1], table / table.sum(1, keepdim=True)) for table in (first, expected)
    )
    assert issues["is_label_issue"].equals(known["is_label_issue"])
    assert (issues["label_quality"] - known["label_quality"]).abs().max() < 1e-5


@pytest.mark.slow
def test_after_every_step_all_have_one_table(tables):
    first, second = (each["steps"] for each in tables)
    assert len(first) == 2 * EPOCHS * -(-((N + 1) // WORLD) // BATCH)
    assert torch.equal(first, second)


@pytest.mark.slow
def test_steps_that_are_unlike(tables):
    first, second = (each["small"] for each in tables)
    assert torch.equal(first, second)
    # 0, 2, 4 fill the step that completes the pass; 1 is not finite on the first side, so the second's counts
    torch.testing.assert_close(first.sum(1), 1 - 0.7 ** torch.tensor([1, 2, 1, 2, 1, 2, 2, 2, 1]))


@pytest.mark.slow
def test_a_table_of_ones_own(tables):
    for rank, each in enumerate(tables):
        assert each["mine"].sum(1).nonzero().flatten().tolist() == [rank]


class Alone(SharedRows):
    """Rows from here to here, without other processes."""

    def __init__(self, n):
        with patch("torch.distributed.get_world_size", return_value=1):
            super().__init__(torch.zeros(n + 1, 2), n, True)

    def written(self, rows):
        return [place for place in self._places(torch.tensor(rows)).tolist() if place != self._spare]


def test_filling_is_what_comes_twice_in_the_step_that_completes_a_pass():
    shared = Alone(5)
    assert shared.written([0, 1, 2, 3]) == [0, 1, 2, 3]
    assert shared.written([4, 0, 1, 2]) == [4]  # the epoch's last step, filled from its beginning
    assert shared.written([3, 1, 0, 4]) == [3, 1, 0, 4]
    assert shared.written([2, 3]) == [2]


def test_rows_drawn_with_replacement_are_no_filling():
    shared = Alone(5)
    assert shared.written([0, 1]) == [0, 1]
    assert shared.written([1, 2]) == [1, 2]
    assert shared.written([2, 3]) == [2, 3]
    assert shared.written([4, 0]) == [4, 0]  # all are seen, but not for the first time twice


def test_an_epoch_that_drops_its_last_rows_takes_nothing_from_the_next():
    shared = Alone(7)
    for step in ([0, 1], [2, 3], [4, 5], [3, 1], [6, 2], [0, 4], [5, 2], [1, 0], [3, 6]):
        assert shared.written(step) == step


def test_first_places():
    assert first_places(torch.tensor([5, 3, 5, 9, 3, 5])).tolist() == [True, True, False, True, False, False]
