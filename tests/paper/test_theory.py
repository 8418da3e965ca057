"""Does the theory's code agree with its literal twins, and do the claims come out as they should?"""

import json

import numpy as np
import pytest

from earlylearn.errors import EarlylearnError, UsageError
from earlylearn_paper.theory import claims as registry
from earlylearn_paper.theory.claim import Claim, judged
from earlylearn_paper.theory.claims import CLAIMS, check_claims, chosen
from earlylearn_paper.theory.lemma_claims import farthest_prediction, largest_gradient, noise_norms, spectral_norm
from earlylearn_paper.theory.linear_model import (
    accuracy,
    draw_mixture,
    draw_start,
    first_phase,
    gradient,
    loss,
    memorize,
)
from earlylearn_paper.theory.memorization_claims import failure_bound, failure_count
from earlylearn_paper.theory.separability import separate
from tests.reference.theory_literal import literal_descent, literal_gradient, literal_loss

SEEDS = [0, 1, 2]


def labels_of(data, s):
    return (data.true[s] * data.agrees[s]).tolist()


@pytest.fixture(scope="module")
def small():
    return draw_mixture(12, 5, sigma=0.4, delta=0.8, seeds=SEEDS), draw_start(5, seeds=SEEDS)


def test_data_follow_the_model():
    data = draw_mixture(4000, 3, sigma=0.5, delta=0.4, seeds=SEEDS)
    assert abs(data.wrong.mean() - 0.2) < 0.02
    assert abs(data.true.mean()) < 0.05
    for sign in (1, -1):
        cluster = data.x[data.true == sign]
        np.testing.assert_allclose(cluster.mean(0), [sign, 0, 0], atol=0.04)
        np.testing.assert_allclose(cluster.std(0), 0.5, atol=0.02)


def test_a_seed_does_not_depend_on_the_others():
    alone = draw_mixture(20, 4, sigma=1, flipped=0.4, seeds=[2])
    among = draw_mixture(20, 4, sigma=1, flipped=0.4, seeds=3)
    assert (alone.aligned[0] == among.aligned[2]).all()
    assert (alone.wrong[0] == among.wrong[2]).all()
    assert (among.wrong.sum(1) == 8).all()
    assert not (among.aligned[0] == among.aligned[1]).any()
    np.testing.assert_array_equal(draw_start(4, seeds=[2])[0], draw_start(4, seeds=3)[2])


def test_starts_lie_on_the_sphere_and_orthogonal_to_v():
    np.testing.assert_allclose(np.linalg.norm(draw_start(7, seeds=5), axis=1), 2)
    start = draw_start(7, radius=3, orthogonal=True, seeds=5)
    np.testing.assert_allclose(np.linalg.norm(start, axis=1), 3)
    assert (start[:, 0] == 0).all()


@pytest.mark.parametrize("k", [0.5, 1.0])
def test_loss_and_gradient_agree_with_their_literal_twins(small, k):
    data, theta = small
    for s in SEEDS:
        x, labels = data.x[s].tolist(), labels_of(data, s)
        assert loss(data, theta)[s] == pytest.approx(literal_loss(theta[s], x, labels))
        np.testing.assert_allclose(gradient(data, theta, k=k)[s], literal_gradient(theta[s], x, labels, k))


def test_the_first_phase_is_that_of_the_literal_descent(small):
    data, start = small
    phase = first_phase(data, start, lr=0.3)
    for s in SEEDS:
        path = np.array(literal_descent(start[s], data.x[s], labels_of(data, s), 0.3, 0.5, int(phase.steps[s])))
        assert path[-1, 0] >= 0.1
        assert (path[1:-1, 0] < 0.1).all()
        np.testing.assert_allclose(phase.end[s], path[-1])
        assert phase.distance[s] == pytest.approx(np.linalg.norm(path[:-1] - path[0], axis=1).max())
        slopes = np.array([literal_gradient(theta, data.x[s], labels_of(data, s), 0.5) for theta in path[:-1]])
        norms = np.linalg.norm(slopes, axis=1)
        assert phase.correlation[s] == pytest.approx((-slopes[:, 0] / norms).min())
        assert phase.largest_gradient[s] == pytest.approx(norms.max())


def test_memorisation_is_that_of_the_literal_descent():
    data, start = draw_mixture(6, 8, sigma=1, flipped=0.5, seeds=SEEDS), draw_start(8, seeds=SEEDS)
    found = memorize(data, start, lr=0.9)
    for s in SEEDS:
        path = np.array(literal_descent(start[s], data.x[s], labels_of(data, s), 0.9, 0.5, int(found.steps[s])))
        fitted = (path @ data.x[s].T * labels_of(data, s) > 0).all(1)
        assert found.steps[s] > 0
        assert fitted[-1]
        assert not fitted[1:-1].any()
        right = (path @ data.aligned[s].T > 0)[:, data.wrong[s]].mean(1)
        assert found.peak[s] >= right.max()
        assert found.last[s] == 0


def test_a_descent_that_does_not_arrive_is_reported(small):
    with pytest.raises(EarlylearnError, match="larger step"):
        first_phase(small[0], small[1] * [-1e3, 1, 1, 1, 1], lr=1e-6, limit=5)
    data = draw_mixture(30, 2, sigma=1, flipped=0.5, seeds=[0])
    assert memorize(data, draw_start(2, seeds=[0]), lr=0.5, limit=50).steps[0] == -1


def test_certificates_prove_both_answers():
    answers = set()
    for p in (3, 10, 18):
        data = draw_mixture(20, p, sigma=1.0, delta=1.0, seeds=SEEDS)
        for s in SEEDS:
            signed = data.aligned[s] * data.agrees[s][:, None]
            answer = separate(signed)
            answers.add(answer.separable)
            if answer.separable:
                assert (signed @ answer.certificate).min() >= 1 - 1e-6
            else:
                assert answer.certificate.min() >= 0
                assert answer.certificate.sum() == pytest.approx(1)
                np.testing.assert_allclose(answer.certificate @ signed, 0, atol=1e-6)
    assert answers == {True, False}


def test_opposite_points_are_not_separable_and_the_bound_is_the_binomial_one():
    assert not separate(np.array([[1.0, 2.0], [-1.0, -2.0]])).separable
    assert separate(np.array([[1.0, 2.0], [-1.0, 2.0]])).separable
    assert failure_bound(200, 180, 0.4) == pytest.approx(2e-4, rel=0.1)  # elr: 2 P[Bin(200, 0.2) <= 20]
    assert failure_count(3, 2) == 0.25  # of three lines' 8 sign patterns, 2 have no common half plane
    assert failure_count(3, 3) == 0


def test_suprema_lie_between_what_is_found_and_what_is_proved():
    data, start = draw_mixture(60, 40, sigma=0.3, delta=0.4, seeds=SEEDS), draw_start(40, seeds=SEEDS)
    random = np.random.default_rng(0)
    found = largest_gradient(data)
    near = farthest_prediction(data, start, data.wrong)
    spread, norms = noise_norms(data, start, data.wrong)
    for _ in range(50):
        step = random.standard_normal(start.shape)
        theta = start + step / np.linalg.norm(step, axis=1, keepdims=True)
        assert (np.linalg.norm(gradient(data, theta * random.uniform(0, 20)), axis=1) <= found).all()
        gap = (np.tanh(np.einsum("snp,sp->sn", data.aligned, theta)) - np.tanh(theta[:, :1])) ** 2
        value = [np.sqrt(row[wrong].mean()) for row, wrong in zip(gap, data.wrong, strict=True)]
        assert (value <= near).all()
    assert (near <= 0.3 * (spread + norms)).all()
    exact = [np.linalg.norm(a, 2) for a in data.aligned]
    np.testing.assert_allclose([spectral_norm(a) for a in data.aligned], exact, rtol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lemma-2", "equation-10", "lemma-7", "lambda-2"])
def test_quick_claims_come_out_as_expected(name):
    records = CLAIMS[name](SEEDS)
    assert [record.claim for record in records if not record.as_expected] == []
    assert all(record.seeds == len(SEEDS) for record in records)
    for record in records:
        assert record.holds != record.claim.endswith("(as printed)")


def test_large_claims_come_out_as_expected_at_a_smaller_size(monkeypatch):
    from earlylearn_paper.theory import early_claims, lemma_claims

    for module in (early_claims, lemma_claims):
        monkeypatch.setattr(module, "N", 400)
        monkeypatch.setattr(module, "P", 360)
    small = ["first-time", "proposition-3", "proposition-5", "lemma-8", "lemma-9", "lemma-10"]
    for name, records in check_claims(small, SEEDS):
        assert all(record.as_expected for record in records), name
        assert any(record.holds for record in records)


@pytest.mark.slow
def test_learning_and_then_memorising_shows_in_one_run():
    assert all(record.holds for record in CLAIMS["theorem-1"]([0, 1]))


@pytest.mark.slow
def test_theorem_6_holds_at_a_smaller_size(monkeypatch):
    from earlylearn_paper.theory import memorization_claims

    monkeypatch.setattr(memorization_claims, "N", 60)
    monkeypatch.setattr(memorization_claims, "P", 57)
    records = CLAIMS["theorem-6"]([0])
    assert len(records) == 4
    assert all(record.holds for record in records)


def test_theorem_4_fails_literally_and_holds_from_an_orthogonal_start(monkeypatch):
    from earlylearn_paper.theory import early_claims

    monkeypatch.setattr(early_claims, "N", 400)
    monkeypatch.setattr(early_claims, "P", 360)
    records = {record.claim: record for record in early_claims.theorem_4(SEEDS)}
    assert not records["theorem-4, random start, sigma 0.1 (literally, at this size)"].holds
    assert records["theorem-4, second half, start orthogonal to v"].holds


def test_a_claim_counts_its_seeds_and_knows_what_was_expected():
    claim = Claim("c", "s", "i", {"x": 1.0}, judged([True, False, True]), expected=True)
    assert (claim.held, claim.seeds, claim.holds, claim.as_expected) == (2, 3, False, False)
    record = json.loads(json.dumps(claim.record()))
    assert {"claim", "inequality", "measured", "holds", "seeds"} <= set(record)
    assert Claim("c", "s", "i", {}, judged(False), expected=False).as_expected
    assert Claim("c", "s", "i", {}, judged(True), expected=None).as_expected


def test_claims_are_chosen_by_name_in_the_supplements_order():
    assert chosen(["lemma-7", "theorem-1"]) == ["theorem-1", "lemma-7"]
    assert chosen(None) == list(registry.CLAIMS)
    with pytest.raises(UsageError, match="lemma-99"):
        chosen("lemma-99")


def test_accuracy_counts_wrong_labels_only():
    data = draw_mixture(40, 3, sigma=0.0, flipped=0.25, seeds=[0])
    assert accuracy(data, np.array([[1.0, 0, 0]]))[0] == 1
    assert accuracy(data, np.array([[-1.0, 0, 0]]))[0] == 0
