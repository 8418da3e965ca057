"""Are the fast paths as fast as they are meant to be: every benchmark's figures beside their goals?

The figures are printed, never enforced: they depend on the machine. Ratios come from interleaved rounds on one
thread. What takes longer than a minute or two runs only where it is named.

Run:
    python -m benchmarks
    python -m benchmarks loss step --rounds 15 --json
    python -m benchmarks methods --write
    python -m benchmarks accuracy --rounds 5
    python -m benchmarks gpu
    python -m benchmarks audit --data DIR        # see python -m benchmarks audit --help
"""

import argparse
import json
import sys

import torch

from benchmarks import accuracy, epoch, gpu, loader, loss, memory, methods, peak, scaling, step, table, weights
from earlylearn.machine import keep_freed_memory
from earlylearn.runs.progress import quiet_fabric

BENCHMARKS = {
    "loss": loss,
    "step": step,
    "loader": loader,
    "epoch": epoch,
    "table": table,
    "weights": weights,
    "peak": peak,
    "memory": memory,
    "scaling": scaling,
}
LONG = {"methods": methods, "accuracy": accuracy, "gpu": gpu}


def main() -> None:
    """Run the benchmarks named, one after another, and print; audit, which is of another kind, by itself."""
    if sys.argv[1:2] == ["audit"]:
        from benchmarks.audit import command  # wants cleanlab

        command.main(sys.argv[2:])
        return
    known = BENCHMARKS | LONG
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="The fast paths against plain ones.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which of {', '.join(known)} (default: all but {', '.join(LONG)})"
    )
    parser.add_argument("--rounds", type=int, default=9, help="interleaved rounds of each (default 9)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--write", action="store_true", help=f"keep the figures of methods in {methods.FILE.name}")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(known))
    if unknown:
        parser.error(f"{unknown[0]}: no such benchmark; choose from {', '.join(known)}")
    quiet_fabric()
    torch.set_num_threads(1)
    keep_freed_memory()  # as a run does; the plain sides have it too
    chosen = {name: known[name] for name in arguments.names or BENCHMARKS}
    if arguments.write and "methods" not in chosen:
        parser.error("--write: keeps the figures of methods; name methods")
    results = {name: module.measure(arguments.rounds) for name, module in chosen.items()}
    if arguments.write:
        methods.write(results["methods"])
    goals = {name: module.GOALS for name, module in chosen.items()}
    if arguments.json:
        fixed = {"rounds": arguments.rounds, "threads": torch.get_num_threads(), "torch": torch.__version__}
        print(json.dumps({"results": results, "goals": goals, **fixed}))
        return
    print(f"{'figure':<45} {'measured':>11}  goal")
    for name, result in results.items():
        for key, value in result.items():
            print(f"{name + ' ' + key:<45} {value:>11,.3f}  {goals[name].get(key, '')}".rstrip())


if __name__ == "__main__":
    main()
