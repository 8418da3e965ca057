"""Do all methods take their first twenty steps as they did when tests/golden was written?"""

import json

import pytest

from earlylearn.methods import METHODS
from tests.golden.losses import FILE, STEPS, losses

GOLDEN = json.loads(FILE.read_text(encoding="utf-8"))


def test_every_method_has_golden_losses():
    assert list(GOLDEN) == list(METHODS), "a method came or went: make golden"


@pytest.mark.parametrize("name", GOLDEN)
def test_losses_are_the_golden_ones(name):
    # Other processors add up in another order. On one, PyTorch with AVX-512, with AVX2 and with neither differed by
    # less than the six digits that are kept; a hundred times that leaves room for processors not tried.
    assert len(GOLDEN[name]) == STEPS
    assert losses(name) == pytest.approx(GOLDEN[name], rel=1e-4, abs=1e-4), "if that was meant: make golden"
