"""What does a run on a folder of many small pictures take, the first time and again?

Pictures of 32 to 64 pixels, JPEG, in ten classes are written; then the command line trains a linear network on them for
one epoch, twice: decoding goes through the store the first time. See `benchmarks.rows` for what is measured.

Run:
    python -m benchmarks.pictures --pictures 200000 --folder DIR
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.rows import run

CLASSES = 10


def write_pictures(folder: Path, pictures: int) -> None:
    """So many pictures: a colour that tells the class, and noise."""
    generator = np.random.default_rng(0)
    colours = generator.integers(40, 216, (CLASSES, 3))
    noise = generator.integers(-40, 40, (256, 64, 64, 3))
    for label in range(CLASSES):
        (folder / f"class-{label}").mkdir(parents=True)
    for row in range(pictures):
        label, height, width = row % CLASSES, *generator.integers(32, 65, 2)
        pixels = (colours[label] + noise[row % 256, :height, :width]).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"class-{label}" / f"{row:07d}.jpg")


def main() -> None:
    """Print a line of JSON per run; pictures and stores are deleted again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=20_000)
    parser.add_argument("--folder", type=Path, required=True, help="where pictures, store and runs lie meanwhile")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True)
    try:
        write_pictures(asked.folder / "data", asked.pictures)
        for turn in ("first", "second"):
            how = ["--method", "ce", "--network", "linear", "--epochs", "1", "--encoder", "none", "--overwrite"]
            out = ["--out", str(asked.folder / "run")]
            found = run(["train", str(asked.folder / "data"), *how, *out], memory="")
            each = {"microseconds_per_picture": 1e6 * found["cpu"] / asked.pictures}
            print(json.dumps({"pictures": asked.pictures, "turn": turn, **found, **each}), flush=True)
    finally:
        shutil.rmtree(asked.folder)


if __name__ == "__main__":
    main()
