"""Can a reader follow the pages of Start, Tutorials and How-to word for word, in an empty folder?"""

import json
import re
import runpy
import shlex
import webbrowser
from itertools import pairwise
from pathlib import Path

import pytest

from docs._site.pages import DOCS
from earlylearn.cli.main import main
from earlylearn.review.opening import open_review
from earlylearn.review.server import ReviewServer

PAGES = sorted(path for folder in ("start", "tutorials", "how-to") for path in (DOCS / folder).glob("*.md"))
RUN = [page for page in PAGES if re.search(r"^```(bash|python)$", page.read_text(encoding="utf-8"), re.MULTILINE)]


def blocks(page):
    return re.findall(r"^```(\w+)\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def earlylearn(*words):
    with pytest.raises(SystemExit) as done:
        main(words)
    return done.value.code


def answer(run, name):
    """What a colleague sends back: the suggested label of every row of the queue."""
    review = open_review(run)
    suggested = {row: review.rows.item(row)["suggested"] for row in review.queue.order[:20]}
    lines = [
        {"uuid": f"{name}-{row}", "id": row, "given": given, "decision": "keep" if label == given else "relabel"}
        | ({} if label == given else {"label": label})
        for row, label in suggested.items()
        for given in [review.rows.given(row)]
    ]
    Path(f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def follow(line):
    """What a reader does who types a line."""
    words = shlex.split(line, comments=True)
    if words[0] == "python":
        runpy.run_path(words[1], run_name="__main__")
        return
    assert words[0] == "earlylearn", line
    for before, after in pairwise(words):
        if before == "--import":
            answer(words[2], Path(after).stem)
    assert earlylearn(*words[1:]) == 0, line


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the libraries' own
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.stem)
def test_a_page_can_be_followed(page, tmp_path, monkeypatch):
    def stopped(self):
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ReviewServer, "serve_forever", stopped)
    monkeypatch.setattr(webbrowser, "open", lambda url: True)
    for language, code in blocks(page):
        named = re.match(r"# (\w+\.py)\n", code)
        if language == "python" and named:
            Path(named[1]).write_text(code, encoding="utf-8")
        elif language == "python":
            exec(compile(code, page.name, "exec"), {"__name__": "page"})
        elif language == "bash":
            for line in code.splitlines():
                follow(line)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_says_what_it_is_and_every_command_is_one(page):
    import typer

    from earlylearn.cli.main import app

    commands = typer.main.get_command(app).commands
    for language, code in blocks(page):
        assert language in ("bash", "console", "python", "text"), language
        for line in code.splitlines() if language == "console" else ():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            if words[0] == "earlylearn" and not words[1].startswith("--"):
                known = {name for option in commands[words[1]].params for name in option.opts}
                assert {word for word in words if word.startswith("--")} <= known, line
