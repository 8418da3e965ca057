"""Do the fast paths end at the plain loop's accuracy and memorisation?

ELR on data with 40 % symmetric noise, by `earlylearn.train` and by the plain loop, from the same labels, split and
settings: seed after seed, each with noise and weights of its own. The rounds are the seeds. Minutes, not seconds.

Run:
    python -m benchmarks accuracy --rounds 5
"""

import statistics
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import earlylearn
from benchmarks.plain import PlainImages, ReleasedLoss, plain_epoch, plain_loader, plain_network, plain_optimizer
from earlylearn.data.sources import Loaded, load
from earlylearn.loop.augment import suitable_pad
from earlylearn.loop.schedule import make_schedule
from earlylearn.runs.prepare import input_moments
from earlylearn.runs.run import Run

SETTINGS = {"digits": {"epochs": 40}, "fashion-mnist": {"epochs": 10, "limit": 2000}}
GOALS: dict[str, str] = {}


def plain(run: Run, loaded: Loaded) -> tuple[float, float]:
    """Test accuracy and share memorised of the plain loop, from the labels and settings of a run."""
    config, given = run.config, run.folder.read_labels()
    data, test = loaded.train, loaded.test
    rows, labels = given["train_rows"], given["given"]
    mean, std = input_moments(data, rows)
    scale = {"mean": mean.tolist(), "std": std.tolist()}
    pad = suitable_pad(*data.inputs.shape[2:]) if config.augment != "none" else None
    flip = config.augment == "crop+flip"
    net = plain_network(config.network, data.inputs.shape[1:], len(data.classes))
    loader = plain_loader(PlainImages(data.inputs[rows], labels[rows], pad=pad, flip=flip, **scale), config.batch_size)
    loss = ReleasedLoss(len(rows), len(data.classes), lam=config.options["lam"], beta=config.options["beta"])
    optimizer = plain_optimizer(net, lr=config.lr, momentum=config.momentum, weight_decay=config.weight_decay)
    schedule = make_schedule(config.schedule, optimizer, epochs=config.epochs)
    for _ in range(config.epochs):
        plain_epoch(net, loader, loss, optimizer)
        schedule.step()

    @torch.no_grad()
    def predicted(images: np.ndarray) -> np.ndarray:
        net.eval()
        items = PlainImages(images, np.zeros(len(images), int), pad=None, **scale)
        stacked: Tensor = torch.stack([items[i][0] for i in range(len(items))])
        return torch.cat([net(part).argmax(1) for part in stacked.split(1000)]).numpy()

    wrong = rows[labels[rows] != data.labels[rows]]
    return (
        float((predicted(test.inputs) == test.labels).mean()),
        float((predicted(data.inputs[wrong]) == labels[wrong]).mean()),
    )


def measure(rounds: int = 5, *, settings: dict[str, dict[str, int]] = SETTINGS) -> dict[str, float]:
    """Mean and standard deviation over the seeds of either side's test accuracy and share memorised, last epoch."""
    result = {}
    for name, said in settings.items():
        reading = {"data": name, **({"limit": said["limit"]} if "limit" in said else {})}
        loaded = load(**reading)
        figures: dict[str, list[float]] = {}
        for seed in range(rounds):
            with tempfile.TemporaryDirectory() as folder, torch.random.fork_rng(devices=[]):
                run = earlylearn.train(
                    name,
                    "elr",
                    align=0,  # as published, which is what the plain loop does
                    noise="symmetric:0.4",
                    seed=seed,
                    out=Path(folder) / "run",
                    quiet=True,
                    accelerator="cpu",
                    **said,
                )
                torch.manual_seed(seed)
                sides = {
                    "ours": (run.summary["accuracy"]["test_last"], run.summary["memorized_last"]),
                    "plain": plain(run, loaded),
                }
            for side, values in sides.items():
                for what, value in zip(("accuracy", "memorized"), values, strict=True):
                    figures.setdefault(f"{name}_{what}_{side}", []).append(value)
        for key, values in figures.items():
            result[key] = statistics.mean(values)
            if rounds > 1:
                result[f"{key}_std"] = statistics.stdev(values)
    return result
