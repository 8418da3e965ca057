"""Are splits stratified and disjoint, and does every sweep visit each training row once?"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from earlylearn.data.labelled import LabelledData
from earlylearn.data.splits import stratified_split
from earlylearn.errors import UsageError
from earlylearn.loop.batches import Batches, Draw
from earlylearn.runs.prepare import input_moments
from tests.conftest import blobs, stripes


def _batches(n, batch_size, augment="none", seed=0, size=8):
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.arange(n, dtype=torch.uint8).reshape(n, 1, 1, 1).expand(n, 1, size, size).contiguous()
    rows = torch.arange(0, n, 2)
    order = torch.Generator().manual_seed(seed)
    return Batches(
        inputs,
        [Draw(rows, torch.arange(n))],
        batch_size=batch_size,
        augment=augment,
        order=order,
        augmentation=generator,
    )


@pytest.mark.parametrize(("n", "batch_size"), [(20, 4), (22, 5), (42, 4), (6, 8), (34, 16), (2, 2)])
def test_a_sweep_visits_every_training_row_once_and_leaves_no_batch_of_one(n, batch_size):
    data = _batches(n, batch_size)
    batches = list(data.batches())
    seen = torch.cat([batch.index for batch in batches])
    assert sorted(seen.tolist()) == list(range(0, n, 2))
    assert all(len(batch.index) > 1 for batch in batches) or n == 2
    for batch in batches:
        assert torch.equal(batch.label, batch.index)
        assert torch.equal(batch.views[0][:, 0, 0, 0].long(), batch.index)


def test_orders_differ_between_sweeps_and_repeat_with_the_seed():
    first, second = _batches(200, 10), _batches(200, 10)
    orders = [torch.cat([batch.index for batch in data.batches()]) for data in (first, first, second)]
    assert not torch.equal(orders[0], orders[1])
    assert torch.equal(orders[0], orders[2])


def test_reading_ahead_changes_nothing():
    usual, ahead = (_batches(42, 4, augment="crop+flip") for _ in range(2))
    ahead.on_disk = True
    first, second = torch.arange(0, 20, 2), torch.arange(20, 42, 2)

    def in_turn(data):  # two sweeps that draw from the same generator, one of them left unfinished
        other = iter(data.batches(rows=second))
        for batch in data.batches(views=2, rows=first):
            yield batch
            yield next(other)
            yield next(other)
            break

    for sweep in (lambda data: data.batches(views=2), in_turn, lambda data: data.batches(views=2)):
        for batch, same in zip(sweep(usual), sweep(ahead), strict=True):
            assert torch.equal(batch.index, same.index)
            assert torch.equal(batch.label, same.label)
            assert all(map(torch.equal, batch.views, same.views))


def test_views_are_augmented_independently_and_evaluation_not_at_all():
    data = _batches(40, 20, augment="crop+flip")
    batch = next(iter(data.batches(views=2)))
    assert not torch.equal(*batch.views)
    _, x = next(data.in_order(batch.index))
    assert (x == x[:, :, :1, :1]).all()


def test_split_is_stratified_disjoint_and_complete():
    labels = np.repeat([0, 1, 2], [100, 50, 10])
    train, val = stratified_split(labels, 0.1, np.random.default_rng(0))
    assert np.bincount(labels[val]).tolist() == [10, 5, 1]
    assert sorted([*train, *val]) == list(range(160))
    assert not np.array_equal(val, stratified_split(labels, 0.1, np.random.default_rng(1))[1])


def test_split_keeps_a_lone_example_for_training_and_can_hold_out_nothing():
    labels = np.array([0] * 20 + [1])
    train, val = stratified_split(labels, 0.6, np.random.default_rng(0))
    assert 20 in train
    assert len(val) == 12
    assert len(stratified_split(labels, 0, np.random.default_rng(0))[1]) == 0
    with pytest.raises(UsageError, match="holds out none"):
        stratified_split(np.array([0, 1, 2]), 0.1, np.random.default_rng(0))


def test_rows_taken_twice_know_their_places_and_their_validation_rows():
    data = replace(blobs(60), val_rows=np.arange(50, 60))
    part = data.subset(np.array([55, 3, 50, 20, 59])).subset(np.array([4, 1, 0]))
    assert part.places.tolist() == [59, 3, 55]
    assert part.val_rows.tolist() == [0, 2]
    assert np.array_equal(part.inputs, data.inputs[part.places])


@pytest.mark.parametrize(("width", "many"), [(63, False), (64, True), (8192, True), (8193, False)])
def test_an_array_is_embeddings_by_its_width(width, many):
    inputs = np.zeros((4, width), np.float32)
    array = LabelledData(
        name="a",
        inputs=inputs,
        labels=np.array([0, 1, 0, 1]),
        classes=("a", "b"),
        ids=np.arange(4).astype(str),
        schema={"kind": "array", "shape": [width], "medians": None},
    )
    assert array.is_embedding == many


def test_input_moments_are_those_of_the_rows():
    images, features = stripes(), blobs()
    rows = np.arange(0, 60, 2)
    mean, std = input_moments(images, rows)
    x = images.inputs[rows] / 255
    np.testing.assert_allclose(mean, x.mean((0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(std, x.std((0, 2, 3)), rtol=1e-6)
    mean, std = input_moments(features, rows)
    np.testing.assert_allclose(mean, features.inputs[rows].mean(0), rtol=1e-5)
    np.testing.assert_allclose(std, features.inputs[rows].std(0), rtol=1e-5)
