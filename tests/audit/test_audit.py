"""Does the audit flag what it should, in the words cleanlab's users know?"""

import numpy as np
import pandas as pd
import pytest
import torch

import earlylearn as el
from earlylearn.audit.dynamics import Dynamics
from earlylearn.audit.label_issues import score_flags
from earlylearn.errors import UsageError
from earlylearn.loop.seen import Seen
from tests.toy import seen_of

BELIEFS = np.array([[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.4, 0.4, 0.2], [np.nan] * 3, [0.0, 0.3, 0.7]])


def test_beliefs_of_rows_that_were_never_seen_are_no_answer():
    with pytest.raises(UsageError, match="NaN in every row: no example was seen yet"):
        el.find_label_issues([0, 1], np.full((2, 3), np.nan))


def test_columns_flags_and_quality():
    issues = el.find_label_issues([0, 0, 0, 1, 1], torch.tensor(BELIEFS), classes=["cat", "dog", "cow"])
    cleanlabs = ["id", "index", "given_label", "predicted_label", "label_quality", "is_label_issue"]
    assert list(issues) == [*cleanlabs, "confident", "suspicion_rank", "suggested_quality"]
    assert issues["suspicion_rank"].tolist() == [4, 1, 3, 5, 2]
    np.testing.assert_allclose(issues["suggested_quality"], [0.9, 0.7, 0.4, np.nan, 0.7])
    assert issues["is_label_issue"].tolist() == [False, True, False, False, True]
    assert issues["predicted_label"].tolist() == ["cat", "dog", "cat", "dog", "cow"]
    np.testing.assert_allclose(issues["label_quality"], [0.9, 0.2, 0.4, np.nan, 0.3])


@pytest.mark.parametrize(
    "labels",
    [
        [0.0, 0, 0, 1, 1],
        ["cat", "cat", "cat", "dog", "dog"],
        np.array([0, 0, 0, 1, 1], bool),
        torch.tensor([0, 0, 0, 1, 1]),
    ],
)
def test_labels_as_they_come(labels):
    classes = ["cat", "dog", "cow"]
    whole = el.find_label_issues([0, 0, 0, 1, 1], BELIEFS, classes=classes)
    pd.testing.assert_frame_equal(el.find_label_issues(labels, BELIEFS, classes=classes), whole)
    with pytest.raises(UsageError, match="none of classes"):
        el.find_label_issues(["cat", "cat", "cat", "mug", "dog"], BELIEFS, classes=classes)


def test_accepting_the_confident_makes_a_good_list_no_worse():
    """One label in ten is wrong and the model errs on three in ten: taking every flag spoils the labels."""
    generator = np.random.default_rng(0)
    n, true = 4000, generator.integers(0, 4, 4000)
    given = np.where(generator.random(n) < 0.1, (true + generator.integers(1, 4, n)) % 4, true)
    logits = generator.normal(size=(n, 4)) + 1.6 * np.eye(4)[true]
    beliefs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    issues = el.find_label_issues(given, beliefs)
    before = (given != true).mean()
    everything = np.where(issues["is_label_issue"], issues["predicted_label"], given)
    confident = np.where(issues["confident"], issues["predicted_label"], given)
    assert (everything != true).mean() > before + 0.05
    assert (confident != true).mean() < before


def test_where_classes_overlap_nothing_is_taken_unseen():
    """The model mistakes two classes one way, as if labels had drifted; no label is wrong but one in twenty."""
    generator = np.random.default_rng(1)
    n = 3000
    true = generator.integers(0, 3, n)
    x = generator.normal(size=n) + 1.2 * true
    scores = -0.5 * (x[:, None] - 1.2 * np.arange(3)) ** 2 + np.array([0.0, 0.5, 0.0])
    beliefs = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    given = np.where(generator.random(n) < 0.05, (true + 1) % 3, true)
    issues = el.find_label_issues(given, beliefs)
    taken = np.where(issues["confident"], issues["predicted_label"], given)
    assert (np.where(issues["is_label_issue"], issues["predicted_label"], given) != true).mean() > 0.2
    assert (taken != true).mean() <= (given != true).mean() + 0.005


def test_a_class_that_the_model_swallowed_does_not_make_its_labels_wrong():
    """All rows of a rare class are believed to be of the common one, though their labels are right."""
    generator = np.random.default_rng(0)
    true = np.where(np.arange(1200) % 6 == 0, 1, 0)
    logits = np.stack([1.5 + generator.normal(size=1200), generator.normal(size=1200) * 0.2 + 0.3 * true], 1)
    beliefs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    issues = el.find_label_issues(true, beliefs)
    np.testing.assert_allclose(issues["label_quality"], beliefs[np.arange(1200), true])


def test_blocks_change_nothing(monkeypatch):
    generator = np.random.default_rng(0)
    beliefs, labels = generator.dirichlet(np.ones(5), 300), generator.integers(0, 5, 300)
    whole = el.find_label_issues(labels, beliefs)
    monkeypatch.setattr("earlylearn.audit.label_issues.BLOCK", 64)
    pd.testing.assert_frame_equal(el.find_label_issues(labels, beliefs), whole)


def test_a_belief_rounded_above_one_is_no_issue():
    issues = el.find_label_issues([0, 1], np.array([[1 + 1e-7, 0], [0.6, 0.4]]))
    assert issues["is_label_issue"].tolist() == [False, True]
    assert issues["label_quality"].max() == 1


@pytest.mark.parametrize(
    ("labels", "beliefs", "words"),
    [
        ([0, 1], BELIEFS, "expected [n] and [n, classes]"),
        ([0, 0, 0, 0, 3], BELIEFS, "labels[4] is 3"),
        ([0.0, 0, 0.5, 0, 1], BELIEFS, "labels[2] is 0.5, not a whole number"),
        (["cat", "cat", "dog", "cat", "cow"], BELIEFS, "give classes="),
        ([[0], [1], [0], [1, 2], [1]], BELIEFS, "several labels for one example"),
        (np.eye(3)[[0, 0, 0, 1, 1]], BELIEFS, "several labels for one example"),
        ([0j] * 5, BELIEFS, "complex128"),
        ([0, 0, 0, 0, 1], BELIEFS * 5, "softmax"),
        ([0, 0, 0, 0, 1], np.where(np.arange(15).reshape(5, 3) == 7, np.nan, BELIEFS), "beliefs[2] are NaN in part"),
    ],
)
def test_bad_beliefs(labels, beliefs, words):
    with pytest.raises(UsageError) as error:
        el.find_label_issues(labels, beliefs)
    assert words in str(error.value)


def test_scores_equal_counting_by_hand():
    flags, quality = np.array([True, True, False, False]), np.array([0.1, 0.3, 0.2, 0.9])
    scores = score_flags(flags, None, quality, np.array([True, False, True, False]))
    # Ranked by suspicion: row 0 (wrong), row 2 (wrong), row 1, row 3: both wrong ones come first.
    assert scores == {"flagged": 2, "precision": 0.5, "recall": 0.5, "average_precision": pytest.approx(1.0)}
    assert score_flags(flags, None, quality, None)["precision"] is None
    unseen = score_flags(flags[:2], None, np.array([0.1, np.nan]), np.array([True, False]))
    assert unseen["average_precision"] == 1  # what was never seen is the least suspicious
    none_wrong = score_flags(flags, None, quality, np.zeros(4, bool))
    assert (none_wrong["precision"], none_wrong["recall"]) == (0.0, None)


def test_dynamics_equal_counting_example_by_example():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(3, (20,), generator=generator)
    history = [torch.randn(20, 3, generator=generator) for _ in range(6)]
    dynamics = Dynamics(20)
    for logits in history:
        dynamics.update(seen_of(logits, labels))
    columns = dynamics.columns()
    for i, y in enumerate(labels.tolist()):
        rows = [logits[i].tolist() for logits in history]
        right = [max(range(3), key=row.__getitem__) == y for row in rows]
        before = [False, *right[:-1]]
        margins = [row[y] - max(row[:y] + row[y + 1 :]) for row in rows]
        assert columns["times_learned"][i] == sum(now and not was for was, now in zip(before, right, strict=True))
        assert columns["times_forgotten"][i] == sum(was and not now for was, now in zip(before, right, strict=True))
        assert columns["first_learned"][i] == (right.index(True) + 1 if any(right) else 0)
        assert columns["margin"][i] == pytest.approx(sum(margins) / 6, abs=1e-5)
        loss = torch.nn.functional.cross_entropy(history[-1][i], labels[i]).item()
        chances = [torch.softmax(logits[i], 0)[y].item() for logits in history]
        assert columns["missed"][i] == 6 - sum(right)
        assert columns["epochs_seen"][i] == 6
        assert columns["mean_probability"][i] == pytest.approx(np.mean(chances), abs=1e-6)
        assert columns["variability"][i] == pytest.approx(np.std(chances), abs=1e-4)
        assert columns["loss"][i] == pytest.approx(loss, abs=1e-5)


def test_an_epoch_that_does_not_see_a_row_changes_nothing_of_it():
    labels, right = torch.tensor([0, 1]), torch.tensor([[3.0, 0.0], [0.0, 3.0]])
    dynamics, second = Dynamics(2), Seen(labels)
    dynamics.update(seen_of(right, labels))
    second.add(torch.tensor([0]), -right[:1])
    second.settle()
    dynamics.update(second)
    columns = dynamics.columns()
    assert columns["epochs_seen"].tolist() == [2, 1]
    assert columns["times_forgotten"].tolist() == [1, 0]
    assert columns["missed"].tolist() == [1, 0]
    assert columns["first_learned"].tolist() == [1, 1]
    assert columns["margin"].tolist() == [0, 3]
