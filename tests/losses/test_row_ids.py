"""Do ids of any kind number the rows of the table, for data that grow or come as a stream?"""

from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset

import earlylearn as el
from earlylearn.errors import UsageError


def test_new_ids_get_the_next_rows_and_known_ones_keep_theirs():
    rows = el.RowIds(["b", "a"])
    assert rows(["a", "c", "b"]).tolist() == [1, 2, 0]
    assert rows(("c", "d")).dtype == torch.int64
    assert len(rows) == 4
    assert rows.ids == ["b", "a", "c", "d"]
    assert el.RowIds(rows.ids)(["d"]).tolist() == [3]


@pytest.mark.parametrize("ids", [torch.tensor([7, 900]), np.array([7, 900]), [7, 900], (np.int64(7), 900.0)])
def test_numbers_of_any_kind_are_ids(ids):
    rows = el.RowIds()
    assert rows(ids).tolist() == [0, 1]
    assert rows([900, 7]).tolist() == [1, 0]


class Stream(IterableDataset):
    def __iter__(self):
        for i in range(9):
            yield {"id": f"file-{i % 6}", "x": torch.full((2,), float(i)), "y": i % 3}


def test_a_stream_fills_a_growing_table():
    rows, criterion = el.RowIds(), el.ELRLoss(1, 3)
    for batch in DataLoader(Stream(), batch_size=3):
        index = rows(batch["id"])
        criterion.resize_(len(rows))
        criterion(torch.randn(3, 3, requires_grad=True), batch["y"], index)
    torch.testing.assert_close(criterion.targets.sum(1), 1 - 0.7 ** torch.tensor([2, 2, 2, 1, 1, 1]))


def test_a_row_that_was_not_made_room_for_says_how():
    rows, criterion = el.RowIds(), el.ELRLoss(2, 3)
    with pytest.raises(UsageError, match="call resize_ first"):
        criterion(torch.randn(3, 3, requires_grad=True), torch.tensor([0, 1, 2]), rows(["a", "b", "c"]))


def test_a_loaders_worker_may_look_up_but_not_number():
    rows = el.RowIds(["a"])
    with patch("earlylearn.losses.row_ids.get_worker_info", return_value="a worker"):
        assert rows(["a"]).tolist() == [0]
        with pytest.raises(UsageError, match="in the training loop"):
            rows(["new"])


def test_several_processes_need_all_ids_from_the_start():
    rows = el.RowIds(["a"])
    with (
        patch("torch.distributed.is_initialized", return_value=True),
        patch("torch.distributed.get_world_size", return_value=2),
    ):
        assert rows(["a"]).tolist() == [0]
        with pytest.raises(UsageError, match="give all ids from the start"):
            rows(["b"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: el.RowIds(["a", "b", "a"]), "'a' comes twice, in rows 0 and 2"),
        (lambda: el.RowIds()([["a"]]), "is a list"),
        (lambda: el.RowIds()([float("nan")]), "NaN"),
    ],
)
def test_what_cannot_be_looked_up_is_refused(call, message):
    with pytest.raises(UsageError, match=message):
        call()
