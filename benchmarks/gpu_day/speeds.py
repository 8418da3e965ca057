"""How fast are steps on this GPU: eager, replayed and compiled, each written down as soon as it is measured?

    python -m benchmarks.gpu_day.speeds FILE

Compiling takes minutes and may fail on a new card, so it comes last.
"""

import sys
from pathlib import Path

from benchmarks import gpu
from earlylearn.files import write_json

ROUNDS = 9


def speeds(path: Path, *, rounds: int = ROUNDS, runs: dict[str, gpu.Run] = gpu.RUNS, **settings: object) -> None:
    """Measure every run of `benchmarks.gpu` and keep what there is; a way that fails is told and left out."""
    found: dict[str, float | str] = {}
    for ways in (("eager", "replayed"), ("compiled",)):
        for name, run in runs.items():
            try:
                found |= gpu.measure(rounds, runs={name: run}, ways=ways, **settings)  # type: ignore[arg-type]
            except Exception as error:  # what breaks on this card is what is to be known
                found[f"{name}_{'_'.join(ways)}_failed"] = f"{type(error).__name__}: {error}".splitlines()[0]
            if {"ce_replayed_ms", "elr_replayed_ms"} <= set(found):
                found["elr_to_ce"] = float(found["elr_replayed_ms"]) / float(found["ce_replayed_ms"])
            write_json(path, found)


if __name__ == "__main__":
    speeds(Path(sys.argv[1]))
