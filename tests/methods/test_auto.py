"""Does `auto` train every head as if it were alone, choose by rows that heads did not train on, and tell of it?"""

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from earlylearn.audit.audit_run import audit_run
from earlylearn.errors import UsageError
from earlylearn.loop.fit import Fit
from earlylearn.methods import auto
from earlylearn.methods.auto import Auto
from earlylearn.methods.grid import GRID, Setting
from earlylearn.networks import build_network
from earlylearn.networks.heads import ROWS as USUAL_ROWS
from earlylearn.networks.heads import Heads, Shape, hidden_rate, linear_rate
from earlylearn.runs import session
from earlylearn.runs.checkpoint import load_checkpoint
from earlylearn.runs.folder import RunFolder
from earlylearn.runs.train import resume, train
from tests.conftest import blobs, stripes
from tests.reference.heads_literal import LiteralHead
from tests.runs.test_session import made
from tests.toy import CLASSES, HELD_OUT, ROWS, SGD, toy_batches, toy_data


def perceptron(name="mlp:6-4"):
    return build_network(name, shape=(5,), classes=CLASSES, mean=torch.zeros(5), std=torch.ones(5))


def fitted(epochs, *, labels=None, network="mlp:6-4", **options):
    torch.manual_seed(0)
    x, given = toy_data()
    method = Auto(lambda: perceptron(network), ROWS, CLASSES, generator=np.random.default_rng(1), **options)
    data = toy_batches(x, given if labels is None else labels)
    fit = Fit(method, data, Fabric(accelerator="cpu", devices=1), epochs=epochs, **SGD)
    for _ in fit.run(lambda *_: None):
        pass
    return method


@pytest.fixture
def races(monkeypatch):
    """Twenty rows are large data here, and one fold is enough to race with."""
    monkeypatch.setattr(auto, "LARGE", 10)
    monkeypatch.setattr(auto, "RACED_ROWS", 5)


def literal(setting, held_out):
    torch.manual_seed(0)
    layers = [layer for layer in perceptron().modules() if isinstance(layer, torch.nn.Linear)]
    weights = [layer.weight.detach().T for layer in layers] if setting.hidden else [torch.zeros(5, CLASSES)]
    biases = [layer.bias.detach() for layer in layers] if setting.hidden else [torch.zeros(CLASSES)]
    rate = hidden_rate(5) if setting.hidden else linear_rate(5, ROWS)
    fixed = {"beta": 0.7, "rows": ROWS, "classes": CLASSES}
    return LiteralHead(weights, biases, rate=rate, lam=setting.lam, aligned=setting.aligned, held_out=held_out, **fixed)


@pytest.mark.parametrize("setting", [Setting(False, 3.0, True), Setting(True, 1.0, False), Setting(True, 3.0, True)])
@pytest.mark.parametrize("copy", [0, 2])  # trained on all rows, and without the second fold
def test_a_head_of_many_is_trained_as_if_it_were_alone(setting, copy):
    method = fitted(4, trees=False, folds=3)
    held_out = [i for i, fold in enumerate(method.fold.tolist()) if fold == copy - 1] if copy else []
    assert bool(held_out) == bool(copy)
    head, (x, labels) = literal(setting, held_out), toy_data()
    theirs = toy_batches(x, labels)
    for _ in range(4):
        head.begin_epoch(labels, range(ROWS - HELD_OUT))
        for batch in theirs.batches():
            head.step(batch.index.tolist(), batch.views[0], batch.label.tolist(), **SGD)
    position = GRID.index(setting) * 4 + copy
    torch.testing.assert_close(method.targets[:, position], head.targets, rtol=1e-4, atol=1e-5)
    logits = method.nets[0](x, "final", *method.used).flatten(1, 2)[:, position]
    torch.testing.assert_close(logits, head.logits(x), rtol=1e-4, atol=1e-5)


def test_what_a_row_is_believed_out_of_fold_knows_nothing_of_its_label():
    labels = toy_data()[1]
    other = labels.clone()
    other[4] = (labels[4] + 1) % CLASSES
    fold = fitted(1, trees=False).fold
    copy = int(fold[4]) + 1
    unaligned = [k for k, setting in enumerate(GRID) if not setting.aligned]
    both = fitted_with_folds(fold, labels, other)  # they are dealt by label
    told = [method.targets.view(ROWS, len(GRID), -1, CLASSES)[4, unaligned] for method in both]
    torch.testing.assert_close(told[0][:, copy], told[1][:, copy], rtol=0, atol=0)
    assert not torch.equal(told[0][:, 0], told[1][:, 0])


def fitted_with_folds(fold, *labels):
    """A method for each labelling, all with the same folds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auto, "stratified_folds", lambda given, *_: fold[: len(given)].numpy())
        return [fitted(3, trees=False, labels=each) for each in labels]


def test_beliefs_are_the_weighed_mean_over_epochs_and_copies():
    method = fitted(3, trees=False)
    assert method.visits[: ROWS - HELD_OUT].eq(3).all()
    mean = (method.log_beliefs / method.visits.view(-1, 1, 1))[: ROWS - HELD_OUT]
    expected = torch.softmax(sum(w * mean[:, s] for s, w in enumerate(method.weights)), 1)
    torch.testing.assert_close(method.label_beliefs()[: ROWS - HELD_OUT], expected)
    assert method.label_beliefs()[ROWS - HELD_OUT :].isnan().all()
    assert float(method.weights.sum()) == pytest.approx(1)


def test_each_is_as_sure_as_it_may_be_and_a_run_from_before_that_predicts_as_it_did():
    method, x = fitted(3, trees=False), toy_data()[0]
    log_p = torch.log_softmax(method.nets[0](x, "final", *method.used), 3)[:, :, 0]
    each = torch.log_softmax(log_p * method.power.view(1, -1, 1), 2)
    said = method.sureness * sum(w * each[:, s] for s, w in enumerate(method.weights))
    torch.testing.assert_close(method.predict(x), said)
    torch.testing.assert_close(method.inference_network()(x), said)
    assert not method.power.eq(1).any()
    state = {key: value for key, value in method.get_extra_state().items() if key not in ("power", "sureness")}
    method.set_extra_state(state)
    torch.testing.assert_close(method.predict(x), sum(w * log_p[:, s] for s, w in enumerate(method.weights)))


def test_after_a_race_a_few_begin_anew_and_the_others_are_on_record(races):
    method = fitted(8, trees=False)
    assert method.stage == "final"
    assert len(method.entrants) <= auto.MOST
    assert method.visits[: ROWS - HELD_OUT].eq(6).all()
    settings = method.choice()["settings"]
    assert sorted(each["name"] for each in settings) == sorted(map(str, GRID))
    assert all(each["weight"] == 0 for each in settings if each["stage"] == "race")


def test_in_a_race_rows_that_no_copy_held_out_have_nothing_out_of_fold(races):
    method = Auto(perceptron, ROWS, CLASSES, generator=np.random.default_rng(1))
    method.fold.copy_(torch.arange(ROWS) % 5)
    method.targets.fill_(0.1)  # as if all had been seen
    assert (method.stage, len(method.held)) == ("race", 2)
    assert torch.equal(method.out_of_fold()[:, 0].isnan(), method.fold >= 2)


def test_settings_that_do_not_train_are_not_kept_and_change_nothing(races, monkeypatch):
    method = fitted(8, trees=False)
    bank = method.nets[0].linear["final"]
    assert bank.biases[0].shape[0] == max(1, method.used[0]) * bank.copies * bank.width
    monkeypatch.setattr(Heads, "keep", lambda *_: None)
    whole = fitted(8, trees=False)
    assert torch.equal(method.log_beliefs, whole.log_beliefs)
    assert torch.equal(method.predict(toy_data()[0]), whole.predict(toy_data()[0]))
    again = Auto(perceptron, ROWS, CLASSES, generator=np.random.default_rng(1), trees=False)
    again.load_state_dict(method.state_dict())
    assert torch.equal(again.predict(toy_data()[0]), whole.predict(toy_data()[0]))


def test_one_epoch_is_enough_for_an_answer(races):
    method = fitted(1)
    assert method.stage == "final"
    assert torch.isfinite(method.predict(toy_data()[0])).all()


@pytest.mark.parametrize("seldom", [0, 1e9])
@pytest.mark.slow
def test_resumed_equals_uninterrupted_wherever_the_race_stands(races, tmp_path, monkeypatch, seldom):
    settings = {"epochs": 8, "quiet": True}
    whole = train(blobs(60), "auto", out=tmp_path / "whole", **settings)
    for stop in (1, 2, 3, 8):
        out = tmp_path / str(stop)
        original = RunFolder.append_metrics

        def dies(self, record, stop=stop, original=original):
            original(self, record)
            if record["epoch"] == stop:
                raise KeyboardInterrupt

        monkeypatch.setattr(RunFolder, "append_metrics", dies)
        monkeypatch.setattr(session, "SELDOM", seldom)
        with pytest.raises(KeyboardInterrupt):
            train(blobs(60), "auto", out=out, **settings)
        if stop > 1:
            assert load_checkpoint(RunFolder(out).last)["fit"]["epoch"] == (1 if seldom else stop - 1)
        monkeypatch.undo()
        monkeypatch.setattr(auto, "LARGE", 10)
        monkeypatch.setattr(auto, "RACED_ROWS", 5)
        again = resume(out, blobs(60), quiet=True)
        assert again.label_issues().equals(whole.label_issues())
        assert again.summary["choice"] == whole.summary["choice"]


@pytest.mark.slow
def test_a_run_tells_what_it_took_and_what_it_tried(run_path):
    run = train(blobs(), "auto", epochs=10, out=run_path, quiet=True)
    choice = run.summary["choice"]
    assert choice["line"].startswith("8 columns: ")
    assert sum(each["weight"] for each in choice["settings"]) == pytest.approx(1)
    assert {str(setting) for setting in GRID} < {each["name"] for each in choice["settings"]}
    assert choice["agreement"] == pytest.approx(0.7, abs=0.1)  # 30 % of the labels are wrong
    assert run.summary["audit"]["misgivings"] == []


@pytest.mark.slow
def test_what_is_saved_predicts_with_trees_too(run_path, monkeypatch):
    monkeypatch.setattr("earlylearn.methods.boosting.BEHIND", 100.0)
    data = blobs()
    run = train(data, "auto", epochs=10, out=run_path, quiet=True)
    weights = {each["name"]: each["weight"] for each in run.summary["choice"]["settings"]}
    assert weights["boosted trees"] > 0
    assert (run.predict(data.inputs) == data.true_labels).mean() > 0.95


def test_held_out_rows_are_believed_too(run_path):
    run = train(blobs(), "auto", epochs=6, val_fraction=0.2, out=run_path, quiet=True)
    issues = run.label_issues()
    assert issues["label_quality"].notna().all()
    assert run.summary["accuracy"]["val_best"] > 0.5


def test_linear_heads_of_many_columns_learn_the_slower_the_fewer_the_rows():
    rates = [linear_rate(1280, rows) for rows in (100, 2_500, 5_000, 10_000, 10**6)]
    assert rates == pytest.approx([250 / 1280 * share for share in (1 / 4, 1 / 4, 1 / 2, 1, 2)])
    assert linear_rate(63, 100) == linear_rate(63, 10**6) == pytest.approx(250 / 63)
    assert linear_rate(8, 100) == 15


def test_a_run_from_before_rates_went_by_rows_keeps_the_scale_of_its_weights():
    network = build_network("mlp:4", shape=(100,), classes=CLASSES, mean=torch.zeros(100), std=torch.ones(100))
    before, now = (Heads(network, CLASSES, {"final": Shape(2, 2, 3)}, rows=rows) for rows in (USUAL_ROWS, 100))
    for weight in before.parameters():
        torch.nn.init.normal_(weight)
    state = {name: value for name, value in before.state_dict().items() if "_extra_state" not in name}
    now.load_state_dict(state)
    x = torch.randn(7, 100)
    assert torch.equal(now(x, "final", 2, 2), before(x, "final", 2, 2))


def test_a_linear_network_leaves_linear_heads(run_path):
    run = train(blobs(), "auto", network="linear", epochs=5, out=run_path, quiet=True)
    names = {each["name"] for each in run.summary["choice"]["settings"]}
    assert {name for name in names if "head" in name} == {str(setting) for setting in GRID if not setting.hidden}


def test_a_network_that_is_no_perceptron_is_refused(run_path):
    with pytest.raises(UsageError, match=r"network.*no perceptron.*mlp:64-64"):
        train(stripes(), "auto", network="small-cnn", out=run_path, quiet=True)


@pytest.mark.slow
def test_a_class_of_one_row_and_fewer_rows_than_folds_are_no_trouble(tmp_path):
    data = blobs(40)
    labels = data.labels.copy()
    labels[labels == 2] = 0
    labels[7] = 2
    train(data.with_labels(labels, None), "auto", epochs=2, out=tmp_path / "one", quiet=True)
    few = train(blobs(8), "auto", epochs=2, batch_size=4, folds=20, out=tmp_path / "few", quiet=True)
    assert len(few.label_issues()) == 8


def test_the_audit_learns_how_labels_go_wrong_from_beliefs_out_of_fold(monkeypatch):
    session = made(blobs(60), method="auto")
    seen = []
    monkeypatch.setattr(
        "earlylearn.audit.label_issues.calibrate", lambda beliefs, labels: seen.append(beliefs) or 1 / 0
    )
    monkeypatch.setattr(session.fit.method, "out_of_fold", lambda: torch.full((60, 3), 1 / 3))
    with pytest.raises(ZeroDivisionError):
        audit_run(session.fit, session.data, session.draw.val_rows, session.dynamics)
    np.testing.assert_allclose(seen[0], 1 / 3)
