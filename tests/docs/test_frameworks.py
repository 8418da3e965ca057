"""Does every page of docs/frameworks run as it stands?"""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

FOLDER = Path(__file__).parents[2] / "docs" / "frameworks"
PAGES = sorted(path.name for path in FOLDER.glob("*.md"))
NEEDS = {f"{name}.md": name for name in ("transformers", "lightning", "accelerate", "skorch", "cleanlab")}


def blocks(page):
    return re.findall(r"^```python\n(.*?)^```", (FOLDER / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the libraries' own
@pytest.mark.parametrize("page", [page for page in PAGES if page != "README.md"])
def test_a_page_runs(page, tmp_path, monkeypatch, request):
    if page == "timm.md":
        request.getfixturevalue("timm")
    elif page in NEEDS:
        pytest.importorskip(NEEDS[page], exc_type=ImportError)
    monkeypatch.chdir(tmp_path)
    programs = [code for code in blocks(page) if not code.startswith("# train.py")]
    assert programs
    for code in programs:
        names = {"__name__": "page"}
        exec(compile(code, page, "exec"), names)
        issues = names.get("issues", names.get("ours"))
        table = getattr(issues, "issues", issues)
        assert table is None or {"label_quality", "is_label_issue"} <= set(table.columns)
    if page == "skorch.md":
        np.testing.assert_allclose(names["net"].predict_proba(names["inputs"]).sum(1), 1, rtol=1e-5)
        assert (names["net"].criterion_.targets.sum(1) == 0).float().mean().item() == pytest.approx(0.2, abs=0.01)


@pytest.mark.slow
def test_the_program_for_several_processes_runs(tmp_path):
    (code,) = [code for code in blocks("pytorch.md") if code.startswith("# train.py")]
    (tmp_path / "train.py").write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "train.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert pd.read_csv(tmp_path / "label_issues.csv")["label_quality"].notna().all()


@pytest.mark.slow
def test_accelerate_in_two_processes_has_the_table_of_one(tmp_path):
    pytest.importorskip("accelerate", exc_type=ImportError)
    (code,) = blocks("accelerate.md")
    (tmp_path / "train.py").write_text(f"{code}\ntorch.save(table, f'{{accelerator.process_index}}.pt')\n", "utf-8")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "train.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    assert torch.equal(first, second)
    torch.testing.assert_close(first.sum(1), torch.full((1797,), 1 - 0.7**3), rtol=0, atol=1e-5)


def test_the_list_of_pages_is_whole():
    listed = re.findall(r"\]\((\w+\.md)\)", (FOLDER / "README.md").read_text(encoding="utf-8"))
    assert sorted({*listed, "README.md"}) == PAGES
