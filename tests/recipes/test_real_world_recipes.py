"""Do the recipes of Clothing1M and WebVision run end to end, on small trees in the published layouts?"""

import json
import shutil

import numpy as np
import pytest
import torch

import earlylearn
from earlylearn.data.sources import load
from earlylearn.networks import build_network
from earlylearn.recipes import RECIPES
from earlylearn.runs.config import resolve
from earlylearn.runs.run import Run
from tests.trees import clothing1m_tree, webvision_tree

pytestmark = pytest.mark.usefixtures("timm")

# What cannot be had in a test: the networks of the paper, their weights, its epochs and batches. All else stays.
NETWORK, HEAD = "mobilenetv3_small_050", "classifier."
QUICK = {"network": f"timm:{NETWORK}", "epochs": 2, "batch_size": 8}
EPOCH = 2  # balanced batches, of one image of each of the 14 classes


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trees")
    return {
        "clothing1m": clothing1m_tree(folder / "clothing1m", per_class=3),
        "webvision": webvision_tree(folder / "webvision", per_class=1, ilsvrc12_per_class=0),
    }


@pytest.fixture(scope="module")
def weight_file(tmp_path_factory, timm):
    """Weights in place of those that timm would have downloaded, with ImageNet's 1000 classes."""
    path = tmp_path_factory.mktemp("weights") / "weights.pth"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        torch.save(timm.create_model(NETWORK).state_dict(), path)
    return str(path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["clothing1m-elr", "clothing1m-elr+"])
def test_the_recipes_of_clothing1m_run(name, trees, weight_file, run_path):
    run = earlylearn.train(
        "clothing1m",
        recipe=name,
        data_dir=str(trees["clothing1m"]),
        out=run_path,
        quiet=True,
        pretrained=weight_file,
        balanced_batches=EPOCH,
        **QUICK,
    )
    config = json.loads(run.folder.config.read_text())
    settings = {**RECIPES[name].settings, **QUICK, "pretrained": weight_file, "balanced_batches": EPOCH}
    assert settings.items() <= config.items()
    assert config["options"].items() >= RECIPES[name].options_for(config["method"]).items()
    # The clean validation images pick, as published.
    assert all(line["val_accuracy"] is not None for line in run.metrics)
    assert run.summary["accuracy"]["val_best"] == max(line["val_accuracy"] for line in run.metrics)
    assert run.summary["accuracy"]["test_last"] is not None
    assert len(run.label_issues()) == 14 * 3 + 14


@pytest.mark.slow
@pytest.mark.parametrize("name", ["webvision-elr", "webvision-elr+"])
def test_the_recipes_of_webvision_run(name, trees, run_path):
    run = earlylearn.train(
        "webvision", recipe=name, data_dir=str(trees["webvision"]), out=run_path, quiet=True, **{**QUICK, "epochs": 1}
    )
    assert run.config.crop == 227
    assert run.summary["accuracy"]["val_best"] is None
    assert run.summary["accuracy"]["test_last"] is not None
    assert len(run.classes) == 50
    assert run.folder.report.stat().st_size > 0


@pytest.mark.slow
def test_training_starts_from_the_pretrained_weights_and_a_finished_run_predicts_without_them(
    trees, weight_file, run_path, tmp_path
):
    gone = tmp_path / "copy.pth"
    shutil.copy(weight_file, gone)
    # A learning rate that moves nothing: what is left is what it started from.
    run = earlylearn.train(
        "clothing1m",
        recipe="clothing1m-elr",
        data_dir=str(trees["clothing1m"]),
        out=run_path,
        quiet=True,
        pretrained=str(gone),
        balanced_batches=EPOCH,
        lr=1e-30,
        **{**QUICK, "epochs": 1},
    )
    gone.unlink()
    data = load("clothing1m", data_dir=str(trees["clothing1m"])).train
    network = Run(run_path)._model("last").nets[0]
    given = torch.load(weight_file, weights_only=True)
    state = network[-1].state_dict()
    for key, value in given.items():
        if "running" not in key and "num_batches" not in key and not key.startswith(HEAD):
            assert torch.allclose(state[key], value, rtol=0, atol=1e-12), key
    images = np.asarray(data.inputs[:3])
    probability = run.predict_proba(images)
    with torch.no_grad():
        crops = torch.from_numpy(images[:, :, 16:240, 16:240].copy())
        assert np.allclose(probability, network.eval()(crops).softmax(1).numpy(), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["webvision-elr+", "clothing1m-elr"])
def test_the_true_networks_take_the_crops_of_the_true_recipes(name, trees):
    data = RECIPES[name].data
    train = load(data, data_dir=str(trees[data])).train
    config = resolve(train, {"data": data, "recipe": name}, {})
    with torch.random.fork_rng(devices=[]):
        network = build_network(
            config.network,
            shape=train.inputs.shape[1:],
            classes=len(train.classes),
            mean=torch.full((3,), 0.5),
            std=torch.full((3,), 0.25),
            crop=config.crop,
        ).eval()
    with torch.no_grad():
        logits = network(torch.from_numpy(np.array(train.inputs[:1])))
    assert logits.shape == (1, len(train.classes))
    assert torch.isfinite(logits).all()
