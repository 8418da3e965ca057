"""What does a Lightning module with the loss come to, in one process or two?

Run:
    python -m tests.integrations.lightning_digits FOLDER DEVICES
"""

import sys
import warnings
from pathlib import Path
from typing import Any

import tests.torchvision_stand_in  # isort: skip  # noqa: F401  # before Lightning looks for it
import lightning
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

import earlylearn as el
from earlylearn.integrations.lightning import LabelIssues
from tests.losses.shared_table import EPOCHS, LR, C, N, digits, network


class Digits(lightning.LightningModule):
    """A module as its author wrote it, with another loss."""

    def __init__(self, n: int = N, **settings: Any) -> None:
        super().__init__()
        self.net: nn.Module = network()
        self.criterion = el.ELRLoss(n, C, **settings)

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        inputs, labels, index = batch
        loss: Tensor = self.criterion(self.net(inputs), labels, index)
        return loss

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        inputs, labels = batch
        logits = self.net(inputs)
        loss = self.criterion(logits, labels)
        assert torch.equal(loss, F.cross_entropy(logits.float(), labels))
        self.log("val_loss", loss, sync_dist=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=LR, momentum=0.9)


def fit(folder: Path, rows: int = N, module: Digits | None = None, batch: int = 64, **settings: Any) -> tuple[Any, Any]:
    """The trainer and the module after training on the first rows of digits."""
    torch.manual_seed(0)
    x, y = digits()
    data: Dataset[Any] = TensorDataset(x[:rows], y[:rows])
    module = Digits(rows) if module is None else module  # a compiled one has no truth
    issues = LabelIssues(y[:rows], dirpath=folder)
    trainer = lightning.Trainer(
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[issues],
        default_root_dir=folder,
        **settings,
    )
    trainer.fit(
        module,
        DataLoader(el.IndexedDataset(data), batch_size=batch, shuffle=True),
        DataLoader(Subset(data, range(10)), batch_size=5),
    )
    return trainer, module


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    trainer, module = fit(Path(sys.argv[1]), strategy="ddp", devices=int(sys.argv[2]), max_epochs=EPOCHS, batch=32)
    torch.save(module.criterion.targets.clone(), Path(sys.argv[1]) / f"{trainer.global_rank}.pt")
