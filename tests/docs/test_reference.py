"""Is every command, option, public name, method, recipe, kind of noise, column and field in the reference?"""

import re
from dataclasses import fields as fields_of
from pathlib import Path

import pytest
import typer
from typing_extensions import get_type_hints

import earlylearn as el
from docs._site.documents import MEANINGS, fields
from docs._site.pages import DOCS, page_text
from docs._site.parts import PARTS
from earlylearn.cli.main import COMMANDS, app
from earlylearn.data.noise.kinds import NOISE
from earlylearn.data.readers.corrections import COLUMNS
from earlylearn.documents import EpochRecord, Summary
from earlylearn.methods import METHODS, hyperparameters
from earlylearn.recipes import RECIPES
from earlylearn.review.decisions import Decision
from earlylearn.runs.folder import RunFolder
from tests.conftest import blobs


def page(name):
    docname = f"reference/{name}"
    return page_text(docname, (DOCS / f"{docname}.md").read_text(encoding="utf-8"), PARTS)


def section(text, title, level=2):
    found = re.search(
        rf"^{'#' * level} {re.escape(title)}$(.*?)(?=^#{{1,{level}}} |\Z)", text, re.DOTALL | re.MULTILINE
    )
    assert found, f"no section {title!r}"
    return found[1]


def first_cells(text):
    return {name for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)}


def test_every_command_and_option_is_there():
    text = page("commands")
    commands = typer.main.get_command(app).commands
    assert set(re.findall(r"^## earlylearn (\S+)$", text, re.MULTILINE)) == set(commands)
    assert len(commands) == len(COMMANDS)
    for name, command in commands.items():
        told = section(text, f"earlylearn {name}")
        for parameter in command.params:
            assert parameter.help in told.replace("\\|", "|").replace("`", ""), (name, parameter.name)
            for word in parameter.opts if parameter.param_type_name == "option" else ():
                assert re.search(rf"`{re.escape(word)}[` ]", told), (name, word)


def test_every_public_name_is_there():
    listed = set(re.findall(r"auto\w+:: earlylearn\.(\S+)$", page("python"), re.MULTILINE))
    beside = set()
    for file in sorted((Path(el.__file__).parent / "integrations").glob("[a-z]*.py")):
        text = file.read_text(encoding="utf-8")
        beside |= {
            f"integrations.{file.stem}.{name}" for name in re.findall(r"^(?:class|def) ([^_\W]\w*)", text, re.MULTILINE)
        }
    assert len(beside) >= 3
    assert listed == set(el.__all__) | beside


def test_every_method_is_there_with_its_hyperparameters():
    text = page("methods")
    for name, method in METHODS.items():
        assert set(hyperparameters(method).model_fields) == first_cells(section(text, name)), name
        assert method.paper in section(text, name)


def test_every_recipe_and_kind_of_noise_is_there():
    told = first_cells(page("recipes"))
    assert set(RECIPES) <= told
    assert {f"{name}:{kind.takes}" for name, kind in NOISE.items()} <= told


def test_every_column_of_the_label_issues_is_explained(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = el.train(blobs(60), "elr", epochs=1, out="run", quiet=True)
    text = page("files")
    assert first_cells(section(text, "label_issues.csv")) == set(run.label_issues().columns)
    written = {path.relative_to("run").parts[0] for path in run.folder.path.rglob("*") if path.is_file()}
    told = {name.rstrip("/") for name in first_cells(section(text, "A run folder"))}
    assert written <= told
    assert {path.relative_to("x").parts[0] for path in vars(RunFolder("x")).values() if path.name != "x"} <= told


def test_every_column_and_field_of_a_review_is_explained():
    assert first_cells(section(page("files"), "A review")) == {*COLUMNS, *(field.name for field in fields_of(Decision))}


@pytest.mark.parametrize("kind", [Summary, EpochRecord])
def test_every_field_of_a_document_is_explained(kind):
    listed = [name for name, _ in fields(kind)]
    assert {name.partition(".")[0] for name in listed} == set(get_type_hints(kind))
    assert not [name for name in listed if not MEANINGS.get(name)]
    assert set(listed) <= first_cells(section(page("files"), "JSON documents"))
