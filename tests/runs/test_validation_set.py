"""Does a validation set of the user's own pick the epoch, and nothing else: not train, not be audited, not change?"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import earlylearn as el
from earlylearn.cli.main import main
from earlylearn.data.sources import Loaded
from earlylearn.errors import UsageError
from earlylearn.runs.reread import reread
from earlylearn.study.compare import compare
from tests.conftest import blobs

SETTINGS = {"accelerator": "cpu", "quiet": True, "epochs": 3, "network": "linear"}


def arrays(data):
    return data.inputs, np.array(data.classes)[data.labels]


@pytest.fixture(scope="module")
def ours():
    """Training data and a clean validation set of the same blobs."""
    data = blobs(320)
    clean = data.with_labels(data.true_labels, data.true_labels)
    return data.subset(np.arange(240)), clean.subset(np.arange(240, 320))


@pytest.fixture
def run(ours, tmp_path):
    data, val = (arrays(each) for each in ours)
    return el.train(data, "elr", val=val, lr=1e-3, out=tmp_path / "run", **SETTINGS)


def test_it_picks_the_epoch_and_every_other_row_trains_and_is_audited(run, ours):
    _, val = ours
    kept = run.folder.read_labels()
    assert (len(kept["train_rows"]), len(kept["val_rows"]), len(run.label_issues())) == (240, 0, 240)
    assert (run.config.val, run.config.val_fraction) == ("in-memory", 0.0)
    scores = [line["val_accuracy"] for line in run.metrics]
    best = max(k for k in range(3) if scores[k] == max(scores))
    assert run.summary["accuracy"]["best_epoch"] == best + 1
    names = np.array(run.inputs["classes"])
    right = names[run.predict(val.inputs, weights="last")] == np.array(val.classes)[val.labels]
    assert scores[2] == pytest.approx(right.mean())
    assert run.folder.held_out() == 80


def test_training_is_what_it_is_without(run, ours, tmp_path):
    """It only looks: weights, and what is believed, are those of a run in which nothing is held out."""
    alone = el.train(arrays(ours[0]), "elr", val_fraction=0.0, lr=1e-3, out=tmp_path / "alone", **SETTINGS)
    assert [line["loss"] for line in run.metrics] == [line["loss"] for line in alone.metrics]
    x = ours[1].inputs
    assert np.array_equal(run.predict(x, weights="last"), alone.predict(x, weights="last"))


def test_a_run_goes_on_with_the_same_set_alone(run, ours):
    (data, val), path = (arrays(each) for each in ours), run.folder.path
    with pytest.raises(UsageError, match=r"a validation set in memory picks its epoch; continue it with .*val="):
        el.resume(path, data, epochs=4)
    with pytest.raises(UsageError, match="the validation set changed since the run began"):
        el.resume(path, data, val=(val[0], val[1][::-1]), epochs=4)
    longer = el.resume(path, data, val=val, epochs=4, quiet=True)
    assert len(longer.metrics) == 4


def test_sets_that_cannot_validate_are_refused(ours, tmp_path):
    (x, y), val = arrays(ours[0]), arrays(ours[1])

    def refused(match, data=(x, y), **settings):
        with pytest.raises(UsageError, match=match):
            el.train(data, "elr", out=tmp_path / "run", **{**SETTINGS, **settings})
        assert not (tmp_path / "run").exists()

    refused("val_fraction=0.2: .* gives the validation set; leave one out", val=val, val_fraction=0.2)
    refused("class 9", val=(x[:2], ["class 0", "class 9"]))
    refused("8", val=(x[:2, :5], ["class 0", "class 1"]))
    refused("has no validation set beside its test set", "digits", val="digits", network="small-cnn")
    marked = replace(ours[0], val_rows=np.arange(9), val=ours[1])
    refused("sets its own validation rows aside", Loaded(marked, None))


def test_files_and_the_command_line(ours, tmp_path, capsys):
    for name, each in zip(("train", "val"), ours, strict=True):
        table = pd.DataFrame(each.inputs).add_prefix("column ")
        table.assign(kind=np.array(each.classes)[each.labels]).to_csv(tmp_path / f"{name}.csv", index=False)
    out = str(tmp_path / "run")
    command = [
        "train",
        str(tmp_path / "train.csv"),
        "--label",
        "kind",
        "--val",
        str(tmp_path / "val.csv"),
        "--out",
        out,
    ]
    with pytest.raises(SystemExit, match="0"):
        main([*command, "--method", "ce", "--epochs", "2", "--quiet"])
    run = el.Run(out)
    assert run.config.val == str(tmp_path / "val.csv")
    assert len(reread(run).train) == 240  # which needs no validation set
    assert len(el.resume(out, epochs=3, quiet=True).metrics) == 3
    (tmp_path / "val.csv").write_text((tmp_path / "val.csv").read_text().replace("class 1", "class 2", 1))
    with pytest.raises(UsageError, match="the validation set changed"):
        el.resume(out, epochs=4, quiet=True)
    capsys.readouterr()


@pytest.mark.slow
def test_studies_judge_by_it(ours, tmp_path):
    data, val = (arrays(each) for each in ours)
    shared = {"epochs": 2, "network": "linear", "quiet": True, "accelerator": "cpu"}
    compared = compare(data, ["ce", "elr"], seeds=1, val=val, out=tmp_path / "study", **shared)
    assert {run["val_rows"] for run in compared.document["runs"]} == {80}
