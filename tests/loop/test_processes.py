"""Do the parts of several processes make up every batch, in order and as it would be augmented?"""

import numpy as np
import pytest
import torch

from earlylearn.loop.batches import Batches, Draw
from earlylearn.loop.processes import Processes


def batches(rank=0, world=1, *, augment="crop+flip", on_disk=False, n=37):
    rng = np.random.default_rng(0)
    return Batches(
        torch.from_numpy(rng.integers(0, 256, (n, 1, 6, 6), dtype=np.uint8)),
        [Draw(torch.arange(n), torch.arange(n) % 3)],
        batch_size=8,
        augment=augment,
        on_disk=on_disk,
        order=torch.Generator().manual_seed(1),
        augmentation=torch.Generator().manual_seed(2),
        processes=Processes(rank, world),
    )


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize("world", [1, 2, 3, 8])
def test_parts_make_up_every_batch(world, on_disk):
    whole = list(batches().batches(views=2))
    parts = [list(batches(rank, world, on_disk=on_disk).batches(views=2)) for rank in range(world)]
    for step, batch in enumerate(whole):
        mine = [part[step] for part in parts]
        assert torch.equal(torch.cat([each.index for each in mine]), batch.index)
        assert torch.equal(torch.cat([each.label for each in mine]), batch.label)
        for k, view in enumerate(batch.views):
            assert torch.equal(torch.cat([each.views[k] for each in mine]), view)
        assert sum(each.share for each in mine) == pytest.approx(1)
        if world > 1:
            assert all(torch.equal(each.whole.rows, batch.index) for each in mine)
            assert all(torch.equal(each.whole.labels, batch.label) for each in mine)


def test_an_augmentation_of_ones_own_draws_otherwise_in_every_process():
    drawn = []

    def note(x):
        drawn.append(float(torch.rand(())))
        return x

    for rank in range(2):
        next(iter(batches(rank, 2, augment=note).batches()))
    assert len(set(drawn)) == len(drawn) == 8


def test_parts_of_fewer_things_than_processes():
    parts = [Processes(rank, 5).part(2) for rank in range(5)]
    assert [index for part in parts for index in range(2)[part]] == [0, 1]


def test_what_a_network_draws_differs_between_processes_and_is_repeated_with_the_epoch():
    def drawn(rank, epoch):
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(7)
            processes = Processes(rank, 2)
            processes.own_chance(epoch)
            return float(torch.rand(()))

    assert len({drawn(rank, epoch) for rank in range(2) for epoch in range(3) if rank or not epoch}) == 4
    assert drawn(1, 2) == drawn(1, 2)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(7)
        assert float(torch.rand(())) == drawn(0, 0)  # the first goes on as if it were alone
