"""Are as many rows asked for as it takes until few labels are wrong, and is that promise kept?"""

import numpy as np
import pandas as pd
import pytest

from earlylearn.data.readers.corrections import Correction
from earlylearn.errors import UsageError
from earlylearn.review.cleaning import cleaning, draw
from earlylearn.review.desk import Review
from tests.review.shapes import shapes_review


def frame(quality):
    n = len(quality)
    return pd.DataFrame({"id": [f"r{k}" for k in range(n)], "index": np.arange(n), "label_quality": quality})


def answer(row, wrong):
    decision, label = ("relabel", "b") if wrong else ("keep", "a")
    return Correction(id=row, given="a", label=label, decision=decision, reviewers=("ana",), agreed=None)


@pytest.mark.slow
def test_what_is_left_has_no_more_wrong_labels_than_promised(tmp_path):
    generator = np.random.default_rng(0)
    wrong = generator.random(3000) < 0.15
    quality = np.clip(generator.normal(np.where(wrong, 0.3, 0.7), 0.2), 0, 1).round(2)  # many tie
    issues = frame(quality)
    broken, looked = 0, []
    for seed in range(100):
        drawn = draw(tmp_path / str(seed), issues, 5, seed=seed)
        settled = {row: answer(row, wrong[int(row[1:])]) for row in drawn["order"]}
        first = cleaning(drawn, issues, settled)
        rest = sorted(set(range(3000)) - {int(row[1:]) for row in first.order})
        broken += wrong[rest].sum() > 0.05 * 3000
        looked.append(first.look_at)
        settled |= {row: answer(row, wrong[int(row[1:])]) for row in first.order}
        last = cleaning(drawn, issues, settled)
        assert last.done
        assert last.order == first.order
    assert broken <= 8
    assert 400 < np.median(looked) < 1500


def test_the_sample_comes_first_is_drawn_once_and_then_the_most_suspicious_follow(tmp_path):
    issues = frame(np.linspace(0, 1, 400))
    drawn = draw(tmp_path, issues, 5, seed=3)
    assert len(drawn["order"]) == 184 == len(set(drawn["order"]))
    assert draw(tmp_path, issues, 5, seed=4) == drawn
    assert cleaning(drawn, issues, {}).look_at is None
    settled = {row: answer(row, int(row[1:]) < 60) for row in drawn["order"]}
    found = cleaning(drawn, issues, settled)
    more = [int(row[1:]) for row in found.order[184:]]
    assert more == sorted(more)
    known = {int(row[1:]) for row in drawn["order"]} | set(more)
    assert set(range(max(more))) <= known
    assert not found.done
    assert "to go" in found.line


def test_few_rows_must_all_be_looked_at(tmp_path):
    issues = frame(np.linspace(0, 1, 30))
    drawn = draw(tmp_path, issues, 5, seed=0)
    settled = {row: answer(row, False) for row in drawn["order"]}
    found = cleaning(drawn, issues, settled)
    assert found.done
    assert found.look_at == 30


def test_what_cannot_be_told_counts_as_wrong(tmp_path):
    issues = frame(np.linspace(0, 1, 2000))
    drawn = draw(tmp_path, issues, 5, seed=0)
    right = {row: answer(row, False) for row in drawn["order"]}
    unsure = {
        row: Correction(id=row, given="a", label=None, decision="unsure", reviewers=("ana",), agreed=None)
        for row in right
    }
    assert cleaning(drawn, issues, right).done
    assert cleaning(drawn, issues, unsure).look_at > 1500


def test_a_share_out_of_range_and_a_draw_of_other_data(tmp_path):
    review, _ = shapes_review(tmp_path)
    with pytest.raises(UsageError, match=r"between 0\.5 and 50"):
        review.cleaning(0.0)
    review.cleaning(10.0)
    (review.folder / "clean-10.json").write_text('{"percent": 10.0, "order": ["gone.png"]}')
    with pytest.raises(UsageError, match=r"'gone\.png', which the data have not"):
        Review(review.rows, review.folder).cleaning(10.0)
