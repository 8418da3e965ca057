"""How many of so many odd inputs are handled cleanly?

Fails if one is silently wrong, ends in a traceback, or never ends.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from earlylearn.runs.progress import quiet_fabric
from tests.fuzz import inputs
from tests.fuzz.judge import Tally
from tests.fuzz.machine import Machine
from tests.fuzz.requests import World

Case = Callable[[np.random.Generator, Path], str]
# Of a hundred inputs so many of each kind; kills are counted by themselves.
SHARES = {"tables": 30, "images": 12, "arrays": 18, "labels": 8, "runs": 15, "options": 9, "calls": 8}
KILLS = {"kill run": 60, "kill study": 15, "kill review": 5, "full disk": 12, "time jump": 4, "places": 4}


def main() -> int:
    """Run as many as asked for, print the table, and say with which number each bad one is made again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=100, help="kills, full disks, time jumps and odd places in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=[*SHARES, *KILLS], help="one kind")
    parser.add_argument("--case", type=int, help="one number of that kind")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    quiet_fabric()
    tally, began = Tally(), time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        for folder in ("world", "machine"):
            (Path(place) / folder).mkdir()
        world, machine = World(Path(place) / "world"), Machine(Path(place) / "machine")
        kinds = _kinds(world, machine)
        for kind, share in {**SHARES, **KILLS}.items():
            count = round((asked.inputs if kind in SHARES else asked.kills) * share / 100)
            if asked.only in (None, kind):
                chosen = range(count) if asked.case is None else [asked.case]
                _run_all(tally, kind, kinds[kind], asked.seed, chosen)
    print(tally.table())
    print(f"{sum(tally.counts.values()):,} in {time.monotonic() - began:.0f} s, seed {asked.seed}")
    print(f"{machine.struck:,} kills hit something at work")
    for line in tally.bad:
        print(line)
    return 1 if tally.bad else 0


def _kinds(world: World, machine: Machine) -> dict[str, Case]:
    return {
        "tables": inputs.a_table,
        "images": inputs.some_images,
        "arrays": inputs.an_archive,
        "labels": inputs.a_label_file,
        "runs": world.a_spoilt_run,
        "options": world.some_options,
        "calls": world.a_call,
        "kill run": machine.a_killed_run,
        "kill study": machine.a_killed_study,
        "kill review": machine.a_killed_review,
        "full disk": machine.a_full_disk,
        "time jump": machine.a_time_jump,
        "places": machine.an_odd_place,
    }


def _run_all(tally: Tally, kind: str, case: Case, seed: int, numbers: "range | list[int]") -> None:
    """Each with a generator of its own, in an empty folder of its own, so that any one can be made again."""
    key = sum(ord(letter) << (8 * (k % 4)) for k, letter in enumerate(kind))
    for number in numbers:
        rng = np.random.default_rng([seed, key, number])
        random.seed(number)
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            os.chdir(folder)
            tally.run(kind, f"--only {kind!r} --case {number}", lambda rng=rng, folder=folder: case(rng, Path(folder)))
            os.chdir("/")
        print(f"\r{kind} {number + 1}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
