"""Does the page say what the result files say, and lose nothing?"""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from earlylearn.errors import UsageError
from earlylearn_paper.page import read_results, render, write_page
from earlylearn_paper.page_tables import heading
from earlylearn_paper.tables.published import TABLES

DOCS = Path(__file__).parents[2] / "docs"


def _result(name="table-1", scale="quick", **changes):
    return {
        "name": name,
        "title": "a | title",
        "source": "Table 1",
        "scale": scale,
        "command": f"earlylearn reproduce {name} --scale {scale}",
        "hardware": "2 processor cores",
        "replaced": ["Digits stand in."],
        "settings": {"training": {"seeds": 2}},
        "holds": True,
        "verdicts": [
            {"claim": "it leads", "paper": "+1.0", "ours": "+2.0", "holds": True},
            {"claim": "it grows", "paper": "+1.0", "ours": "-2.0", "holds": False},
            {"claim": "it rests", "paper": "+1.0", "ours": "not measured", "holds": None},
        ],
        "cells": [],
        "figures": [f"{name}.png"],
        "seconds": 61.0,
        "environment": {"accelerator": None, "machine": "x86_64", "torch": "2.0"},
        "date": "2026-11-24",
        **changes,
    }


def _cell(row, column, paper, **more):
    empty = {"paper_sd": None, "ours": None, "sd": None, "n": 0, "why": ""}
    return {"row": row, "column": column, "paper": paper, **empty, **more}


def _leave(out, document):
    """What `reproduce` would leave."""
    folder = out / f"{document['name']}-{document['scale']}"
    folder.mkdir(parents=True)
    (folder / "reproduction.json").write_text(json.dumps(document))
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    for figure in document["figures"]:
        Image.fromarray(noise).save(folder / figure)


def test_committed_page_is_that_of_the_committed_results():
    assert render(read_results(DOCS / "reproduction"), "reproduction") == (DOCS / "reproduction.md").read_text()


def test_committed_results_name_no_place_of_a_machine():
    def texts(value):
        if isinstance(value, dict):
            value = list(value.values())
        return [text for each in value for text in texts(each)] if isinstance(value, list) else [str(value)]

    results = read_results(DOCS / "reproduction")
    assert results
    for document in results:
        assert not [text for text in texts(document) if text.startswith(("/", "~")) or ":\\" in text]
        for figure in document["figures"]:
            name = f"{document['name']}-{document['scale']}{figure.removeprefix(document['name'])}"
            assert (DOCS / "reproduction" / name).exists()


def test_page_takes_up_results_and_keeps_those_of_other_machines(tmp_path):
    out, page = tmp_path / "out", tmp_path / "docs" / "page.md"
    _leave(out, _result())
    write_page(page, out)
    kept = json.loads((tmp_path / "docs" / "page" / "table-1-quick.json").read_text())
    assert kept["verdicts"] == _result()["verdicts"]
    assert "command" not in kept["environment"]
    picture = tmp_path / "docs" / "page" / "table-1-quick.png"
    with Image.open(picture) as image:
        assert image.mode == "P"
    _leave(tmp_path / "other", _result("figure-a1"))
    write_page(page, tmp_path / "other")
    text = page.read_text()
    assert text.index("## Figure A.1: ") < text.index("## Table 1: ")
    assert "page/table-1-quick.png" in text
    assert text == render(read_results(page.with_suffix("")), "page")


def test_page_shows_every_claim_and_every_number():
    cells = [
        _cell("cifar10/elr", "sym20", 91.16, paper_sd=0.08, ours=91.0, sd=0.3, n=5),
        _cell("cifar10/elr", "sym80", 73.86, paper_sd=0.61, ours=60.0, sd=0.3, n=5),
        _cell("cifar10/ce", "sym20", 86.98, why="not run yet: --rows cifar10/ce"),
        _cell("cifar10/ce", "sym80", 53.82, why="for a reason"),
        _cell("cifar100/elr", "sym20", None),
        _cell("cifar100/elr", "sym80", 29.78, why="for a reason"),
    ]
    text = render([_result(scale="full", cells=cells)], "folder")
    assert "| 1 of 2, 1 open |" in text
    assert "| it grows | +1.0 | -2.0 | **does not hold** |" in text
    assert "| it rests | +1.0 | not measured | open |" in text
    assert "| **cifar10/elr** | paper | 91.16 ± 0.08 | 73.86 ± 0.61 |" in text
    assert "|  | BadLabels | 92.85 | 54.67 |" in text
    assert "|  | here | 91.00 ± 0.30 (5) ✓ | 60.00 ± 0.30 (5) ✗ |" in text
    assert "|  | here | –<sup>a</sup> | –<sup>b</sup> |" in text
    assert text.count("for a reason.") == 1
    assert "a: not run yet." in text
    assert "a \\| title" in text
    assert "- Digits stand in." in text
    quick = render([_result(cells=cells)], "folder")
    assert "Not run at full scale yet." in quick
    assert "✓ |" not in quick
    assert "Not run at full scale yet." not in text


def test_page_without_results_is_refused(tmp_path):
    with pytest.raises(UsageError, match="holds no result"):
        write_page(tmp_path / "page.md", tmp_path / "nothing")
    assert list(tmp_path.iterdir()) == []
    _leave(tmp_path / "out", _result())
    with pytest.raises(UsageError, match="named like it"):
        write_page(tmp_path / "page", tmp_path / "out")
    (tmp_path / "out" / "table-1-quick" / "reproduction.json").write_text("{")
    with pytest.raises(UsageError, match="cannot be read"):
        write_page(tmp_path / "page.md", tmp_path / "out")
    assert not (tmp_path / "page").exists()


def test_headings_are_the_papers():
    assert [heading(name) for name in ("figure-1", "figure-a1", "table-i1")] == ["Figure 1", "Figure A.1", "Table I.1"]
    assert {heading(name) for name in TABLES} == {*(f"Table {k}" for k in range(1, 6)), "Table I.1", "All methods"}


def test_scales_on_the_papers_data_stand_side_by_side_and_unmarked():
    cells = [_cell("cifar10/ce", column, 80.0) for column in TABLES["table-1"].columns]
    every = [_cell(row, column, 80.0) for row in TABLES["table-1"].rows for column in TABLES["table-1"].columns]

    def measured(value, **more):
        return [{**cell, "ours": value, "n": 1, **more} if cell["row"] == cells[0]["row"] else cell for cell in every]

    documents = [
        _result(scale="medium", cells=measured(70.0)),
        _result(scale="features", cells=measured(75.0, sd=0.5, n=4)),
        _result(cells=measured(99.0)),
    ]
    text = render(documents, "folder")
    beside = text[text.index("scales side by side") : text.index("### Table 1, medium scale")]
    assert "| **cifar10/ce** | paper | 86.98 ± 0.12 |" in beside
    assert "|  | here, medium | 70.00 (1) |" in beside
    assert "|  | here, features | 75.00 ± 0.50 (4) |" in beside
    assert "99.00" not in beside
    assert "✓" not in beside.replace("(✓)", "")
    assert "cifar10/elr" not in beside
    assert "side by side" not in render(documents[2:], "folder")


def test_the_overview_says_in_a_sentence_what_is_reproduced():
    text = render([_result(), _result("table-2", scale="medium")], "folder")
    (line,) = [line for line in text.splitlines() if line.startswith("**In a sentence:**")]
    assert "from scratch on CIFAR with a smaller network 1 of 2 judged claims show (1 open)" in line
    assert "nothing is reproduced yet with the paper's own networks, epochs and seeds" in line
    begun = [{"claim": "c", "paper": "", "ours": "1 of 8 columns measured", "holds": None}]
    text = render([_result(scale="features", verdicts=begun)], "folder")
    assert "pretrained features some numbers are there and no claim can be judged yet (1 open)" in text


def test_the_runs_behind_numbers_are_listed():
    row = {"data": "cifar10", "labels": "symmetric:0.4", "method": "ce", "training": "t", "seeds": 1, "picked": 0.7}
    row |= {"sd": None, "best": 0.75, "last": 0.5, "memorized": 0.6, "precision": None, "recall": 0.5}
    row |= {"average_precision": 0.25, "minutes": 12.34}
    text = render([_result(scale="medium", runs=[row])], "folder")
    assert "| ce | t | 1 | 70.00 | 75.00 | 50.00 | 25.00 | 60.0 | – | 50.0 | 25.0 | 12.3 |" in text
