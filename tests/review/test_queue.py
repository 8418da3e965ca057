"""Is the queue what it says: the worst first, a probe of equal slices, rows not flagged, each row once?"""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from earlylearn.errors import UsageError
from earlylearn.review.desk import Review
from earlylearn.review.estimate import share_wrong
from earlylearn.review.opening import _pair
from earlylearn.review.queue import Queue, clean_to, make_queue, slices
from tests.review.shapes import shapes_review


def frame(n=1000, flagged=300):
    return pd.DataFrame(
        {
            "id": [f"r{k}" for k in range(n)],
            "index": np.arange(n),
            "given_label": "cat",
            "predicted_label": ["dog" if k < flagged else "cat" for k in range(n)],
            "label_quality": np.linspace(0, 1, n),
            "is_label_issue": [k < flagged for k in range(n)],
        }
    )


def test_three_kinds_of_rows_mixed_each_once():
    queue = make_queue(frame(), seed=0, count=200)
    assert len(queue.order) == len(set(queue.order)) == 200
    assert len(queue.probe) == 50
    assert len(queue.outside) == 40
    assert all(int(row[1:]) >= 300 for row in queue.outside)
    for part in range(0, 100, 10):  # of ten rows about two are not flagged, at places that nobody can foretell
        assert 0 < sum(row in queue.outside for row in queue.order[part : part + 10]) < 5
    places = [k % 10 for k, row in enumerate(queue.order) if row in queue.outside]
    assert len(set(places)) == 10
    worst = [row for row in queue.order if row not in queue.probe and row not in queue.outside]
    assert worst == sorted(worst, key=lambda row: int(row[1:]))
    assert set(queue.probe) | set(queue.outside) <= set(queue.order)


@pytest.mark.parametrize(("flagged", "answered"), [(52, 20), (52, 35), (300, 60), (300, 150), (300, 200)])
def test_whoever_stops_early_has_a_probe_that_is_no_worse_than_the_rest(flagged, answered):
    """Rows of the probe that came up among the worst would count too often, did they count before their turn."""
    generator = np.random.default_rng(2)
    issues = frame(900, flagged)
    true_share, covered, shares, all_of_them = [], 0, [], []
    for seed in range(300):
        wrong = generator.random(flagged) < np.linspace(1, 0.1, flagged)  # the worst first
        right = {f"r{k}": bool(bad) for k, bad in enumerate(wrong)}
        queue = make_queue(issues, seed=seed, count=200)
        seen = set(queue.order[:answered])
        said = ["wrong" if right[row] else "right" for row in queue.probed(seen)]
        if not said:
            continue
        found = share_wrong(said, flagged)
        covered += found.low <= wrong.mean() <= found.high
        true_share.append(wrong.mean())
        shares.append(found.share)
        all_of_them.append(np.mean([right[row] for row in queue.probe if row in seen]))
    assert covered / len(shares) >= 0.95
    assert np.mean(shares) == pytest.approx(np.mean(true_share), abs=0.025)
    if answered <= 60:
        assert np.mean(all_of_them) > np.mean(true_share) + 0.02  # what the turns are for


def test_a_probe_counts_up_to_the_first_row_that_was_not_answered():
    queue = make_queue(frame(), seed=0, count=200)
    seen = set(queue.order)
    assert queue.probed(seen) == queue.probe
    assert queue.probed(seen - {queue.probe[7]}) == queue.probe[:7]
    assert queue.probed(set(queue.probe)) == queue.probe[: sum(turn <= 50 for turn in queue.turns)]
    assert Queue(**{**asdict(queue), "turns": []}).probed(seen) == queue.probe  # as 0.3.0 wrote it


def test_one_row_of_each_slice():
    names = [str(k) for k in range(103)]
    drawn = sorted(int(name) for name in slices(names, 10, np.random.default_rng(3)))
    bounds = np.linspace(0, 103, 11).astype(int)
    assert all(low <= row < high for row, low, high in zip(drawn, bounds[:-1], bounds[1:], strict=True))
    assert len(slices(names[:4], 10, np.random.default_rng(0))) == 4


def test_small_data_run_out_of_nothing():
    queue = make_queue(frame(10, 3), seed=0)
    assert sorted(queue.order) == sorted(f"r{k}" for k in range(10))
    assert make_queue(frame(10, 0), seed=0).worst == []


def test_one_pair_of_classes_is_worst_first_and_has_no_probe():
    queue = make_queue(frame(), seed=0, count=20, pair=("cat", "dog"))
    assert queue.order == [f"r{k}" for k in range(20)]
    assert queue.probe == queue.outside == []


def test_rows_passed_over_are_counted_for_who_goes_through_the_queue_only(tmp_path):
    review, _ = shapes_review(tmp_path)
    order = review.queue.order
    assert review._skipped(set(order[:9])) == 0
    assert review._skipped({*order[:2], *order[3:9]}) == 1
    assert review._skipped(set(order[::4])) == 0  # a sample of its own


def test_names_of_a_pair_may_have_commas_themselves():
    classes = ("a", "a,b", "c", "b,c")
    assert _pair("a,c", classes) == ("a", "c")
    assert _pair("a,b,c", classes) in (("a,b", "c"), ("a", "b,c"))
    assert _pair("a,b,a", classes) == ("a,b", "a")
    assert _pair(None, classes) is None
    for wrong in ("a", "a,", "a,d", ",a"):
        with pytest.raises(UsageError, match="no two classes"):
            _pair(wrong, classes)


def test_the_queue_is_drawn_once_and_only_grows(tmp_path):
    review, _ = shapes_review(tmp_path, count=6)
    first = review.queue
    again = Review(review.rows, review.folder, seed=99)
    assert again.queue == first
    longer = Review(review.rows, review.folder, count=12).queue
    assert longer.order[: len(first.order)] == first.order
    assert (longer.probe, longer.outside) == (first.probe, first.outside)
    assert len(longer.order) > len(first.order)
    (review.folder / "queue.json").write_text('{"order": [3]}')
    with pytest.raises(UsageError, match=r"queue\.json"):
        Review(review.rows, review.folder)


@pytest.mark.slow
def test_clean_to_a_share_keeps_its_word():
    """In at most 5 % of draws (and some) more wrong labels than promised are left."""
    generator = np.random.default_rng(1)
    n, target = 4000, 0.05
    right = np.clip(generator.beta(6, 1, n), 0.01, 0.999)
    wrong = generator.random(n) < (1 - right) * 0.9
    broken = 0
    for seed in range(200):
        drawn = np.random.default_rng(seed).integers(0, n, 200)
        look = clean_to(right, [(right[k], bool(wrong[k])) for k in drawn], target)
        assert look is not None
        left = np.argsort(right, kind="stable")[look:]
        broken += wrong[left].sum() / n > target
    assert broken / 200 <= 0.08
    assert clean_to(right, [], target) is None
