"""Is drift what goes one way more often than the other, cell by cell?"""

import numpy as np
import pytest

from earlylearn.audit.drift import drift_of, no_drift

COUNTS = np.array([[80.0, 30.0, 2.0], [10.0, 90.0, 6.0], [2.0, 0.0, 70.0]])


def test_it_is_what_one_cell_at_a_time_gives():
    drift = drift_of(COUNTS)
    back = (10 + 2 + 0) / 3 + 0.5  # what goes back, on average over the pairs, and the pseudo-count
    rows = [[80, 20 + back, back], [back, 90, 6 + back], [back, back, 70]]
    np.testing.assert_allclose(drift.flow, [[cell / sum(row) for cell in row] for row in rows])
    assert drift.tilt[0, 1] == pytest.approx(30.5 / 20.5)
    assert drift.tilt[1, 0] == pytest.approx(10.5 / 20.5)
    np.testing.assert_allclose(np.diag(drift.tilt), 1)
    chi_square = 20**2 / 40 + 0 / 4 + 6**2 / 6
    assert drift.score == pytest.approx((chi_square - 3) / np.sqrt(6))


def test_what_goes_both_ways_alike_is_none():
    drift = drift_of((COUNTS + COUNTS.T) / 2)
    np.testing.assert_allclose(drift.tilt, 1)
    assert drift.score < 0
    assert not drift.clear


def test_where_nothing_can_be_told_beliefs_stay_as_they_are():
    drift = no_drift(4)
    assert (drift.tilt == 1).all()
    assert not drift.clear


def test_no_cell_is_impossible():
    assert (drift_of(np.diag([5.0, 5.0])).flow > 0).all()
