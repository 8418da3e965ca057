"""Does a run's audit ask the method first, its predictions where that knows nothing, and cover every row?"""

import numpy as np
import pandas as pd
import pytest
import torch

import earlylearn
from earlylearn.audit import audit_run as run_audit
from earlylearn.audit.audit_run import _reasons, audit_run, beliefs_of
from earlylearn.methods.auto import Auto
from tests.conftest import blobs
from tests.runs.test_session import made


def predicted(fit):
    return torch.softmax(fit.logits(torch.arange(fit.method.n)), 1)


def test_a_method_that_believes_nothing_is_audited_by_its_predictions():
    fit = made(blobs(60), method="ce").fit
    torch.testing.assert_close(beliefs_of(fit), predicted(fit))


def test_rows_a_method_never_saw_are_audited_by_its_predictions(monkeypatch):
    fit = made(blobs(60), method="elr").fit
    held = torch.full((60, 3), 1 / 3)
    held[7:9] = torch.nan
    monkeypatch.setattr(fit.method, "label_beliefs", lambda rows: held[rows])
    beliefs = beliefs_of(fit)
    torch.testing.assert_close(beliefs[7:9], predicted(fit)[7:9])
    rest = np.delete(np.arange(60), [7, 8])
    torch.testing.assert_close(beliefs[rest], held[rest])


def test_the_audit_covers_every_row_and_says_which_were_held_out():
    session = made(blobs(60), method="ce")
    issues = audit_run(session.fit, session.data, session.draw.val_rows, session.dynamics).issues
    assert issues["id"].tolist() == session.data.ids.tolist()
    assert np.flatnonzero(issues["split"] == "validation").tolist() == sorted(session.draw.val_rows)
    assert issues["true_label"].tolist() == [session.data.classes[label] for label in session.data.true_labels]
    assert {"loss", "margin", "first_learned"} <= set(issues)


@pytest.mark.parametrize(
    ("gap", "said", "taken"), [(0.1, [], True), (None, [], True), (0.5, [], False), (0.1, ["x"], False)]
)
def test_nothing_is_taken_unseen_of_a_model_that_learned_by_heart_or_too_little(monkeypatch, gap, said, taken):
    session = made(blobs(60), method="ce")
    monkeypatch.setattr(run_audit, "misgivings", lambda *_, **__: said)
    judge = run_audit.judge
    monkeypatch.setattr(run_audit, "judge", lambda *given: judge(*given)._replace(confident=np.ones(60, bool)))
    audit = audit_run(session.fit, session.data, session.draw.val_rows, session.dynamics, gap=gap)
    assert audit.judged.confident.all() == audit.judged.confident.any() == taken


def test_index_counts_rows_of_the_users_own_file(tmp_path):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(90, 3)), columns=["a", "b", "c"])
    frame["label"] = np.where(frame["a"] > 0, "up", "down")
    frame.to_csv(tmp_path / "rows.csv", index=False)
    run = earlylearn.train(
        tmp_path / "rows.csv", "elr", label="label", test_fraction=0.3, epochs=1, out=tmp_path / "run", quiet=True
    )
    issues = run.label_issues()
    assert len(issues) == 63
    assert (frame["label"].iloc[issues["index"]].to_numpy() == issues["given_label"].to_numpy()).all()
    assert issues["index"].astype(str).tolist() == issues["id"].tolist()


def test_a_reason_names_who_went_through_epochs_and_none_where_there_were_none():
    issues = pd.DataFrame({"is_label_issue": [True, True, True, False], "predicted_label": "dog"})
    issues = issues.assign(missed=[3, 1, 0, 0], epochs_seen=[4, 1, 0, 4])
    assert _reasons(issues, "it") == [
        "the model calls it dog; it missed the given label in 3 of 4 epochs",
        "the model calls it dog; it missed the given label in 1 of 1 epoch",
        "the model calls it dog",
        "",
    ]
    assert "its heads missed" in _reasons(issues, Auto.learner)[0]
