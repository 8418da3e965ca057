"""Does the README still tell the truth: do its code blocks run as they stand?"""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_iris

from earlylearn.cli.main import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def _blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("code", _blocks("python"))
def test_python_blocks_run(code, tmp_path):
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # on the command line they are no errors
def test_shell_blocks_run(tmp_path, monkeypatch):
    iris = load_iris(as_frame=True)
    frame = iris.data.assign(species=iris.target_names[iris.target])
    frame.to_csv(tmp_path / "flowers.csv", index=False)
    words = {"billing": "the invoice shows an amount too high", "network": "the line drops every hour again"}
    rows = [f"K-{i},{text} since day {i},{i % 5},{team}" for i in range(30) for team, text in words.items()]
    (tmp_path / "tickets.csv").write_text("\n".join(["key,body,priority,team", *rows]))
    rng = np.random.default_rng(0)
    for name, colour in (("cat", 200), ("dog", 60)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(20):
            pixels = rng.integers(0, colour, (32, 32, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{i}.png")
    commands = [line for block in _blocks("bash") for line in block.splitlines()]
    assert len(commands) >= 5
    monkeypatch.chdir(tmp_path)
    for number, line in enumerate(commands):
        words = shlex.split(line, comments=True)
        assert words[0] == "earlylearn"
        if number == 0:  # as a reader starts it; the others need not wait for another PyTorch
            subprocess.run([sys.executable, "-m", *words], check=True)
            continue
        with pytest.raises(SystemExit) as done:
            main(words[1:])
        assert done.value.code == 0, line
    assert (tmp_path / "runs" / "digits-diagnosis" / "report.html").exists()
    assert (tmp_path / "predictions.csv").read_text().startswith("id,predicted_label,confidence")


def test_tree_is_short_and_names_what_is_there():
    (tree,) = re.findall(r"^```\n(src/earlylearn/ .*?)^```", ARCHITECTURE, flags=re.DOTALL | re.MULTILINE)
    lines = tree.splitlines()
    assert len(lines) <= 40
    named, parents = set(), [ROOT]
    for line in lines:
        depth = (len(line) - len(line.lstrip())) // 2
        parents[depth + 1 :] = [parents[depth] / line.split()[0]]
        folder = parents[-1] if parents[-1].is_dir() else parents[-1].parent
        named.add(parents[-1])
        named |= {folder / each for each in re.findall(r"(?<!\S)\(?([\w-]+(?:\.py|\.md|/))", line.split(maxsplit=1)[1])}
    assert not {str(path.relative_to(ROOT)) for path in named if not path.exists()}
    folders = {path.parent for path in (ROOT / "src").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert not {str(folder.relative_to(ROOT)) for folder in folders - named}


def test_it_is_read_in_one_sitting():
    assert len(README.splitlines()) <= 120


def test_linked_files_exist():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target
