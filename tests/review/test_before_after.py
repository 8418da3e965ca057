"""Does the page before and after say what two runs on the same rows say, and no more?"""

import json

import numpy as np
import pytest

from earlylearn.review.before_after import paired, write_before_after
from earlylearn.runs.train import train


def test_a_difference_is_beyond_chance_only_if_many_rows_differ():
    right = np.ones(200, dtype=bool)
    some, many = right.copy(), right.copy()
    some[:3], many[:30] = False, False
    assert not paired(some, right).beyond_chance
    better = paired(many, right)
    assert better.beyond_chance
    assert (better.only_before, better.only_after) == (0, 30)
    assert better.low < 0.15 < better.high
    assert paired(right, right).low < 0 < paired(right, right).high


@pytest.mark.parametrize("seed", [0])
def test_the_interval_covers_a_known_difference(seed):
    generator = np.random.default_rng(seed)
    covered = 0
    for _ in range(300):
        hard = generator.random(400)
        before, after = hard < 0.7, (hard < 0.76) ^ (generator.random(400) < 0.05)
        expected = 0.76 * 0.95 + 0.24 * 0.05 - 0.7
        found = paired(before, after)
        covered += found.low <= expected <= found.high
    assert covered / 300 > 0.92


@pytest.mark.slow
def test_train_correct_train_again(tmp_path):
    generator = np.random.default_rng(0)
    true = generator.integers(0, 2, 300)
    x = (generator.normal(size=(300, 3)) + 4 * true[:, None]).astype(np.float32)
    given = np.where(generator.random(300) < 0.2, 1 - true, true)
    np.savez(tmp_path / "d.npz", x=x[:200], y=given[:200], x_test=x[200:], y_test=true[200:])
    settings = {"epochs": 3, "network": "linear", "quiet": True}
    before = train(tmp_path / "d.npz", out=tmp_path / "before", **settings)
    wrong = np.flatnonzero(given[:200] != true[:200])
    review = before.folder.path / "review"
    review.mkdir()
    lines = ["id,given_label,corrected_label", *(f"{row},{given[row]},{true[row]}" for row in wrong)]
    (review / "corrections.csv").write_text("\n".join(lines))
    after = train(tmp_path / "d.npz", out=tmp_path / "after", corrections=str(review / "corrections.csv"), **settings)
    page = write_before_after(after).read_text()
    assert f"{len(wrong)} labels were corrected" in page
    assert write_before_after(before) is None
    assert json.loads((after.folder.path / "config.json").read_text())["corrections"].endswith("corrections.csv")
