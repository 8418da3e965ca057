"""Do the lists of public names agree, does the package say which version it is, and does it declare what it imports?"""

import ast
import re
import subprocess
import sys
import tomllib
from importlib import import_module, metadata
from pathlib import Path

import pytest

import earlylearn as el
from earlylearn.cli.main import main

ROOT = Path(__file__).parents[1]
FACADE = ast.parse((ROOT / "src/earlylearn/__init__.py").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SOURCES = sorted((ROOT / "src").rglob("*.py"))


def test_the_three_lists_of_public_names_agree():
    (guarded,) = (node for node in FACADE.body if isinstance(node, ast.If))
    typed = {
        name.name: node.module.removeprefix("earlylearn.")
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }
    assert typed == el._HOMES
    assert sorted(el._HOMES) == el.__all__
    assert set(el.__all__) < set(dir(el))


@pytest.mark.parametrize("name", el.__all__)
def test_a_public_name_is_there_and_explains_itself(name):
    found = getattr(el, name)
    assert found.__doc__
    assert found.__module__ == f"earlylearn.{el._HOMES[name]}"


def test_an_unknown_name_is_no_attribute():
    with pytest.raises(AttributeError, match="'earlylearn' has no attribute 'teach'"):
        _ = el.teach


@pytest.mark.parametrize(
    "document", ["README.md", "CONTRIBUTING.md", *(f"docs/{p.name}" for p in ROOT.glob("docs/*.md"))]
)
def test_documents_name_public_names_only(document):
    text = (ROOT / document).read_text()
    assert set(re.findall(r"\bel\.(\w+)", text)) <= {*el.__all__, "__version__"}
    for path, name in re.findall(r"\bfrom (earlylearn[\w.]*) import (\w+)", text):
        assert hasattr(import_module(path), name), (path, name)


def test_importing_the_package_imports_nothing_else():
    code = "import sys, earlylearn; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "numpy", "pandas", "typer", "importlib_metadata"} & set(done.stdout.split())


def test_the_version_is_stated_once_and_repeated_truly(capsys):
    assert el.__version__ == metadata.version("earlylearn")
    with pytest.raises(SystemExit) as done:
        main(["--version"])
    assert done.value.code == 0
    assert capsys.readouterr().out == f"earlylearn {el.__version__}\n"
    number = PROJECT["version"]
    cited = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {number}\n" in cited
    (date,) = re.findall(r"^date-released: (.*)$", cited, flags=re.MULTILINE)
    assert f"\n## [{number}] - {date}\n" in (ROOT / "CHANGELOG.md").read_text()
    assert set(PROJECT["urls"].values()) <= set(re.findall(r"https\S+", cited))


def test_every_package_that_is_imported_is_declared():
    others = {"sklearn": "scikit-learn", "PIL": "pillow"}
    others |= {"pydantic_core": "pydantic", "markupsafe": "jinja2"}  # which document them as parts of their own
    lists = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    declared = {re.match(r"[\w-]+", requirement).group().lower() for each in lists for requirement in each}
    for path in SOURCES:
        for module in _imported(path):
            top = module.partition(".")[0]
            if top not in sys.stdlib_module_names and top not in ("earlylearn", "earlylearn_paper"):
                assert others.get(top, top.replace("_", "-")) in declared, (path.name, top)


def test_both_packages_tell_type_checkers_that_they_are_typed():
    assert all((ROOT / "src" / package / "py.typed").exists() for package in ("earlylearn", "earlylearn_paper"))


def test_no_module_takes_what_another_calls_its_own():
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("earlylearn"):
                private = [name.name for name in node.names if name.name.startswith("_")]
                assert not private, (path.name, private)


def _imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
