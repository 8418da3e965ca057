"""Does a run take its user's own network, optimizer, schedule, augmentation, metrics, loggers and callbacks?"""

import csv
import sys
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import earlylearn as el
from earlylearn.errors import EarlylearnError, UsageError
from earlylearn.loop.batches import Batch
from earlylearn.losses.module import ELRLoss
from earlylearn.methods import METHODS
from earlylearn.runs import session
from earlylearn.runs.checkpoint import load_checkpoint
from earlylearn.runs.config import resolve
from earlylearn.runs.loggers import tracked_by
from tests.conftest import blobs, stripes

SETTINGS = {"accelerator": "cpu", "quiet": True, "epochs": 2}
MODULE = nn.Linear(8, 3)


class Small(nn.Module):
    """Of a user: 8 columns, 3 classes."""

    def __init__(self, num_classes):
        super().__init__()
        self.body, self.head = nn.Linear(8, 16), nn.Linear(16, num_classes)

    def forward(self, x):
        return self.head(torch.relu(self.body(x)))


def make_small(shape, classes):
    assert shape == (8,)
    return Small(classes)


def warm_cosine(optimizer, epochs):
    return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)


def shaken(x):
    return x + 0.1 * torch.randn_like(x)


def worst_class(true, predicted):
    return min((predicted[true == k] == k).mean() for k in np.unique(true))


def weights_of(run):
    return {k: v for k, v in load_checkpoint(run.folder.last)["fit"]["method"].items() if isinstance(v, torch.Tensor)}


def alike(mine, theirs):
    mine, theirs = weights_of(mine), weights_of(theirs)
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


@pytest.mark.parametrize("network", [Small, make_small, f"{__file__}:Small"])
@pytest.mark.slow
def test_a_class_or_function_is_found_again_from_the_folder_alone(tmp_path, network):
    run = el.train(blobs(), network=network, out=tmp_path / "run", **SETTINGS)
    assert run.config.network.startswith(f"{Path(__file__)}:") or run.config.network.startswith("tests.runs.")
    again = el.Run(tmp_path / "run")
    assert isinstance(again.network()[-1], Small)
    assert np.array_equal(again.predict(blobs().inputs), run.predict(blobs().inputs))


@pytest.mark.slow
def test_a_module_is_copied_and_given_again(tmp_path):
    module = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    before = module[0].weight.clone()
    run = el.fit(module, blobs(), out=tmp_path / "run", **SETTINGS)
    assert torch.equal(module[0].weight, before)
    assert run.config.network == "python:Sequential"
    assert run.predict(blobs().inputs).shape == (240,)
    assert set(run.network()[-1].state_dict()) == {"0.weight", "0.bias", "2.weight", "2.bias"}
    with pytest.raises(UsageError, match="was given in Python, and nothing finds it again; give it anew as network="):
        el.Run(tmp_path / "run").predict(blobs().inputs)
    again = el.Run(tmp_path / "run", network=module)
    assert np.array_equal(again.predict(blobs().inputs), run.predict(blobs().inputs))
    with pytest.raises(UsageError, match="trains 2 networks, which must begin differently"):
        el.fit(module, blobs(), method="elr+", out=tmp_path / "two", **SETTINGS)
    el.fit(lambda: nn.Linear(8, 3), blobs(), method="elr+", out=tmp_path / "two", **SETTINGS)


@pytest.mark.slow
def test_arrays_come_in_their_own_shape_and_raw_if_asked(tmp_path):
    x, y = np.random.default_rng(0).integers(0, 50, (40, 5, 3)), np.arange(40) % 2
    seen = []

    class Looks(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(15, 2)

        def forward(self, x):
            seen.append((tuple(x.shape[1:]), float(x.max())))
            return self.layer(x.flatten(1))

    el.fit(Looks, (x, y), raw_inputs=True, out=tmp_path / "raw", **SETTINGS)
    assert {shape for shape, _ in seen} == {(5, 3)}
    assert max(largest for _, largest in seen) == x.max()
    seen.clear()
    el.fit(Looks, (x, y), out=tmp_path / "scaled", **SETTINGS)
    assert max(largest for _, largest in seen) < 5


@pytest.mark.parametrize(
    ("network", "complaint"),
    [
        (lambda: nn.Linear(8, 7), r"gives \[2, 7\] of 2 inputs; give logits, \[2, 3\]"),
        (lambda: nn.Linear(5, 3), r"fails on inputs torch.float32 \[2, 8\]"),
        (lambda: "no", "makes a str; return an nn.Module"),
        (lambda depth: None, "cannot be made: TypeError"),
        (
            lambda: nn.Sequential(nn.Linear(8, 3), nn.Softmax(1)),
            "gives probabilities, .* give logits, without the softmax",
        ),
        (lambda: nn.Linear(8, 3).requires_grad_(False), "has no weight that is trained; call requires_grad_"),
        (None, r"a NoneType is no network; earlylearn.fit\(network, data\) takes"),
    ],
)
def test_a_network_that_does_not_fit_is_told_before_anything_is_written(tmp_path, network, complaint):
    with pytest.raises(UsageError, match=complaint):
        el.fit(network, blobs(), out=tmp_path / "run", **SETTINGS)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (
            {"optimizer": torch.optim.SGD(MODULE.parameters(), lr=0.1)},
            "a SGD.* belongs to one network, .*give the class",
        ),
        ({"optimizer": lambda net: torch.optim.SGD(MODULE.parameters(), lr=0.1)}, "weights that are not the network's"),
        ({"optimizer": 7}, "a int.* must be text"),
        ({"schedule": torch.optim.lr_scheduler.StepLR}, "takes step_size where it would be given the number of epochs"),
        (
            {"schedule": lambda optimizer, epochs: torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)},
            "stepped by a measure",
        ),
        ({"augment": lambda x: x[:4]}, r"makes torch.float32 \[4\] of torch.float32 \[8\]"),
    ],
)
def test_parts_that_would_do_nothing_or_something_else_are_refused(tmp_path, settings, complaint):
    with pytest.raises(UsageError, match=complaint):
        el.fit(MODULE, blobs(), out=tmp_path / "run", **SETTINGS, **settings)


def test_a_schedule_of_pytorch_that_wants_a_length_gets_it(tmp_path):
    given = {"schedule": torch.optim.lr_scheduler.CosineAnnealingLR, **SETTINGS}
    mine = el.fit(MODULE, blobs(), out=tmp_path / "a", **given)
    theirs = el.fit(MODULE, blobs(), out=tmp_path / "b", **{**given, "schedule": "cosine"})
    assert [line["lr"] for line in mine.metrics] == [line["lr"] for line in theirs.metrics]


OPTIMIZERS = {
    "adamw": "adamw",
    "class": torch.optim.AdamW,
    "partial": partial(torch.optim.SGD, lr=0.01, nesterov=True, momentum=0.8),
    "function": lambda net: torch.optim.Adam(
        [{"params": net.body.parameters(), "lr": 1e-3}, {"params": net.head.parameters()}]
    ),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.slow
def test_any_optimizer_resumes_bit_for_bit(tmp_path, monkeypatch, optimizer):
    own = {
        "network": Small,
        "optimizer": OPTIMIZERS[optimizer],
        "augment": shaken,
        "schedule": warm_cosine,
        "lr_warmup": 2,
    }
    settings = {**SETTINGS, **own, "epochs": 4, "lr": 0.01}
    whole = el.train(blobs(), "elr", out=tmp_path / "whole", **settings)
    keep = session.Session._keep

    def stop(self, folder, record):
        keep(self, folder, record)
        if record["epoch"] == 2:
            raise EarlylearnError("stopped")

    monkeypatch.setattr(session.Session, "_keep", stop)
    with pytest.raises(EarlylearnError, match="stopped"):
        el.train(blobs(), "elr", out=tmp_path / "cut", **settings)
    monkeypatch.setattr(session.Session, "_keep", keep)
    torch.manual_seed(99)
    objects = {"optimizer": own["optimizer"]} if optimizer in ("partial", "function") else {}
    cut = el.resume(tmp_path / "cut", blobs(), quiet=True, **objects)
    assert alike(cut, whole)
    rates = [record["lr"] for record in whole.metrics]
    assert rates == [record["lr"] for record in cut.metrics]
    assert rates[0] == pytest.approx(rates[2] / (1 + np.cos(np.pi / 2)) * 2 / 3 if optimizer != "partial" else rates[0])


@pytest.mark.slow
def test_warm_up_rises_to_the_schedule_and_then_follows_it(tmp_path):
    settings = {**SETTINGS, "epochs": 5, "lr": 0.04, "network": "linear"}
    plain = [r["lr"] for r in el.train(blobs(), schedule="cosine", out=tmp_path / "a", **settings).metrics]
    warm = [r["lr"] for r in el.train(blobs(), schedule="cosine", lr_warmup=3, out=tmp_path / "b", **settings).metrics]
    assert warm == pytest.approx([share * rate for share, rate in zip((0.25, 0.5, 0.75, 1, 1), plain, strict=True)])


@pytest.mark.slow
def test_layer_wise_decay_of_a_network_of_timm(tmp_path, timm):
    data = replace(
        stripes(40), inputs=np.repeat(np.repeat(np.repeat(stripes(40).inputs, 3, 1), 4, 2), 4, 3), augment="none"
    )
    settings = {**SETTINGS, "epochs": 1, "network": "timm:resnet10t", "precision": "32-true"}
    run = el.train(data, optimizer="adamw", layer_decay=0.5, lr=0.01, out=tmp_path / "run", **settings)
    (groups,) = [state["param_groups"] for state in load_checkpoint(run.folder.last)["fit"]["optimizers"]]
    rates = sorted({group["initial_lr"] for group in groups})
    assert rates[-1] == 0.01
    assert all(a == pytest.approx(b / 2) for a, b in pairwise(rates))
    assert len(rates) > 3
    assert 0 in {group["weight_decay"] for group in groups}
    with pytest.raises(UsageError, match=r"layer_decay=0\.5: is for networks of timm"):
        el.train(blobs(), layer_decay=0.5, network="linear", out=tmp_path / "no", **SETTINGS)


@pytest.mark.slow
def test_the_recipe_fine_tune(tmp_path, timm):
    weights = timm.create_model("resnet10t", num_classes=7)
    torch.save(weights.state_dict(), tmp_path / "w.pth")
    pixels = np.repeat(np.repeat(np.repeat(stripes(40).inputs, 3, 1), 4, 2), 4, 3)
    settings = {
        **SETTINGS,
        "epochs": 3,
        "network": "timm:resnet10t",
        "precision": "32-true",
        "pretrained": tmp_path / "w.pth",
    }
    run = el.train(replace(stripes(40), inputs=pixels), recipe="fine-tune", out=tmp_path / "run", **settings)
    assert (run.config.optimizer, run.config.layer_decay, run.config.lr_warmup) == ("adamw", 0.75, 2)
    (groups,) = [state["param_groups"] for state in load_checkpoint(run.folder.last)["fit"]["optimizers"]]
    assert max(group["initial_lr"] for group in groups) == run.config.lr
    assert [record["lr"] / run.config.lr for record in run.metrics][:2] == pytest.approx([1 / 3, 2 / 3 * 0.75])


@pytest.mark.slow
def test_an_own_augmentation_draws_from_the_seed_and_leaves_the_caller_alone(tmp_path):
    np.random.seed(5)  # noqa: NPY002
    torch.manual_seed(5)
    first = el.train(blobs(), network="linear", augment=shaken, out=tmp_path / "a", **SETTINGS)
    np_state, torch_state = np.random.get_state()[1][:3].tolist(), torch.get_rng_state()  # noqa: NPY002
    torch.manual_seed(77)
    second = el.train(blobs(), network="linear", augment=shaken, out=tmp_path / "b", **SETTINGS)
    assert alike(first, second)
    assert not alike(first, el.train(blobs(), network="linear", augment="none", out=tmp_path / "c", **SETTINGS))
    assert np.random.get_state()[1][:3].tolist() == np_state  # noqa: NPY002
    torch.manual_seed(5)
    assert torch.equal(torch.get_rng_state(), torch_state)


@pytest.mark.parametrize("library", ["torchvision", "albumentations"])
@pytest.mark.slow
def test_transforms_of_other_libraries(tmp_path, library):
    if library == "torchvision":
        try:
            from torchvision.transforms import v2
        except Exception as error:
            pytest.skip(f"torchvision does not import here: {error}")
        augment = v2.Compose([v2.RandomHorizontalFlip(), v2.RandomCrop(8, padding=1)])
    else:
        albumentations = pytest.importorskip("albumentations", exc_type=ImportError)
        augment = albumentations.Compose([albumentations.HorizontalFlip(p=0.5), albumentations.RandomCrop(8, 8)])
    first, second = (
        el.train(stripes(), "elr", network="small-cnn", augment=augment, out=tmp_path / name, **SETTINGS)
        for name in "ab"
    )
    assert alike(first, second)


def test_an_augmentation_that_breaks_the_inputs_is_told(tmp_path):
    with pytest.raises(UsageError, match=r"makes torch.float32 \[1, 8, 8\] of torch.uint8 \[1, 8, 8\]"):
        el.train(stripes(), network="linear", augment=lambda x: x / 255, out=tmp_path / "run", **SETTINGS)
    with pytest.raises(
        UsageError, match=r"augment='mirror': unknown; choose one of none, crop, crop\+flip, or FILE\.py:NAME"
    ):
        el.train(stripes(), network="linear", augment="mirror", out=tmp_path / "run", **SETTINGS)


@pytest.mark.parametrize("method", [name for name, kind in METHODS.items() if kind.takes_class_weights])
def test_a_class_that_weighs_thrice_counts_as_if_each_of_its_examples_were_there_thrice(method):
    weights = torch.tensor([1, 3, 2])
    logits, labels = torch.randn(6, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 0, 1, 2])
    times = weights[labels]

    def loss(z, y, class_weights):
        ours = METHODS[method](nn.Identity, len(y), 3)
        ours.class_weights = class_weights
        z = z.clone().requires_grad_()
        value = ours.loss(Batch(torch.arange(len(y)), (z,), y)).loss
        return value.detach(), torch.autograd.grad(value, z)[0]

    value, gradient = loss(logits, labels, weights.float())
    repeated, each = loss(logits.repeat_interleave(times, 0), labels.repeat_interleave(times), None)
    torch.testing.assert_close(value, repeated)
    total = torch.zeros_like(gradient).index_add_(0, torch.arange(6).repeat_interleave(times), each)
    torch.testing.assert_close(gradient, total, rtol=1e-4, atol=1e-6)


def test_class_weights_of_elr_are_those_of_the_loss():
    weights = torch.tensor([1.0, 3.0, 0.5])
    logits, labels, rows = torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2]), torch.arange(6)
    ours = METHODS["elr"](nn.Identity, 6, 3)
    ours.class_weights = weights
    expected = ELRLoss(6, 3, lam=3.0, beta=0.7, weight=weights)(logits, labels, rows)
    assert float(ours.loss(Batch(rows, (logits,), labels)).loss) == pytest.approx(float(expected), abs=1e-6)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("balanced", "balanced"),
        ([1, 2, 3.5], (1.0, 2.0, 3.5)),
        ("1,2,3.5", (1.0, 2.0, 3.5)),
        (torch.tensor([1, 2, 3.5]), (1.0, 2.0, 3.5)),
        ({"class 2": 3.5}, (1.0, 1.0, 3.5)),
        ("class 1=2, class 2=3.5", (1.0, 2.0, 3.5)),
        ("class 1=2", (1.0, 2.0, 1.0)),
    ],
)
def test_class_weights_of_a_request(given, kept):
    said = {"method": "ce", "network": "linear", "class_weights": given, "data": "blobs"}
    assert resolve(blobs(), said, {}).class_weights == kept


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"class_weights": "1,2"}, r"give 3 numbers, 0 or more, in the order of the classes class 0, class 1, class 2"),
        (
            {"class_weights": {"clas 2": 2}},
            "there is no class 'clas 2'; did you mean 'class 2'\\? the classes are class 0, class 1, class 2",
        ),
        ({"class_weights": {"class 2": "much"}}, "the weight of 'class 2' is 'much'; give a number"),
        (
            {"class_weights": "balanced", "method": "mixup"},
            "method mixup takes none; use one of ce, kl, .*balanced_bat",
        ),
    ],
)
def test_class_weights_that_cannot_be_are_refused(tmp_path, settings, complaint):
    with pytest.raises(UsageError, match=complaint):
        el.train(blobs(), **{"method": "ce", "network": "linear", "out": tmp_path / "run", **SETTINGS, **settings})
    assert not (tmp_path / "run").exists()


def test_metrics_by_name_and_by_function(tmp_path):
    data = blobs()
    asked = ["balanced-accuracy", "f1", worst_class]
    run = el.train(data, network="linear", metrics=asked, out=tmp_path / "run", **SETTINGS)
    from sklearn.metrics import balanced_accuracy_score, f1_score

    rows = run.folder.read_labels()["val_rows"]
    predicted, given = run.predict(data.inputs[rows], weights="last"), data.labels[rows]
    measured = run.metrics[-1]["val_metrics"]
    assert measured["balanced-accuracy"] == pytest.approx(balanced_accuracy_score(given, predicted))
    assert measured["f1"] == pytest.approx(f1_score(given, predicted, average="macro"))
    assert measured["worst_class"] == pytest.approx(worst_class(given, predicted))
    assert run.summary["metrics"]["val_last"] == measured
    assert run.summary["metrics"]["test_last"] is None
    with pytest.raises(UsageError, match="unknown; choose from balanced-accuracy, f1"):
        el.train(data, network="linear", metrics="auroc", out=tmp_path / "no", **SETTINGS)


class Told:
    def __init__(self):
        self.heard = []

    def log_metrics(self, metrics, step):
        self.heard.append((step, metrics["loss_parts/ce"]))


@pytest.mark.slow
def test_two_functions_without_a_name_are_two(tmp_path):
    class Log:
        def __init__(self):
            self.told = []

        def log_metrics(self, metrics, step):
            self.told.append(step)

    logs = [Log(), Log()]
    data = blobs(n=60)
    run = el.train(
        data, "ce", out=tmp_path / "run", metrics=[lambda a, b: 0.25, lambda a, b: 0.5, "f1"], log=logs, **SETTINGS
    )
    found = run.summary["metrics"]["val_last"]
    assert list(found) == ["lambda", "lambda-2", "f1"]
    assert (found["lambda"], found["lambda-2"]) == (0.25, 0.5)
    assert [log.told for log in logs] == [[1, 2], [1, 2]]


def test_loggers_are_told_of_every_epoch(tmp_path):
    mine = Told()
    run = el.train(blobs(), "elr", network="linear", log=["csv", mine], out=tmp_path / "run", **SETTINGS)
    assert mine.heard == [(record["epoch"], record["loss_parts"]["ce"]) for record in run.metrics]
    longer = el.resume(run.folder.path, blobs(), epochs=3, log=["csv", mine], quiet=True)
    with (run.folder.path / "log" / "csv" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [1, 2, 3]
    assert [float(row["lr"]) for row in rows] == [record["lr"] for record in longer.metrics]
    el.train(blobs(), "elr", network="linear", out=tmp_path / "run", overwrite=True, **SETTINGS)
    assert not (run.folder.path / "log").exists()


def test_a_missing_logger_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("earlylearn.runs.loggers.find_spec", lambda name: None)
    with pytest.raises(
        UsageError, match=r"log=\['wandb'\]: needs wandb and lightning; run pip install 'earlylearn\[wandb\]'"
    ):
        el.train(blobs(), network="linear", log="wandb", out=tmp_path / "run", **SETTINGS)
    with pytest.raises(UsageError, match="unknown; choose from csv, tensorboard, wandb, mlflow"):
        el.train(blobs(), network="linear", log="paper", out=tmp_path / "run", **SETTINGS)


@pytest.mark.slow
def test_callbacks_hear_of_the_run_and_may_stop_it(tmp_path):
    class Callback:
        def __init__(self):
            self.heard = []

        def on_run_start(self, folder):
            self.heard.append(folder.name)

        def on_run_end(self, summary):
            self.heard.append(summary["epochs"])

    callback, epochs = Callback(), []

    def each(record, method):
        epochs.append((record["epoch"], method.n))

    el.train(blobs(), network="linear", callbacks=[callback, each], out=tmp_path / "run", **SETTINGS)
    assert callback.heard == ["run", 2]
    assert epochs == [(1, 240), (2, 240)]

    class Enough(Exception):
        pass

    def stop(record, method):
        raise Enough

    with pytest.raises(Enough):
        el.train(blobs(), network="linear", callbacks=stop, out=tmp_path / "cut", **SETTINGS)
    assert len(el.resume(tmp_path / "cut", blobs(), quiet=True).metrics) == 2


@pytest.mark.slow
def test_tensorboard_gets_events(tmp_path):
    pytest.importorskip("tensorboard")
    el.train(blobs(), network="linear", log="tensorboard", out=tmp_path / "run", **SETTINGS)
    assert list((tmp_path / "run" / "log" / "tensorboard").glob("events*"))


def test_mlflow_is_told_where_its_variable_says(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracked_by(tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://here:5000")
    assert tracked_by(tmp_path) == "http://here:5000"


def test_an_own_network_on_the_command_line(tmp_path, capsys):
    from earlylearn.cli.main import main

    (tmp_path / "mine.py").write_text(
        "import torch\n\n\ndef net(shape, classes):\n    return torch.nn.Linear(shape[0], classes)\n\n\n"
        "def optimizer(network):\n    return torch.optim.Adagrad(network.parameters(), lr=0.1)\n"
    )
    x = np.random.default_rng(0).normal(size=(60, 4))
    np.savez(tmp_path / "d.npz", x=x, y=(x[:, 0] > 0).astype(int))
    words = ["train", str(tmp_path / "d.npz"), "--network", f"{tmp_path}/mine.py:net", "--method", "elr", "--quiet"]
    words += [
        "--test-fraction",
        "0.2",
        "--optimizer",
        f"{tmp_path}/mine.py:optimizer",
        "--metrics",
        "f1",
        "--log",
        "csv",
        "--class-weights",
        "1,2",
    ]
    with pytest.raises(SystemExit) as done:
        main([*words, "--epochs", "2", "--out", str(tmp_path / "run")])
    assert done.value.code == 0
    assert "f1 of test, last epoch" in capsys.readouterr().out
    run = el.Run(tmp_path / "run")
    assert run.config.plugins.keys() == {"network", "optimizer"}
    assert (tmp_path / "run" / "log" / "csv" / "metrics.csv").exists()
    assert sys.modules  # the file's module stays
    (tmp_path / "mine.py").write_text("net = optimizer = None\n")
    with pytest.raises(UsageError, match="changed since the run began"):
        el.Run(tmp_path / "run").predict(x.astype(np.float32))
