"""How is the comparison run, in one command that goes on where it was interrupted?"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

import torch
from threadpoolctl import threadpool_limits

from benchmarks.audit.own import own_sources
from benchmarks.audit.page import Record, render
from benchmarks.audit.sets import OWN, SOURCES, Source, sources
from benchmarks.audit.systems import SYSTEMS
from earlylearn.machine import keep_freed_memory
from earlylearn.runs.progress import quiet_fabric

HERE = Path(__file__).parents[2] / "docs"
RESULTS, PAGE = HERE / "benchmark.jsonl", HERE / "benchmark.md"


class Work(NamedTuple):
    """What is to be done on one label set."""

    folder: Path
    name: str
    todo: list[tuple[str, int]]


def read(file: Path) -> list[Record]:
    """The results there are; of a system measured again, the last."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    records: list[Record] = [json.loads(line) for line in lines]
    return list({(each["set"], each["system"], each["seed"]): each for each in records}.values())


def every(folder: Path) -> dict[str, Source]:
    """All label sets that the folder has, by name."""
    return {source.name: source for source in (*sources(folder), *own_sources(folder / OWN))}


def measured(work: Work) -> list[Record]:
    """What one process does."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    quiet_fabric()
    torch.set_num_threads(1)
    keep_freed_memory()
    source = every(work.folder)[work.name]
    records: list[Record] = []
    with threadpool_limits(1):
        for seed in sorted({seed for _, seed in work.todo}):
            given = source.read(seed)
            for system in (name for name, its in work.todo if its == seed):
                began = time.monotonic()
                result = SYSTEMS[system].run(given, seed)
                records.append(
                    {
                        "set": given.name,
                        "kind": given.kind,
                        "rows": len(given.data),
                        "wrong": float(given.wrong.mean()),
                        "system": system,
                        "seed": seed,
                        "result": result,
                    }
                )
                took = f"{time.monotonic() - began:.1f} s"
                shown = {key: round(value, 3) for key, value in result.items() if isinstance(value, float)}
                print(given.name, seed, system, took, json.dumps(shown), file=sys.stderr, flush=True)
    return records


def to_do(source: Source, systems: Iterable[str], seeds: int, done: set[tuple[str, str, int]]) -> list[tuple[str, int]]:
    """Systems and seeds that are not measured yet; what no seed changes is measured once."""
    return [
        (system, seed)
        for seed in range(seeds)
        for system in systems
        if (source.name, system, seed) not in done and (seed == 0 or SYSTEMS[system].random or not source.fixed)
    ]


def named(part: str, known: Iterable[str]) -> list[str]:
    """The label sets meant by a name: `own` and `own/wine` are all that begin so."""
    begin = f"{part}/" if f"{part}/" == OWN else f"{part}-"
    return [name for name in known if part.startswith(OWN[:-1]) and name.startswith(begin)] or [part]


def main(arguments: Sequence[str]) -> None:
    """Measure what is not measured yet, and write the page."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks audit",
        description="The defaults against cross-entropy, scikit-learn and cleanlab, where the truth is known.",
        epilog="DIR may hold: " + "; ".join(f"{name} ({what})" for name, what in SOURCES.items()),
    )
    parser.add_argument("sets", nargs="*", metavar="SET", help="label sets (default: all but those that take long)")
    parser.add_argument("--data", type=Path, default=Path("data"), metavar="DIR", help="where they lie (default data)")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="label sets at a time")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FILE", help=f"default {RESULTS.name}")
    parser.add_argument("--page", type=Path, default=PAGE, metavar="FILE", help=f"default {PAGE.name}")
    parser.add_argument("--again", nargs="+", default=[], metavar="SYSTEM", help=f"measure anew: {', '.join(SYSTEMS)}")
    parser.add_argument("--only", nargs="+", default=list(SYSTEMS), metavar="SYSTEM", help="measure no others")
    asked = parser.parse_args(arguments)
    known = every(asked.data)
    names = [name for part in asked.sets for name in named(part, known)]
    for name, there in [
        *((name, known) for name in names),
        *((name, SYSTEMS) for name in asked.again + asked.only),
    ]:
        if name not in there:
            parser.error(f"{name}: is not there; choose from {', '.join(there)}")
    chosen = [known[name] for name in names] or [source for source in known.values() if not source.long]
    done = {(each["set"], each["system"], each["seed"]) for each in read(asked.results)}
    done -= {key for key in done if key[1] in asked.again}
    work = [Work(asked.data, each.name, to_do(each, asked.only, asked.seeds, done)) for each in chosen]
    measure([each for each in work if each.todo], asked.results, asked.workers)
    asked.page.write_text(render(read(asked.results)), encoding="utf-8")
    print(f"{asked.results}\n{asked.page}")


def measure(work: list[Work], results: Path, workers: int) -> None:
    """Do the work, a process for each label set and seed, and write each down when it is finished."""
    parts = [
        Work(folder, name, [(system, its) for system, its in todo if its == seed])
        for folder, name, todo in work
        for seed in sorted({its for _, its in todo})
    ]
    with ProcessPoolExecutor(workers) as pool, results.open("a", encoding="utf-8") as file:
        for finished in as_completed(pool.submit(measured, part) for part in parts):
            file.writelines(json.dumps(record) + "\n" for record in finished.result())
            file.flush()
