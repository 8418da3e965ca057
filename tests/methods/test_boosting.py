"""Do arrays predict what scikit-learn's trees predict, and do trees give up where heads are ahead?"""

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier

from earlylearn.methods import boosting
from earlylearn.methods.boosting import Trees, arrays_of, challenge, grow, log_probabilities, new_trees


def problem(classes, n=300, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4)).astype(np.float32)
    return x, ((x[:, 0] + x[:, 1] * x[:, 2] > 0) + (x[:, 3] > 0.5) * (classes > 2)).astype(np.int64)


@pytest.mark.parametrize(("labels", "classes"), [(2, 2), (3, 3), (3, 5), (2, 4)])
def test_arrays_predict_as_the_trees_do(labels, classes):
    x, y = problem(labels)
    y = y + (classes - labels)  # the first classes have no label
    model = HistGradientBoostingClassifier(max_iter=20, random_state=0).fit(x, y)
    trees = Trees()
    trees.put(arrays_of(model, classes), torch.device("cpu"))
    other = problem(labels, seed=1)[0]
    ours = trees.log_probabilities(torch.from_numpy(other)).exp().numpy()
    theirs = np.full((len(other), classes), 1e-4)
    theirs[:, model.classes_] = np.maximum(model.predict_proba(other), 1e-4)
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
    np.testing.assert_allclose(log_probabilities(model, other, classes), np.log(theirs), atol=1e-5)


def test_arrays_are_taken_up_by_one_that_has_none():
    x, y = problem(2)
    trees = Trees()
    trees.put(arrays_of(HistGradientBoostingClassifier(max_iter=3).fit(x, y), 2), torch.device("cpu"))
    again = Trees()
    again.load_state_dict(trees.state_dict())
    first, second = (each.log_probabilities(torch.from_numpy(x)) for each in (trees, again))
    assert torch.equal(first, second)


def test_trees_never_saw_the_row_that_they_are_asked_about():
    x, y = problem(2)
    fold = np.arange(len(x)) % 3
    fold[:10] = -1
    nobody = np.zeros(len(x), bool)
    found = challenge(x, y, fold, 2, heads=nobody, seed=0)
    y2 = y.copy()
    y2[[11, 14]] = 1 - y2[[11, 14]]  # rows of the third fold
    changed = challenge(x, y2, fold, 2, heads=nobody, seed=0)
    third = fold == 2
    np.testing.assert_array_equal(found.log_p[third], changed.log_p[third])
    assert not np.array_equal(found.log_p[fold == 0], changed.log_p[fold == 0])
    assert np.isfinite(found.log_p[fold == -1]).all()


def test_trees_give_up_after_a_fold_where_heads_are_ahead():
    x, y = problem(2)
    y = np.random.default_rng(2).integers(0, 2, len(y))
    found = challenge(x, y, np.arange(len(x)) % 3, 2, heads=np.ones(len(x), bool), seed=0)
    assert found.model is None
    assert found.log_p is None
    assert found.standing.behind[1] > 1


def test_trees_cannot_grow_on_one_class():
    x, y = problem(2)
    assert challenge(x, np.zeros_like(y), np.arange(len(x)) % 3, 2, heads=y > 0, seed=0).standing is None


def test_trees_given_up_on_the_evidence_of_all_folds_tried_so_far() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 3)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int64)
    fold = np.arange(len(x)) % 3
    flips = rng.random(len(x)) < 0.1
    shown = np.where(fold == 0, y, np.where(flips, 1 - y, y))  # heads know the flips of the later folds, trees cannot
    as_good = (fold != 0) | (log_probabilities(grow(x[fold != 0], shown[fold != 0], 0), x, 2).argmax(1) == shown)
    found = challenge(x, shown, fold, 2, heads=as_good, seed=0)
    assert found.model is None
    assert found.standing is not None
    assert found.standing.behind[1] > 1


def test_trees_grown_on_from_a_first_part_are_those_grown_at_once() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(300, 4)), rng.integers(0, 3, 300)
    first = new_trees(0, max_iter=20, warm_start=True).fit(x, y)
    assert np.array_equal(grow(x, y, 0, first).predict_proba(x), grow(x, y, 0).predict_proba(x))


def test_trees_that_diverge_get_a_ridge(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = problem(3)
    assert grow(x, y, 0).l2_regularization == 0

    def leaping(seed: int, **settings: float):
        return new_trees(seed, **{"learning_rate": 0.1 if "l2_regularization" in settings else 50.0, **settings})

    monkeypatch.setattr(boosting, "new_trees", leaping)
    mended = grow(x, y, 0)
    assert mended.l2_regularization > 0
    assert mended.score(x, y) > leaping(0).fit(x, y).score(x, y)
