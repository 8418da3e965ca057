"""How does a run in progress go: trained epoch by epoch, evaluated, written down, and audited at its end?"""

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import torch

from earlylearn.audit.audit_run import Audit, audit_run
from earlylearn.audit.dynamics import Dynamics
from earlylearn.data.labelled import LabelledData
from earlylearn.data.readers.paths import one_line
from earlylearn.data.sources import Loaded
from earlylearn.documents import Accuracy, EpochRecord, Evaluation, Metrics, Summary
from earlylearn.errors import EarlylearnError, UsageError, setting
from earlylearn.files import fault, write_json
from earlylearn.loop.method import Method
from earlylearn.loop.predict import load_method
from earlylearn.machine import give_back_memory, keep_freed_memory
from earlylearn.memory import Copied
from earlylearn.plugins import short
from earlylearn.report import render_run
from earlylearn.runs.canaries_told import told_beside
from earlylearn.runs.checkpoint import Best, load_checkpoint, method_names, method_state, save_checkpoint
from earlylearn.runs.config import RunConfig
from earlylearn.runs.evaluate import Evaluator
from earlylearn.runs.folder import RunFolder
from earlylearn.runs.generators import Generators
from earlylearn.runs.inputs import Inputs, inputs_in_words
from earlylearn.runs.issues import AGAIN
from earlylearn.runs.loggers import make_loggers, numbers_of
from earlylearn.runs.metrics import find_metrics
from earlylearn.runs.one_line import one_line_errors
from earlylearn.runs.origin import asked_of, check_origin
from earlylearn.runs.prepare import LabelDraw, build_method, make_batches, make_fabric, make_fit, under_draw
from earlylearn.runs.progress import TrainingProgress
from earlylearn.runs.run import Run
from earlylearn.runs.together import Seat

SELDOM = 1.0  # seconds between checkpoints, where epochs are quicker and none is picked
EARLY = 0.25  # of the epochs, which learn too little to audit labels by, whatever noisy validation says (docs/LOG.md)
MANY_ROWS = 100_000  # whose tables are larger than the blocks that a training step frees and asks for again


class Session:
    """A run in progress: everything that trains, trained epoch by epoch, written down as it goes.

    Making one seeds torch's global generator, which training goes on drawing from: the caller forks it around both.

    Args:
        config: the resolved request.
        loaded: training data as read, and the test set if there is one.
        draws: noise and split; more than one only under ``as_released``.
        quiet: show no progress.
        seat: this process's place among several that were started here.

    Raises:
        UsageError: the accelerator is unknown or not there, or network or schedule do not fit.
    """

    def __init__(
        self, config: RunConfig, loaded: Loaded, draws: list[LabelDraw], *, quiet: bool, seat: Seat | None = None
    ) -> None:
        self.config, self.loaded, self.draw, self.quiet = config, loaded, draws[0], quiet
        self.data = under_draw(loaded.train, self.draw)
        self.generators = Generators(config.seed)
        fabric = make_fabric(config, seat)
        method = build_method(config, self.data, self.draw.train_rows, self.generators)
        batches = make_batches(config, self.data, draws, self.generators, fabric)
        self.fit = make_fit(config, method, batches, fabric, self.data.true_labels)
        self.dynamics = Dynamics(len(self.data)).to(fabric.device)
        metrics = find_metrics(config.metrics, config.own.metrics)
        self.evaluator = Evaluator.of(self.data, self.draw, loaded.test, fabric.device, metrics)
        self.inputs: Inputs | None = None  # what the run's folder notes of them
        self.best: Best | None = None  # the epoch that noisy validation picked so far
        self.audited: Best | None = None  # and of those that are not early, while the picked one is
        self.kept = -math.inf  # when the last checkpoint was written, on the monotonic clock

    @property
    def leads(self) -> bool:
        """Whether this process writes the run's folder: of several, the first."""
        return bool(self.fit.fabric.global_rank == 0)

    def take_up(self, checkpoint: dict[str, Any], path: Path, inputs: Inputs | None = None) -> None:
        """Continue from the state in a checkpoint; UsageError if it is not one of this run, or of these inputs."""
        try:
            check_origin(checkpoint, self.config, inputs)
            self.best, self.audited = self._best_of(checkpoint, "best"), None
            if checkpoint.get("audited") is not None:  # of older checkpoints there is none
                self.audited = self._best_of(checkpoint, "audited")
            self.fit.load_state_dict(checkpoint["fit"], of_this_length=not self.config.continued)
            self.dynamics.load_state_dict(checkpoint["dynamics"])
            self.generators.load_state_dict(checkpoint["generators"])
        except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RuntimeError) as error:
            reason = f"it lacks {error}" if isinstance(error, KeyError) else one_line(error)
            raise UsageError(f"{path}: does not fit config.json ({reason}); restore the file, or {AGAIN}") from None

    def _best_of(self, checkpoint: dict[str, Any], name: str) -> Best:
        """An epoch that a checkpoint names, if it and the epoch of the checkpoint can be of this run."""
        epoch, best = checkpoint["fit"]["epoch"], checkpoint[name]
        reason = fault(best, Best)
        if reason is not None:
            raise ValueError(f"the best epoch: {reason}")
        if isinstance(epoch, bool) or not isinstance(epoch, int) or not 1 <= epoch <= self.config.epochs:
            raise ValueError(f"it is of epoch {epoch!r} of {self.config.epochs}")
        if not 1 <= best["epoch"] <= epoch:
            raise ValueError(f"the best epoch is {best['epoch']}, and it is of epoch {epoch}")
        return cast(Best, best)

    def run(self, folder: RunFolder) -> Run:
        """Train what is left of the run, then audit it and write its results."""
        fabric = self.fit.fabric
        self.inputs = folder.read_config()[1]
        with one_line_errors(folder):
            loggers = make_loggers(self.config.log, self.config.own.log, folder.path)
            if self.fit.epoch and "csv" in self.config.log:  # a run that goes on, whose CSV file is written anew
                anew = [each for each in loggers if type(each).__name__ == "CSVLogger"]
                for record in folder.read_metrics():
                    self._tell(anew, record)
            fabric.call("on_run_start", folder.path)
            self._train(folder, loggers)
            self.fit.alone()  # the others have done their part
            summary = self._finish(folder)
            for logger in loggers:
                getattr(logger, "finalize", lambda _: None)("success")
            fabric.call("on_run_end", summary)
        return Run(folder.path, own=self.config.own)

    def follow(self) -> None:
        """Train what is left as one of several processes that does not lead: nothing is written, nothing said."""
        for _ in self._epochs(lambda examples, means: None):
            pass

    def _epochs(self, on_step: Callable[[int, Callable[[], dict[str, float]]], None]) -> Iterator[Evaluation]:
        """Train and evaluate what is left, epoch by epoch."""
        config = self.config
        if self.fit.fabric.device.type == "cpu":
            keep_freed_memory()
        for epoch in self.fit.run(on_step):
            test_due = config.test_every > 0 and epoch.epoch % config.test_every == 0
            evaluation = self.evaluator.epoch(epoch, self.fit, self.dynamics, test_due=test_due)
            _check_finite(self.fit.method, epoch.epoch)
            yield evaluation

    def _tell(self, loggers: list[Any], record: EpochRecord) -> None:
        for logger in loggers:
            logger.log_metrics(numbers_of(record), step=record["epoch"])
            getattr(logger, "save", lambda: None)()

    def _train(self, folder: RunFolder, loggers: list[Any]) -> None:
        config = self.config
        with TrainingProgress(
            f"{Path(config.data).name} {short(config.method)}",
            epochs=config.epochs,
            examples=len(self.draw.train_rows) * self.fit.method.networks,
            start=self.fit.epoch,
            quiet=self.quiet,
        ) as progress:
            began = time.monotonic()
            for evaluation in self._epochs(progress.step):
                record: EpochRecord = {**evaluation, "seconds": round(time.monotonic() - began, 3)}
                self._keep(folder, record)
                self._tell(loggers, record)
                self.fit.fabric.call("on_epoch_end", record, self.fit.method)
                progress.epoch(record)
                began = time.monotonic()

    def _keep(self, folder: RunFolder, record: EpochRecord) -> None:
        """Write the epoch's line and checkpoints; noisy validation picks, ties go to the later epoch.

        Beside the picked epoch, while that is an early one, the best of those that are not is kept to audit by. Where
        no epoch is picked, a checkpoint may wait until the last one is a second old: writing it takes longer than an
        epoch of small heads.
        """
        epoch: Best = {
            "epoch": record["epoch"],
            "val_accuracy": record["val_accuracy"],
            "test_accuracy": record["test_accuracy"],
        }
        also: Path | None = None
        if _as_good(epoch, self.best):
            self.best, also = epoch, folder.picked
        elif self._early(self.best) and not self._early(epoch) and _as_good(epoch, self.audited):
            self.audited, also = epoch, folder.audited
        folder.append_metrics(record)
        picks = epoch["val_accuracy"] is not None
        if not picks and record["epoch"] < self.config.epochs and time.monotonic() < self.kept + SELDOM:
            return
        # Last, because it is what a resumed run believes: until it is there, the epoch did not happen.
        state = {
            "fit": self.fit.state_dict(),
            "dynamics": self.dynamics.state_dict(),
            "generators": self.generators.state_dict(),
            "best": self.best,
            "audited": self.audited,
            "config": asked_of(self.config),
            "inputs": self.inputs,
        }
        save_checkpoint(folder.last, state, also=also)
        self.kept = time.monotonic()

    def _go_back(self, path: Path) -> None:
        """Have the method as it was in a checkpoint."""
        load_method(self.fit.method, method_state(load_checkpoint(path, method_names(self.fit.method))))

    def _early(self, picked: Best | None) -> bool:
        return picked is not None and picked["epoch"] <= EARLY * self.config.epochs

    def _finish(self, folder: RunFolder) -> Summary:
        """Judge the last epoch and the picked one, audit with the latter if it is not early, write it all down."""
        metrics, best = folder.read_metrics(), self.best
        assert best is not None  # there is at least one epoch, and the first is the best so far
        if len(self.data) > MANY_ROWS:
            self.fit.seen.release()
            give_back_memory()
        memorized = self.evaluator.memorized(self.fit)
        measured_last = self._measured()
        test_last = self._tested(metrics[-1]["test_accuracy"])
        if best["epoch"] != self.fit.epoch:  # else it is as it was picked
            self._go_back(folder.picked)
        test_picked = self._tested(best["test_accuracy"])
        measured_picked = self._measured()
        choice = self.fit.method.choice()
        held_out = metrics[-1]["val_accuracy"] if choice is None else choice["agreement"]
        gap = None if held_out is None else metrics[-1]["agree"] - held_out
        audited = best
        if self._early(best) and self.audited is not None:
            audited = self.audited
            self._go_back(folder.audited)
        with folder.keep_beliefs(len(self.data), len(self.data.classes)) as keep:
            audit = audit_run(self.fit, self.data, self.draw.val_rows, self.dynamics, gap=gap, keep=keep)
        audit.summary["epoch"] = audited["epoch"]
        folder.write_issues(audit.frame, len(self.data))
        if audit.consensus is not None:
            folder.write_consensus(*audit.consensus)
        accuracy: Accuracy = {
            "test_last": test_last,
            "test_at_best_val": test_picked,
            "val_best": best["val_accuracy"],
            "val_last": metrics[-1]["val_accuracy"],
            "best_epoch": best["epoch"],
        }
        seconds = round(sum(record["seconds"] for record in metrics), 2)
        summary = self._summary(seconds, accuracy, memorized, audit)
        repeated = self._repeated(audit)
        del audit  # of many rows it leaves the report room
        canaries = told_beside(folder.path, self.config, self.loaded)
        summary["memory"] = {"flagged_repeated": repeated, "gap": gap, "canaries": canaries}
        tested, validated = _copied(self.loaded.test), _copied(self.data.val)
        if tested is not None or validated is not None:
            summary["memory"]["copies"] = {"test": tested, "val": validated}
        if self.config.metrics:
            (test, held), (test_best, held_best) = measured_last, measured_picked
            summary["metrics"] = {
                "test_last": test,
                "test_at_best_val": test_best,
                "val_last": held,
                "val_best": held_best,
            }
        run = Run(folder.path, summary=summary, own=self.config.own)
        folder.report.write_text(render_run(run.view(self.data)), encoding="utf-8")
        write_json(folder.summary, summary)
        return summary

    def _measured(self) -> tuple[Metrics, Metrics]:
        """What is measured beside accuracy of test and of held-out rows, now."""
        if not self.config.metrics:
            return None, None
        tested, held_out = self.evaluator.tested(self.fit), self.evaluator.held_out(self.fit)
        return tested and tested.metrics, held_out and held_out.metrics

    def _repeated(self, audit: Audit) -> float | None:
        """The share of flagged training labels that the last epoch to see them predicts; None where none is flagged."""
        rows = self.draw.train_rows
        flagged = (audit.judged.predicted != audit.judged.given)[rows]
        agrees = self.dynamics.agrees.cpu().numpy()[rows][flagged]
        return float(agrees.mean()) if len(agrees) else None

    def _tested(self, accuracy: float | None) -> float | None:
        """An epoch's test accuracy, measured now if it was not then: the method is as it was in that epoch."""
        if accuracy is not None:
            return accuracy
        tested = self.evaluator.tested(self.fit)
        return tested and tested.accuracy

    def _summary(self, seconds: float, accuracy: Accuracy, memorized: float | None, audit: Audit) -> Summary:
        noise, true = self.draw.noise, self.data.true_labels
        wrong = None if true is None else self.data.labels != true
        summary: Summary = {
            "method": short(self.config.method),
            "data": self.config.data,
            "seed": self.config.seed,
            "epochs": self.config.epochs,
            "seconds": seconds,
            "examples": len(self.data),
            "classes": len(self.data.classes),
            "noise": {
                "kind": noise.kind if noise else None,
                "rate": noise.rate if noise else None,
                "wrong_fraction": None if wrong is None else float(wrong.mean()),
            },
            "accuracy": accuracy,
            "memorized_last": memorized,
            "label_issues": audit.scores(),
            "audit": audit.summary,
            "data_issues": audit.beside.summary,
        }
        choice = self.fit.method.choice()
        if choice is None:
            return summary
        line = f"{inputs_in_words(self.data)}: {choice['line']}" if not self.data.is_image else choice["line"]
        return {**summary, "choice": {**choice, "line": line}}


def _copied(data: LabelledData | None) -> Copied | None:
    return None if data is None or data.copied is None else {"rows": data.copied, "of": len(data)}


def _as_good(epoch: Best, other: Best | None) -> bool:
    """Whether noisy validation likes an epoch as well as an earlier one; without it the later one is liked."""
    mine, theirs = epoch["val_accuracy"], None if other is None else other["val_accuracy"]
    return mine is None or theirs is None or mine >= theirs


def _check_finite(method: Method, epoch: int) -> None:
    """Raise EarlylearnError if a network's weights are no numbers any more: the last step's are judged by no loss."""
    for net in method.nets:
        if not all(bool(torch.isfinite(weight).all()) for weight in net.parameters()):
            raise EarlylearnError(
                f"the loss is not finite in epoch {epoch}: weights are not finite; lower {setting('lr')}"
                + (f", the checkpoint of epoch {epoch - 1} is kept" if epoch > 1 else "")
            )
