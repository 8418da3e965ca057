"""Does the page on exporting a network run as it stands?"""

import re
import shlex
from pathlib import Path

import pytest

from earlylearn.cli.main import main

PAGE = (Path(__file__).parents[2] / "docs" / "export.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.slow
def test_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for line in "".join(blocks("bash")).splitlines():
        name, *words = shlex.split(line)
        assert name == "earlylearn"
        with pytest.raises(SystemExit) as done:
            main(words)
        assert done.value.code == 0, line
    for code in blocks("python"):
        exec(compile(code, "export.md", "exec"), {"__name__": "page"})
    assert (tmp_path / "digits-network" / "model.pt2").exists()
    assert (tmp_path / "python-digits-network" / "model.safetensors").exists()
