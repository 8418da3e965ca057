"""How is one run done in a process of its own, so that an error or a kill costs that run alone?

    python -m benchmarks.gpu_day.child WORK/items/NAME.json

A run that was interrupted goes on from its last epoch.
"""

import json
import sys
from pathlib import Path
from typing import Any

from earlylearn.study.compare import compare
from earlylearn_paper.records import Records


def train(document: dict[str, Any], work: Path) -> None:
    """Do the run, and keep its record."""
    request = {**document["request"], **document["settings"]}
    done = compare(
        request.pop("data"),
        [document["asked"]["method"]],
        seeds=1,
        seed=document["asked"]["seed"],
        out=study(work, document["name"]),
        quiet=True,
        **request,
    )
    if done.failed:
        raise SystemExit(done.failed[0].error)
    (run,) = done.document["runs"]
    Records(work / "records").keep(document["asked"], done.path / str(run["folder"]))


def study(work: Path, name: str) -> Path:
    """Where a run is made."""
    return work / "studies" / name


if __name__ == "__main__":
    path = Path(sys.argv[1])
    train(json.loads(path.read_text(encoding="utf-8")), path.parent.parent)
