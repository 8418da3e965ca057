"""How near to the limit of a GPU does training come, and how long would the paper's runs take there?

A step on 45,000 random images of 32 x 32 that lie on the device, batches of 128, by `earlylearn.fit.Fit`: run by Python
(eager), with the network compiled by torch.compile, and replayed as a CUDA graph (what a run does). The share is of the
device's own rate of multiplying matrices in bf16, measured in the same run. A replayed pass is also run once with every
wait for the device an error.

Run:
    python -m benchmarks gpu
"""

import statistics
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric

from earlylearn.data.batches import Batches, Draw
from earlylearn.fit import Fit
from earlylearn.machine import matrix_rate
from earlylearn.methods import METHODS
from earlylearn.networks import build_network
from earlylearn.networks.cost import network_cost
from earlylearn.replay import CudaGraphs

SHAPE, CLASSES, BATCH, EXAMPLES, SIDE = (3, 32, 32), 10, 128, 45_000, 8192
# Method, network, networks trained (each beside a forward pass of the other's average, in ELR+), the paper's epochs.
RUNS: dict[str, tuple[str, str, int, int]] = {
    "ce": ("ce", "resnet34", 1, 120),
    "elr": ("elr", "resnet34", 1, 120),
    "elr+": ("elr+", "preact-resnet18", 2, 200),
    "fast": ("elr", "whitened-cnn", 1, 20),
}
GOALS = {
    "elr_replayed_run_s": "< 120",
    "elr+_replayed_run_s": "< 270",
    "elr_replayed_share": ">= 0.40",
    "elr+_replayed_share": ">= 0.35",
    "elr_to_ce": "<= 1.01",
}


class Steps:
    """Passes over the images by one way of taking steps, each timed."""

    def __init__(self, method: str, network: str, *, device: str, examples: int, way: str) -> None:
        rng = np.random.default_rng(0)
        half = torch.full((3,), 0.5)

        def make() -> torch.nn.Module:
            net = build_network(network, shape=SHAPE, classes=CLASSES, mean=half, std=half)
            if way == "compiled":
                net.compile()
            return net

        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.method = METHODS[method](make, examples, CLASSES)
        images = torch.from_numpy(rng.integers(0, 256, (examples, *SHAPE), dtype=np.uint8)).to(device)
        labels = torch.from_numpy(rng.integers(0, CLASSES, examples)).to(device)
        data = Batches(
            images,
            [Draw(torch.arange(examples, device=device), labels)],
            batch_size=BATCH,
            augment="crop+flip",
            order=torch.Generator().manual_seed(0),
            augmentation=torch.Generator().manual_seed(1),
        )
        fabric = Fabric(accelerator=device, devices=1, precision="bf16-mixed")
        recorder = CudaGraphs() if way == "replayed" else None
        self.fit = Fit(self.method, data, fabric, epochs=10**9, lr=0.02, recorder=recorder)
        self.passes: Iterator[Any] = self.fit.run(lambda examples, read: None)
        self.device = device

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
        return asked / (self.method.networks * -(-len(self.fit.data.inputs) // BATCH))

    def never_waits(self) -> bool:
        """Whether a pass goes through with waiting made an error (its beginning and end may wait)."""
        if self.device == "cpu":
            return True
        self.method.train()
        sweep = next(self.method.passes(0, self.fit.data))
        steps = self.fit._steps(sweep)
        next(steps)
        torch.cuda.set_sync_debug_mode("error")
        try:
            for _ in range(50):
                if next(steps, None) is None:
                    break
        finally:
            torch.cuda.set_sync_debug_mode("default")
        return True

    def _wait(self) -> None:
        if self.device != "cpu":
            torch.cuda.synchronize()


ASKING = {"cudaLaunchKernel", "cudaLaunchKernelExC", "cuLaunchKernel", "cuLaunchKernelEx", "cudaMemcpyAsync"}
ASKING |= {"cudaMemsetAsync", "cudaGraphLaunch"}


def work(method: str, network: str) -> float:
    """Operations of a step of one network, forward and backward, and of its teacher's forward pass in ELR+."""
    cost = network_cost(network, shape=SHAPE, classes=CLASSES)
    return BATCH * (cost.both + (cost.forward if method == "elr+" else 0))


def measure(
    rounds: int = 9,
    *,
    device: str = "cuda",
    runs: dict[str, tuple[str, str, int, int]] = RUNS,
    examples: int = EXAMPLES,
    ways: tuple[str, ...] = ("eager", "compiled", "replayed"),
    side: int = SIDE,
) -> dict[str, float]:
    """Milliseconds of a step, share of the device's rate, launches, and seconds of the paper's run without evaluation.

    Medians over a third of the rounds, epochs of all ways of a run in turn.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("gpu: needs a CUDA device; there is none here")
    rate = matrix_rate("bf16-mixed", side)
    result = {"bf16_tflops": rate / 1e12}
    for name, (method, network, networks, epochs) in runs.items():
        sides = {way: Steps(method, network, device=device, examples=examples, way=way) for way in ways}
        for each in sides.values():
            for _ in range(4):  # the last, smaller batch warms up too
                each.seconds()
        times: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(max(1, rounds // 3)):
            for way, each in sides.items():
                times[way].append(each.seconds())
        for way, values in times.items():
            epoch = statistics.median(values)
            steps = networks * examples / BATCH
            result[f"{name}_{way}_ms"] = 1e3 * epoch / steps
            result[f"{name}_{way}_share"] = work(method, network) * steps / epoch / rate
            result[f"{name}_{way}_run_s"] = epochs * epoch
            result[f"{name}_{way}_launches"] = sides[way].launches()
        if "replayed" in sides:
            result[f"{name}_never_waits"] = float(sides["replayed"].never_waits())
    if {"ce_replayed_ms", "elr_replayed_ms"} <= set(result):
        result["elr_to_ce"] = result["elr_replayed_ms"] / result["ce_replayed_ms"]
    return result
