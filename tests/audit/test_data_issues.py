"""Are rows that are there twice, rows like no other, rare classes and columns of ids found, and nothing else?"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from earlylearn.audit.data_issues import _alone, data_issues
from earlylearn.data.labelled import LabelledData
from earlylearn.data.sources import load


def table(n=300, **columns):
    rng = np.random.default_rng(0)
    cells = pd.DataFrame({"size": rng.normal(size=n), "age": rng.integers(18, 90, n), **columns})
    schema = {"kind": "table", "columns": [{"name": str(c), "type": "number", "median": None} for c in cells]}
    return LabelledData(
        name="t.csv",
        inputs=cells.to_numpy(np.float32),
        labels=np.arange(n) % 3,
        classes=("a", "b", "c"),
        ids=np.arange(n).astype(str),
        schema=schema,
        cells=cells,
    )


@pytest.fixture(scope="module")
def digits():
    return load("digits").train


def test_nothing_is_found_where_nothing_is(digits):
    for data in (table(), digits):
        found = data_issues(data)
        assert found.summary["lines"] == []
        assert not found.outlier.any()
        assert not found.duplicate_set.any()


def test_pictures_saved_twice_and_noise_among_digits(digits):
    rng = np.random.default_rng(0)
    pictures = digits.inputs.astype(int)
    pictures[10:13] = pictures[20:23] + rng.integers(-3, 4, pictures[10:13].shape)
    pictures[:3] = rng.integers(0, 256, pictures[:3].shape)
    labels = digits.labels.copy()
    labels[10] = (labels[20] + 1) % 10
    labels[11:13] = labels[21:23]
    data = replace(digits, inputs=pictures.clip(0, 255).astype(np.uint8), labels=labels)
    found = data_issues(data)
    assert np.flatnonzero(found.outlier).tolist() == [0, 1, 2]
    assert found.duplicate_set[10:13].tolist() == [1, 2, 3] == found.duplicate_set[20:23].tolist()
    assert (found.summary["duplicates"], found.summary["conflicting_sets"]) == (6, 1)
    assert (
        "6 rows are nearly the same as another, in 3 sets; in 1 of them the labels differ" in found.summary["lines"][0]
    )


def test_a_table_has_duplicates_only_where_all_features_are_equal():
    data = table()
    inputs = data.inputs.copy()
    inputs[5], inputs[7] = inputs[4], inputs[6] + 1e-3
    found = data_issues(replace(data, inputs=inputs))
    assert np.flatnonzero(found.duplicate_set).tolist() == [4, 5]


def test_too_many_rows_still_tell_equal_ones(monkeypatch):
    monkeypatch.setattr("earlylearn.audit.data_issues.MOST_ROWS", 100)
    data = table()
    inputs = data.inputs.copy()
    inputs[250] = inputs[3]
    found = data_issues(replace(data, inputs=inputs))
    assert np.flatnonzero(found.duplicate_set).tolist() == [3, 250]
    assert found.summary["outliers"] is None


@pytest.mark.parametrize(
    ("values", "is_one"),
    [
        (np.arange(300) + 1000, True),
        (np.random.default_rng(1).permutation(300), True),
        (np.arange(300) ** 1.5, True),  # rises with the row, as a date does
        (np.arange(300) // 2, False),
        (np.random.default_rng(1).permutation(10**7)[:300], False),  # an amount of money
        (np.random.default_rng(1).normal(size=300), False),
    ],
)
def test_a_column_of_ids(values, is_one):
    assert data_issues(table(nr=values)).summary["identifiers"] == (["nr"] if is_one else [])


def test_rare_classes_are_named():
    data = table()
    labels = np.where(np.arange(300) < 4, 2, np.arange(300) % 2)
    assert data_issues(replace(data, labels=labels)).summary["rare_classes"] == {"c": 4}


def test_few_rows_and_no_features_are_no_trouble():
    data = table()
    assert data_issues(data.subset(np.arange(4))).summary["outliers"] is None
    bare = LabelledData(
        name="none",
        inputs=np.zeros((20, 0), np.float32),
        labels=np.arange(20) % 2,
        classes=("a", "b"),
        ids=data.ids[:20],
    )
    assert data_issues(bare).summary["lines"] == []


def test_more_equal_rows_than_neighbours_are_one_set():
    data = table()
    inputs = data.inputs.copy()
    inputs[:40] = inputs[0]
    found = data_issues(replace(data, inputs=inputs))
    assert found.duplicate_set.tolist() == [1] * 40 + [0] * 260
    assert not found.outlier[:40].any()


def test_where_rows_are_evenly_spread_a_hair_more_makes_no_outlier():
    assert not _alone(np.array([1.0] * 99 + [1.01]), in_angle=False).any()
    assert not _alone(np.array([1.0] * 99 + [1.01]), in_angle=True).any()
    assert _alone(np.array([1.0] * 99 + [2.0]), in_angle=False).tolist() == [False] * 99 + [True]
