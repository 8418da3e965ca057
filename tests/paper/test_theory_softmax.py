"""Does softmax regression train as automatic gradients say, and does lambda = 2 divide what ELR does?"""

import math

import numpy as np
import pytest
import torch

from earlylearn.errors import UsageError
from earlylearn_paper.theory import threshold
from earlylearn_paper.theory.linear_model import draw_mixture, draw_start
from earlylearn_paper.theory.softmax_regression import log_spaced, train_softmax_regression, train_softmax_regressions
from earlylearn_paper.theory.threshold import linear_grid, network_grid, turning_point
from tests.reference.elr_literal import lemma_2_gradient
from tests.reference.theory_literal import literal_softmax_regression

MODEL = {"n": 12, "p": 6, "sigma": 0.3, "flipped": 0.25, "lr": 0.5, "start": 2.0}


@pytest.mark.parametrize(("loss", "lam"), [("ce", 3.0), ("elr", 3.0), ("kl", 5.0)])
def test_the_descent_is_that_of_automatic_gradients(loss, lam):
    beta, iterations, seed = 0.7, 60, 4
    curves = train_softmax_regression(
        loss, lam=lam, beta=beta, iterations=iterations, seeds=[seed], record=range(iterations + 1), **MODEL
    )
    data = draw_mixture(12, 6, sigma=0.3, flipped=0.25, seeds=[seed])
    true = (data.true[0] < 0).astype(np.int64)
    given = np.where(data.wrong[0], 1 - true, true)
    seen = literal_softmax_regression(
        loss,
        torch.tensor(draw_start(6, seeds=[seed])[0]),
        torch.tensor(data.x[0]),
        torch.tensor(given),
        lam=lam,
        beta=beta,
        lr=0.5,
        iterations=iterations,
    )
    at_true = np.array([p[range(12), true] for p in seen])
    error = at_true - (given == true)
    wrong = data.wrong[0]
    t, pulls, right_targets = np.zeros((12, 2)), [], []
    for p in seen:
        q = p.numpy().clip(1e-4, 1 - 1e-4)
        t = beta * t + (1 - beta) * q / q.sum(1, keepdims=True)
        g = torch.stack([lemma_2_gradient(row.log(), target) for row, target in zip(p, torch.tensor(t), strict=True)])
        g = lam * g.numpy() * (p.numpy() == q)
        kl = lam * (p.numpy() * t.sum(1, keepdims=True) - t)
        pulls.append({"ce": 0 * g, "elr": g, "kl": kl}[loss][range(12), true])
        right_targets.append((t.argmax(1) == true).mean())
    near = {"rtol": 1e-9, "atol": 1e-11}
    np.testing.assert_allclose(curves.wrong_probability[0], at_true[:, wrong].mean(1), **near)
    np.testing.assert_allclose(curves.clean_error[0], error[:, ~wrong].mean(1), **near)
    np.testing.assert_allclose(curves.wrong_error_sd[0], error[:, wrong].std(1), **near)
    np.testing.assert_allclose(curves.clean_size[0], abs(error[:, ~wrong]).mean(1), **near)
    np.testing.assert_allclose(curves.clean_pull[0], np.array(pulls)[:, ~wrong].mean(1), **near)
    np.testing.assert_allclose(curves.wrong_correct[0], (at_true[:, wrong] > 0.5).mean(1))
    np.testing.assert_allclose(curves.clean_incorrect[0], (at_true[:, ~wrong] < 0.5).mean(1))
    np.testing.assert_allclose(curves.target_correct[0], right_targets)
    np.testing.assert_allclose(curves.wrong_probability_max[0], at_true[:, wrong].max(1), **near)


def test_several_points_at_once_are_the_points_one_by_one():
    points = [(3.0, 0.7), (1.0, 0.0)]
    together = train_softmax_regressions("elr", points, iterations=40, seeds=3, **MODEL)
    for (lam, beta), curves in zip(points, together, strict=True):
        alone = train_softmax_regression("elr", lam=lam, beta=beta, iterations=40, seeds=[1], **MODEL)
        np.testing.assert_allclose(curves.wrong_error[1], alone.wrong_error[0])
        np.testing.assert_allclose(curves.wrong_pull[1], alone.wrong_pull[0])


def test_the_figure_a1_model_memorises_under_cross_entropy_and_not_under_elr():
    record = [30, 10_000]
    ce = train_softmax_regression("ce", seeds=3, record=record)
    elr = train_softmax_regression("elr", seeds=3, record=record)
    assert (ce.wrong_correct[:, 0] == 1).all()
    assert (ce.wrong_correct[:, 1] == 0).all()
    assert (elr.wrong_correct == 1).all()
    assert (elr.clean_correct == 1).all()
    assert (ce.target_correct[:, 1] < 0.65).all()
    assert (elr.target_correct[:, 1] == 1).all()


def test_above_lambda_2_the_model_rests_at_the_clamps_ceiling():
    points = [(2.5, beta) for beta in (0.0, 0.7, 0.9)]
    for run in train_softmax_regressions("elr", points, seeds=3, iterations=3000, record=[3000]):
        assert ((run.wrong_probability_max > 0.9998) & (run.wrong_probability_max < 0.99995)).all()


@pytest.mark.parametrize("lam", [2.2, 3.0, 5.0])
def test_a_lone_mislabelled_example_turns_at_the_turning_point(lam):
    """One example, one dimension, no noise, t = p: theta is the logit, so a start sets p."""
    point = turning_point(lam)
    lone = {"n": 1, "p": 1, "sigma": 0.0, "flipped": 1.0, "lam": lam, "beta": 0.0, "lr": 0.5, "iterations": 3000}
    seed = next(s for s in range(9) if draw_start(1, seeds=[s])[0, 0] > 0)
    for share, kept in ((point - 0.01, False), (point + 0.01, True)):
        run = train_softmax_regression("elr", start=math.log(share / (1 - share)), seeds=[seed], **lone)
        assert run.wrong_correct[0, -1] == kept


def test_up_to_lambda_2_there_is_no_turning_point():
    assert turning_point(1.0) == turning_point(2.0) == 1.0
    assert turning_point(3.0) == 0.75


def test_the_grid_has_a_row_for_every_point(monkeypatch):
    monkeypatch.setattr(threshold, "MOMENTS", [300, 3000])
    table = linear_grid([0], lams=(1.0, 3.0))
    assert len(table) == 3 * 3 * 2 * 2
    assert not table.duplicated(["sigma", "beta", "lam", "iteration"]).any()
    end = table[table["iteration"] == 3000].set_index(["sigma", "beta", "lam"])["memorized"]
    assert end[0.3, 0.7, 1.0] == 1
    assert end[0.1, 0.7, 3.0] == 0


@pytest.mark.slow
def test_the_network_study_reports_what_its_runs_memorised():
    told = []
    table = network_grid([0], lams=(3.0,), betas=(0.7,), tell=told.append, epochs=2)
    assert table["lam"].tolist() == [3.0]
    assert len(told) == 1
    assert table["memorized"].between(0, 1).all()
    assert table["test"].between(0.1, 1).all()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"loss": "mae"}, "mae"),
        ({"lam": -1.0}, "lam is -1"),
        ({"beta": 1.0}, "beta is 1"),
        ({"iterations": 0}, "iterations=0"),
        ({"record": [101]}, "between 0 and 100"),
        ({"flipped": 1.5}, "share between"),
        ({"seeds": 0}, "at least one"),
    ],
)
def test_requests_out_of_range_are_refused(changed, message):
    with pytest.raises(UsageError, match=message):
        train_softmax_regression(**{"loss": "elr", "iterations": 100, **changed})


def test_records_are_spread_over_a_logarithmic_axis():
    kept = log_spaced(10_000)
    assert kept[0] == 1
    assert kept[-1] == 10_000
    assert kept == sorted(set(kept))
    assert len(kept) <= 200
