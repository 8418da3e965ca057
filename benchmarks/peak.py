"""How much of the processor's own rate of multiplying matrices does a training step of ResNet-34 reach?

The rate is measured in the same rounds: square matrices of 2048, in the precision that a run of the network picks
here. The step is forward, cross-entropy, backward and SGD on a batch of 128 images of 32 x 32, its operations those
of the convolutions and the linear layer alone.

Run:
    python -m benchmarks peak
"""

import statistics
from collections.abc import Callable

import torch
import torch.nn.functional as F

from benchmarks.timing import interleaved
from earlylearn.networks import build_network, default_precision
from earlylearn.networks.cost import network_cost

NETWORK, SHAPE, CLASSES, BATCH, SIDE = "resnet34", (3, 32, 32), 10, 128, 2048
GOALS = {"share": ">= 0.9"}


def training_step(network: str, batch: int) -> Callable[[], None]:
    """A step of plain training on the same ``batch`` random images every time, in the precision a run picks here."""
    half = torch.full((3,), 0.5)
    net = build_network(network, shape=SHAPE, classes=CLASSES, mean=half, std=half)
    images, labels = torch.randint(0, 256, (batch, *SHAPE), dtype=torch.uint8), torch.randint(CLASSES, (batch,))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-3, fused=True)
    low = default_precision(network, "cpu") == "bf16-mixed"

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=low):
            loss = F.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def measure(
    rounds: int = 9, *, network: str = NETWORK, batch: int = BATCH, side: int = SIDE, seconds: float = 1
) -> dict[str, float]:
    """Billions of operations per second of both, and the step's share of the other: medians over the rounds.

    A turn of either takes ``seconds`` at least.
    """
    low = default_precision(network, "cpu") == "bf16-mixed"
    dtype = torch.bfloat16 if low else torch.float32
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        step = training_step(network, batch)
        left, right = (torch.randn(side, side).to(dtype) for _ in range(2))
    work = {"step": batch * network_cost(network, shape=SHAPE, classes=CLASSES).both, "multiply": 2 * side**3}
    times = interleaved({"step": step, "multiply": lambda: left @ right}, rounds, seconds=seconds)
    rates = {name: [work[name] / value / 1e9 for value in values] for name, values in times.items()}
    return {
        "bf16": float(low),
        **{f"{name}_gflops": statistics.median(values) for name, values in rates.items()},
        "share": statistics.median(a / b for a, b in zip(rates["step"], rates["multiply"], strict=True)),
    }
