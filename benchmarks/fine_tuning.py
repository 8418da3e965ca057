"""Does fine-tuning a pretrained network pay under label noise, next to a linear head on its frozen features?

CIFAR-10, some training images, under the labels of people (CIFAR-10N) or with noise made; EfficientNet-Lite0 with its
ImageNet weights both ways. Frozen: its features at 128 pixels, a linear head. Fine-tuned: all of it, on images made
larger, by the recipe ``fine-tune``, or with one rate for all layers, so that its batch normalisation can get used to
images of another size. A line of JSON per run; asked again it goes on behind the last.

Run:
    python -m benchmarks.fine_tuning --data-dir DIR --people LABELS.npz:worst --out fine-tuning.jsonl
"""

import tests.torchvision_stand_in  # isort: skip  # noqa: F401  # before timm looks for it
import argparse
import json
import shutil
import statistics
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

import earlylearn
from earlylearn.data.labelled import LabelledData
from earlylearn.data.sources import Loaded, load

FINE = {
    "recipe": "fine-tune",
    "network": "timm:tf_efficientnet_lite0",
    "pretrained": "efficientnet-lite0",
    "augment": "crop+flip",
    "precision": "32-true",  # as fast on a processor: its convolutions are depthwise
}
ALIKE = {"layer_decay": 1.0, "lr": 1e-3}
ARMS: dict[str, dict[str, Any]] = {
    "frozen, linear, ce": {"encoder": "efficientnet-lite0", "method": "ce", "recipe": "embeddings"},
    "frozen, linear, elr": {"encoder": "efficientnet-lite0", "method": "elr", "recipe": "embeddings"},
    "frozen, auto": {"encoder": "efficientnet-lite0"},
    "recipe, ce": {**FINE, "method": "ce"},
    "recipe, elr": {**FINE, "method": "elr"},
    "all layers alike, ce": {**FINE, **ALIKE, "method": "ce"},
    "all layers alike, elr": {**FINE, **ALIKE, "method": "elr"},
}
TEST = 2000


def enlarged(images: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Images ``uint8 [n, 3, side, side]``, bilinear."""
    large = F.interpolate(torch.from_numpy(images).float(), size=side, mode="bilinear", antialias=True)
    return large.round().clamp(0, 255).byte().numpy()


def part_of(loaded: Loaded, labels: NDArray[np.int64] | None, rows: int, seed: int) -> Loaded:
    """The same share of every class, drawn by the seed, under given labels; and a test set that is always the same."""
    train, test = loaded.train, loaded.test
    assert test is not None
    drawn = np.random.default_rng(seed).permutation(len(train))
    each = [drawn[train.labels[drawn] == k][: rows // len(train.classes)] for k in range(len(train.classes))]
    kept = np.sort(np.concatenate(each))
    data = train if labels is None else train.with_labels(labels, train.labels)
    return Loaded(replace(data.subset(kept), places=None), test.subset(np.arange(TEST)))


def at_side(data: LabelledData, side: int) -> LabelledData:
    """The same rows, larger."""
    size = {**data.schema, "size": [side, side]}
    return replace(data, inputs=enlarged(data.inputs, side), schema=size, checksum="")  # type: ignore[arg-type]


def measured(
    loaded: Loaded, arm: str, noise: str | None, seed: int, side: int, epochs: int, out: Path
) -> dict[str, Any]:
    """What one run comes to."""
    settings = dict(ARMS[arm])
    if "network" in settings:
        assert loaded.test is not None
        loaded = Loaded(at_side(loaded.train, side), at_side(loaded.test, side))
        settings["epochs"] = epochs
    shutil.rmtree(out, ignore_errors=True)
    run = earlylearn.train(loaded, noise=noise, seed=seed, out=out, quiet=True, accelerator="cpu", **settings)
    accuracy, issues = run.summary["accuracy"], run.summary["label_issues"]
    shutil.rmtree(out)
    return {
        "picked": accuracy["test_at_best_val"],
        "last": accuracy["test_last"],
        "memorised": run.summary["memorized_last"],
        **{name: issues[name] for name in ("precision", "recall", "average_precision")},
        "seconds": run.summary["seconds"],
    }


def table(lines: list[dict[str, Any]]) -> str:
    """Means over seeds, a row per system, for the log."""
    names = ("picked", "last", "memorised", "precision", "recall", "average_precision", "seconds")
    rows = [f"| labels | rows | system | seeds | {' | '.join(names)} |", "|---" * (4 + len(names)) + "|"]
    for noise, count, arm in dict.fromkeys((line["noise"], line["rows"], line["arm"]) for line in lines):
        of = [line for line in lines if (line["noise"], line["rows"], line["arm"]) == (noise, count, arm)]
        cells = []
        for name in names:
            values = [line[name] for line in of if line[name] is not None]
            if not values:
                cells.append("")
                continue
            mean, spread = statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0
            cells.append(f"{mean:.0f}" if name == "seconds" else f"{100 * mean:.1f} ± {100 * spread:.1f}")
        rows.append(f"| {noise} | {count} | {arm} | {len(of)} | {' | '.join(cells)} |")
    return "\n".join(rows)


def main() -> None:
    """Make what is missing, and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fine_tuning", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--data-dir", required=True, help="where CIFAR-10's official files lie")
    parser.add_argument("--people", help="FILE.npz:KEY, labels of people for all 50,000 images")
    parser.add_argument("--noise", nargs="*", default=["symmetric:0.4"], help="noise to make (default symmetric:0.4)")
    parser.add_argument("--rows", nargs="*", type=int, default=[2000], help="training images (default 2000)")
    parser.add_argument("--side", type=int, default=64, help="of the images that are fine-tuned on (default 64)")
    parser.add_argument("--epochs", type=int, default=10, help="of fine-tuning (default 10)")
    parser.add_argument("--seeds", type=int, default=3, help="how many (default 3)")
    parser.add_argument("--arms", nargs="*", choices=list(ARMS), default=list(ARMS), help="which systems (default all)")
    parser.add_argument("--most", type=int, default=10**9, help="make at most so many runs, to go on another time")
    parser.add_argument("--out", required=True, type=Path, help="file of results, a line each")
    asked = parser.parse_args()
    loaded = load("cifar10", data_dir=asked.data_dir)
    people = None
    if asked.people:
        file, _, key = asked.people.rpartition(":")
        people = np.load(file)[key].astype(np.int64)
    lines = [json.loads(line) for line in asked.out.read_text().splitlines()] if asked.out.exists() else []
    names = ("noise", "rows", "seed", "arm")
    done = {tuple(line[name] for name in names) for line in lines}
    todo = asked.most
    kinds = [*(["people"] if people is not None else []), *asked.noise]
    for seed, rows, noise, arm in product(range(asked.seeds), asked.rows, kinds, asked.arms):
        which = (noise, rows, seed, arm)
        if which in done or todo == 0:
            continue
        todo -= 1
        data = part_of(loaded, people if noise == "people" else None, rows, seed)
        kind = None if noise in ("people", "none") else noise
        found = measured(data, arm, kind, seed, asked.side, asked.epochs, asked.out.with_suffix(".run"))
        lines.append({**dict(zip(names, which, strict=True)), **found})
        with asked.out.open("a") as file:
            file.write(json.dumps(lines[-1]) + "\n")
    print(table(lines))


if __name__ == "__main__":
    main()
