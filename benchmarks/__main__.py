"""Are the fast paths as fast as they are meant to be: every benchmark's ratios beside their goals?

The figures are printed, never enforced: they depend on the machine.

Run:
    python -m benchmarks
    python -m benchmarks --rounds 15 --json
"""

import argparse
import json

import torch

from benchmarks import augmentation, loss, step


def main() -> None:
    """Run every benchmark on one thread, one after another, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Ratios of the fast paths to plain ones.")
    parser.add_argument("--rounds", type=int, default=9, help="interleaved rounds of each (default 9)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    modules = {"loss": loss, "step": step, "augmentation": augmentation}
    results = {name: module.measure(arguments.rounds) for name, module in modules.items()}
    goals = {name: module.GOALS for name, module in modules.items()}
    if arguments.json:
        print(json.dumps({"results": results, "goals": goals, "torch": torch.__version__}))
        return
    print(f"{'ratio':<45} {'measured':>9}  goal")
    for name, result in results.items():
        for key, value in result.items():
            goal = goals[name].get(key, "")
            if goal or "_to_" in key:
                print(f"{name + ' ' + key:<45} {value:>9.3f}  {goal}")


if __name__ == "__main__":
    main()
