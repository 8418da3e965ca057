"""Is the consensus better than the majority, are bad annotators found, and is it the formula of its paper?"""

import numpy as np
import pytest

from earlylearn.audit.annotators import consensus, majority
from earlylearn.errors import UsageError

CLASSES = ("a", "b", "c")


def crowd(n=600, skills=(0.9, 0.85, 0.8, 0.4), asked=0.6, seed=0):
    """Answers of people of different skill to a random part of the rows, and a model that is right on 80 %."""
    generator = np.random.default_rng(seed)
    true = generator.integers(0, 3, n)
    answers = np.full((n, len(skills)), -1)
    for j, skill in enumerate(skills):
        wrong = (true + generator.integers(1, 3, n)) % 3
        said = np.where(generator.random(n) < skill, true, wrong)
        answers[:, j] = np.where(generator.random(n) < asked, said, -1)
    answers[(answers == -1).all(1), 0] = true[(answers == -1).all(1)]
    beliefs = np.full((n, 3), 0.15)
    beliefs[np.arange(n), np.where(generator.random(n) < 0.8, true, (true + 1) % 3)] = 0.7
    return true, answers, beliefs


def literal(answers, beliefs, classes):
    """One row and one annotator at a time."""
    n, people = answers.shape
    asked = [[j for j in range(people) if answers[i, j] >= 0] for i in range(n)]
    voted = majority(answers, classes, beliefs)
    shared = [i for i in range(n) if len(asked[i]) > 1]
    chance = max(sum(voted[i] == k for i in shared) for k in range(classes)) / len(shared)
    right = sum(sum(answers[i, j] == voted[i] for j in asked[i]) / len(asked[i]) for i in shared) / len(shared)
    weight = []
    for j in range(people):
        pairs = [(i, other) for i in range(n) if j in asked[i] for other in asked[i] if other != j]
        s = sum(answers[i, j] == answers[i, other] for i, other in pairs) / len(pairs)
        weight.append(max(1 - (1 - s) / (1 - chance), 1e-3))
    agree = sum(beliefs[i].argmax() == voted[i] for i in shared) / len(shared)
    model = (1 - (1 - agree) / (1 - chance)) * np.sqrt(sum(map(len, asked)) / n)
    rows = []
    for i in range(n):
        p = model * beliefs[i]
        for j in asked[i]:
            each = np.full(classes, (1 - right) / (classes - 1))
            each[answers[i, j]] = right
            p = p + weight[j] * each
        rows.append(p / (model + sum(weight[j] for j in asked[i])))
    return np.array(rows)


def test_it_is_the_papers_formula():
    _, answers, beliefs = crowd(200)
    found = consensus(answers, beliefs, classes=CLASSES, annotators="wxyz")
    np.testing.assert_allclose(found.probability, literal(answers, beliefs, 3), rtol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_better_than_the_majority_and_the_worst_annotator_is_found(seed):
    true, answers, beliefs = crowd(seed=seed)
    found = consensus(answers, beliefs, classes=CLASSES, annotators=["ann", "bob", "cy", "dot"])
    together = (found.rows["consensus_label"] == np.array(CLASSES)[true]).mean()
    assert together > (majority(answers, 3) == true).mean()
    assert found.annotators["annotator"].iloc[0] == "dot"
    asked_first = found.rows.sort_values("ask_again").head(60)
    wrong = found.rows["consensus_label"] != np.array(CLASSES)[true]
    assert wrong[asked_first.index].mean() > 1.4 * wrong.mean()


def test_one_annotator_alone_and_rows_without_a_model():
    answers, beliefs = np.array([[0], [1], [2], [0]]), np.full((4, 3), np.nan)
    found = consensus(answers, beliefs, classes=CLASSES, annotators=["ann"])
    assert found.rows["consensus_label"].tolist() == ["a", "b", "c", "a"]
    assert np.isfinite(found.probability).all()
    assert np.isnan(found.annotators["agreement"].iloc[0])


def test_ties_go_to_the_model_and_without_one_to_the_commoner_class():
    answers = np.array([[0, 1], [1, 1], [1, -1]])
    assert majority(answers, 3).tolist() == [1, 1, 1]
    assert majority(answers, 3, np.array([[0.6, 0.3, 0.1]] * 3)).tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("answers", "reason"),
    [([[0, 3]], "outside 0..2"), ([[-1, -1]], "row 0 has no answer"), ([[0]], "have shape")],
)
def test_bad_answers_are_named(answers, reason):
    with pytest.raises(UsageError, match=reason):
        consensus(np.array(answers), np.full((1, 3), 1 / 3), classes=CLASSES, annotators=["ann", "bob"])
