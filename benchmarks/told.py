"""Is what a run says it will take of memory what it takes, for every sort of data, small and large?

Each run is a process of its own. Told is its own line before it trains; measured is the most of its anonymous memory
(RssAnon, asked for every 20 ms), what it has beside the file cache, where data are mapped; else all that is resident.

Run:
    python -m benchmarks.told --folder DIR
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from benchmarks.cells import write_data
from benchmarks.predicted import resident
from benchmarks.rows import anonymous, write_table

UNITS = {"GB": 1e9, "MB": 1e6, "KB": 1e3}


def _table(folder: Path, rows: int, columns: int = 20) -> Path:
    rng, path = np.random.default_rng(0), folder / f"table-{rows}.csv"
    frame = pd.DataFrame(rng.normal(size=(rows, columns)).round(4), columns=[f"c{k}" for k in range(columns)])
    frame.assign(y=np.array(["a", "b", "c"])[np.arange(rows) % 3]).to_csv(path, index=False)
    return path


def _stored(folder: Path, rows: int) -> Path:
    path = folder / f"stored-{rows}.parquet"
    write_table(path, rows)
    return path


def _pictures(folder: Path, rows: int, side: int = 48) -> Path:
    rng, path = np.random.default_rng(0), folder / f"pictures-{rows}"
    for k in range(rows):
        place = path / "abcde"[k % 5]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8)).save(place / f"{k}.png", compress_level=0)
    return path


def _embeddings(folder: Path, rows: int, width: int = 384, classes: int = 10) -> Path:
    rng, path = np.random.default_rng(0), folder / f"embeddings-{rows}.npz"
    np.savez(path, x=rng.normal(size=(rows, width)).astype("f4"), y=np.arange(rows) % classes)
    return path


def _classes(folder: Path, rows: int) -> Path:
    rng, path = np.random.default_rng(0), folder / f"classes-{rows}.npz"
    np.savez(path, x=rng.normal(size=(rows, 16)).astype("f4"), y=np.arange(rows) % (rows // 4))
    return path


def _texts(folder: Path, rows: int) -> Path:
    rng, path = np.random.default_rng(0), folder / f"texts-{rows}.csv"
    words = np.array([f"word{k}" for k in range(2000)])
    lines = [" ".join(each) for each in words[rng.integers(0, len(words), (rows, 12))]]
    pd.DataFrame({"t": lines, "y": np.array(["a", "b"])[np.arange(rows) % 2]}).to_csv(path, index=False)
    return path


def _rows_of_20(folder: Path, rows: int) -> Path:
    return write_data(folder / f"{rows}x20.npz", rows, 20)


KINDS: dict[str, tuple[Callable[[Path, int], Path], tuple[int, ...], list[str], str]] = {
    "table": (_table, (300, 20_000, 300_000), ["--label", "y"], ""),
    "stored": (_stored, (3000, 100_000, 1_000_000), ["--label", "y"], "0"),
    "pictures": (_pictures, (300, 5000), ["--encoder", "none"], ""),
    "embeddings": (_embeddings, (1000, 20_000, 200_000), [], ""),
    "classes": (_classes, (4000, 16_000), ["--val-fraction", "0"], ""),
    "rows of 20": (_rows_of_20, (100_000,), ["--network", "linear"], ""),
    "cut": (_classes, (4000, 16_000), ["--val-fraction", "0", "-o", "table=top16"], ""),
    "texts": (_texts, (300, 5000), ["--label", "y", "--text", "t", "--encoder", "tfidf"], ""),
}
METHODS = {"ce": ["--method", "ce"], "elr": ["--method", "elr"]}


def measure(arguments: list[str], memory: str) -> dict[str, float | str]:
    """Bytes told and measured of a command."""
    environment = {**os.environ, **({"EARLYLEARN_MEMORY": memory} if memory else {})}
    asked = anonymous if memory else resident
    most, command = 0, [sys.executable, "-m", "earlylearn", *arguments]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        while process.poll() is None:
            most = max(most, asked(process.pid))
            time.sleep(0.02)
        assert process.stderr is not None
        told = process.stderr.read().decode()
    found = re.search(r"memory ([\d.]+) (GB|MB|KB)[^\n]*", told)
    if process.returncode or found is None:
        raise SystemExit(f"{' '.join(arguments)}: ended with {process.returncode}: {told[-400:]}")
    value = float(found[1]) * UNITS[found[2]]
    return {"told": value, "measured": most, "ratio": value / most, "line": found[0]}


def main() -> None:
    """Print a line of JSON per run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where data, stores and runs lie meanwhile")
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--most", type=int, default=10**9, help="leave out sets of more rows")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    for kind in asked.kinds:
        make, sizes, how, memory = KINDS[kind]
        for rows in (rows for rows in sizes if rows <= asked.most):
            path = make(asked.folder, rows)
            for name in asked.methods if kind != "cut" else ["elr"]:
                out = ["--epochs", "1", "--seed", "0", "--overwrite", "--out", str(asked.folder / "run")]
                found = measure(["train", str(path), *METHODS[name], *how, *out], memory)
                print(json.dumps({"kind": kind, "rows": rows, "method": name, **found}), flush=True)


if __name__ == "__main__":
    main()
