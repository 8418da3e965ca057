"""How do time and memory of a run grow with the rows of a table that goes through the store on the disk?

A Parquet table of so many rows and 100 columns of normal numbers, two classes, a tenth of the labels wrong, is written
by row groups; then the command line trains a linear network on it for one epoch, in a process of its own, with
EARLYLEARN_MEMORY=0, so that small tables take the way of large ones. Told are processor seconds, and the most anonymous
memory (RssAnon, asked for every 20 ms): what the process has beside the file cache. A second run finds the store.

Run:
    python -m benchmarks.rows --rows 100000 1000000 --folder DIR
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

COLUMNS, GROUP, WRONG = 100, 100_000, 0.1
TRAIN = ("--method", "ce", "--network", "linear", "--epochs", "1", "--batch-size", "512", "--seed", "0", "--overwrite")


def write_table(path: Path, rows: int) -> None:
    """A table of that many rows; the sum of its first ten columns tells the class."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    generator, writer = np.random.default_rng(0), None
    for start in range(0, rows, GROUP):
        x = generator.standard_normal((min(GROUP, rows - start), COLUMNS), dtype=np.float32)
        label = (x[:, :10].sum(1) > 0) ^ (generator.random(len(x)) < WRONG)
        columns = {f"x{k}": np.ascontiguousarray(x[:, k]) for k in range(COLUMNS)}
        table = pa.table({**columns, "y": label.astype(np.int64)})
        writer = writer or pq.ParquetWriter(path, table.schema, use_dictionary=["y"], compression="none")
        writer.write_table(table)
    assert writer is not None
    writer.close()


def run(arguments: list[str], memory: str = "0") -> dict[str, float]:
    """Processor and wall seconds of a command, and its most anonymous memory in GB."""
    before, began, most = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic(), 0
    environment = {**os.environ, "EARLYLEARN_MEMORY": memory}
    with subprocess.Popen(
        [sys.executable, "-m", "earlylearn", *arguments], env=environment, stdout=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            most = max(most, anonymous(process.pid))
            time.sleep(0.02)
    if process.returncode:
        raise SystemExit(f"the run ended with {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return {"cpu": cpu, "wall": time.monotonic() - began, "anonymous": most / 1e9}


def anonymous(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:")), 0)


def main() -> None:
    """Print a line of JSON per number of rows and run; tables and stores are deleted again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--folder", type=Path, required=True, help="where tables, stores and runs lie meanwhile")
    asked = parser.parse_args()
    for rows in asked.rows:
        folder = asked.folder / str(rows)
        folder.mkdir(parents=True)
        try:
            write_table(folder / "table.parquet", rows)
            for turn in ("first", "second"):
                out = ["--label", "y", "--out", str(folder / "run")]
                found = run(["train", str(folder / "table.parquet"), *TRAIN, *out])
                each = {"microseconds_per_row": 1e6 * found["cpu"] / rows}
                epoch = json.loads((folder / "run" / "metrics.jsonl").read_text().splitlines()[-1])["seconds"]
                print(json.dumps({"rows": rows, "turn": turn, **found, **each, "epoch_wall": epoch}), flush=True)
        finally:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
