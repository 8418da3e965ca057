"""How does a run in progress go: trained epoch by epoch, evaluated, written down, and audited at its end?"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import Tensor

from earlylearn.audit.dynamics import Dynamics
from earlylearn.audit.gradients import true_class_gradients
from earlylearn.audit.label_issues import find_label_issues, score_label_issues
from earlylearn.data.fingerprint import fingerprint
from earlylearn.data.sources import Loaded
from earlylearn.errors import EarlylearnError, UsageError
from earlylearn.files import write_json
from earlylearn.loop.batches import as_tensor, evaluation_size
from earlylearn.loop.fit import Epoch, Fit
from earlylearn.loop.predict import load_method, predict_batches
from earlylearn.loop.replay import recorder_for
from earlylearn.machine import keep_freed_memory
from earlylearn.report import render_run
from earlylearn.runs.checkpoint import load_checkpoint, save_checkpoint
from earlylearn.runs.config import RunConfig
from earlylearn.runs.evaluate import _share
from earlylearn.runs.folder import RunFolder
from earlylearn.runs.generators import Generators
from earlylearn.runs.prepare import LabelDraw, build_method, make_batches
from earlylearn.runs.progress import TrainingProgress
from earlylearn.runs.run import Run


class Session:
    """A run in progress: everything prepared, trained epoch by epoch, written down as it goes.

    Args:
        config: the resolved request.
        loaded: training data as read, and the test set if there is one.
        draws: noise and split; more than one only under ``as_released``.
        quiet: show no progress.

    Raises:
        UsageError: the accelerator is unknown or not there.
    """

    def __init__(self, config: RunConfig, loaded: Loaded, draws: list[LabelDraw], *, quiet: bool) -> None:
        self.config, self.draws, self.quiet = config, draws, quiet
        draw = draws[0]
        clean = loaded.train
        truth = clean.labels if draw.noise is not None else clean.true_labels
        self.data, self.test = clean.with_labels(draw.labels, truth), loaded.test
        self.wrong = None if truth is None else draw.labels != truth
        self.inputs = {
            "n": len(clean),
            "shape": list(clean.inputs.shape[1:]),
            "classes": list(clean.classes),
            "schema": clean.schema,
            "fingerprint": fingerprint(loaded),
        }
        try:
            self.fabric = Fabric(accelerator=config.accelerator, devices=config.devices, precision=config.precision)
        except Exception as error:  # Fabric has several kinds for an accelerator that is unknown or not there
            reason = " ".join(str(error).split()).rstrip(".")
            raise UsageError(f"--accelerator {config.accelerator}: {reason}; use auto or cpu") from None
        self.device = self.fabric.device
        self.best: dict[str, Any] = {"epoch": None, "val_accuracy": None, "test_accuracy": None}

    def label_arrays(self) -> dict[str, Any]:
        """What ``labels.npz`` keeps of the noise and the split."""
        arrays: dict[str, Any] = {}
        for k, draw in enumerate(self.draws):
            suffix = f"_{k}" if k else ""
            arrays |= {f"given{suffix}": draw.labels, f"train_rows{suffix}": draw.train_rows}
            arrays |= {f"val_rows{suffix}": draw.val_rows}
            if draw.noise is not None:
                arrays |= {
                    f"wrong{suffix}": draw.noise.wrong,
                    f"noise_seed{suffix}": np.array(draw.noise.seed),
                }
        if self.data.true_labels is not None:
            arrays["true"] = self.data.true_labels
        return arrays

    def run(self, folder: RunFolder) -> Run:
        """Train what is left of the run, then audit it and write its results."""
        with one_line_errors(folder):
            config, title = self.config, f"{Path(self.config.data).name} {self.config.method}"
            examples = len(self.train_rows) * self.method.networks
            with TrainingProgress(
                title, epochs=config.epochs, examples=examples, start=self.fit.epoch, quiet=self.quiet
            ) as progress:
                began = time.monotonic()
                for epoch in self.fit.run(progress.step):
                    record = self._evaluate(epoch)
                    record["seconds"] = round(time.monotonic() - began, 3)
                    self._keep(folder, record)
                    progress.epoch(record)
                    began = time.monotonic()
            self._finish(folder)
        return Run(folder.path)

    def prepare(self) -> None:
        """Build everything that trains; seeds torch's global generator, so the caller forks it around the run."""
        config, draw = self.config, self.draws[0]
        if self.device.type == "cpu":
            keep_freed_memory()
        self.generators = Generators(config.seed)
        self.method = build_method(config, self.data, draw.train_rows, self.generators)
        batches = make_batches(config, self.data, self.draws, self.generators, self.device)
        recorder, reason = (None, "") if config.eager else recorder_for(self.method, batches)
        if reason:
            self.method.note(f"steps are not replayed as CUDA graphs: {reason}")
        self.fit = Fit(
            self.method,
            batches,
            self.fabric,
            epochs=config.epochs,
            lr=config.lr,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
            schedule=config.schedule,
            recorder=recorder,
        )
        self.dynamics = Dynamics(len(self.data)).to(self.device)
        self.labels = batches.draws[0].labels
        self.train_rows = batches.draws[0].rows
        self.val_rows = torch.from_numpy(draw.val_rows).to(self.device)
        truth = self.data.true_labels
        self.true = None if truth is None else torch.from_numpy(truth).to(self.device)

    def take_up(self, checkpoint: dict[str, Any], path: Path) -> None:
        """Continue from the state in a checkpoint."""
        try:
            self.fit.load_state_dict(checkpoint["fit"])
            self.dynamics.load_state_dict(checkpoint["dynamics"])
            self.generators.load_state_dict(checkpoint["generators"])
            self.best = checkpoint["best"]
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise UsageError(
                f"{path}: does not fit config.json ({reason}); restore the file, or train again with --overwrite"
            ) from None

    def _evaluate(self, epoch: Epoch) -> dict[str, Any]:
        """An epoch's line in the metrics; the training rows were seen by the training passes already."""
        val_accuracy = None
        if len(self.val_rows):
            logits = self.fit.logits(self.val_rows)
            self.method.observe_held_out(self.val_rows, logits)
            val_accuracy = _share(logits.argmax(1) == self.labels[self.val_rows])
        test_every = self.config.test_every
        test_due = test_every and epoch.epoch % test_every == 0
        predicted = self.dynamics.update(self.method.seen_logits, self.labels)
        rows = self.train_rows[predicted[self.train_rows] >= 0]
        notes, self.method.notes = self.method.notes, []
        return {
            "epoch": epoch.epoch,
            "lr": epoch.lr,
            "loss": epoch.loss,
            "loss_parts": epoch.parts,
            "val_accuracy": val_accuracy,
            "test_accuracy": self._test_accuracy() if test_due else None,
            **self._memorization(rows, predicted[rows]),
            **self._against_truth(rows),
            **({"notes": notes} if notes else {}),
        }

    def _memorization(self, rows: Tensor, predicted: Tensor) -> dict[str, Any]:
        """Shares of the rows: given label predicted; and, with the truth known, the paper's Figure 1."""
        given = self.labels[rows]
        shares: dict[str, Any] = {"agree": _share(predicted == given), "clean": None, "wrong": None}
        if self.true is not None:
            true = self.true[rows]
            wrong = true != given
            correct, memorized = predicted == true, (predicted == given) & wrong
            if (~wrong).any():
                shares["clean"] = {"correct": _share(correct[~wrong]), "incorrect": _share(~correct[~wrong])}
            if wrong.any():
                shares["wrong"] = {
                    "correct": _share(correct[wrong]),
                    "memorized": _share(memorized[wrong]),
                    "other": _share(~(correct | memorized)[wrong]),
                }
        return shares

    def _against_truth(self, rows: Tensor) -> dict[str, Any]:
        """With the truth known: what pulls at the true class (Figures 2, B.1), how often beliefs are right (D.1)."""
        if self.true is None:
            return {"gradients": None, "beliefs": None}
        logits, given, true = self.method.seen_logits[rows], self.labels[rows], self.true[rows]
        regularizer = self.method.regularizer_gradient(rows, logits)
        beliefs, right = self.method.label_beliefs(), None
        if beliefs is not None:
            parts = {"train": rows, "validation": self.val_rows}
            right = {
                name: _share(beliefs[part].argmax(1) == self.true[part]) if len(part) else None
                for name, part in parts.items()
            }
        return {"gradients": true_class_gradients(logits, given, true, regularizer), "beliefs": right}

    def _test_accuracy(self) -> float | None:
        if self.test is None:
            return None
        truth = self.test.labels if self.test.true_labels is None else self.test.true_labels
        x = as_tensor(self.test.inputs)
        logits = predict_batches(self.method, self.fabric, ((part, part) for part in x.split(evaluation_size(x))))
        return _share(logits.argmax(1).cpu() == torch.from_numpy(truth))

    def _keep(self, folder: RunFolder, record: dict[str, Any]) -> None:
        """Write the epoch's line and checkpoints; noisy validation picks, ties go to the later epoch."""
        accuracy = record["val_accuracy"]
        if accuracy is None or self.best["epoch"] is None or accuracy >= self.best["val_accuracy"]:
            self.best = {key: record[key] for key in ("epoch", "val_accuracy", "test_accuracy")}
            save_checkpoint(folder.picked, {"method": self.method.state_dict()})
        folder.append_metrics(record)
        # Last, because it is what a resumed run believes: until it is there, the epoch did not happen.
        state = {
            "fit": self.fit.state_dict(),
            "dynamics": self.dynamics.state_dict(),
            "generators": self.generators.state_dict(),
            "best": self.best,
        }
        save_checkpoint(folder.last, state)

    def _finish(self, folder: RunFolder) -> None:
        """Judge the last epoch and the picked one, audit the labels with the picked one, write it all down."""
        metrics = folder.read_metrics()
        memorized = None
        if self.true is not None:
            memorized = self._memorization(self.train_rows, self.fit.logits(self.train_rows).argmax(1))["wrong"]
        test_last = metrics[-1]["test_accuracy"]
        if test_last is None:
            test_last = self._test_accuracy()
        load_method(self.method, load_checkpoint(folder.picked)["method"])
        test_picked = self.best["test_accuracy"]
        if test_picked is None:
            test_picked = self._test_accuracy()
        issues = self._audit()
        issues.to_csv(folder.issues, index=False)
        noise = self.draws[0].noise
        wrong_fraction = None if self.wrong is None else float(self.wrong.mean())
        summary = {
            "method": self.config.method,
            "data": self.config.data,
            "seed": self.config.seed,
            "epochs": self.config.epochs,
            "seconds": round(sum(record["seconds"] for record in metrics), 2),
            "examples": len(self.data),
            "classes": len(self.data.classes),
            "noise": {
                "kind": noise.kind if noise else None,
                "rate": noise.rate if noise else None,
                "wrong_fraction": wrong_fraction,
            },
            "accuracy": {
                "test_last": test_last,
                "test_at_best_val": test_picked,
                "val_best": self.best["val_accuracy"],
                "val_last": metrics[-1]["val_accuracy"],
                "best_epoch": self.best["epoch"],
            },
            "memorized_last": None if memorized is None else memorized["memorized"],
            "label_issues": score_label_issues(issues, self.wrong),
        }
        run = Run(folder.path, summary=summary)
        folder.report.write_text(render_run(run.view(self.data)), encoding="utf-8")
        write_json(folder.summary, summary)

    def _audit(self) -> pd.DataFrame:
        """The label issues of every row, held-out ones included, with their training dynamics.

        By what the method itself believes of the labels, such as ELR's targets, in the picked epoch; else, and for rows
        it never saw (an epoch may be a sample), by its predictions. The dynamics are of the whole training, their
        ``loss`` of its last epoch.
        """
        held = self.method.label_beliefs()
        beliefs = torch.full((len(self.data), len(self.data.classes)), torch.nan) if held is None else held.cpu()
        unseen = beliefs[:, 0].isnan().nonzero().squeeze(1)
        if len(unseen):
            beliefs[unseen] = torch.softmax(self.fit.logits(unseen.to(self.device)), 1).cpu()
        classes = self.data.classes
        issues = find_label_issues(self.data.labels, beliefs, classes=classes, ids=self.data.ids)
        held_out = np.isin(np.arange(len(self.data)), self.draws[0].val_rows)
        issues["split"] = np.where(held_out, "validation", "train")
        if self.data.true_labels is not None:
            issues["true_label"] = np.asarray(classes)[self.data.true_labels]
        return pd.concat([issues, self.dynamics.columns()], axis=1)


@contextlib.contextmanager
def one_line_errors(folder: RunFolder) -> Iterator[None]:
    """A disk that fails while training is the user's to mend: one line, and what was kept is kept."""
    try:
        yield
    except OSError as error:
        raise EarlylearnError(
            f"{error.filename or folder.path}: {error.strerror or error}; free the disk or the permission, then "
            f"earlylearn train --resume {folder.path}"
        ) from error
    except torch.OutOfMemoryError:
        raise EarlylearnError(
            "out of memory; lower --batch-size, or choose a smaller --network or --accelerator cpu"
        ) from None
    except KeyboardInterrupt as stop:
        stop.add_note(f"continue with earlylearn train --resume {folder.path}")
        raise
