"""Are features of two classes put into the coordinates of the theory, and is what it says of them judged?"""

from dataclasses import replace

import numpy as np
import pytest

from earlylearn.errors import UsageError
from earlylearn_paper.figures.figure_a1 import FIGURE_A1
from earlylearn_paper.reproduce import reproduce
from earlylearn_paper.theory import on_features
from earlylearn_paper.theory.features import two_clusters
from earlylearn_paper.theory.linear_model import draw_start
from earlylearn_paper.work import Work

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog"]


def clusters(sigma=0.1, d=40, each=60, seed=0):
    """Features of six classes around means of their own, anywhere in space."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(6), each)
    means = 5 + 3 * rng.standard_normal((6, d))
    return (means[labels] + sigma * 12 * rng.standard_normal((len(labels), d))).astype(np.float32), labels


def test_class_means_are_plus_and_minus_v():
    features, labels = clusters()
    data = two_clusters(features, labels, (3, 5), n=120, flipped=0.25, seeds=2)
    for s in range(2):
        mean = np.mean([data.x[s][data.true[s] == side].mean(0) * side for side in (1, -1)], 0)
        assert mean[0] == pytest.approx(1, abs=1e-4)
        assert np.abs(mean[1:]).max() < 1e-4
    assert data.wrong.sum(1).tolist() == [30, 30]
    assert not np.array_equal(data.wrong[0], data.wrong[1])
    # Turning and scaling change no angle: distances keep their ratios.
    small = two_clusters(features, labels, (3, 5), n=2, flipped=0.0, seeds=1)
    assert small.aligned.shape == (1, 2, 40)
    with pytest.raises(UsageError, match="have 120 examples"):
        two_clusters(features, labels, (3, 5), n=121, flipped=0.2, seeds=1)


def test_distances_keep_their_ratios():
    features, labels = clusters()
    data = two_clusters(features, labels, (0, 1), n=120, flipped=0.0, seeds=1)
    x = data.x[0]
    ours = np.sort(np.linalg.norm(x[:, None] - x[None], axis=-1).ravel())
    plain = features[labels < 2].astype(float)
    theirs = np.sort(np.linalg.norm(plain[:, None] - plain[None], axis=-1).ravel())
    scale = ours[-1] / theirs[-1]
    np.testing.assert_allclose(ours, scale * theirs, rtol=1e-6, atol=1e-9)


def test_the_first_phase_finds_the_direction_between_the_means():
    features, labels = clusters()
    data = two_clusters(features, labels, (0, 1), n=100, flipped=0.2, seeds=3)
    found = on_features.early(data, draw_start(40, radius=0.1, orthogonal=True, seeds=3), [0.02, 0.1])
    assert [verdict.holds for verdict in on_features.early_verdicts("made up", found)] == [True] * 4
    assert found.end > 0.95
    for k, broken in enumerate(
        (
            {"correlation": 0.1},
            {"times": {0.02: 0.3, 0.1: 0.9}},
            {"end": 0.6},
            {"clean": 0.01},
        )
    ):
        verdicts = on_features.early_verdicts("made up", replace(found, **broken))
        assert [verdict.holds for verdict in verdicts] == [each != k for each in range(4)]


@pytest.mark.slow
def test_figure_a1_on_features(tmp_path, monkeypatch):
    monkeypatch.setattr(on_features, "read_features", lambda *_, **__: (*clusters(), CLASSES))
    tiny = {"n": 40, "many": 110, "iterations": 400, "seeds": 2}
    done = reproduce("figure-a1", scale="features", out=tmp_path, quiet=True, data_dir="somewhere", **tiny)
    assert done.document["figures"] == ["figure-a1-airplane-automobile.png", "figure-a1-cat-dog.png"]
    assert len(done.document["verdicts"]) == 2 * 7
    assert "runs" not in done.document
    assert Work(scale="features", settings=FIGURE_A1.at("features").settings, folder=tmp_path).settings["n"] == 1000
