"""What would training on one's own data take here, and does this machine have it: memory and disk?"""

from pathlib import Path
from typing import Any

from earlylearn.machine import available_memory, free_disk, used_memory
from earlylearn.runs.config import resolve
from earlylearn.runs.memory import mend, needs_of, told_bytes
from earlylearn.runs.train import read


def plan_data(
    data: str, request: dict[str, Any], options: dict[str, Any] | None = None, *, out: str = "."
) -> dict[str, dict[str, Any]]:
    """Facts by topic: ``run``, ``memory``, ``disk``, ``verdict``; the data are read, nothing is trained.

    Args:
        data: as for `earlylearn.train`.
        request: fields of the run's configuration that the user named; None counts as not named.
        options: hyperparameters.
        out: where the run folder would be.

    Raises:
        UsageError: the data cannot be read as asked, or the request is wrong.
    """
    said = {name: value for name, value in request.items() if value is not None}
    loaded, resolved, given = read(data, {**said, "options": options or {}}, quiet=True)
    train = loaded.train
    config = resolve(train, resolved, given)
    facts: dict[str, dict[str, Any]] = {
        "run": {
            "rows": len(train),
            "classes": len(train.classes),
            "numbers of a row": int(train.inputs[0].size),
            "method": config.method,
            "network": config.network,
            "batch_size": config.batch_size,
        }
    }
    needs, there, disk = needs_of(config, train), available_memory(), free_disk(Path(out))
    if needs is None:
        facts["memory"] = {"program and data": told_bytes(used_memory() or train.inputs.nbytes)}
        chooses = f"{config.method} chooses its networks as it goes: they are not in this; name a method to count one"
        facts["verdict"] = {"memory": chooses}
        return facts
    facts["memory"] = {
        "program and data": told_bytes(needs.held),
        "tables with a row per example": told_bytes(needs.rows),
        "network, its gradients and momentum": told_bytes(needs.network),
        "the largest batch": told_bytes(needs.step),
        "in all": told_bytes(needs.memory),
    }
    facts["disk"] = {"a checkpoint": told_bytes(needs.checkpoint), "run folder": told_bytes(needs.disk)}
    facts["verdict"] = {"disk": _fits(needs.disk, disk), "memory": "unknown here"}
    if there is not None:
        room = there + needs.held
        fits = _fits(needs.memory, room)
        facts["verdict"]["memory"] = fits if needs.memory <= room else f"{fits}; {mend(config, train, needs, room)}"
    return facts


def _fits(needed: float, there: float) -> str:
    verdict = "fits" if needed <= there else "does not fit"
    return f"{verdict}: needs {told_bytes(needed)} of {told_bytes(there)}"
