"""Does the memory that `earlylearn predict` takes grow with the rows of a table?

A model of 2,000 rows of 20 numbers answers tables of the same kind. Most memory is the process's resident set, files
included, and its anonymous part alone (what it has beside the file cache), asked for every 20 ms.

Run:
    python -m benchmarks.predicted --folder DIR --rows 1000 100000 1000000
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.rows import anonymous

COLUMNS, AT_ONCE = 20, 100_000


def write_csv(path: Path, rows: int, *, labels: bool = False) -> Path:
    """A table of numbers with four digits, written some rows at a time."""
    rng = np.random.default_rng(0)
    names = [f"c{k}" for k in range(COLUMNS)]
    for start in range(0, rows, AT_ONCE):
        frame = pd.DataFrame(rng.normal(size=(min(AT_ONCE, rows - start), COLUMNS)).round(4), columns=names)
        if labels:
            frame["y"] = np.where(frame["c0"] > 0, "a", "b")
        frame.to_csv(path, index=False, mode="a" if start else "w", header=not start)
    return path


def resident(pid: int) -> int:
    """The resident set of a process in bytes, 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def measure(arguments: list[str], environment: dict[str, str]) -> dict[str, float]:
    """Processor seconds, and the most memory in bytes, of a command."""
    whole = alone = 0
    command = [sys.executable, "-m", "earlylearn", *arguments]
    before = os.times()
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            whole, alone = max(whole, resident(process.pid)), max(alone, anonymous(process.pid))
            time.sleep(0.02)
    after = os.times()
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)}: ended with {process.returncode}")
    seconds = after.children_user + after.children_system - before.children_user - before.children_system
    return {"seconds": round(seconds, 1), "resident": whole, "anonymous": alone}


def main() -> None:
    """Print a line of JSON per run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where tables, stores and the run lie meanwhile")
    parser.add_argument("--rows", type=int, nargs="+", default=[1000, 100_000, 1_000_000])
    parser.add_argument("--memory", nargs="+", default=["", "0"], help="of EARLYLEARN_MEMORY; 0 stores every table")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    run, environment = str(asked.folder / "run"), {**os.environ}
    trained = str(write_csv(asked.folder / "train.csv", 2000, labels=True))
    how = ["--label", "y", "--method", "ce", "--epochs", "1", "--overwrite", "--out", run]
    measure(["train", trained, *how], environment)
    for memory in asked.memory:
        there = {**environment, **({"EARLYLEARN_MEMORY": memory} if memory else {})}
        for rows in asked.rows:
            path = str(write_csv(asked.folder / f"new-{rows}.csv", rows))
            for turn in ("first", "again"):
                out = str(asked.folder / "answers.csv")
                found = measure(["predict", run, path, "--overwrite", "--out", out], there)
                print(json.dumps({"rows": rows, "memory": memory, "turn": turn, **found}), flush=True)


if __name__ == "__main__":
    main()
