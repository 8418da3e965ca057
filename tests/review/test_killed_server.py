"""Is every answer that the server confirmed there after it was killed?"""

import random

import pytest

from benchmarks.page import killed


@pytest.mark.slow
def test_no_confirmed_answer_is_lost(tmp_path):
    confirmed, lost = killed(tmp_path, 200, 2, random.Random(0))
    assert confirmed > 0
    assert lost == 0
