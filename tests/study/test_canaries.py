"""Are canaries wrong labels, drawn as they should be, and are their fates counted rightly?"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from earlylearn.errors import UsageError
from earlylearn.study.canaries import Canaries, how_many, last_agrees, plant, share_of
from tests.conftest import blobs


def likes_the_next(data, share=0.9):
    """A model that takes each row for the next class of its given one, with this probability, else for its own."""

    def likes(rows):
        said = np.zeros((len(rows), len(data.classes)), np.float32)
        given = data.labels[rows]
        said[np.arange(len(rows)), given] = 1 - share
        said[np.arange(len(rows)), (given + 1) % len(data.classes)] = share
        return said

    return likes


def planted(data, number=60, seed=0):
    return plant(data, number, likes_the_next(data), np.random.default_rng(seed))


def test_every_planted_label_is_another_and_half_are_by_likeness():
    data = blobs(n=300, classes=5)
    canaries = planted(data)
    assert len(canaries.rows) == len(np.unique(canaries.rows)) == 60
    assert (np.diff(canaries.rows) > 0).all()
    assert np.array_equal(canaries.given, data.labels[canaries.rows])
    assert (canaries.planted != canaries.given).all()
    assert canaries.alike.sum() == 30
    steps = (canaries.planted - canaries.given) % 5
    assert (steps[canaries.alike] == 1).all()
    assert set(steps[~canaries.alike]) == {2, 3, 4}  # 1 is what the model believes, and may be right


def test_of_two_classes_none_is_planted_at_random_that_the_model_believes_in():
    data = blobs(n=400, classes=2)
    true = data.true_labels
    canaries = plant(data, 100, lambda rows: np.eye(2)[true[rows]], np.random.default_rng(0))
    assert (canaries.planted != canaries.given).all()
    at_random = ~canaries.alike
    assert (canaries.planted[at_random] != true[canaries.rows[at_random]]).all()
    assert canaries.alike.sum() == at_random.sum() == 50


def test_without_a_model_all_are_planted_at_random():
    data = blobs(n=400, classes=4)
    canaries = plant(data, 200, None, np.random.default_rng(0))
    assert len(canaries.rows) == 200
    assert not canaries.alike.any()
    assert np.bincount((canaries.planted - canaries.given) % 4, minlength=4)[1:].min() > 40


def test_a_model_that_is_quite_sure_still_names_another_label():
    data = blobs(n=100)
    canaries = plant(data, 20, lambda rows: np.eye(3)[data.labels[rows]], np.random.default_rng(0))
    assert (canaries.planted != canaries.given).all()


def test_likeness_is_drawn_in_proportion():
    data = blobs(n=4000, classes=3, wrong=0)

    def likes(rows):
        said = np.full((len(rows), 3), 0.1)
        said[np.arange(len(rows)), (data.labels[rows] + 1) % 3] = 0.3
        return said

    canaries = plant(data, 4000, likes, np.random.default_rng(0))
    steps = ((canaries.planted - canaries.given) % 3)[canaries.alike]
    assert (steps == 1).mean() == pytest.approx(0.75, abs=0.03)


def test_rows_set_aside_to_validate_are_left_alone():
    data = replace(blobs(n=100), val_rows=np.arange(50))
    assert planted(data, 40).rows.min() >= 50


def test_planting_changes_labels_and_nothing_else():
    data = blobs()
    canaries = planted(data)
    spoilt = canaries.into(data)
    changed = np.flatnonzero(spoilt.labels != data.labels)
    assert np.array_equal(changed, canaries.rows)
    assert np.array_equal(spoilt.true_labels, data.labels)
    assert np.array_equal(spoilt.inputs, data.inputs)


def test_written_and_read_back(tmp_path):
    data = blobs()
    canaries = planted(data)
    canaries.frame(data).to_csv(tmp_path / "c.csv", index=False)
    again = Canaries.read(tmp_path / "c.csv", data)
    assert all(np.array_equal(getattr(again, name), getattr(canaries, name)) for name in vars(canaries))
    other = data.with_labels((data.labels + 1) % 3, None)
    with pytest.raises(UsageError, match="given labels are others"):
        Canaries.read(tmp_path / "c.csv", other)
    (tmp_path / "c.csv").write_text("index\n1\n")
    with pytest.raises(UsageError, match=r"c\.csv: is not as it was written"):
        Canaries.read(tmp_path / "c.csv", data)


@pytest.mark.parametrize(
    ("rows", "share", "number"), [(50_000, None, 2500), (1500, None, 100), (400, None, 40), (400, 0.2, 80)]
)
def test_so_many_are_planted(rows, share, number):
    assert how_many(rows, share) == number


@pytest.mark.parametrize(("rows", "share"), [(60, None), (1000, 0.001), (1000, 0.0), (1000, 0.6)])
def test_too_few_or_too_many_are_refused(rows, share):
    with pytest.raises(UsageError, match="share="):
        how_many(rows, share)


def test_intervals_are_wilsons():
    found = share_of(np.arange(50) < 10)
    centre, half = (0.2 + 1.96**2 / 100) / (1 + 1.96**2 / 50), 1.96 * np.sqrt(0.2 * 0.8 / 50 + 1.96**2 / 10_000)
    assert found["share"] == 0.2
    assert found["low"] == pytest.approx(centre - half / (1 + 1.96**2 / 50), abs=1e-4)
    assert found["high"] == pytest.approx(centre + half / (1 + 1.96**2 / 50), abs=1e-4)
    assert share_of(np.zeros(0, bool)) == {"share": 0.0, "low": 0.0, "high": 1.0, "of": 0}


def test_learned_more_often_than_forgotten_is_known_at_the_end():
    issues = pd.DataFrame({"times_learned": [0, 1, 1, 3], "times_forgotten": [0, 0, 1, 2]})
    assert last_agrees(issues).tolist() == [False, True, False, True]
