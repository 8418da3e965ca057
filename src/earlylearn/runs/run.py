"""What can be asked of a finished run: predictions, label issues, its summary?"""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from torch import nn

from earlylearn.data.counting import say
from earlylearn.data.labelled import LabelledData
from earlylearn.data.mapped import blocks
from earlylearn.data.readers.features import feature_names
from earlylearn.data.readers.paths import one_line
from earlylearn.data.sources import folder_of, read_unlabelled, refuse_notes
from earlylearn.documents import EpochRecord, Summary
from earlylearn.encoders.encode import describe_features, encode_inputs, encoder_network
from earlylearn.encoders.once import Workplace
from earlylearn.errors import UsageError, call, setting
from earlylearn.loop.batches import as_tensor, evaluation_size
from earlylearn.loop.method import Method
from earlylearn.loop.predict import load_method, predict_batches
from earlylearn.networks import build_network
from earlylearn.plugins import lies_in
from earlylearn.report.suspects import MOST_SHOWN
from earlylearn.report.view import Person, RunView
from earlylearn.runs.checkpoint import load_checkpoint, method_state
from earlylearn.runs.config import axes_of
from earlylearn.runs.export import Format, Trained, WithEncoder, export
from earlylearn.runs.folder import RunFolder
from earlylearn.runs.origin import check_origin
from earlylearn.runs.own import Own
from earlylearn.runs.raw import network_inputs
from earlylearn.values import yes_or_no
from earlylearn.wording import missing, plural

Weights = Literal["picked", "last"]
PART = 2**19  # probabilities made at a time
RawInputs = ArrayLike | str | Path | pd.DataFrame | Image.Image | Sequence[Image.Image]


class Run:
    """A run folder, read back.

    Args:
        path: the folder.
        summary: its summary while it is not yet written.
        network: the network it was trained with, if that was a user's own and is in no file.
        own: all objects it was trained with, if the caller has them.

    Raises:
        UsageError: the folder is not a run, or one of its files is broken.
    """

    def __init__(
        self, path: str | Path, *, summary: Summary | None = None, network: Any = None, own: Own | None = None
    ) -> None:
        self.folder = RunFolder.open(path)
        self._summary = summary
        config, self.inputs = self.folder.read_config()
        own = own or Own()
        self.config = config.with_own(own if network is None else replace(own, parts={**own.parts, "network": network}))
        for kind, name in (("method", self.config.method), ("network", self.config.network)):
            if lies_in(name, self.folder.path):
                # Who is handed a run and opens it must not run code that came with it.
                raise UsageError(
                    f"{self.folder.config}: {setting(kind, name)}: came with the run; if you trust it, move it "
                    "elsewhere, and write its whole path there"
                )
        self.leads = True  # of several processes that trained it, the first; the others have nothing to tell
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

    def read(
        self, data: str | Path, *, data_dir: str | None = None, strict: bool = False
    ) -> tuple[NDArray[Any], NDArray[np.str_]]:
        """The inputs of new data as `predict_proba` takes them, and their ids ``str [m]``.

        They go through the run's own encoder, if it has one: photographs, or a table with the same columns, will do.

        Args:
            data: as for `earlylearn.train`; labels are not needed.
            data_dir: where the files of built-in data are.
            strict: refuse data of which anything is left out, filled, or unseen in training; else it is told on stderr.

        Raises:
            UsageError: the data cannot be read, are of another kind, or the encoder is gone.
        """
        rows = read_unlabelled(data, self.inputs["schema"], data_dir=data_dir)
        if yes_or_no("strict", strict):
            refuse_notes(rows.notes)
        for note in rows.notes:
            say(note)
        workplace = Workplace(folder_of(str(data), data_dir))
        return encode_inputs(rows, self.inputs["schema"], workplace=workplace, saved=self.folder.encoder), rows.ids

    def predict_proba(self, x: RawInputs, *, weights: Weights = "picked") -> NDArray[np.float32]:
        """Class probabilities ``float32 [m, C]`` of raw inputs.

        Args:
            x: a path, as for `earlylearn.train` (a file or folder of pictures, a table, an .npz), a DataFrame with the
                columns of the training table, pictures of any size (Pillow's, or ``uint8`` arrays with channels first
                or last; one or a list of them), or ``uint8 [m, channels, height, width]`` or ``float32 [m, d]`` as the
                training inputs were. Pictures and texts go through the run's own encoder.
            weights: those of the epoch that noisy validation picked, or of the last epoch.

        Raises:
            UsageError: inputs of another shape or dtype, or no checkpoint.
        """
        return np.concatenate(list(self.probability_parts(x, weights=weights)))

    def probability_parts(self, x: RawInputs, *, weights: Weights = "picked") -> Iterator[NDArray[np.float32]]:
        """`predict_proba` some rows at a time, ``float32 [k, C]``, for more of them than memory holds.

        Args:
            x: as of `predict_proba`.
            weights: as of `predict_proba`.

        Raises:
            UsageError: as of `predict_proba`, before anything is predicted.
        """
        x = network_inputs(x, self.inputs, self.folder.encoder)
        _check_finite(x)
        if not len(x):
            return iter([np.zeros((0, len(self.classes)), np.float32)])
        method, inputs, classes = self._model(weights), as_tensor(x), len(self.classes)
        at_once = evaluation_size(inputs)
        several = at_once * max(1, PART // (at_once * classes))  # whole batches: the numbers depend on their size
        return (
            torch.softmax(predict_batches(method, None, ((part, part) for part in some.split(at_once))), 1).numpy()
            for some in inputs.split(several)
        )

    def predict(self, x: RawInputs, *, weights: Weights = "picked") -> NDArray[np.int64]:
        """Predicted classes ``int64 [m]``, positions in `classes`; arguments as of `predict_proba`."""
        return np.asarray(self.predict_proba(x, weights=weights).argmax(1))

    def network(self, weights: Weights = "picked") -> nn.Module:
        """What `predict_proba` asks, as a plain network in evaluation mode: raw inputs to logits ``[B, C]``.

        It takes ``uint8 [B, channels, height, width]`` or ``float32 [B, d]``, as the training inputs were (features,
        where an encoder made some), and normalises them itself. It is a copy, free to be trained on.

        Args:
            weights: as of `predict_proba`.

        Raises:
            UsageError: no checkpoint, or the method predicts in a way of its own and gives no network for it.
        """
        method = self._model(weights)
        kind = type(method)
        if kind.predict is not Method.predict and kind.inference_network is Method.inference_network:
            raise UsageError(
                f"{setting('method', self.config.method)}: predicts in a way of its own; give it an inference_network "
                "that computes the same"
            )
        return copy.deepcopy(method.inference_network()).eval()

    def export(
        self, path: str | Path, format: Format = "safetensors", *, weights: Weights = "picked", overwrite: bool = False
    ) -> Path:
        """Write the network for programs that do not know this library, with a README that says all about it.

        Where an encoder made features of pictures, it goes along: the exported network takes pictures.

        Args:
            path: the folder to make: the network, ``config.json`` (classes, inputs) and ``README.md``.
            format: ``safetensors``: weights alone, under the names the network itself gives them; ``pt2``: a program
                for `torch.export.load`; ``onnx`` (extra ``[onnx]``). Programs take any number of rows.
            weights: as of `predict_proba`.
            overwrite: replace an export that is there already.

        Returns:
            The path of the network's file.

        Raises:
            UsageError: as of `network`; the format is unknown or its packages are missing, the network cannot be
                traced, or the folder holds something else or cannot be written.
        """
        network, schema = self.network(weights), self.inputs["schema"]
        shape, encoder = tuple(self.inputs["shape"]), encoder_network(schema)
        if encoder is not None:
            side = schema["encoder"]["side"]
            assert side is not None
            network, shape = WithEncoder(encoder, network), (3, side, side)
        trained = Trained(
            network=network,
            shape=shape,
            pixels=len(shape) == 3,
            classes=self.classes,
            features="" if encoder else describe_features(schema, shape[0]),
            config=self.config,
            summary=self.summary,
            weights=weights,
            versions=self.folder.read_environment(),
        )
        return export(trained, path, format, overwrite=overwrite)

    def view(self, data: LabelledData) -> RunView:
        """What the report shows of this run, with the data it was trained on."""
        image: Callable[[int], NDArray[np.uint8]] | None = None
        cells: Callable[[int], list[tuple[str, str]]] | None = None
        if data.pictures is not None:
            image = data.pictures.thumbnail
        elif data.is_image:
            image = data.inputs.__getitem__
        elif data.cells is not None and data.cells.shape[1]:
            cells = partial(_of_table, data.cells)
        elif not data.is_embedding:  # of which no person can read a number
            cells = partial(_of_array, data)
        issues, worst = self.folder.read_worst_issues(MOST_SHOWN)
        return RunView(
            summary=self.summary,
            config=self.config.model_dump(),
            metrics=self.metrics,
            issues=issues,
            worst=worst,
            classes=self.classes,
            image=image,
            cells=cells,
            path=str(self.folder.path),
            again=self.config.again_corrected(str(self.folder.path)),
            made=date.today().isoformat(),
            people=tuple(Person(*line) for line in self.folder.read_annotators()),
        )

    def _model(self, weights: Weights) -> Method:
        check_weights(weights)
        if weights not in self._models:
            path = self.folder.picked if weights == "picked" else self.folder.last
            state = load_checkpoint(path)
            if self._summary is None and not self.folder.summary.exists():
                self._tell_unfinished()
            try:
                check_origin(state, self.config, self.inputs)
            except ValueError as error:
                raise UsageError(f"{path}: does not fit config.json ({error}); restore the file") from None
            known = self.config.architecture()  # refuses one that is gone, or changed
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
                    known=known,
                    axes=axes_of(self.inputs["schema"], shape),
                    raw=self.config.raw_inputs,
                )

            try:
                with torch.random.fork_rng(devices=[]):
                    method = self.config.method_class()(network, self.inputs["n"], classes, **self.config.options)
                load_method(method, method_state(state))
            except (LookupError, TypeError, AttributeError, RuntimeError) as error:
                reason = f"it lacks {error}" if isinstance(error, KeyError) else one_line(error)
                raise UsageError(f"{path}: does not fit config.json ({reason}); restore the file") from error
            self._models[weights] = method
        return self._models[weights]

    def _tell_unfinished(self) -> None:
        done = plural(len(self.metrics), "epoch")
        say(
            f"{self.folder.path}: the run is not finished: its weights are those of {done} of {self.config.epochs}; "
            f"go on with {call('resume', self.folder.path)}"
        )


def _check_finite(x: NDArray[Any]) -> None:
    start = 0
    for part in blocks(x) if x.dtype.kind == "f" else ():
        fine = np.isfinite(part).reshape(len(part), -1).all(1)
        if not fine.all():
            row = start + int(np.flatnonzero(~fine)[0])
            raise UsageError(f"inputs: row {row} has a value that is not finite; fill or remove it")
        start += len(part)


def check_weights(weights: str) -> None:
    """UsageError unless a checkpoint of a run is called so."""
    if weights not in get_args(Weights):
        raise UsageError(f"{setting('weights', weights)}: must be {' or '.join(get_args(Weights))}")


def _of_table(cells: pd.DataFrame, position: int) -> list[tuple[str, str]]:
    """A table's row as it stands there."""
    row = cells.iloc[position]
    shown = [name for name in cells.columns if not isinstance(row[name], list | np.ndarray)]  # no embeddings
    return [(str(name), "" if missing(row[name]) else str(row[name])) for name in shown]


def _of_array(data: LabelledData, position: int) -> list[tuple[str, str]]:
    """The first numbers of a row, by the names of the features where they have some."""
    names = feature_names(data.schema.get("columns", ())) or [f"x{k}" for k in range(data.inputs.shape[1])]
    return [(name, f"{value:.4g}") for name, value in zip(names[:_MOST], data.inputs[position], strict=False)]


_MOST = 16  # numbers of a row in the report
