"""Is what a run writes and reads back by blocks of rows what it would be at once?"""

import os

import numpy as np
import pandas as pd
import pytest

from earlylearn.audit import audit_run as audits
from earlylearn.audit import calibration, label_issues
from earlylearn.audit.calibration import calibrate
from earlylearn.runs import folder as folders
from earlylearn.runs.train import train
from tests.conftest import blobs

FILES = ("label_issues.csv", "beliefs.npy", "report.html")


@pytest.mark.parametrize("method", ["elr", "ce"])
@pytest.mark.slow
def test_results_do_not_depend_on_the_size_of_a_block(method, tmp_path, monkeypatch):
    def files(name):
        run = train(blobs(90), method, epochs=2, network="linear", out=tmp_path / "run", overwrite=True, quiet=True)
        there = {file: (run.folder.path / file).read_bytes() for file in FILES}
        return there, run.summary | {"seconds": 0}, run

    at_once, summary, run = files("whole")
    for module in (audits, calibration, label_issues):
        monkeypatch.setattr(module, "BLOCK", 7 * 3)
    monkeypatch.setattr(folders, "CSV_ROWS", 7)
    by_blocks, again, run = files("blocks")
    assert at_once["label_issues.csv"] == by_blocks["label_issues.csv"]
    assert at_once["beliefs.npy"] == by_blocks["beliefs.npy"]
    assert len(at_once["report.html"]) == len(by_blocks["report.html"])
    assert summary == again
    assert np.load(run.folder.beliefs).shape == (90, 3)

    whole, (brief, worst) = run.label_issues(), run.folder.read_worst_issues(4)
    pd.testing.assert_frame_equal(
        brief[["index", "label_quality", "is_label_issue"]], whole[["index", "label_quality", "is_label_issue"]]
    )
    assert brief["given_label"].astype(str).tolist() == whole["given_label"].tolist()
    shown = whole[whole["is_label_issue"]].sort_values(["label_quality", "index"]).head(4)
    assert worst["id"].to_dict() == shown["id"].sort_index().to_dict()


def test_an_epoch_that_is_picked_is_written_once(tmp_path):
    run = train(blobs(), epochs=3, val_fraction=0, network="linear", out=tmp_path / "run", quiet=True)
    assert os.path.samefile(run.folder.picked, run.folder.last)
    assert not list(run.folder.path.glob("checkpoint/*.partial"))


def test_one_rate_is_found_without_the_matrix(monkeypatch):
    """By expectation maximization over all classes, as the equations of `calibrate` stand."""
    generator = np.random.default_rng(0)
    beliefs = generator.dirichlet(np.full(5, 0.3), 40)
    labels = np.where(generator.random(40) < 0.7, beliefs.argmax(1), generator.integers(0, 5, 40))
    found = calibrate(beliefs, labels)
    assert found.kind == "symmetric"
    q = np.maximum(beliefs, 1e-12) ** (1 / found.temperature)
    q /= q.sum(1, keepdims=True)
    matrix = np.full((5, 5), 0.05) + 0.75 * np.eye(5)
    for _ in range(500):
        weighted = q * matrix[:, labels].T
        counts = np.zeros((5, 5))
        for row, label in zip(weighted / weighted.sum(1, keepdims=True), labels, strict=True):
            counts[:, label] += row
        wrong = 1 - (np.trace(counts) + 1 / 5) / (counts.sum() + 1)
        matrix = np.full((5, 5), wrong / 4)
        np.fill_diagonal(matrix, 1 - wrong)
    np.testing.assert_allclose(found.transition, matrix, atol=1e-4)
    np.testing.assert_allclose(found.posterior(beliefs, labels), weighted / weighted.sum(1, keepdims=True), atol=1e-3)
