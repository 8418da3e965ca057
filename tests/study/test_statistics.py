"""Are intervals and corrections those of the textbook?"""

import math

import numpy as np
import pytest
import torch

from earlylearn.study.statistics import holm, paired_difference, summarize


def test_summary_leaves_out_what_is_unknown():
    assert summarize([None, 1.0, 3.0]) == {"mean": 2.0, "sd": pytest.approx(math.sqrt(2)), "n": 2}
    assert summarize([0.5]) == {"mean": 0.5, "sd": None, "n": 1}
    assert summarize([None]) is None


def test_paired_difference_is_the_textbooks():
    # differences 1, 2, 3: mean 2, standard error 1/sqrt(3), t(.975, 2) = 4.3027, t = 3.4641
    found = paired_difference({0: 2.0, 1: 4.0, 2: 6.0, 9: 5.0}, {0: 1.0, 1: 2.0, 2: 3.0, 8: 0.0})
    assert found["n"] == 3
    assert found["mean"] == pytest.approx(2)
    assert found["high"] - found["mean"] == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)
    assert found["mean"] - found["low"] == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)
    assert found["p"] == pytest.approx(0.0741799, rel=1e-5)


def test_nothing_is_claimed_of_one_seed_or_of_constant_differences():
    assert paired_difference({0: 1.0}, {0: 0.5}) == {"mean": 0.5, "low": None, "high": None, "p": None, "n": 1}
    same = paired_difference({0: 1.0, 1: 2.0}, {0: 1.0, 1: 2.0})
    assert same["mean"] == 0
    assert same["p"] is None
    assert paired_difference({0: None, 1: 1.0}, {0: 1.0}) is None


def test_rounding_is_no_spread():
    # Gains of exactly 18 of 360 hits, as float32 means of hits give them.
    def share(hits):
        return float((torch.arange(360) < hits).float().mean())

    hits = {0: 271, 1: 288, 2: 300}
    found = paired_difference({s: share(h + 18) for s, h in hits.items()}, {s: share(h) for s, h in hits.items()})
    assert found["mean"] == pytest.approx(0.05)
    assert found["p"] is None


def literal_holm(p_values, level):
    """The smallest p against level / m, the next against level / (m - 1), until one is too large."""
    verdict = {}
    left = dict(enumerate(p_values))
    while left:
        k = min(left, key=left.get)
        if left[k] > level / len(left):
            break
        verdict[k] = True
        del left[k]
    return [verdict.get(k, False) for k in range(len(p_values))]


def test_holm_equals_its_literal_restatement():
    rng = np.random.default_rng(0)
    for _ in range(200):
        p_values = list(rng.random(rng.integers(1, 8)) ** 4)
        assert holm(p_values) == literal_holm(p_values, 0.05)


def test_holm_passes_over_what_is_unknown():
    assert holm([0.01, None, 0.04]) == [True, False, True]
    assert holm([0.03, 0.04]) == [False, False]
