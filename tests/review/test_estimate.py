"""Do the intervals cover the truth as often as they say, and does the stop rule say why?"""

import math

import numpy as np
import pytest
from scipy.stats import hypergeom

from earlylearn.review.estimate import exact_interval, probability, remaining, share_wrong
from earlylearn.review.queue import slices


@pytest.mark.parametrize("share", [0.05, 0.3, 0.7, 0.97])
@pytest.mark.slow
def test_one_row_of_each_slice_covers_the_truth(share):
    """As the probe is drawn: wrong labels more frequent at the top of the ranking, 50 slices of 600 flags."""
    generator = np.random.default_rng(0)
    n, covered, draws = 600, 0, 400
    steep = np.clip(share + 0.3 * np.linspace(1, -1, n) * min(share, 1 - share), 0, 1)
    wrong = generator.random(n) < steep
    names = [str(k) for k in range(n)]
    for seed in range(draws):
        drawn = slices(names, 50, np.random.default_rng(seed))
        low, high = exact_interval(sum(wrong[int(name)] for name in drawn), len(drawn), n)
        covered += low <= wrong.mean() <= high
    assert covered / draws >= 0.93


def literal_interval(wrong, drawn, population):
    """The same by trying every number of wrong rows, with binomial coefficients in whole numbers."""

    def probability(k, j):
        return math.comb(k, j) * math.comb(population - k, drawn - j) / math.comb(population, drawn)

    kept = [
        k
        for k in range(wrong, population - (drawn - wrong) + 1)
        if sum(probability(k, j) for j in range(wrong, drawn + 1)) > 0.025
        and sum(probability(k, j) for j in range(wrong + 1)) > 0.025
    ]
    return kept[0] / population, kept[-1] / population


@pytest.mark.parametrize(("drawn", "population"), [(5, 12), (20, 45), (30, 31), (40, 40)])
def test_the_interval_is_that_of_trying_every_number(drawn, population):
    for wrong in range(drawn + 1):
        assert exact_interval(wrong, drawn, population) == literal_interval(wrong, drawn, population)


@pytest.mark.parametrize("population", [60, 5_000, 10_000_000])
def test_the_probability_is_the_hypergeometric_one(population):
    for drawn, wrong, found in ((50, 30, 3), (50, 55, 40), (20, 12, 0), (50, 50, 50), (7, 3, 4)):
        expected = hypergeom.cdf(found, population, wrong, drawn)
        assert probability(range(found + 1), drawn, wrong, population) == pytest.approx(expected, rel=1e-6)


def test_the_interval_closes_when_all_is_looked_at_and_widens_without_answers():
    assert exact_interval(3, 10, 10) == (0.3, 0.3)
    assert exact_interval(0, 0, 10) == (0.0, 1.0)
    narrow, wide = exact_interval(20, 50, 60), exact_interval(20, 50, 6000)
    assert wide[0] < narrow[0] < 0.4 < narrow[1] < wide[1]
    assert exact_interval(0, 30, 10**6)[1] == pytest.approx(1 - 0.025 ** (1 / 30), abs=1e-4)


def test_answers_that_cannot_be_told_widen_both_ends():
    sure = share_wrong(["wrong"] * 10 + ["right"] * 10, 500)
    unsure = share_wrong(["wrong"] * 10 + ["right"] * 5 + ["unsure"] * 5, 500)
    assert unsure.low == sure.low
    assert unsure.high > sure.high
    assert unsure.share == pytest.approx(12.5 / 20)
    assert unsure.unsure == 5


def test_it_says_stop_only_when_the_last_fifty_hold_few_wrong_labels():
    outside = share_wrong(["right"] * 30, 400)
    early = remaining(["wrong"] * 49, 100, outside, 400)
    assert not early.stop
    assert early.why.startswith("look at 1 more flagged label,")
    assert remaining([], 20, outside, 400).why.startswith("look at 20 more")  # there are no 50
    on = remaining(["right"] * 40 + ["wrong"] * 10, 100, outside, 400)
    assert not on.stop
    assert "10 of the last 50" in on.why
    stop = remaining(["wrong"] * 30 + ["right"] * 48 + ["wrong"] * 2, 100, outside, 400)
    assert stop.stop
    assert stop.high > stop.low >= 0
    assert stop.unflagged[0] == 0 < stop.unflagged[1]  # never zero
    assert remaining([], 0, outside, 400).stop
