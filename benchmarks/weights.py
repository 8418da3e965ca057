"""How much faster are weights stepped and averaged than one parameter after another?

On PreActResNet-18: the loop's SGD against PyTorch's default one, and ELR+'s weight average against the released
code's loop over the parameters. Both only move numbers: the most that can be won is what memory allows.

Run:
    python -m benchmarks weights
"""

import copy
import statistics

import torch

from benchmarks.plain import plain_network, plain_optimizer
from benchmarks.timing import interleaved, ratio

NETWORK, SHAPE, CLASSES, MOMENTUM = "preact-resnet18", (3, 32, 32), 10, 0.997
SGD = {"lr": 0.02, "momentum": 0.9, "weight_decay": 1e-3}
GOALS: dict[str, str] = {}


@torch.no_grad()
def measure(rounds: int = 9, *, network: str = NETWORK) -> dict[str, float]:
    """Milliseconds of each way, and the ratios of their times: medians over the rounds."""
    net = plain_network(network, SHAPE, CLASSES)
    average = copy.deepcopy(net)
    for parameter in net.parameters():
        parameter.grad = torch.zeros_like(parameter)
    live, averaged = list(net.parameters()), list(average.parameters())

    def plain_average() -> None:
        for mean, weight in zip(average.parameters(), net.parameters(), strict=True):
            mean.data.mul_(MOMENTUM).add_(weight.data, alpha=1 - MOMENTUM)

    times = interleaved(
        {
            "plain_step": plain_optimizer(net, **SGD).step,
            "step": torch.optim.SGD(live, **SGD, fused=True).step,
            "plain_average": plain_average,
            "average": lambda: torch._foreach_lerp_(averaged, live, 1 - MOMENTUM),
        },
        rounds,
    )
    return {
        **{f"{name}_ms": 1e3 * statistics.median(values) for name, values in times.items()},
        "plain_to_fused_step": ratio(times["plain_step"], times["step"]),
        "plain_to_foreach_average": ratio(times["plain_average"], times["average"]),
    }
