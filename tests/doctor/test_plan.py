"""Does a plan count what a run does, and does it say truly what fits?"""

import dataclasses
import json

import pytest
import torch
from torch import nn

from earlylearn import machine
from earlylearn.audit.dynamics import Dynamics
from earlylearn.data.builtin.sets import BUILTIN
from earlylearn.doctor import plan
from earlylearn.errors import UsageError
from earlylearn.loop.seen import Seen
from earlylearn.methods import METHODS
from earlylearn.networks import build_network, count_weights
from earlylearn.networks.cost import network_cost
from earlylearn.recipes import RECIPES

GB = 1_000_000_000


@pytest.fixture(autouse=True)
def _a_machine(monkeypatch):
    """A hundred GFLOP/s, 32 GB of memory, 100 GB of disk, no GPU; processors with and without bf16 plan alike."""
    monkeypatch.setattr(plan, "matrix_rate", lambda precision: 1e11)
    monkeypatch.setattr(plan, "main_memory", lambda: 32 * GB)
    monkeypatch.setattr(plan, "gpu_memory", lambda: None)
    monkeypatch.setattr(plan, "free_disk", lambda folder: 100 * GB)
    monkeypatch.setattr(plan, "device", lambda: "cpu")
    monkeypatch.setattr(plan, "default_precision", lambda network: "bf16-mixed")


@pytest.fixture
def light(monkeypatch):
    """Recipes with a network that is quick to count, where it does not matter which it is."""

    def find(name):
        recipe = RECIPES[name]
        return dataclasses.replace(recipe, settings={**recipe.settings, "network": "small-cnn"})

    monkeypatch.setattr(plan, "find_recipe", find)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["small-cnn", "preact-resnet18", "timm:resnet10t"])
def test_operations_are_those_of_every_layer_by_hand(name, timm):
    shape, counted = (3, 32, 32), []
    network = build_network(name, shape=shape, classes=7, mean=torch.zeros(3), std=torch.ones(3))

    def count(layer, _, output):
        if isinstance(layer, nn.Conv2d):
            inputs = layer.in_channels // layer.groups * layer.kernel_size[0] * layer.kernel_size[1]
            counted.append((2 * inputs * output[0].numel(), layer))
        else:
            counted.append((2 * layer.in_features * layer.out_features, layer))

    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(count)
    network.eval()(torch.zeros(1, *shape, dtype=torch.uint8))
    cost = network_cost(name, shape=shape, classes=7)
    forward = sum(operations for operations, _ in counted)
    assert cost.forward == forward
    # Backward: once for the weights, once for the inputs, but nobody asks for the images' gradient.
    assert cost.both == 3 * forward - counted[0][0]


def test_activations_are_what_the_backward_pass_reads_counted_once():
    # A linear layer keeps its inputs; the rectified ones are also what the rectifier keeps.
    assert network_cost("mlp:7", shape=(4,), classes=3).activations == 4 + 7


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "petaflops"),
    [
        # images x epochs x networks x (forward and backward + forward of the other's average), all counted apart
        ("clothing1m-elr+", 3000 * 64 * 15 * 2 * (24.287 + 8.174) / 1e6),
        ("webvision-elr+", 65_944 * 100 * 2 * (39.610 + 13.211) / 1e6),
        ("cifar10-elr+", 45_000 * 200 * 2 * (3.3290 + 1.1108) / 1e6),
        ("clothing1m-elr", 2000 * 64 * 10 * 24.287 / 1e6),
        ("cifar10-elr", 45_000 * 120 * 6.9529 / 1e6),
    ],
)
def test_the_work_of_a_run_is_that_of_its_steps(name, petaflops, timm):
    found = plan.plan(name)
    # Two hundredths for ELR alone, whose bookkeeping was measured, not counted.
    assert found["work"]["training, PFLOP"] == pytest.approx(petaflops, rel=0.003 if name.endswith("+") else 0.02)
    assert json.loads(json.dumps(found)) == found


@pytest.mark.slow
def test_evaluation_looks_at_held_out_images_after_every_epoch_and_twice_at_test_images(timm):
    work = plan.plan("cifar10-elr")["work"]
    assert work["evaluation, PFLOP"] == pytest.approx((120 * 5_000 + 2 * 10_000) * 2.3188 / 1e6, rel=0.005)
    work = plan.plan("clothing1m-elr+")["work"]
    assert work["evaluation, PFLOP"] == pytest.approx((15 * 14_313 + 2 * 10_526) * 2 * 8.1743 / 1e6, rel=0.005)


@pytest.mark.slow
def test_memory_is_that_of_the_methods_own_tensors(timm):
    memory = plan.plan("clothing1m-elr+")["memory"]
    weights = 2 * 4 * count_weights("timm:resnet50", shape=(3, 224, 224), classes=14) / 1e9
    assert memory["images as bytes, GB"] == pytest.approx(1_024_839 * 3 * 256 * 256 / 1e9, rel=0.005)
    assert memory["weights of the networks, GB"] == pytest.approx(weights, rel=0.005)
    assert memory["weight averages, GB"] == pytest.approx(weights, rel=0.005)
    assert memory["their gradients and momentum, GB"] == pytest.approx(2 * weights, rel=0.005)
    some = [
        Seen(torch.zeros(1000, dtype=torch.int64)),
        *METHODS["elr+"](nn.Identity, 1000, 14).buffers(),
        *Dynamics(1000).buffers(),
    ]
    tables = sum(table.nbytes for table in some) * 1_014_313 / 1000
    assert memory["tables with a row per image, GB"] == pytest.approx(tables / 1e9, rel=0.005)


def test_time_is_work_by_the_measured_rate(monkeypatch, light):
    slow = plan.plan("cifar10-elr+")
    operations = (slow["work"]["training, PFLOP"] + slow["work"]["evaluation, PFLOP"]) * 1e15
    hours = operations / (1e11 * plan.EFFICIENCY["cpu"]) / 3600
    assert slow["time"]["hours here"] == pytest.approx(hours, rel=0.01)
    assert slow["verdict"]["time"].startswith(f"about {hours:.0f} hours here")
    monkeypatch.setattr(plan, "matrix_rate", lambda precision: 1e13)
    monkeypatch.setattr(plan, "device", lambda: "cuda")
    fast = plan.plan("cifar10-elr+")["time"]["hours here"]
    assert fast == pytest.approx(operations / (1e13 * 0.4) / 3600, rel=0.01)


def test_what_does_not_fit_is_said(monkeypatch, light):
    verdict = plan.plan("clothing1m-elr+")["verdict"]
    assert verdict["disk"].startswith("does not fit: needs 20")
    assert verdict["main memory"].startswith("fits")
    assert verdict["images"] == "are read from the disk in every epoch"
    assert verdict["GPU memory"] == "no CUDA device here"
    small = plan.plan("webvision-elr")["verdict"]
    assert small["disk"].startswith("fits")
    assert small["images"] == "stay in main memory once read"
    monkeypatch.setattr(plan, "main_memory", lambda: GB // 10)
    assert plan.plan("webvision-elr")["verdict"]["main memory"].startswith("does not fit")


def test_on_a_gpu_the_images_lie_there_if_they_leave_half_of_it(monkeypatch, light):
    def needed(gigabytes):
        monkeypatch.setattr(plan, "gpu_memory", lambda: gigabytes * GB)
        verdict = plan.plan("webvision-elr")["verdict"]
        assert verdict["main memory"].startswith("fits: needs 0 of")
        return float(verdict["GPU memory"].partition("needs ")[2].partition(" of")[0])

    assert needed(80) - needed(20) == pytest.approx(68_444 * 3 * 256**2 / 1e9, abs=0.1)


def test_the_disk_asked_is_that_of_the_store(monkeypatch, light, tmp_path):
    asked = []
    monkeypatch.setattr(plan, "free_disk", lambda folder: asked.append(folder) or GB)
    monkeypatch.delenv("EARLYLEARN_CACHE", raising=False)
    plan.plan("cifar10-elr+", data_dir=str(tmp_path))
    monkeypatch.setenv("EARLYLEARN_CACHE", str(tmp_path / "cache"))
    plan.plan("cifar10-elr+", data_dir=str(tmp_path))
    assert asked == [tmp_path, tmp_path / "cache"]


def test_every_data_set_of_a_recipe_has_a_size():
    assert {recipe.data for recipe in RECIPES.values()} - {""} <= set(BUILTIN)


def test_recipes_that_cannot_be_planned_are_refused():
    with pytest.raises(UsageError, match=r"recipe='small-data': suits data of any size.* cifar10-elr, .*clothing1m"):
        plan.plan("small-data")
    with pytest.raises(UsageError, match="no such recipe"):
        plan.plan("imagenet-elr")


def test_the_machine_answers(tmp_path):
    assert machine.matrix_rate("32-true", side=64) > 0
    assert machine.free_disk(tmp_path / "not" / "there") > 0
    assert machine.main_memory() is None or machine.main_memory() > 2**28


@pytest.mark.slow
@pytest.mark.parametrize("name", ["clothing1m-elr", "webvision-elr+"])
def test_a_plan_without_timm_is_the_plan_with_it(name, timm, monkeypatch):
    with_timm = plan.plan(name)

    def gone(*arguments):
        raise UsageError("no timm")

    monkeypatch.setattr("earlylearn.networks.cost.bare_network", gone)
    assert plan.plan(name) == with_timm
    with pytest.raises(UsageError, match="no timm"):
        plan.plan("cifar10-elr")  # which needs none, and was not counted in advance
