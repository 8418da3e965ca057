"""Does Python take numbers as Python and its libraries have them, and refuse what only the command line may write?"""

import json

import numpy as np
import pytest
import torch

from earlylearn import compare, load, sweep, train
from earlylearn.errors import UsageError
from earlylearn.files import new_file
from earlylearn.runs.config import resolve
from earlylearn.study.demo import run_demo
from earlylearn_paper.reproduce import reproduce
from earlylearn_paper.theory.run import run_theory
from tests.conftest import blobs

QUICK = {"network": "linear", "epochs": 1, "quiet": True}


def test_numbers_of_numpy_and_torch_are_settings_and_hyperparameters():
    request = {"data": "x", "lr": np.float32(0.5), "epochs": np.int64(2), "seed": torch.tensor(7), "eager": np.True_}
    config = resolve(blobs(), request, {"lam": np.float64(3), "beta": torch.tensor(0.5)})
    assert (config.lr, config.epochs, config.seed, config.eager) == (0.5, 2, 7, True)
    assert config.options == {"lam": 3.0, "beta": 0.5, "align": 1.0, "table": "auto"}
    assert json.loads(json.dumps(config.model_dump())) == config.model_dump(mode="json")


def test_numbers_of_numpy_say_how_data_are_read(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros((8, 9, 9), np.uint8), y=np.arange(8) % 2)
    data = load(
        str(tmp_path / "a.npz"), image_size=np.int64(4), limit=np.int32(6), test_fraction=np.float32(0.25)
    ).train
    assert data.inputs.shape == (6, 1, 4, 4)
    assert json.loads(json.dumps(data.schema)) == data.schema


def test_studies_take_numbers_of_numpy(tmp_path):
    grid = {"lam": np.array([1.0, 3.0])}
    done = sweep(blobs(), "elr", grid, seeds=np.int64(1), sample=np.int8(1), workers=np.int64(1), out=tmp_path, **QUICK)
    assert [trial["seeds"] for trial in done.document["trials"]] == [[0]]
    assert done.document["grid"] == {"lam": [1.0, 3.0]}


@pytest.mark.parametrize(
    ("ask", "line"),
    [
        (lambda out: compare(blobs(), "ce,elr", out=out), "methods='ce,elr': is one text; give a list of names"),
        (lambda out: compare(blobs(), seeds="3", out=out, **QUICK), "seeds='3': must be a whole number, 1 or more"),
        (lambda out: compare(blobs(), seeds=1, workers="1", out=out, **QUICK), "workers='1': must be a whole number"),
        (lambda out: compare(blobs(), lam=3, out=out, **QUICK), "lam=3: no such setting; a hyperparameter goes to its"),
        (lambda out: sweep(blobs(), grid={"lam": "1,3"}, out=out, **QUICK), "grid={'lam': '1,3'}: lam needs a list"),
        (lambda out: sweep(blobs(), grid={"lam": []}, out=out, **QUICK), "grid={'lam': []}: lam needs a list"),
        (lambda out: sweep(blobs(), sample="2", out=out, **QUICK), "sample='2': must be a whole number, 1 or more"),
        (
            lambda out: train(blobs(), nonesuch=1, out=out, **QUICK),
            "nonesuch=1: method elr has no such hyperparameter",
        ),
        (lambda out: reproduce("table-1", rows="cifar10/ce,cifar10/elr", out=out), "rows=['cifar10/ce,cifar10/elr']: "),
        (lambda out: reproduce("figure-a1", workers="2", out=out), "workers='2': must be a whole number"),
        (lambda out: run_theory(["lemma-2"], seeds="2", out=out), "seeds='2': must be a whole number, 1 or more"),
        *(
            (call, "overwrite='no': must be True or False")
            for call in (
                lambda out: train(blobs(), overwrite="no", out=out, **QUICK),
                lambda out: compare(blobs(), overwrite="no", out=out, **QUICK),
                lambda out: sweep(blobs(), overwrite="no", out=out, **QUICK),
                lambda out: run_demo(out, overwrite="no"),
                lambda out: new_file(str(out), overwrite="no"),
                lambda out: reproduce("figure-a1", overwrite="no", out=out),
                lambda out: run_theory(["lemma-2"], overwrite="no", out=out),
            )
        ),
    ],
)
def test_what_only_the_command_line_may_write_is_refused(ask, line, tmp_path):
    with pytest.raises(UsageError) as error:
        ask(tmp_path / "new")
    assert str(error.value).startswith(line)
    assert error.value.setting == line.partition("=")[0]
    assert not list(tmp_path.iterdir())
