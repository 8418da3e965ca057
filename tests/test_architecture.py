"""Does the house stand as docs/architecture.md draws it: floors, no arrow upwards, no circle, small rooms?"""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src"
LIBRARY, PAPER = "earlylearn", "earlylearn_paper"
DOCUMENT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def drawn_floors():
    """Floor by room, from the picture: lines that begin with a number, up to the column of the paper's box."""
    floors = {}
    for number, line in re.findall(r"^ +(\d) +(.*?)(?:  [|+].*)?$", DOCUMENT, flags=re.MULTILINE):
        for room in re.findall(r"(?<!\S)(\w+)(?:/|\.py)(?!\S)", line):
            assert room not in floors, f"{room} is drawn twice"
            floors[room] = int(number)
    return floors


def module_of(path):
    parts = path.relative_to(SRC).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in sorted(SRC.rglob("*.py"))}
TREES = {module: ast.parse(path.read_text(encoding="utf-8")) for module, path in MODULES.items()}


def imported(nodes):
    """The modules of ours that these statements import, wherever in them they do so."""
    found = set()
    for node in (inner for outer in nodes for inner in ast.walk(outer)):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: write the whole name"
            whole = {f"{node.module}.{name.name}" for name in node.names}
            found |= {name if name in MODULES else node.module for name in whole}
    return {name for name in found if name.partition(".")[0] in (LIBRARY, PAPER)}


IMPORTS = {module: imported(tree.body) for module, tree in TREES.items()}
FLOORS = drawn_floors()


def room(module):
    """The folder, or the loose file, at the top of the library; the paper is one room here."""
    package, *rest = module.split(".")
    return PAPER if package == PAPER else rest[0] if rest else "__init__"


def test_every_room_of_the_library_is_drawn_and_nothing_else():
    present = {room(module) for module in MODULES} - {PAPER, "__main__"}
    assert present == set(FLOORS), "docs/architecture.md draws other rooms than there are"


def test_there_are_few_rooms_on_few_floors():
    below = {room: floor for room, floor in FLOORS.items() if room != "cli"}
    assert len(below) <= 25
    assert len(set(below.values())) <= 9
    assert FLOORS["cli"] > max(below.values())


@pytest.mark.parametrize("module", [module for module in MODULES if room(module) in FLOORS])
def test_no_import_goes_up(module):
    for other in IMPORTS[module]:
        if room(other) != PAPER:
            assert FLOORS.get(room(other), 0) <= FLOORS[room(module)], f"{module} imports {other}, which stands higher"


def test_nothing_goes_round_in_a_circle():
    rooms = {}
    for module, others in IMPORTS.items():
        rooms.setdefault(room(module), set()).update({room(other) for other in others} - {room(module)})
    del rooms[PAPER], rooms["cli"]  # each imports the other, cli/paper.py lazily: see the next test
    for graph in (rooms, IMPORTS):
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            pytest.fail(" -> ".join(error.args[1]))


def test_only_the_command_line_opens_the_paper_and_only_when_asked():
    for module, others in IMPORTS.items():
        if room(module) != PAPER and any(room(other) == PAPER for other in others):
            assert module == "earlylearn.cli.paper"
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    at_import = [node for node in TREES["earlylearn.cli.paper"].body if not isinstance(node, functions)]
    assert not any(room(other) == PAPER for other in imported(at_import))


@pytest.mark.parametrize("module", MODULES)
def test_a_file_is_short_and_begins_with_its_question(module):
    lines = MODULES[module].read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 350
    assert re.fullmatch(r'"""[A-Z`].*\?(""")?', lines[0]), lines[0]


def test_adapters_are_short():
    adapters = [name for name in MODULES if name.startswith("earlylearn.integrations.")]
    assert len(adapters) > 3
    assert all(len(MODULES[name].read_text(encoding="utf-8").splitlines()) < 150 for name in adapters)


@pytest.mark.parametrize("path", [p for d in ("tests", "benchmarks") for p in ROOT.glob(f"{d}/**/*.py")], ids=str)
def test_tests_and_benchmarks_begin_with_a_question_too(path):
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    assert not first or re.fullmatch(r'"""[A-Z].*\?(""")?', first), first


def missing(text):
    """Paths in backticks that lead nowhere, from the repository or from one of the packages."""
    named = set(re.findall(r"`([\w/]+(?:\.py|/))`", text)) - {"integrations/"}  # which is not built yet
    return {path for path in named if not any((root / path).exists() for root in (ROOT, SRC / LIBRARY, SRC / PAPER))}


def test_the_picture_names_what_is_there():
    assert not missing(DOCUMENT)


def test_every_decision_is_linked_short_and_told_in_three_parts():
    folder = ROOT / "docs" / "decisions"
    assert {f"decisions/{path.name}" for path in folder.iterdir()} == set(re.findall(r"\((decisions/.*?)\)", DOCUMENT))
    for path in folder.iterdir():
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"^#+ .*", text, flags=re.MULTILINE)[1:] == ["## Context", "## Decision", "## Consequences"]
        assert 15 <= len(text.splitlines()) <= 30
        assert not missing(text), path.name
