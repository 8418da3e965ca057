"""How much longer does an epoch of every method take than one of cross-entropy?

Whole training epochs, as a run trains them but for the evaluation after each: small CNN, batches of 128, crops and
flips, 40 % symmetric noise, default hyperparameters, past any warm-up. The images are noise tinted by class, so that
DivideMix finds losses that divide. Epochs of cross-entropy alternate with those of the others, on processor time, so
that a busy machine slows both sides alike.

Run:
    OMP_NUM_THREADS=1 python -m benchmarks methods
    OMP_NUM_THREADS=1 python -m benchmarks methods --write     # keeps the figures for `earlylearn methods`
"""

import datetime
import json
import os
import platform
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

import earlylearn.methods
from earlylearn.data.labelled import LabelledData
from earlylearn.data.sources import Loaded
from earlylearn.machine import keep_freed_memory
from earlylearn.methods import METHODS, hyperparameters
from earlylearn.networks import default_precision
from earlylearn.runs.config import resolve
from earlylearn.runs.prepare import draw_labels
from earlylearn.runs.session import Session

NETWORK, EXAMPLES, CLASSES, BATCH, NOISE = "small-cnn", 2560, 10, 128, "symmetric:0.4"
UNTIMED = 2  # epochs: one of warm-up where there is one, and the first after it
GOALS = {"elr_to_ce": "<= 1.05"}
FILE = Path(earlylearn.methods.__file__).with_name("costs.json")


def tinted_noise(n: int) -> LabelledData:
    """Random images of 32 x 32 pixels, each class with a tint of its own."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, n)
    tints = rng.integers(0, 128, (CLASSES, 3, 1, 1))
    return LabelledData(
        name="tinted noise",
        inputs=(rng.integers(0, 128, (n, 3, 32, 32)) + tints[labels]).astype(np.uint8),
        labels=labels,
        classes=tuple(map(str, range(CLASSES))),
        ids=np.arange(n).astype(str),
        augment="crop+flip",
    )


def epochs(method: str, network: str, data: LabelledData, count: int) -> Iterator[Any]:
    """Trains an epoch of the method each time it is asked for the next."""
    shortest = {name: 1 for name in hyperparameters(METHODS[method]).model_fields if name == "warmup"}
    request = {"data": data.name, "method": method, "network": network, "epochs": count, "batch_size": BATCH}
    request |= {"noise": NOISE, "val_fraction": 0, "accelerator": "cpu"}
    config = resolve(data, request, shortest)
    session = Session(config, Loaded(data, None), draw_labels(config, data), quiet=True)
    keep_freed_memory()  # as a run does
    return session.fit.run(lambda count, read: None)


def measure(rounds: int = 9, *, methods: Sequence[str] = tuple(METHODS), examples: int = EXAMPLES) -> dict[str, float]:
    """Processor time of an epoch of each method relative to ``ce``, and ce's seconds: medians over the rounds.

    An epoch of cross-entropy runs before and after that of any other method, and their mean is what it is compared to;
    on the same network, which is `NETWORK` unless the method is made for another.
    The number of threads is the caller's; the command line sets one.
    """
    data = tinted_noise(examples)
    others = [name for name in methods if name != "ce"]
    ratios: dict[str, list[float]] = {name: [] for name in others}
    with torch.random.fork_rng(devices=[]):
        networks = {name: METHODS[name].network or NETWORK for name in others}
        running = {name: epochs(name, network, data, UNTIMED + rounds) for name, network in networks.items()}
        count = UNTIMED + 1 + rounds * len(others)
        ces = {network: epochs("ce", network, data, count) for network in dict.fromkeys([NETWORK, *networks.values()])}
        for method in [*ces.values(), *running.values()]:
            for _ in range(UNTIMED):
                next(method)
        plain = {network: [timed(ce)] for network, ce in ces.items()}
        for _ in range(rounds):
            for name, method in running.items():
                seconds, beside = timed(method), plain[networks[name]]
                beside.append(timed(ces[networks[name]]))
                ratios[name].append(2 * seconds / (beside[-2] + beside[-1]))
    result = {f"{name}_to_ce": statistics.median(values) for name, values in ratios.items()}
    fixed = {
        "ce_seconds": statistics.median(plain[NETWORK]),
        "rounds": float(rounds),
        "threads": float(torch.get_num_threads()),
    }
    return {**result, **fixed}


def timed(method: Iterator[Any]) -> float:
    """Processor seconds of the next epoch."""
    began = time.process_time()
    next(method)
    return time.process_time() - began


def write(result: dict[str, float], path: Path = FILE) -> None:
    """Keep what `measure` measured, with all that it depends on."""
    document = {
        "what": "processor time of a training epoch relative to cross-entropy's (ce): medians over rounds, "
        f"{NETWORK}, {EXAMPLES} images of 32 x 32, batch {BATCH}, {NOISE}, defaults, past warm-up, no evaluation; "
        "auto: of its own network, both sides",
        "command": f"OMP_NUM_THREADS=1 python -m benchmarks methods --rounds {result['rounds']:.0f} --write",
        "date": datetime.date.today().isoformat(),
        "hardware": f"{_processor()}, {os.cpu_count()} cores",
        "torch": torch.__version__,
        "precision": default_precision(NETWORK, "cpu"),
        "threads": int(result["threads"]),
        "rounds": int(result["rounds"]),
        "ce_seconds": round(result["ce_seconds"], 3),
        "cost": {name: 1.0 if name == "ce" else round(result[f"{name}_to_ce"], 2) for name in METHODS},
    }
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _processor() -> str:
    """The processor's name, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
