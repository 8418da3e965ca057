"""Does a finished run that gets more epochs become the run that had asked for them at once?"""

import json

import pytest
import torch

from earlylearn.cli.main import main
from earlylearn.errors import EarlylearnError, UsageError
from earlylearn.runs.checkpoint import load_checkpoint
from earlylearn.runs.run import Run
from earlylearn.runs.train import resume, train
from tests.conftest import blobs


def trained(out, epochs, method="elr", schedule="constant", **settings):
    return train(
        blobs(),
        method,
        epochs=epochs,
        schedule=schedule,
        out=out,
        accelerator="cpu",
        quiet=True,
        network="mlp:8",
        **settings,
    )


def weights_of(run):
    return load_checkpoint(run.folder.last)["fit"]


def lines(run):
    return [{k: v for k, v in record.items() if k != "seconds"} for record in run.metrics]


@pytest.mark.parametrize(
    ("method", "schedule"), [("elr", "multistep:1,4:0.1"), ("elr+", "constant"), ("auto", "constant")]
)
@pytest.mark.slow
def test_schedules_without_an_end_go_on_bit_for_bit(tmp_path, method, schedule):
    at_once = trained(
        tmp_path / "once", 5, method, schedule, **({"options": {"trees": False}} if method == "auto" else {})
    )
    options = {"options": {"trees": False}} if method == "auto" else {}
    longer = resume(
        trained(tmp_path / "twice", 3, method, schedule, **options).folder.path, blobs(), epochs=5, quiet=True
    )
    assert lines(longer)[:2] == lines(at_once)[:2]
    assert [line["lr"] for line in lines(longer)] == [line["lr"] for line in lines(at_once)]
    mine, theirs = (weights_of(run) for run in (longer, at_once))
    assert mine["epoch"] == theirs["epoch"] == 5
    for name, value in theirs["method"].items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(mine["method"][name], value), name
    assert longer.summary["epochs"] == 5
    assert longer.config.continued == (3,)
    assert len(longer.label_issues()) == 240


@pytest.mark.slow
def test_a_cosine_is_that_of_the_new_length(tmp_path):
    rates = [record["lr"] for record in trained(tmp_path / "once", 6, schedule="cosine").metrics]
    run = resume(trained(tmp_path / "twice", 3, schedule="cosine").folder.path, blobs(), epochs=6, quiet=True)
    assert [record["lr"] for record in run.metrics][3:] == rates[3:]
    again = resume(run.folder.path, blobs(), epochs=7, quiet=True)
    assert again.config.continued == (3, 6)
    assert len(again.metrics) == 7


@pytest.mark.slow
def test_an_extension_that_is_interrupted_goes_on_bit_for_bit(tmp_path, monkeypatch):
    whole = resume(trained(tmp_path / "whole", 2, schedule="cosine").folder.path, blobs(), epochs=5, quiet=True)
    path = trained(tmp_path / "cut", 2, schedule="cosine").folder.path
    from earlylearn.runs import session

    keep = session.Session._keep

    def stop(self, folder, record):
        keep(self, folder, record)
        if record["epoch"] == 4:
            raise EarlylearnError("stopped")

    monkeypatch.setattr(session.Session, "_keep", stop)
    with pytest.raises(EarlylearnError, match="stopped"):
        resume(path, blobs(), epochs=5, quiet=True)
    monkeypatch.setattr(session.Session, "_keep", keep)
    assert not Run(path).folder.finished
    cut = resume(path, blobs(), quiet=True)
    assert lines(cut) == lines(whole)
    for name, value in weights_of(whole)["method"].items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(weights_of(cut)["method"][name], value)


def test_fewer_epochs_are_refused_and_nothing_is_lost(tmp_path):
    run = trained(tmp_path / "run", 2)
    assert resume(run.folder.path, epochs=2).summary == run.summary
    for epochs in (1, 0, 2.5, "many"):
        with pytest.raises(UsageError, match=r"must be a whole number, 3 or more \(the run has 2 already\)"):
            resume(run.folder.path, blobs(), epochs=epochs, quiet=True)
    with pytest.raises(UsageError, match="in memory"):
        resume(run.folder.path, epochs=3)
    with pytest.raises(UsageError, match="changed since the run began"):
        resume(run.folder.path, blobs(seed=1), epochs=3)
    assert Run(run.folder.path).summary == run.summary


@pytest.mark.slow
def test_the_command_line_gives_more_epochs(tmp_path, capsys):
    words = ["train", "digits", "--limit", "200", "--epochs", "1", "--out", str(tmp_path / "run"), "--quiet"]
    for more in (words, ["train", "--resume", str(tmp_path / "run"), "--epochs", "2", "--quiet", "--json"]):
        with pytest.raises(SystemExit) as done:
            main(more)
        assert done.value.code == 0
    out = capsys.readouterr().out
    assert json.loads(out[out.index("{") :])["epochs"] == 2
