"""Is it said when the flags are no use, and is no number claimed that is not known?"""

import numpy as np
import pytest

from earlylearn.audit.claims import Range, beyond_chance, in_words, misgivings, wrong_range

CLASSES = ("cat", "dog", "cow")


def judged(given, believed, held_out=None):
    given, believed = np.array(given), np.array(believed)
    return misgivings(given, given != believed, believed, CLASSES, held_out=held_out)


def test_nothing_speaks_against_a_model_that_learned():
    given = np.repeat([0, 1, 2], 20)
    believed = np.where(np.arange(60) % 10 == 0, (given + 1) % 3, given)
    assert judged(given, believed, (believed, given)) == []


@pytest.mark.parametrize("said", [[0] * 100, [0] * 58 + [1] * 25 + [0] * 17])
def test_a_model_that_learned_nothing(said):
    given = np.repeat([0, 1, 2], [60, 25, 15])
    held_out = (np.array(said), np.random.default_rng(0).permutation(given))
    (first, *_) = judged(given, given, held_out)
    assert first.startswith("This model learned too little; do not use these flags")
    assert "60%" in first


def test_a_model_that_learned_a_rare_class_under_wrong_labels_is_not_said_to_have_learned_nothing():
    true = np.repeat([0, 1], [450, 50])
    wrong = np.arange(500) % 5 < 2
    given = np.where(wrong, 1 - true, true)
    (first,) = judged(true, true, (true, given))  # it is right on all, and agrees with 60 % of the labels
    assert first.startswith("Of held-out rows this model agrees with")
    assert "look at a flag before you use it" in first


def test_agreement_beyond_chance_is_counted_as_if_labels_were_dealt_anew():
    rng = np.random.default_rng(0)
    said, given = rng.integers(3, size=60), rng.choice(3, 60, p=[0.6, 0.3, 0.1])
    dealt = np.array([(said == rng.permutation(given)).sum() for _ in range(20_000)])
    expected = ((said == given).sum() - dealt.mean()) / dealt.std()
    assert beyond_chance(said, given, 3) == pytest.approx(expected, abs=0.03)
    assert beyond_chance(np.zeros(60, np.int64), given, 3) == 0
    assert beyond_chance(said[:1], said[:1], 3) == 0


def test_a_class_that_was_swallowed_is_named():
    given = np.repeat([0, 1, 2], [60, 25, 15])
    (swallowed,) = judged(given, np.where(given == 2, 0, given))
    assert "'cow' (15 of 15)" in swallowed
    assert judged(given, np.where((given == 2) & (np.arange(100) < 95), 0, given)) == []  # 10 of 15


def test_more_flags_than_labels_left():
    given = np.tile([0, 1, 2], 20)
    found = judged(given, np.where(np.arange(60) % 5 < 3, (given + 1) % 3, given))
    assert len(found) == 1
    assert "More than half" in found[0]


def test_the_range_runs_from_half_of_what_is_put_down_to_the_labels_to_the_beliefs():
    beliefs = np.full(1000, 0.9375)
    none = np.zeros(1000)
    assert wrong_range(beliefs, beliefs, 1 - beliefs) == Range(31, 71, 1000)  # 62.5, and one standard error of it
    assert wrong_range(beliefs - 0.1, beliefs, 1 - beliefs) == Range(31, 175, 1000)
    assert wrong_range(beliefs, beliefs, none).low == 0


def test_what_was_never_seen_counts_not_and_there_are_no_more_wrong_labels_than_labels():
    beliefs = np.array([0.1, 0.2, 0.9, np.nan])
    found = wrong_range(beliefs, beliefs, 1 - beliefs, disagreement=(0.9, 100))
    assert (found.high, found.of) == (3, 3)
    assert wrong_range(beliefs[:0], beliefs[:0], beliefs[:0]) == Range(0, 0, 0)


def test_the_range_reaches_what_the_model_disagrees_with_on_rows_it_never_saw():
    beliefs = np.full(1000, 0.9375)
    assert wrong_range(beliefs, beliefs, 1 - beliefs, disagreement=(0.2, 100)).high == pytest.approx(240, abs=1)
    assert wrong_range(beliefs, beliefs, 1 - beliefs, disagreement=(0.01, 100)).high == 71


@pytest.mark.parametrize("gap", [None, 0.1])
def test_a_range_and_the_way_to_know_better(gap):
    whole, flags = in_words(Range(90, 210, 1000), Range(60, 140, 150), gap=gap)
    assert whole == "Between 90 and 210 of the 1,000 labels are wrong, as far as the model can tell."
    assert "between 40% and 93% are wrong" in flags
    assert "check 50 to know" in flags


def test_a_range_that_says_nothing_is_not_told_as_one():
    whole, flags = in_words(Range(0, 244, 1797), Range(0, 169, 169), gap=None)
    assert whole.startswith("At most 244 of the 1,797 labels are wrong")
    assert flags == "How many of the 169 flagged are wrong, no model can say of itself: check 50 to know."
    few = in_words(Range(12, 41, 400), Range(12, 35, 35), gap=None)[1]
    assert few.endswith("check them all to know.")  # there are no 50


def test_of_a_model_that_memorised_nothing_is_claimed():
    (line,) = in_words(Range(90, 210, 1000), Range(60, 140, 150), gap=0.4)
    assert "cannot be said" in line
    assert "90" not in line
