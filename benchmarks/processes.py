"""Do several processes come to the run of one, in which time, and with how many bytes between them?

Bytes are those of the loopback device, which others use too: a network of its own has no others,
``unshare -n sh -c 'ip link set lo up; python -m benchmarks.processes bytes'``.

Run:
    python -m benchmarks.processes equal --processes 1,2,4,8
    python -m benchmarks.processes time --rounds 5
    python -m benchmarks.processes bytes --processes 2,4
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import earlylearn as el
from earlylearn.runs.checkpoint import load_checkpoint
from earlylearn.runs.progress import quiet_fabric

SETTINGS: dict[str, Any] = {"accelerator": "cpu", "precision": "32-true", "quiet": True, "overwrite": True}


def smooth(shape: tuple[int, ...], classes: int) -> nn.Module:
    """Convolutions, batch normalisation, and no kink that turns a last digit into another gradient."""
    return nn.Sequential(
        *(nn.Conv2d(shape[0], 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.SiLU()),
        *(nn.Conv2d(16, 32, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(32), nn.SiLU()),
        *(nn.Flatten(), nn.Linear(32 * (shape[1] // 2) * (shape[2] // 2), classes)),
    )


NETWORKS: dict[str, Any] = {"mlp": "mlp", "smooth": smooth, "small-cnn": "small-cnn"}


def tensors(value: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """All tensors of a checkpoint by name."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from tensors(item, f"{name}/{key}")
    elif isinstance(value, Tensor):
        yield name, value


def farthest(one: Path, other: Path, part: str) -> float:
    """The largest difference of any number of a part of two checkpoints."""
    mine, theirs = (dict(tensors(load_checkpoint(path / "checkpoint" / "last.safetensors"))) for path in (one, other))
    apart = [float((mine[name].double() - theirs[name].double()).abs().max()) for name in mine if part in name]
    return max(apart, default=0.0)


def equal(folder: Path, processes: list[int], epochs: int) -> None:
    """Print how far runs of several processes are from that of one."""
    for network in NETWORKS:
        for method in ("ce", "elr"):
            runs = {}
            for count in processes:
                out = folder / f"{network}-{method}-{count}"
                settings = {**SETTINGS, "network": NETWORKS[network], "devices": count, "epochs": epochs}
                runs[count] = el.train("digits", method, noise="symmetric:0.4", out=out, **settings)
            one, *others = runs.values()
            flags = one.label_issues()
            for run in others:
                issues = run.label_issues()
                said = {
                    "weights": farthest(one.folder.path, run.folder.path, "/method/nets"),
                    "table": farthest(one.folder.path, run.folder.path, "/method/targets"),
                    "loss": abs(one.metrics[-1]["loss"] - run.metrics[-1]["loss"]),
                    "flags": int((flags["is_label_issue"] != issues["is_label_issue"]).sum()),
                    "quality": float((flags["label_quality"] - issues["label_quality"]).abs().max()),
                    "test": [each.metrics[-1]["test_accuracy"] for each in (one, run)],
                }
                print(network, method, run.config.devices, json.dumps(said), flush=True)


def images(rows: int = 1920) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Noise in the shape of CIFAR."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (rows, 3, 32, 32), dtype=np.uint8), rng.integers(0, 10, rows)


def columns(rows: int = 9120) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Noise in the shape of a table."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(rows, 3072)).astype(np.float32), rng.integers(0, 10, rows)


def time(folder: Path, processes: list[int], rounds: int) -> None:
    """Print seconds of an epoch by number of processes, interleaved: the median of each run's epochs but the first."""
    work: dict[str, tuple[Any, dict[str, Any]]] = {
        "digits small-cnn, 64": ("digits", {"network": "small-cnn"}),
        "32 x 32 small-cnn, 128": (images(), {"network": "small-cnn", "batch_size": 128, "augment": "none"}),
        "3,072 columns, mlp, 1,024": (columns(), {"network": "mlp", "batch_size": 1024}),
    }
    for name, (data, settings) in work.items():
        seconds: dict[int, list[float]] = {count: [] for count in processes}
        for _ in range(rounds):
            for count in processes:
                asked = {**SETTINGS, **settings, "devices": count, "epochs": 4, "test_every": 0}
                run = el.train(data, "elr", out=folder / "timed", **asked)
                seconds[count].append(statistics.median(epoch["seconds"] for epoch in run.metrics[1:]))
        medians = {count: round(statistics.median(each), 3) for count, each in seconds.items()}
        print(name, json.dumps(medians), {count: [round(each, 3) for each in all_] for count, all_ in seconds.items()})


def loopback() -> int:
    """Bytes that this machine has sent itself."""
    line = next(line for line in Path("/proc/net/dev").read_text().splitlines() if line.strip().startswith("lo:"))
    return int(line.split()[9])


def bytes_(folder: Path, processes: list[int]) -> None:
    """Print bytes that a process sends in an epoch, measured beside what its messages hold."""
    for network in ("mlp", "small-cnn"):
        for count in processes:
            sent = {}
            for epochs in (2, 12):
                before = loopback()
                settings = {**SETTINGS, "network": network, "devices": count, "epochs": epochs, "batch_size": 129}
                run = el.train("digits", "elr", out=folder / "bytes", test_every=0, **settings)
                sent[epochs] = loopback() - before
            state = dict(tensors(load_checkpoint(run.folder.last)))
            weights = sum(weight.numel() for weight in run.network().parameters())
            steps, rows = -(-1293 // 129), 1437  # of digits, a tenth of which is held out
            kept = sum(each.nbytes for name, each in state.items() if "/method/targets" in name) + 32 * rows
            said = {
                "sent_by_a_process_in_an_epoch": round((sent[12] - sent[2]) / 10 / count),
                "gradients": round(4 * weights * steps * 2 * (count - 1) / count),
                "rows": round(kept * (count - 1) / count),
            }
            print(network, count, json.dumps(said), flush=True)


def main() -> None:
    """Measure what is asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.processes", description="Several processes, one run.")
    parser.add_argument("what", choices=("equal", "time", "bytes"))
    parser.add_argument("--processes", default="1,2", help="how many, several with commas (default 1,2)")
    parser.add_argument("--epochs", type=int, default=10, help="of equal (default 10)")
    parser.add_argument("--rounds", type=int, default=5, help="of time (default 5)")
    arguments = parser.parse_args()
    quiet_fabric()
    torch.set_num_threads(1)
    processes = [int(word) for word in arguments.processes.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        if arguments.what == "equal":
            equal(Path(folder), processes, arguments.epochs)
        elif arguments.what == "time":
            time(Path(folder), processes, arguments.rounds)
        else:
            bytes_(Path(folder), processes)


if __name__ == "__main__":
    main()
