"""How does a Lightning training say which labels are wrong?"""

from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

import pandas as pd
from lightning.pytorch import Callback, LightningModule, Trainer
from numpy.typing import ArrayLike
from torch import Tensor

from earlylearn.audit.label_issues import check_labels, find_label_issues
from earlylearn.data.readers.frames import as_csv
from earlylearn.errors import UsageError
from earlylearn.files import write_bytes
from earlylearn.losses.module import ELRLoss


class LabelIssues(Callback):
    """Writes ``label_issues.csv`` when training ends, from the targets of the module's `ELRLoss`.

    The module needs nothing more than ``self.criterion = ELRLoss(n, classes)`` and the index of `IndexedDataset` in its
    training step. Validation through the same criterion is cross-entropy; checkpoints carry its table; under ``ddp``
    every process has the same.

    Args:
        labels: ``[n]`` given labels, in the order of the training set.
        criterion: where the module keeps its loss: the attribute's name, dots for one of another attribute.
        dirpath: folder of the file; the logger's, or else the trainer's ``default_root_dir``, if None.
        classes: C class names.
        ids: n stable names of the examples; their position otherwise.
        every_n_epochs: also write the file after every so many epochs; 0 only at the end.

    Attributes:
        issues: the table, see `find_label_issues`, once training has ended; in every process.

    Raises:
        UsageError: when training begins: the module has no such `ELRLoss`, or one of another number of examples, or
            labels, class names and ids do not fit.
    """

    def __init__(
        self,
        labels: ArrayLike | Tensor,
        criterion: str = "criterion",
        *,
        dirpath: str | Path | None = None,
        classes: Sequence[str] | None = None,
        ids: ArrayLike | None = None,
        every_n_epochs: int = 0,
    ) -> None:
        self.labels, self.criterion, self.dirpath = labels, criterion, dirpath
        self.classes, self.ids, self.every_n_epochs = classes, ids, every_n_epochs
        self.issues: pd.DataFrame | None = None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look whether the module has the loss, before anything is trained."""
        targets, count = self._loss(pl_module).targets, len(self.labels)  # type: ignore[arg-type]
        if len(targets) != count:
            raise UsageError(
                f"LabelIssues has {count} labels, {self.criterion} {len(targets)} examples; give one label each"
            )
        check_labels(self.labels, count, targets.shape[1], self.classes, self.ids)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at the index of the epoch's batches; write the table every so many epochs."""
        self._loss(pl_module).check()
        if self.every_n_epochs and (trainer.current_epoch + 1) % self.every_n_epochs == 0:
            self._write(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the table."""
        self._write(trainer, pl_module)

    def _loss(self, pl_module: LightningModule) -> ELRLoss:
        try:
            found: Any = attrgetter(self.criterion)(pl_module)
        except AttributeError:
            found = None
        if not isinstance(found, ELRLoss):
            what = "nothing" if found is None else f"a {type(found).__name__}"
            raise UsageError(
                f"{type(pl_module).__name__}.{self.criterion} is {what}; set it to ELRLoss(n, classes) in __init__, "
                "or name another attribute: LabelIssues(labels, criterion='...')"
            )
        return found

    def _write(self, trainer: Trainer, pl_module: LightningModule) -> None:
        beliefs = self._loss(pl_module).beliefs()
        self.issues = find_label_issues(self.labels, beliefs, classes=self.classes, ids=self.ids)
        logged = trainer.log_dir  # asks all processes, so all must ask
        folder = Path(self.dirpath or logged or trainer.default_root_dir)
        if trainer.is_global_zero:
            folder.mkdir(parents=True, exist_ok=True)
            write_bytes(folder / "label_issues.csv", as_csv(self.issues).encode())
