"""Which other programs are told how a run goes: TensorBoard, Weights & Biases, MLflow, a table?"""

import os
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from earlylearn.documents import EpochRecord
from earlylearn.errors import UsageError, setting
from earlylearn.plugins import cause

# Each with the modules that it needs, the class that writes, and how that is called for a run folder.
LOGGERS: dict[str, tuple[tuple[str, ...], str]] = {
    "csv": ((), "lightning_fabric.loggers:CSVLogger"),
    "tensorboard": (("tensorboard",), "lightning_fabric.loggers:TensorBoardLogger"),
    "wandb": (("wandb", "lightning"), "lightning.pytorch.loggers:WandbLogger"),
    "mlflow": (("mlflow", "lightning"), "lightning.pytorch.loggers:MLFlowLogger"),
}
PROJECT = "earlylearn"  # under which Weights & Biases and MLflow list runs


def make_loggers(names: Sequence[str], own: Mapping[str, Any], folder: Path) -> list[Any]:
    """What is told of every epoch, as Fabric's loggers are.

    Args:
        names: keys of `LOGGERS`, or of ``own``.
        own: a user's loggers by name: anything with ``log_metrics(metrics, step)``.
        folder: of the run; files go into its ``log``.

    Raises:
        UsageError: there is none of that name, or its package is missing.
    """
    return [own[name] if name in own else _make(name, folder) for name in names]


def _make(name: str, folder: Path) -> Any:
    check_logger(name)
    module, _, kind = LOGGERS[name][1].partition(":")
    log = folder / "log"
    ways: dict[str, dict[str, Any]] = {
        "csv": {"root_dir": log, "name": "csv", "version": ""},
        "tensorboard": {"root_dir": log, "name": "tensorboard", "version": ""},
        "wandb": {"save_dir": log, "name": folder.name, "project": PROJECT},
        "mlflow": {"tracking_uri": tracked_by(log), "run_name": folder.name, "experiment_name": PROJECT},
    }
    try:
        log.mkdir(exist_ok=True)
        if name == "csv":  # a run that goes on tells it of all its epochs
            (log / "csv" / "metrics.csv").unlink(missing_ok=True)
        return getattr(import_module(module), kind)(**ways[name])
    except Exception as error:  # of other packages
        raise UsageError(
            f"{setting('log', [name])}: cannot be begun: {cause(error)}; leave it out, or mend that"
        ) from error


def tracked_by(log: Path) -> str:
    """MLflow's server as its own variable names it; else a database in the run's folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{log.resolve()}/mlflow.db"


def check_logger(name: str) -> None:
    """Raise UsageError of a logger that is unknown or whose package is missing."""
    if name not in LOGGERS:
        raise UsageError(
            f"{setting('log', [name])}: unknown; choose from {', '.join(LOGGERS)}, or give one of your own in Python"
        )
    missing = [module for module in LOGGERS[name][0] if find_spec(module) is None]
    if missing:
        raise UsageError(
            f"{setting('log', [name])}: needs {' and '.join(missing)}; run pip install 'earlylearn[{name}]'"
        )


def numbers_of(record: EpochRecord) -> dict[str, float]:
    """The numbers in an epoch's record by name, such as ``loss_parts/ce``; what is unknown is left out."""
    return dict(_flat("", record))


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, float]]:
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _flat(f"{prefix}/{name}" if prefix else str(name), part)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield prefix, float(value)
