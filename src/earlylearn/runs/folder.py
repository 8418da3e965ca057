"""What does a run leave on disk, and how is it read back?"""

import io
import json
import os
import platform
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from pandas.api.types import is_string_dtype as is_string
from pandas.api.types import union_categoricals
from pydantic import ValidationError

from earlylearn.data.mapped import npy_header
from earlylearn.data.readers.corrections import guarded_frame
from earlylearn.data.readers.frames import as_csv
from earlylearn.documents import FORMAT, EpochRecord, Summary
from earlylearn.encoders.fitted import ARRAYS, DOCUMENT
from earlylearn.errors import UsageError, call, hide_password, setting
from earlylearn.files import Contents, check_format, checked, from_json, read_json, write_bytes, write_json
from earlylearn.methods import check_options
from earlylearn.runs.config import RunConfig
from earlylearn.runs.inputs import Inputs, check_inputs
from earlylearn.runs.issues import AGAIN, CONFIG, CSV_ROWS, NAME, check_there, issue_parts, read_issues
from earlylearn.runs.lock import locked
from earlylearn.values import a_path, describe, yes_or_no

MOST_BELIEFS = 2**25  # numbers, 64 MiB


def environment() -> dict[str, object]:
    """What the numbers may depend on besides the configuration: versions, processor, threads."""
    return {
        "earlylearn": version("earlylearn"),
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "numpy", "pandas", "scikit-learn", "lightning-fabric")},
        "platform": platform.platform(),
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "accelerator": torch.cuda.get_device_name(0) if torch.cuda.is_available() else None,
        "command": [hide_password(word) for word in sys.argv],
    }


def note_environment(folder: "RunFolder") -> None:
    """Keep under what a run goes on beside under what it began, as ``resumed``: a list of the same."""
    try:
        began = from_json(folder.environment.read_text())
    except (OSError, ValueError):
        began = None
    known = began if isinstance(began, dict) else {}
    earlier = known.get("resumed")
    write_json(
        folder.environment, {**known, "resumed": [*(earlier if isinstance(earlier, list) else ()), environment()]}
    )


def _is_config(document: Any) -> bool:
    """Whether a JSON document is the ``config.json`` of a run, of this version or another."""
    inputs = document.get("inputs") if isinstance(document, dict) else None
    return isinstance(inputs, dict) and "fingerprint" in inputs and {"method", "data", "seed"} <= document.keys()


class RunFolder:
    """The files of one run.

    Attributes:
        path: the folder.
        config: ``config.json``, the resolved request, enough to repeat the run.
        environment: ``environment.json``.
        labels: ``labels.npz``: given and true labels, the mask of wrong ones, training and validation rows.
        metrics: ``metrics.jsonl``, a line per epoch.
        encoder: ``encoder/``, an encoder that was fitted on the run's own texts; absent where there is none.
        last, picked: checkpoints of the last epoch (whole state) and of the epoch noisy validation picked (model).
        audited: of the epoch that audits, where the picked one is too early for that; else absent.
        issues: ``label_issues.csv``.
        beliefs: ``beliefs.npy``, ``float16 [n, C]`` by which the labels were audited; absent where it is too large.
        consensus, annotators, soft_labels: ``consensus.csv``, ``annotators.csv`` and ``soft_labels.npy`` (``float32
            [n, C]``), of data that several people labelled; absent of others.
        summary: ``summary.json``, written last: its presence says the run is finished.
        report: ``report.html``.
        lock, holder: ``.lock``, held while a process trains it; ``.locked-by`` says which, as long as it does.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser()
        self.config = self.path / CONFIG
        self.environment = self.path / "environment.json"
        self.labels = self.path / "labels.npz"
        self.metrics = self.path / "metrics.jsonl"
        self.encoder = self.path / "encoder"
        self.last = self.path / "checkpoint" / "last.safetensors"
        self.picked = self.path / "checkpoint" / "picked.safetensors"
        self.audited = self.path / "checkpoint" / "audited.safetensors"
        self.issues = self.path / NAME
        self.beliefs = self.path / "beliefs.npy"
        self.consensus = self.path / "consensus.csv"
        self.annotators = self.path / "annotators.csv"
        self.soft_labels = self.path / "soft_labels.npy"
        self.summary = self.path / "summary.json"
        self.report = self.path / "report.html"
        self.lock = self.path / ".lock"
        self.holder = self.path / ".locked-by"

    @classmethod
    @contextmanager
    def made(cls, path: str | Path, *, overwrite: bool = False) -> Iterator["RunFolder"]:
        """A new run folder, which no other process writes into meanwhile.

        Raises:
            UsageError: something is there already and ``overwrite`` is not given (it clears only a folder that
                is a run, and in which nothing else was put), another process is at it, or it cannot be written.
        """
        folder, overwrite = cls(path), yes_or_no("overwrite", overwrite)
        again = f"continue it with {call('resume', path)}, "
        refused = f"{setting('out', path)}: %s; choose a folder you may write to"
        try:
            folder.contents.check(folder.path, overwrite=overwrite, instead=again)
            folder.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(refused % error.strerror) from None
        with folder.locked():
            try:
                # Once more: another process may have made it before this one had the lock.
                if folder.contents.check(folder.path, overwrite=overwrite, instead=again):
                    folder.clear()
                folder.last.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise UsageError(refused % error.strerror) from None
            yield folder

    def locked(self) -> AbstractContextManager[None]:
        """While nobody else trains this run or clears its folder: see `earlylearn.runs.lock`."""
        return locked(self.path, self.lock, self.holder)

    @property
    def contents(self) -> Contents:
        """What belongs to a run, and how one is known again."""
        files = [*vars(self).values(), *(self.encoder / name for name in (ARRAYS, DOCUMENT))]
        apart = (self.path, self.encoder, self.lock, self.holder)
        own = [file.relative_to(self.path).as_posix() for file in files if file not in apart]
        own.append("log/*")  # of loggers
        traces = (self.lock.name, self.holder.name)
        return Contents("a run", self.config.name, _is_config, tuple(own), hidden=True, traces=traces)

    def clear(self) -> None:
        """Delete the run and nothing else that lies in the folder; OSError if something cannot be deleted."""
        self.contents.clear(self.path)

    @classmethod
    def open(cls, path: str | Path) -> "RunFolder":
        """An existing run folder; UsageError if it is not one."""
        folder = cls(a_path("run", path))
        check_there(folder.path)
        return folder

    @property
    def finished(self) -> bool:
        """Whether the run came to its end."""
        return self.summary.exists()

    def write_config(self, config: RunConfig, inputs: Inputs) -> None:
        """Keep the resolved request, and what there is to know of the inputs."""
        write_json(self.config, {"format": FORMAT, **config.model_dump(), "inputs": inputs})

    def read_config(self) -> tuple[RunConfig, Inputs]:
        """What `write_config` kept; UsageError if it is none, or of a newer format than is known here."""
        document = read_json(self.config)
        if not isinstance(document, dict) or not isinstance(document.get("inputs"), dict):
            raise UsageError(f"{self.config}: is not the configuration of a run; restore the file")
        check_format(document, self.config)
        inputs = check_inputs(document["inputs"], self.config)
        settings = {name: value for name, value in document.items() if name not in ("format", "inputs")}
        try:
            config = RunConfig.model_validate(settings)
            if "method" not in config.plugins:  # what a plug-in takes is asked when it is needed: it may be gone
                check_options(config.method, config.options)
        except ValidationError as error:
            first = error.errors()[0]
            reason = f"has no {first['loc'][0]!r}" if first["type"] == "missing" else describe(error)
            raise UsageError(f"{self.config}: {reason}; restore the file") from None
        except UsageError as error:
            raise UsageError(f"{self.config}: {error.message}; restore the file") from None
        return config, inputs

    def read_environment(self) -> dict[str, object]:
        """``environment.json``; nothing where it is gone, for nothing depends on it."""
        document = read_json(self.environment) if self.environment.exists() else {}
        return document if isinstance(document, dict) else {}

    def write_labels(self, **arrays: NDArray[Any]) -> None:
        """Keep the labels and rows the run was made with."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
        write_bytes(self.labels, buffer.getvalue())

    def read_labels(self) -> dict[str, NDArray[Any]]:
        """What `write_labels` kept."""
        try:
            with self.labels.open("rb") as file, np.load(file, allow_pickle=False) as kept:
                arrays = dict(kept)
        except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise UsageError(f"{self.labels}: cannot be read ({error}); {AGAIN}") from None
        for name in ("given", "train_rows", "val_rows"):
            if name not in arrays:
                raise UsageError(f"{self.labels}: has no array {name!r}; {AGAIN}")
            if arrays[name].dtype.kind not in "iu" or arrays[name].ndim != 1:
                raise UsageError(f"{self.labels}: the array {name!r} is not as a run writes it; {AGAIN}")
        return arrays

    def held_out(self) -> int:
        """By how many labels an epoch was picked: of rows held out, or of a validation set beside the data."""
        own = self.read_config()[1].get("val")
        return len(self.read_labels()["val_rows"]) if own is None else own["n"]

    def append_metrics(self, record: EpochRecord) -> None:
        """Add an epoch's line."""
        with self.metrics.open("a") as file:
            file.write(json.dumps(record, allow_nan=False) + "\n")

    def keep_metrics(self, epochs: int) -> None:
        """Drop lines after the first ``epochs``: epochs a kill undid, because their checkpoint was not yet there."""
        lines = self.read_metrics(epochs) if self.metrics.exists() else []
        if len(lines) < epochs:
            raise UsageError(
                f"{self.metrics}: has {len(lines)} lines, the checkpoint is of epoch {epochs}; "
                f"restore the file, or {AGAIN}"
            )
        partial = self.metrics.with_name("metrics.jsonl.partial")
        partial.write_text("".join(json.dumps(line) + "\n" for line in lines))
        os.replace(partial, self.metrics)

    def read_metrics(self, epochs: int | None = None) -> list[EpochRecord]:
        """A record per epoch, of the first ``epochs`` if that is given."""
        try:
            lines = [from_json(line) for line in self.metrics.read_text().splitlines()[:epochs]]
        except (OSError, ValueError) as error:
            raise UsageError(f"{self.metrics}: cannot be read ({error}); restore the file, or {AGAIN}") from None
        return [checked(line, EpochRecord, f"{self.metrics}, line {k}") for k, line in enumerate(lines, 1)]

    def read_summary(self) -> Summary:
        """``summary.json``."""
        return checked(read_json(self.summary), Summary, self.summary)

    def write_issues(self, frame: Callable[[slice], pd.DataFrame], rows: int) -> None:
        """Keep the label issues, which are made and written `CSV_ROWS` at a time."""
        partial = self.issues.with_name(self.issues.name + ".partial")
        with partial.open("w", encoding="utf-8", newline="") as file:
            for start in range(0, rows, CSV_ROWS):
                part = guarded_frame(frame(slice(start, min(start + CSV_ROWS, rows))))
                file.write(as_csv(part, header=not start))
        os.replace(partial, self.issues)

    @contextmanager
    def keep_beliefs(self, rows: int, classes: int) -> Iterator[Callable[[NDArray[np.floating[Any]]], object]]:
        """Keep what labels are audited by, given in blocks of rows, if they are `MOST_BELIEFS` numbers at most."""
        if rows * classes > MOST_BELIEFS:
            yield lambda _: None
            return
        partial = self.beliefs.with_name(self.beliefs.name + ".partial")
        with partial.open("wb") as file:
            file.write(npy_header("<f2", (rows, classes)))
            yield lambda block: file.write(block.astype("<f2").tobytes())
        os.replace(partial, self.beliefs)

    def write_consensus(self, rows: pd.DataFrame, people: pd.DataFrame, probability: NDArray[np.floating]) -> None:
        """Keep what several annotators say together, of each row and of each of them, and as soft labels."""
        for path, frame in ((self.consensus, rows), (self.annotators, people)):
            partial = path.with_name(path.name + ".partial")
            partial.write_text(as_csv(guarded_frame(frame)), encoding="utf-8", newline="")
            os.replace(partial, path)
        buffer = io.BytesIO()
        np.save(buffer, probability.astype(np.float32), allow_pickle=False)
        write_bytes(self.soft_labels, buffer.getvalue())

    def read_annotators(self) -> list[tuple[str, int, float, float, str]]:
        """The lines of ``annotators.csv``; none where one label a row was given."""
        if not self.annotators.exists():
            return []
        try:
            text = dict.fromkeys(("annotator", "worst_class"), str)
            gaps = {"quality": [""], "agreement": [""]}
            frame = pd.read_csv(self.annotators, dtype=text, keep_default_na=False, na_values=gaps)
            columns = [frame[name] for name in ("annotator", "annotations", "quality", "agreement", "worst_class")]
        except (OSError, ValueError, KeyError) as error:
            raise UsageError(f"{self.annotators}: cannot be read ({error}); {AGAIN}") from None
        return list(zip(*columns, strict=True))

    def read_beliefs(self) -> NDArray[np.float32] | None:
        """The beliefs of `keep_beliefs`, ``float32 [n, C]``; None where they were not kept."""
        try:
            return np.asarray(np.load(self.beliefs, allow_pickle=False), dtype=np.float32)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, EOFError) as error:
            raise UsageError(f"{self.beliefs}: cannot be read ({error}); {AGAIN}") from None

    def read_issues(self) -> pd.DataFrame:
        """``label_issues.csv``; class names stay text, whatever they look like."""
        return read_issues(self.issues)

    def read_worst_issues(self, most: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The same for a page: of all rows what is counted, all columns of the ``most`` flagged ones of lowest quality.

        Of a long file that takes a tenth of the memory.
        """
        counted = ["index", "given_label", "predicted_label", "label_quality", "is_label_issue", "split", "true_label"]
        counted.append("near_duplicate_set")
        briefs: list[pd.DataFrame] = []
        worst: pd.DataFrame | None = None
        for part in issue_parts(self.issues):
            flagged = part[part["is_label_issue"]]
            both = flagged if worst is None else pd.concat([worst, flagged])
            worst = both.sort_values(["label_quality", "index"], kind="stable").head(most)
            brief = part[[name for name in counted if name in part]]
            briefs.append(brief.astype({name: "category" for name in brief if is_string(brief[name])}))
        assert worst is not None  # a run has rows
        texts = [name for name in briefs[0] if isinstance(briefs[0][name].dtype, pd.CategoricalDtype)]
        issues = pd.DataFrame(
            {
                name: union_categoricals([each[name] for each in briefs])
                if name in texts
                else np.concatenate([each[name].to_numpy() for each in briefs])
                for name in briefs[0]
            }
        )
        return issues, worst.sort_index()
