"""Do wheel and sdist hold what belongs in them, and does the wheel run where there is no clone?"""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    pytest.importorskip("hatchling", reason="needs the extra dev")
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(out)], cwd=ROOT, check=True, capture_output=True
    )
    return out


def test_the_wheel_holds_both_packages_whole_and_nothing_else(built):
    (wheel,) = built.glob("*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    tracked = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names == tracked
    assert {"earlylearn/py.typed", "earlylearn/methods/costs.json", "earlylearn_paper/py.typed"} <= names


def test_the_sdist_is_enough_to_test_and_to_build_again(built):
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    assert {
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "CITATION.cff",
        "pyproject.toml",
        "constraints.txt",
        "Makefile",
    } <= names
    assert {"docs/index.md", "docs/conf.py", "tests/conftest.py", "src/earlylearn/__init__.py"} <= names
    assert not [
        name for name in names if name.startswith((".venv", "runs/", "build/", "dist/")) or name.endswith(".pyc")
    ]


def test_the_wheel_runs_without_the_clone(built, tmp_path):
    (wheel,) = built.glob("*.whl")
    there = tmp_path / "there"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        str(there),
        str(wheel),
    ]
    subprocess.run(pip, check=True)
    environment = {**os.environ, "PYTHONPATH": str(there)}

    def run(*words):
        command = [sys.executable, *words]
        return subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True).stdout

    assert str(there) in run("-c", "import earlylearn; print(earlylearn.__file__)")
    assert wheel.name.split("-")[1] in run("-m", "earlylearn", "--version")
    train = "train digits --noise symmetric:0.4 --epochs 2 --limit 200 --network linear --method elr --out run --quiet"
    assert "test accuracy" in run("-m", "earlylearn", *train.split())
    assert (tmp_path / "run" / "report.html").stat().st_size > 10_000
