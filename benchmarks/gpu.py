"""How near to the limit of a GPU does training come, and how long would the paper's runs take there?

A step of a recipe on 45,000 random images of 32 x 32 that lie on the device, by `earlylearn.loop.fit.Fit`: run by
Python (eager), with the networks that train compiled by torch.compile, and replayed as a CUDA graph (what a run does).
The share is of the device's own rate of multiplying matrices in bf16, measured in the same run. Replayed steps are also
taken with every wait for the device an error.

Run:
    python -m benchmarks gpu
"""

import statistics
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from lightning_fabric import Fabric

from earlylearn.loop.batches import Batches, Draw
from earlylearn.loop.fit import Fit
from earlylearn.loop.replay import CudaGraphs
from earlylearn.machine import matrix_rate
from earlylearn.methods import METHODS
from earlylearn.networks import build_network
from earlylearn.networks.cost import network_cost
from earlylearn.recipes import find_recipe

SHAPE, CLASSES, EXAMPLES, SIDE = (3, 32, 32), 10, 45_000, 8192


class Run(NamedTuple):
    """A method and the recipe it trains by."""

    method: str
    recipe: str

    @property
    def settings(self) -> dict[str, Any]:
        """Network, epochs, batch size and the rest of the recipe."""
        return find_recipe(self.recipe).settings


RUNS = {
    "ce": Run("ce", "cifar10-elr"),
    "elr": Run("elr", "cifar10-elr"),
    "elr+": Run("elr+", "cifar10-elr+"),
    "fast": Run("elr", "cifar10-fast"),
}
GOALS = {
    "elr_replayed_run_s": "< 120",
    "elr+_replayed_run_s": "< 270",
    "elr_replayed_share": ">= 0.40",
    "elr+_replayed_share": ">= 0.35",
    "elr_never_waits": "1",
    "elr_to_ce": "<= 1.01",
}


class Steps:
    """Passes over the images by one way of taking steps, each timed."""

    def __init__(self, run: Run, network: str, *, device: str, examples: int, way: str) -> None:
        rng = np.random.default_rng(0)
        half = torch.full((3,), 0.5)

        def make() -> torch.nn.Module:
            net = build_network(network, shape=SHAPE, classes=CLASSES, mean=half, std=half)
            if way == "compiled":
                net.compile()
            return net

        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.method = METHODS[run.method](make, examples, CLASSES)
        images = torch.from_numpy(rng.integers(0, 256, (examples, *SHAPE), dtype=np.uint8)).to(device)
        labels = torch.from_numpy(rng.integers(0, CLASSES, examples)).to(device)
        data = Batches(
            images,
            [Draw(torch.arange(examples, device=device), labels)],
            batch_size=run.settings["batch_size"],
            augment="crop+flip",
            order=torch.Generator().manual_seed(0),
            augmentation=torch.Generator().manual_seed(1),
        )
        fabric = Fabric(accelerator=device, devices=1, precision="bf16-mixed")
        recorder = CudaGraphs() if way == "replayed" else None
        self.fit = Fit(self.method, data, fabric, epochs=10**9, lr=0.02, recorder=recorder)
        self.passes: Iterator[Any] = self.fit.run(lambda examples, read: None)
        self.device, self.batch_size = device, run.settings["batch_size"]

    def seconds(self) -> float:
        """Of an epoch: all passes over all images."""
        self._wait()
        began = time.perf_counter()
        next(self.passes)
        self._wait()
        return time.perf_counter() - began

    def launches(self) -> float:
        """Kernels and copies a step asks the device for: one call for a replayed one."""
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            next(self.passes)
        asked = sum(each.count for each in profile.key_averages() if each.key in ASKING)
        return asked / (self.method.networks * -(-len(self.fit.data.inputs) // self.batch_size))

    def never_waits(self) -> bool:
        """Whether 50 steps of the first network go through with waiting made an error (a pass's first may wait)."""
        if self.device == "cpu":
            return True
        self.method.train()
        pass_ = next(self.method.passes(0, self.fit.data))
        steps = self.fit._steps(pass_)
        next(steps)
        torch.cuda.set_sync_debug_mode("error")
        try:
            for _ in range(50):
                if next(steps, None) is None:
                    break
        except RuntimeError:
            return False
        finally:
            torch.cuda.set_sync_debug_mode("default")
        return True

    def _wait(self) -> None:
        if self.device != "cpu":
            torch.cuda.synchronize()


ASKING = {"cudaLaunchKernel", "cudaLaunchKernelExC", "cuLaunchKernel", "cuLaunchKernelEx", "cudaMemcpyAsync"}
ASKING |= {"cudaMemsetAsync", "cudaGraphLaunch"}


def work(method: str, network: str) -> float:
    """Operations of a step on an image: forward and backward, and in ELR+ the teacher's forward pass."""
    cost = network_cost(network, shape=SHAPE, classes=CLASSES)
    return cost.both + (cost.forward if method == "elr+" else 0)


def measure(
    rounds: int = 9,
    *,
    device: str = "cuda",
    runs: dict[str, Run] = RUNS,
    network: str | None = None,
    examples: int = EXAMPLES,
    ways: tuple[str, ...] = ("eager", "compiled", "replayed"),
    side: int = SIDE,
) -> dict[str, float]:
    """Milliseconds of a step, share of the device's rate, launches, and seconds of the whole run without evaluation.

    Medians over a third of the rounds, epochs of all ways of a run in turn.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("gpu: needs a CUDA device; there is none here")
    rate = matrix_rate("bf16-mixed", side)
    result = {"bf16_tflops": rate / 1e12}
    for name, run in runs.items():
        net = network or run.settings["network"]
        sides = {way: Steps(run, net, device=device, examples=examples, way=way) for way in ways}
        for each in sides.values():
            for _ in range(4):  # the last, smaller batch warms up too
                each.seconds()
        times: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(max(1, rounds // 3)):
            for way, each in sides.items():
                times[way].append(each.seconds())
        for way, values in times.items():
            epoch = statistics.median(values)
            images = sides[way].method.networks * examples
            result[f"{name}_{way}_ms"] = 1e3 * epoch * run.settings["batch_size"] / images
            result[f"{name}_{way}_share"] = work(run.method, net) * images / epoch / rate
            result[f"{name}_{way}_run_s"] = run.settings["epochs"] * epoch
            result[f"{name}_{way}_launches"] = sides[way].launches()
        if "replayed" in sides:
            result[f"{name}_never_waits"] = float(sides["replayed"].never_waits())
    if {"ce_replayed_ms", "elr_replayed_ms"} <= set(result):
        result["elr_to_ce"] = result["elr_replayed_ms"] / result["ce_replayed_ms"]
    return result
