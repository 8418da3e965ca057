"""Is a checkpoint of the run that its folder says, or was one of the two changed?"""

import json
from typing import Any

from earlylearn.errors import UsageError
from earlylearn.runs.checkpoint import Best
from earlylearn.runs.config import RunConfig
from earlylearn.runs.folder import RunFolder
from earlylearn.runs.inputs import Inputs

# Where a run finds its data and on what it computes: that may change between two parts of it.
MAY_CHANGE = frozenset(
    {"data", "data_dir", "labels", "true_labels", "annotators", "corrections", "test", "val", "noise", "encoder"}
    | {"pretrained", "plugins", "strict", "accelerator", "devices", "num_nodes", "eager", "method", "network"}
    | {"epochs", "continued"}
)


def asked_of(config: RunConfig) -> dict[str, Any]:
    """What a run was asked for, as JSON has it, but for what may change while it is interrupted."""
    settings: dict[str, Any] = config.model_dump(mode="json", exclude=set(MAY_CHANGE))
    return settings


def check_origin(checkpoint: dict[str, Any], config: RunConfig, inputs: Inputs | None = None) -> None:
    """Raise ValueError if a checkpoint was trained otherwise than ``config.json`` says.

    Classes in another order would give every prediction another name; half of a run with another rate would be of none.

    Args:
        checkpoint: of a run; those written before a thing was kept are not asked for it.
        config: of the folder.
        inputs: of the folder; None asks for the request alone, because the data are compared by themselves.
    """
    began = checkpoint.get("config")
    known = began if isinstance(began, dict) else {}
    for name, value in asked_of(config).items():
        if name in known and known[name] != value:
            raise ValueError(f"{name} is {value!r}, and the run began with {known[name]!r}")
    noted = checkpoint.get("inputs")
    if inputs is None or not isinstance(noted, dict):
        return
    for name, found in inputs.items():
        if _text(found) != _text(noted.get(name)):
            raise ValueError(f"inputs, {name}: is not what the run was trained with")


def check_metrics(best: Best | None, folder: RunFolder) -> None:
    """Raise UsageError of metrics that are of another run than the checkpoint, which knows its best epoch."""
    if best is None or not folder.metrics.exists():
        return
    lines = folder.read_metrics(best["epoch"])  # no more: a kill may have cut the last one short
    if len(lines) < best["epoch"]:
        return
    if (lines[-1]["epoch"], lines[-1]["val_accuracy"]) != (best["epoch"], best["val_accuracy"]):
        raise UsageError(f"{folder.metrics}: line {best['epoch']} is not of the run of {folder.last}; restore the file")


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True)
