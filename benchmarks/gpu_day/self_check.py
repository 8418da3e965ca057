"""Is this GPU fit for a run as it is, or must steps be run one by one, and why?

Half a minute before anything else: what breaks on a new card breaks here, is told with its reason, and the rest of the
day goes on without it. Run by itself as ``python -m benchmarks.gpu_day.self_check FILE``, because a CUDA error leaves
its process unusable.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from typing_extensions import TypedDict

from earlylearn.files import write_json
from earlylearn.losses.module import ELRLoss
from earlylearn.machine import device

BATCH, CLASSES = 128, 10


class Finding(TypedDict):
    """What one check found; ``reason`` is empty of one that passed."""

    name: str
    passed: bool
    reason: str
    seconds: float


def dtypes() -> None:
    """A convolution in bf16 under autocast, its gradient, and the loss in float32 at probabilities near 1."""
    where = device()
    network = torch.nn.Conv2d(3, 8, 3, padding=1).to(where, memory_format=torch.channels_last)
    with torch.autocast(where, torch.bfloat16):
        out = network(torch.randn(BATCH, 3, 32, 32, device=where))
    out.float().square().mean().backward()
    if not all(bool(torch.isfinite(each.grad).all()) for each in network.parameters() if each.grad is not None):
        raise RuntimeError("gradients in bf16 are not finite")
    logits = torch.zeros(BATCH, CLASSES, device=where)
    logits[:, 0] = 40
    labels = torch.zeros(BATCH, dtype=torch.long, device=where)
    criterion = ELRLoss(num_examples=BATCH, num_classes=CLASSES).to(where)
    loss = criterion(logits.bfloat16(), labels, torch.arange(BATCH, device=where))
    if not bool(torch.isfinite(loss).all()):
        raise RuntimeError("ELR's loss is not finite at probabilities near 1")


def optimizer() -> None:
    """A fused step of SGD with momentum."""
    weight = torch.nn.Parameter(torch.ones(1000, device=device()))
    sgd = torch.optim.SGD([weight], lr=0.1, momentum=0.9, weight_decay=1e-3, fused=True)
    weight.sum().backward()
    sgd.step()
    if not bool(torch.allclose(weight, torch.full_like(weight, 1 - 0.1 * 1.001))):
        raise RuntimeError("a fused step of SGD is not what it should be")


def memory() -> None:
    """Whether a batch's worth of memory can be had, and given back."""
    if device() == "cuda":
        free, _ = torch.cuda.mem_get_info()
        block = torch.empty(min(free // 2, 8 * 2**30), dtype=torch.uint8, device="cuda")
        block.fill_(1)
        del block
        torch.cuda.empty_cache()


def capture() -> None:
    """Whether training steps can be recorded as CUDA graphs and replay as they are; trivially so without a GPU."""
    from benchmarks.gpu import RUNS, Steps

    if device() != "cuda":
        return
    losses = {}
    for way in ("eager", "replayed"):
        steps = Steps(RUNS["elr"], "small-cnn", device="cuda", examples=4 * BATCH, way=way)
        for _ in range(3):
            steps.seconds()
        if way == "replayed" and steps.fit.replays is not None and steps.fit.replays.failed:
            raise RuntimeError(steps.fit.replays.failed)
        losses[way] = float(torch.stack([each.float().sum() for each in steps.method.parameters()]).sum())
    if abs(losses["eager"] - losses["replayed"]) > 0.05 * abs(losses["eager"]) + 0.5:
        told = f"weights sum to {losses['replayed']:.3f}, not {losses['eager']:.3f}"
        raise RuntimeError(f"replayed steps end elsewhere: {told}")


CHECKS: dict[str, Callable[[], None]] = {"dtypes": dtypes, "optimizer": optimizer, "memory": memory, "capture": capture}


def self_check(checks: dict[str, Callable[[], None]] = CHECKS, out: Path | None = None) -> list[Finding]:
    """What every check found; one that fails stops no other, and one that hangs takes nothing from the file ``out``."""
    found: list[Finding] = []
    for name, check in checks.items():
        began, reason = time.monotonic(), ""
        try:
            check()
        except Exception as error:  # whatever it is, it is what is to be told
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
        found.append({"name": name, "passed": not reason, "reason": reason, "seconds": time.monotonic() - began})
        if out is not None:
            write_json(out, found)
    return found


def settings_for(found: list[Finding]) -> tuple[dict[str, object], list[str]]:
    """Settings of all runs that go round what is broken, and a sentence for each why."""
    broken = dict.fromkeys(set(CHECKS) - {each["name"] for each in found}, "did not come to its end")
    broken = {name: reason for name, reason in broken.items() if name == "capture"}  # the last, and the one to hang
    broken |= {each["name"]: each["reason"] for each in found if not each["passed"]}
    settings: dict[str, object] = {}
    if "capture" in broken:
        settings["eager"] = True
    if "dtypes" in broken:
        settings["precision"] = "32-true"
    instead = {"capture": "steps run one by one", "dtypes": "everything is float32"}
    return settings, [f"{name}: {reason}; {instead.get(name, 'tried as it is')}" for name, reason in broken.items()]


if __name__ == "__main__":
    self_check(out=Path(sys.argv[1]))
