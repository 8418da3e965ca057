"""Does a type checker see our types in a user's script?"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = """
import torch
from torch.utils.data import DataLoader, TensorDataset

import earlylearn as el
from earlylearn.integrations.lightning import LabelIssues
from earlylearn.integrations.sklearn import ELRClassifier

data = TensorDataset(torch.randn(20, 4), torch.arange(20) % 2)
criterion = el.ELRLoss(num_examples=20, num_classes=2, lam=3.0)
network = torch.nn.Linear(4, 2)
for x, y, index in DataLoader(el.IndexedDataset(data), batch_size=5):
    loss = criterion(network(x), y, index)
    reveal_type(loss)
    criterion(network(x), y, index, updates=False)
reveal_type(criterion.targets)
reveal_type(el.find_label_issues(torch.arange(20) % 2, criterion.beliefs()))
reveal_type(el.RowIds(["a"])(["a"]))
run = el.fit(network, data, epochs=1, out="run")
reveal_type(run.network())
reveal_type(run.predict("new.csv"))
reveal_type(run.export("out", format="pt2"))
run.export("out", format="tflite")
el.ELRLoss("twenty", num_classes=2)
el.ELRLoss(20, 2, reduction="all")
reveal_type(ELRClassifier(lam=1.0).fit(x, y).predict_proba(x))
ELRClassifier(lambda_=3)
LabelIssues(y, every_epoch=True)
el.fit(None, data)
"""


@pytest.mark.slow
def test_mypy_of_a_users_script(tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT, encoding="utf-8")
    environment = {**os.environ, "MYPYPATH": str(ROOT / "src")}
    # What `make check` read of PyTorch and NumPy need not be read again, which takes most of a minute; it counts for
    # the same options alone.
    same = ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(ROOT / ".mypy_cache")]
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", *same]
    done = subprocess.run([*command, "train.py"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    notes = [line.split(": ", 1)[1] for line in done.stdout.splitlines() if line.startswith("train.py")]
    told = "\n".join(notes)
    assert 'Revealed type is "torch._tensor.Tensor"' in told
    assert "pandas.core.frame.DataFrame" in told
    assert 'Argument 1 to "ELRLoss" has incompatible type "str"; expected "int"' in told
    assert 'Argument "reduction" to "ELRLoss" has incompatible type' in told
    assert 'Revealed type is "torch.nn.modules.module.Module"' in told
    assert 'Revealed type is "numpy.ndarray' in told
    assert 'Revealed type is "pathlib.Path"' in told
    assert 'Argument "format" to "export" of "Run" has incompatible type' in told
    assert told.count('Revealed type is "torch._tensor.Tensor"') == 3
    for culprit in ("updates", "lambda_", "every_epoch"):
        assert f'Unexpected keyword argument "{culprit}"' in told
    assert 'Argument 1 to "fit" has incompatible type "None"' in told
    assert len([note for note in notes if " defined in " not in note]) == 15, told  # where, it says if it read it now
