"""Does the doctor know every extra that can be installed, and the package that it brings?"""

import tomllib
from pathlib import Path

from earlylearn.doctor.examine import EXTRAS, examine

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
NOT_TOLD = {"dev", "docs", "image"}  # for developers; image is timm under another name


def test_every_extra_is_looked_for_by_the_package_that_it_brings():
    extras = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(EXTRAS) == set(extras) - NOT_TOLD
    for name, package in EXTRAS.items():
        assert any(each.startswith((f"{package}>", f"{package}[")) for each in extras[name]), name


def test_an_extra_that_is_missing_is_told_with_its_mend(monkeypatch):
    monkeypatch.setitem(EXTRAS, "wandb", "no-such-package")
    assert examine()["extras"]["wandb"] == "not installed: pip install 'earlylearn[wandb]'"
