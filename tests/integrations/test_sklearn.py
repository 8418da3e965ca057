"""Is ELRClassifier a scikit-learn classifier in all that scikit-learn itself asks of one?"""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from earlylearn.errors import EarlylearnError
from earlylearn.integrations.sklearn import ELRClassifier


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning:sklearn")
@parametrize_with_checks([ELRClassifier(hidden_layer_sizes=(64,))])
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def digits():
    """Inputs, given labels, true labels: 40 % drawn anew."""
    x, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    given = np.where(rng.random(len(y)) < 0.4, rng.integers(0, 10, len(y)), y)
    return x, given, y


@pytest.fixture(scope="module")
def fitted(digits):
    x, given, _ = digits
    return ELRClassifier(hidden_layer_sizes=(128,), random_state=0).fit(x[:1400], given[:1400])


@pytest.mark.filterwarnings("ignore:.*hasn't converged")
@pytest.mark.slow
def test_it_beats_a_classifier_that_memorises_and_lists_the_wrong_labels(digits, fitted):
    x, given, true = digits
    plain = make_pipeline(StandardScaler(), MLPClassifier((128,), max_iter=60, random_state=0))
    plain.fit(x[:1400], given[:1400])
    assert fitted.score(x[1400:], true[1400:]) > plain.score(x[1400:], true[1400:]) + 0.05
    issues, wrong = fitted.label_issues_, given[:1400] != true[:1400]
    flagged = issues["is_label_issue"].to_numpy()
    assert (flagged & wrong).sum() / wrong.sum() > 0.9
    assert (flagged & wrong).sum() / flagged.sum() > 0.9
    assert (fitted.suggested_labels_[flagged] == true[:1400][flagged]).mean() > 0.85
    assert fitted.label_quality_[flagged].mean() < 0.5 < fitted.label_quality_[~flagged].mean()


@pytest.mark.slow
def test_pipeline_search_and_folds(digits):
    x, given, true = (each[:900] for each in digits)
    model = ELRClassifier(hidden_layer_sizes=(64,), max_epochs=15, random_state=0)
    search = GridSearchCV(make_pipeline(StandardScaler(), model), {"elrclassifier__lam": [0.0, 3.0]}, cv=2)
    assert search.fit(x, given).best_estimator_[-1].label_issues_.shape[0] == 900
    probabilities = cross_val_predict(model, x, given, cv=2, method="predict_proba")
    assert (probabilities.argmax(1) == true).mean() > 0.7
    assert repr(clone(search.best_estimator_[-1]).lam) in ("0.0", "3.0")


def test_labels_of_any_kind_and_the_same_seed_the_same_network(digits):
    x, given, _ = (each[:200] for each in digits)
    names = np.array(list("abcdefghij"), dtype=object)[given]
    before = torch.get_rng_state()
    model = ELRClassifier(hidden_layer_sizes=(16,), max_epochs=3, random_state=3)
    first, second = model.fit(x, names).predict_proba(x), clone(model).fit(x, names).predict_proba(x)
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(first, second)
    assert set(model.predict(x)) <= set("abcdefghij")
    assert model.label_issues_["given_label"].tolist() == names.tolist()


@pytest.mark.parametrize("made", [False, True])
def test_a_network_and_an_optimizer_of_ones_own(digits, made):
    x, given, true = (each[:600] for each in digits)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
    model = ELRClassifier(
        (lambda columns, classes: network) if made else network,
        optimizer=torch.optim.AdamW, lr=3e-3, max_epochs=30, class_weight="balanced", random_state=0,
    )  # fmt: skip
    images = (x / 16).reshape(-1, 1, 8, 8)
    weights = network[1].weight.clone()
    assert model.fit(images, given).score(images, true) > 0.85
    assert torch.equal(network[1].weight, weights) != made


def test_warm_start_goes_on(digits):
    x, given, _ = (each[:200] for each in digits)
    model = ELRClassifier(hidden_layer_sizes=(16,), max_epochs=2, random_state=0, warm_start=True, batch_size=300)
    network = model.fit(x, given).module_
    assert model.fit(x, given).module_ is network
    torch.testing.assert_close(model.criterion_.targets.sum(1), torch.full((200,), 1 - 0.7**4))
    with pytest.raises(ValueError, match="other classes than before"):
        model.fit(x, given % 3)
    model.warm_start = False
    assert model.fit(x, given % 3).module_ is not network


def test_verbose_prints_each_epoch(digits, capsys):
    x, given, _ = (each[:50] for each in digits)
    ELRClassifier(hidden_layer_sizes=(4,), max_epochs=2, verbose=1).fit(x, given)
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == ["epoch 1", "epoch 2"]


def test_a_validation_set_keeps_the_best_epochs_network(digits):
    x, given, true = digits
    model = ELRClassifier(hidden_layer_sizes=(16,), max_epochs=5, lr=0.3, random_state=0)
    model.fit(x[:300], given[:300], X_val=x[300:500], y_val=true[300:500])
    assert len(model.validation_scores_) == 5
    assert model.score(x[300:500], true[300:500]) == max(model.validation_scores_)
    alone = clone(model).fit(x[:300], given[:300])
    assert alone.validation_scores_ == []
    torch.testing.assert_close(model.criterion_.targets, alone.criterion_.targets)  # it only looks
    for wrong, said in (({"X_val": x[:2]}, "go together"), ({"X_val": x[:2], "y_val": [3, 77]}, "holds 77")):
        with pytest.raises(ValueError, match=said):
            clone(model).fit(x[:300], given[:300], **wrong)
    with pytest.raises(ValueError, match=r"shape \[3\] for 2 rows"):
        clone(model).fit(x[:300], given[:300], X_val=x[:2], y_val=[1, 2, 3])


def test_rows_of_a_frame_are_known_by_its_index(digits):
    x, given, _ = (each[:60] for each in digits)
    frame = pd.DataFrame(x, index=[f"file-{i}" for i in range(60)]).add_prefix("pixel ")
    model = ELRClassifier(hidden_layer_sizes=(4,), max_epochs=1).fit(frame, pd.Series(given, index=frame.index))
    assert model.label_issues_["id"].tolist() == frame.index.tolist()
    twice = frame.set_index(np.zeros(60, int))  # which names no row
    assert model.fit(twice, given).label_issues_["id"].tolist() == list(range(60))


def test_other_rows_have_no_targets_of_those_before(digits):
    x, given, _ = (each[:200] for each in digits)
    model = ELRClassifier(hidden_layer_sizes=(16,), max_epochs=2, random_state=0, warm_start=True)
    network = model.fit(x[:100], given[:100]).module_
    model.set_params(lam=1.0, class_weight="balanced").fit(x[100:], given[100:])
    assert model.module_ is network
    torch.testing.assert_close(model.criterion_.targets.sum(1), torch.full((100,), 1 - 0.7**2))
    assert (model.criterion_.lam, model.criterion_.weight is None) == (1.0, False)
    model.set_params(class_weight=None).fit(x[100:], given[100:])
    torch.testing.assert_close(model.criterion_.targets.sum(1), torch.full((100,), 1 - 0.7**4))
    assert model.criterion_.weight is None


def test_a_last_batch_of_one_joins_the_one_before(digits):
    x, given, _ = (each[:33] for each in digits)
    network = torch.nn.Sequential(torch.nn.BatchNorm1d(64), torch.nn.Linear(64, 10))
    model = ELRClassifier(network, max_epochs=2, batch_size=32, optimizer=partial(torch.optim.SGD)).fit(x, given)
    torch.testing.assert_close(model.criterion_.targets.sum(1), torch.full((33,), 1 - 0.7**2))


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"max_epochs": 0}, "max_epochs=0: must be a whole number, 1 or more"),
        ({"batch_size": 0}, "batch_size=0: must be a whole number"),
        ({"lr": 0.0}, "lr=0.0: must be above 0"),
        ({"optimizer": "adam"}, "optimizer='adam': give a class, such as torch.optim.AdamW"),
        ({"lam": -1}, "lam is -1"),
    ],
)
def test_settings_out_of_range(digits, settings, complaint):
    with pytest.raises(ValueError, match=complaint):
        ELRClassifier(**settings).fit(*(each[:30] for each in digits[:2]))


def test_a_loss_that_is_not_finite_is_one_line(digits):
    x, given, _ = (each[:100] for each in digits)
    with pytest.warns(UserWarning, match="not finite"), pytest.raises(EarlylearnError, match="not finite in epoch 1"):
        ELRClassifier(hidden_layer_sizes=(4,), lr=1e30).fit(x, given)
