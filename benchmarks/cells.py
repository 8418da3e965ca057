"""How much memory does a run take per row and class, and how much does an epoch write?

Each run is a process of its own: `earlylearn.train(x.npz, method, epochs=2, network="linear", batch_size=256)` on 8
features, in memory or, with `--memory 0`, mapped. Peak is the most resident memory, and its anonymous part, beyond what
a run on 300 rows of 20 classes takes; bytes written are the process's own, of a run of two epochs less one of one.

Run:
    python -m benchmarks.cells --folder DIR --sizes 1000000x20 4000x10000 --methods ce elr
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.predicted import resident
from benchmarks.rows import anonymous

FEATURES = 8
TRAIN = """
import sys, json, pathlib
import earlylearn as el
path, method, epochs, out, options = sys.argv[1:]
def chars(): return int(pathlib.Path('/proc/self/io').read_text().split('wchar: ')[1].split()[0])
el.train(path, method, epochs=int(epochs), network='linear', batch_size=256, val_fraction=.1, out=out, overwrite=True,
         quiet=True, **json.loads(options))
print(chars())
"""


def write_data(path: Path, rows: int, classes: int) -> Path:
    """Features that tell something of the class; labels of all classes, or of as many as have 20 rows."""
    if not path.exists():
        rng = np.random.default_rng(0)
        y = np.arange(rows) % min(classes, rows // 20)
        x = rng.standard_normal((rows, FEATURES), dtype=np.float32)
        x[:, 0] += y / classes
        np.savez(path, x=x, y=y, classes=np.arange(classes).astype(str))
    return path


def measure(path: Path, method: str, epochs: int, out: Path, options: str) -> tuple[int, int, int]:
    """Most resident and anonymous bytes of a run, and all bytes it wrote."""
    whole = alone = 0
    command = [sys.executable, "-c", TRAIN, str(path), method, str(epochs), str(out), options]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        while process.poll() is None:
            whole, alone = max(whole, resident(process.pid)), max(alone, anonymous(process.pid))
            time.sleep(0.02)
        assert process.stdout is not None
        said = process.stdout.read()
    if process.returncode:
        raise SystemExit(f"{path} {method}: ended with {process.returncode}")
    return whole, alone, int(said)


def main() -> None:
    """Print a line of JSON per run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where data and runs lie meanwhile")
    parser.add_argument("--sizes", nargs="+", default=["1000000x20", "4000x10000"])
    parser.add_argument("--methods", nargs="+", default=["ce", "elr"])
    parser.add_argument("--options", default="{}", help="hyperparameters of elr, as JSON")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    out = asked.folder / "run"
    for method in asked.methods:
        options = asked.options if method == "elr" else "{}"
        base = measure(write_data(asked.folder / "300x20.npz", 300, 20), method, 2, out, options)
        for size in asked.sizes:
            rows, classes = map(int, size.split("x"))
            path = write_data(asked.folder / f"{size}.npz", rows, classes)
            found, once = (measure(path, method, epochs, out, options) for epochs in (2, 1))
            beyond = {name: found[k] - base[k] for k, name in enumerate(("resident", "anonymous"))}
            cells = {f"{name}_per_cell": round(value / rows / classes, 2) for name, value in beyond.items()}
            line = {"size": size, "method": method, "options": options, "base": base[0], **beyond, **cells}
            print(json.dumps({**line, "epoch_writes": found[2] - once[2]}), flush=True)


if __name__ == "__main__":
    main()
