"""Are the rows of a class that are most like a row found, the nearest first, and never the row itself?"""

import numpy as np
import pytest

from earlylearn.audit.neighbours import Neighbours

LABELS = np.array([0, 0, 0, 0, 1, 1])


@pytest.mark.parametrize("kind", [np.float32, np.uint8])
def test_the_nearest_of_a_class_come_first_and_a_row_is_none_of_its_own(kind):
    rng = np.random.default_rng(0)
    features = rng.integers(0, 200, (6, 3, 4, 4)).astype(kind)
    features[3] = features[0]
    features[1] = features[0] + rng.integers(0, 20, (3, 4, 4)).astype(kind)
    found = Neighbours(features if kind is np.uint8 else features.reshape(6, -1), LABELS)
    assert found.of_class(0, 0) == [3, 1, 2]
    assert found.of_class(0, 0, count=1) == [3]
    assert sorted(found.of_class(0, 1)) == [4, 5]
    assert found.of_class(4, 1) == [5]
