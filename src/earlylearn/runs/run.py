"""What can be asked of a finished run: predictions, label issues, its summary?"""

from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from textwrap import shorten
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric
from numpy.typing import ArrayLike, NDArray
from torch import nn

from earlylearn.data.labelled import LabelledData
from earlylearn.data.readers.features import feature_names
from earlylearn.data.readers.paths import one_line
from earlylearn.data.sources import folder_of, read_unlabelled
from earlylearn.documents import EpochRecord, Summary
from earlylearn.encoders.encode import describe_features, encode_inputs
from earlylearn.encoders.once import Workplace
from earlylearn.errors import UsageError, setting
from earlylearn.loop.batches import as_tensor, evaluation_size
from earlylearn.loop.method import Method
from earlylearn.loop.predict import load_method, predict_batches
from earlylearn.networks import build_network
from earlylearn.plugins import lies_in
from earlylearn.report import RunView
from earlylearn.runs.checkpoint import load_checkpoint
from earlylearn.runs.folder import RunFolder

Weights = Literal["picked", "last"]


class Run:
    """A run folder, read back.

    Args:
        path: the folder.
        summary: its summary while it is not yet written.

    Raises:
        UsageError: the folder is not a run, or one of its files is broken.
    """

    def __init__(self, path: str | Path, *, summary: Summary | None = None) -> None:
        self.folder = RunFolder.open(path)
        self._summary = summary
        self.config, self.inputs = self.folder.read_config()
        for kind, name in (("method", self.config.method), ("network", self.config.network)):
            if lies_in(name, self.folder.path):
                # Who is handed a run and opens it must not run code that came with it.
                raise UsageError(
                    f"{self.folder.config}: {setting(kind, name)}: came with the run; if you trust it, move it "
                    "elsewhere, and write its whole path there"
                )
        self._models: dict[str, Method] = {}

    @cached_property
    def summary(self) -> Summary:
        """``summary.json``; what cannot be known without true labels is None."""
        return self._summary if self._summary is not None else self.folder.read_summary()

    @property
    def metrics(self) -> list[EpochRecord]:
        """A record per epoch, as ``metrics.jsonl`` has them."""
        return self.folder.read_metrics()

    @property
    def classes(self) -> list[str]:
        """Class names in the order of the label integers."""
        return self.inputs["classes"]

    def label_issues(self) -> pd.DataFrame:
        """A row per example, in the order of the data: see `earlylearn.find_label_issues` for the columns."""
        return self.folder.read_issues()

    def read(self, data: str, *, data_dir: str | None = None) -> tuple[NDArray[Any], NDArray[np.str_]]:
        """The inputs of new data as `predict_proba` takes them, and their ids ``str [m]``.

        They go through the run's own encoder, if it has one: photographs, or a table with the same columns, will do.

        Args:
            data: as for `earlylearn.train`; labels are not needed.
            data_dir: where the files of built-in data are.

        Raises:
            UsageError: the data cannot be read, are of another kind, or the encoder is gone.
        """
        rows = read_unlabelled(data, self.inputs["schema"], data_dir=data_dir)
        workplace = Workplace(folder_of(data, data_dir))
        return encode_inputs(rows, self.inputs["schema"], workplace=workplace, saved=self.folder.encoder), rows.ids

    def predict_proba(self, x: ArrayLike, *, weights: Weights = "picked") -> NDArray[np.float32]:
        """Class probabilities ``float32 [m, C]`` of raw inputs.

        Args:
            x: ``uint8 [m, channels, height, width]`` or ``float32 [m, d]``, as the training inputs were.
            weights: those of the epoch that noisy validation picked, or of the last epoch.

        Raises:
            UsageError: inputs of another shape or dtype, or no checkpoint.
        """
        x = np.asarray(x)
        if list(x.shape[1:]) != self.inputs["shape"]:
            features = describe_features(self.inputs["schema"], self.inputs["shape"][0])
            of = f", {features}; run.read(data) makes them" if features else ""
            raise UsageError(
                f"inputs have shape {list(x.shape)}; this run was trained on [m, {str(self.inputs['shape'])[1:]}{of}"
            )
        if len(self.inputs["shape"]) == 3 and x.dtype != np.uint8:
            raise UsageError(f"images have dtype {x.dtype}; this run was trained on uint8 0..255")
        if not len(x):
            return np.zeros((0, len(self.classes)), np.float32)
        method = self._model(weights)
        fabric = Fabric(accelerator="cpu", devices=1, precision="32-true")
        inputs = as_tensor(x)
        batches = ((part, part) for part in inputs.split(evaluation_size(inputs)))
        return torch.softmax(predict_batches(method, fabric, batches), 1).numpy()

    def predict(self, x: ArrayLike, *, weights: Weights = "picked") -> NDArray[np.int64]:
        """Predicted classes ``int64 [m]``, positions in `classes`; arguments as of `predict_proba`."""
        return np.asarray(self.predict_proba(x, weights=weights).argmax(1))

    def view(self, data: LabelledData) -> RunView:
        """What the report shows of this run, with the data it was trained on."""
        image: Callable[[int], NDArray[np.uint8]] | None = None
        describe_row: Callable[[int], str] | None = None
        if data.pictures is not None:
            image = data.pictures.thumbnail
        elif data.is_image:
            image = data.inputs.__getitem__
        elif data.cells is not None and data.cells.shape[1]:
            describe_row = partial(_in_words, data.cells)
        else:
            names = feature_names(data.schema.get("columns", ())) or [f"x{k}" for k in range(data.inputs.shape[1])]

            def describe_row(index: int) -> str:
                shown = [f"{name} {value:.4g}" for name, value in zip(names, data.inputs[index], strict=True)]
                return ", ".join(shown[:6]) + (", ..." if len(shown) > 6 else "")

        return RunView(
            summary=self.summary,
            config=self.config.model_dump(),
            metrics=self.metrics,
            issues=self.label_issues(),
            classes=self.classes,
            image=image,
            describe=describe_row,
            path=str(self.folder.path),
        )

    def _model(self, weights: Weights) -> Method:
        check_weights(weights)
        if weights not in self._models:
            path = self.folder.picked if weights == "picked" else self.folder.last
            state = load_checkpoint(path)
            self.config.architecture()  # refuses one that is gone, or changed
            shape, classes = tuple(self.inputs["shape"]), len(self.classes)
            channels = shape[0]

            def network() -> nn.Module:
                # The input moments are buffers of the network: the checkpoint brings them.
                return build_network(
                    self.config.network,
                    shape=shape,
                    classes=classes,
                    mean=torch.zeros(channels),
                    std=torch.ones(channels),
                    crop=self.config.crop,
                )

            try:
                with torch.random.fork_rng(devices=[]):
                    method = self.config.method_class()(network, self.inputs["n"], classes, **self.config.options)
                load_method(method, state["method"] if weights == "picked" else state["fit"]["method"])
            except (LookupError, TypeError, AttributeError, RuntimeError) as error:
                reason = f"it lacks {error}" if isinstance(error, KeyError) else one_line(error)
                raise UsageError(f"{path}: does not fit config.json ({reason}); restore the file") from error
            self._models[weights] = method
        return self._models[weights]


def check_weights(weights: str) -> None:
    """UsageError unless a checkpoint of a run is called so."""
    if weights not in get_args(Weights):
        raise UsageError(f"{setting('weights', weights)}: must be {' or '.join(get_args(Weights))}")


def _in_words(cells: pd.DataFrame, index: int) -> str:
    """A table's row as it stands there, text and columns to be shown first."""
    row = cells.iloc[index]
    names = sorted(cells.columns, key=lambda name: not isinstance(row[name], str))
    shown = [f"{name}: {shorten(str(row[name]), _LONGEST, placeholder=' ...')}" for name in names]
    return " · ".join(shown[:_MOST]) + (" · ..." if len(shown) > _MOST else "")


_MOST, _LONGEST = 8, 300  # columns of a row in the report, and characters of one
