"""Does Lightning keep the table right: validation, bf16, checkpoints, two processes, and write the list at the end?"""

import subprocess
import sys

import pandas as pd
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import earlylearn as el
from earlylearn.errors import UsageError
from tests.losses.shared_table import EPOCHS, N, digits
from tests.losses.test_processes import one_process

lightning = pytest.importorskip("lightning")

from earlylearn.integrations.lightning import LabelIssues  # noqa: E402  # it needs Lightning
from tests.integrations.lightning_digits import Digits, fit  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # the library's own
ROWS = 320


def test_the_list_is_written_when_training_ends(tmp_path):
    trainer, module = fit(tmp_path, ROWS, max_epochs=3)
    torch.testing.assert_close(module.criterion.targets.sum(1), torch.full((ROWS,), 1 - 0.7**3))
    written = pd.read_csv(tmp_path / "label_issues.csv")
    issues = trainer.callbacks[0].issues
    assert len(written) == ROWS
    assert written["is_label_issue"].equals(issues["is_label_issue"])
    assert issues["given_label"].tolist() == digits()[1][:ROWS].tolist()


@pytest.mark.parametrize("precision", ["bf16-true", "bf16-mixed", "16-true"])
def test_the_table_is_float32_under(precision, tmp_path):
    _, module = fit(tmp_path, ROWS, max_epochs=2, precision=precision)
    assert module.net[0].weight.dtype == (torch.float32 if "mixed" in precision else module.net[0].weight.dtype)
    assert module.criterion.targets.dtype == torch.float32
    torch.testing.assert_close(module.criterion.targets.sum(1), torch.full((ROWS,), 1 - 0.7**2))


def test_a_compiled_module(tmp_path):
    compiled = torch.compile(Digits(ROWS), backend="aot_eager")
    fit(tmp_path, ROWS, module=compiled, max_epochs=2)
    torch.testing.assert_close(compiled.criterion.targets.sum(1), torch.full((ROWS,), 1 - 0.7**2))


def test_a_resumed_training_is_the_uninterrupted_one(tmp_path):
    x, y = digits()
    batches = DataLoader(el.IndexedDataset(TensorDataset(x[:ROWS], y[:ROWS])), batch_size=64)

    def trained(epochs, checkpoint=None):
        quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
        trainer = lightning.Trainer(accelerator="cpu", max_epochs=epochs, default_root_dir=tmp_path, **quiet)
        trainer.fit(module := Digits(ROWS), batches, ckpt_path=checkpoint)
        trainer.save_checkpoint(tmp_path / "last.ckpt")
        return module

    whole = trained(4)
    trained(2)
    half = trained(4, tmp_path / "last.ckpt")
    assert torch.equal(half.criterion.targets, whole.criterion.targets)
    assert torch.equal(half.net[0].weight, whole.net[0].weight)


def test_a_checkpoint_carries_the_table(tmp_path):
    trainer, _ = fit(tmp_path / "half", ROWS, max_epochs=1)
    trainer.save_checkpoint(tmp_path / "epoch.ckpt")
    table = Digits.load_from_checkpoint(tmp_path / "epoch.ckpt", n=ROWS).criterion.targets
    torch.testing.assert_close(table.sum(1), torch.full((ROWS,), 0.3))
    larger = Digits.load_from_checkpoint(tmp_path / "epoch.ckpt", n=ROWS + 5).criterion
    assert larger.beliefs()[ROWS:].isnan().all()


def test_what_cannot_be_is_said_before_training(tmp_path):
    with pytest.raises(UsageError, match=f"{ROWS} labels, criterion 7 examples"):
        fit(tmp_path, ROWS, module=Digits(7), max_epochs=1)
    for wrong, said in (
        ({"labels": [f"digit {k}" for k in digits()[1][:ROWS]]}, "give classes="),
        ({"labels": digits()[1][:ROWS], "classes": ["a", "b"]}, "classes has 2 names; expected 10"),
        ({"labels": digits()[1][:ROWS], "ids": range(5)}, "ids has 5 names"),
    ):
        with pytest.raises(UsageError, match=said):
            LabelIssues(**wrong).on_fit_start(None, Digits(ROWS))
    module = Digits(ROWS)
    module.criterion = torch.nn.CrossEntropyLoss()
    with pytest.raises(UsageError, match=r"Digits\.criterion is a CrossEntropyLoss"):
        fit(tmp_path, ROWS, module=module, max_epochs=1)
    x, y = digits()
    batches = DataLoader([[x[i : i + 9], y[i : i + 9], torch.arange(9)] for i in (0, 9, 18)], batch_size=None)
    trainer = lightning.Trainer(logger=False, max_epochs=1, accelerator="cpu", enable_checkpointing=False)
    with pytest.raises(UsageError, match="positions in a batch"):
        trainer.fit(Digits(N), batches)


def test_two_processes_have_the_table_of_one(tmp_path):
    command = [sys.executable, "-m", "tests.integrations.lightning_digits", str(tmp_path), "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    assert torch.equal(first, second)
    expected = one_process(seed=0)  # of Lightning's sampler
    torch.testing.assert_close(first, expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(first.sum(1), torch.full((N,), 1 - 0.7**EPOCHS), rtol=0, atol=1e-5)
    issues = pd.read_csv(tmp_path / "label_issues.csv")
    known = el.find_label_issues(digits()[1], expected / expected.sum(1, keepdim=True))
    assert issues["is_label_issue"].equals(known["is_label_issue"])
    assert (issues["label_quality"] - known["label_quality"]).abs().max() < 1e-5
