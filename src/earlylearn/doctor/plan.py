"""What would a recipe take at its real size, and does this machine have it: disk, memory, time?"""

import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from earlylearn.audit.dynamics import Dynamics
from earlylearn.data.builtin.sets import BUILTIN, Size
from earlylearn.data.cache import CACHE_VARIABLE
from earlylearn.errors import UsageError, setting
from earlylearn.loop.method import Method
from earlylearn.loop.seen import Seen
from earlylearn.machine import device, free_disk, gpu_memory, main_memory, matrix_rate
from earlylearn.methods import METHODS, check_options, measured_costs
from earlylearn.networks import default_precision
from earlylearn.networks.cost import Cost, known_cost
from earlylearn.recipes import RECIPES, find_recipe
from earlylearn.recipes.recipe import Recipe
from earlylearn.runs.config import DEFAULTS
from earlylearn.wording import rough_duration

# Whole training steps against products of large matrices. Measured on one core of an AMD EPYC with bf16: timm's
# ResNet-50 and InceptionResNetV2 0.65, ResNet-34 on 32 x 32 pixels 1.0. On a GPU it is a goal, not a measurement.
EFFICIENCY = {"cpu": 0.65, "cuda": 0.4, "mps": 0.4}
H200_RATE = 790e12  # bf16 matrix products a second


def plan(recipe: str, data_dir: str | None = None) -> dict[str, dict[str, Any]]:
    """Facts by topic: ``recipe``, ``work``, ``memory``, ``time``, ``verdict``.

    Operations are counted; memory is counted of what is kept, so that it is a lower bound; time is an estimate.

    Args:
        recipe: its name.
        data_dir: where the images lie, or would.

    Raises:
        UsageError: there is no such recipe, or it is for data of any size.
    """
    chosen = find_recipe(recipe)
    if chosen.data not in BUILTIN:
        raise UsageError(
            f"{setting('recipe', recipe)}: suits data of any size, so there is nothing to count; name the recipe of a "
            f"data set: {', '.join(each.name for each in RECIPES.values() if each.data in BUILTIN)}"
        )
    data, settings = BUILTIN[chosen.data], {**DEFAULTS, **chosen.settings}
    size = data.size
    name, side = settings["network"], settings.get("crop") or size.side
    cost = known_cost(name, shape=(size.channels, side, side), classes=size.classes)
    with torch.device("meta"):
        method = _method(chosen, size, cost)
    precision = default_precision(name)
    training, evaluation, how = _operations(chosen.method or DEFAULTS["method"], size, settings, cost, method)
    memory = _memory(size, settings, cost, method, precision)
    rate, share = matrix_rate(precision), EFFICIENCY[device()]
    seconds = (training + evaluation) / (rate * share)
    h200 = (training + evaluation) / (0.4 * H200_RATE)
    return {
        "recipe": {
            "recipe": recipe,
            "method": chosen.method,
            "network": name,
            "epochs": settings["epochs"],
            "training images of an epoch": _images(size, settings),
            "all images": size.rows + size.test,
        },
        "work": {
            "an image forward, GFLOP": _round(cost.forward / 1e9),
            "an image forward and backward, GFLOP": _round(cost.both / 1e9),
            "training, PFLOP": _round(training / 1e15),
            "evaluation, PFLOP": _round(evaluation / 1e15),
            "how": how,
        },
        "memory": {"precision": precision, **{f"{what}, GB": _round(bytes_ / 1e9) for what, bytes_ in memory.items()}},
        "time": {
            "matrix products here and now, TFLOP/s": _round(rate / 1e12),
            "training steps reach of that (assumed)": share,
            "hours here": _round(seconds / 3600),
            "hours on one H200 at 40 % of 790 TFLOP/s": _round(h200 / 3600),
        },
        "verdict": {
            **_verdict(data.stored, memory, data_dir),
            "time": f"about {rough_duration(seconds)} here; {rough_duration(h200)} on one H200, if images come as fast",
        },
    }


def _method(recipe: Recipe, size: Size, cost: Cost) -> Method:
    """The recipe's method at that size: on the meta device, where it has shapes and takes no memory."""
    name = recipe.method or DEFAULTS["method"]

    def network() -> nn.Module:
        return nn.ParameterList([torch.empty(cost.weights)])  # all that memory asks of it

    return METHODS[name](network, size.rows, size.classes, **check_options(name, recipe.options_for(name)))


def _images(size: Size, settings: dict[str, Any]) -> int:
    """Training images of an epoch, for each network."""
    if settings.get("balanced_batches"):
        return int(settings["balanced_batches"] * settings["batch_size"])
    return size.train - round(float(settings["val_fraction"]) * size.train)


def _operations(
    name: str, size: Size, settings: dict[str, Any], cost: Cost, method: Method
) -> tuple[float, float, str]:
    """Floating-point operations of the run's training and of all its evaluations, and how they were counted."""
    averages = method.networks * _weights(method, trained=False) / _weights(method, trained=True)
    if averages:
        each = method.networks * cost.both + averages * cost.forward
        how = f"counted: {method.networks} networks trained, {averages:.0f} weight averages looking on"
    else:
        ratio = measured_costs()["cost"][name]
        each = ratio * cost.both
        how = f"counted for one network, times {ratio:g}, the measured cost of {name} relative to ce"
    epochs, every = settings["epochs"], settings["test_every"]
    tests = epochs // every if every else 2  # of the last epoch and of the picked one
    judged = epochs * (round(settings["val_fraction"] * size.train) + size.val) + tests * size.test
    return epochs * _images(size, settings) * each, judged * method.networks * cost.forward, how


def _memory(size: Size, settings: dict[str, Any], cost: Cost, method: Method, precision: str) -> dict[str, float]:
    """Bytes of what a run keeps, images first."""
    with torch.device("meta"):
        seen = Seen(torch.empty(size.rows, dtype=torch.int64))
        tables = [*method.buffers(recurse=False), *Dynamics(size.rows).buffers()]
    weights = 4 * _weights(method, trained=True)
    number = 2 if precision == "bf16-mixed" else 4
    return {
        "images as bytes": float((size.rows + size.test) * size.channels * size.side**2),
        "weights of the networks": weights,
        "their gradients and momentum": 2 * weights,
        "weight averages": 4 * _weights(method, trained=False),
        "tables with a row per image": seen.nbytes + sum(table.nbytes for table in tables),
        "activations of one network's step": settings["batch_size"] * method.views * cost.activations * number,
    }


def _weights(method: Method, *, trained: bool) -> int:
    return sum(each.numel() for each in method.parameters() if each.requires_grad == trained)


def _verdict(stored: bool, memory: dict[str, float], data_dir: str | None) -> dict[str, str]:
    """A line per resource: does it suffice?"""
    images, kept = memory["images as bytes"], sum(memory.values()) - memory["images as bytes"]
    main, gpu = main_memory(), gpu_memory()
    place = Path(os.environ.get(CACHE_VARIABLE) or data_dir or ".").expanduser()
    # Two checkpoints: the last epoch, with gradients' momentum, and the picked one.
    checkpoints = 2 * (kept - memory["activations of one network's step"])
    on_disk = checkpoints + (images if stored else 0)
    in_main = (0 if stored else images) + (kept if gpu is None else 0)
    lines = {
        "disk": _fits(on_disk, free_disk(place), f" free in {place}"),
        "main memory": "unknown here" if main is None else _fits(in_main, main),
    }
    if gpu is None:
        lines["GPU memory"] = "no CUDA device here"
    else:
        # As make_batches decides: images beside the networks if they take less than half of it.
        lines["GPU memory"] = _fits(kept + (images if images < gpu / 2 else 0), gpu)
    if stored and main is not None:
        larger = images > main
        lines["images"] = "are read from the disk in every epoch" if larger else "stay in main memory once read"
    return lines


def _fits(needed: float, there: float, where: str = "") -> str:
    """Whether so many bytes fit, with both numbers."""
    verdict = "fits" if needed < there else "does not fit"
    return f"{verdict}: needs {_round(needed / 1e9):g} of {there / 1e9:.0f} GB{where}"


def _round(value: float) -> float:
    """Three significant digits: more would pretend to know."""
    return float(f"{value:.3g}")
