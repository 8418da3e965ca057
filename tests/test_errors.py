"""Does one message read right in Python and on the command line, and survive a worker's pipe?"""

import ast
import pickle
from pathlib import Path

import pytest

from earlylearn.cli.answers import as_options
from earlylearn.errors import Advice, EarlylearnError, UsageError, call, hyperparameter, manual, setting
from tests.faces import OPTION

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("mention", "python", "options"),
    [
        (setting("val_fraction", 2.0), "val_fraction=2.0", "--val-fraction 2.0"),
        (setting("schedule", "up"), "schedule='up'", "--schedule up"),
        (setting("overwrite", True), "overwrite=True", "--overwrite"),
        (setting("labels"), "labels", "--labels"),
        (hyperparameter("lam", -1), "lam=-1", "-o lam=-1"),
        (setting("overwrite", "no"), "overwrite='no'", "--overwrite no"),
        (setting("image", "my photo"), "image='my photo'", "--image 'my photo'"),
        (setting("out", Path("runs/x")), "out='runs/x'", "--out runs/x"),
        (setting("methods", ["ce", "elr"]), "methods=['ce', 'elr']", "--methods ce,elr"),
        (setting("grid", {"lam": [1, 3]}), "grid={'lam': [1, 3]}", "--grid lam=1,3"),
        (hyperparameter("lam", None), "lam=None", "-o lam=null"),
        (hyperparameter("lam", ""), "lam=''", "-o lam="),
        (call("resume", "runs/x"), "earlylearn.resume('runs/x')", "earlylearn train --resume runs/x"),
        (call("train"), "earlylearn.train()", "earlylearn train"),
        (manual("train"), "help(earlylearn.train)", "earlylearn train --help"),
    ],
)
def test_each_face_writes_a_setting_its_own_way(mention, python, options):
    error = UsageError(f"{mention}: is wrong; see {mention}")
    assert str(error) == f"{python}: is wrong; see {python}"
    assert error.told(as_options) == f"{options}: is wrong; see {options}"


def test_it_names_the_setting_at_fault():
    assert UsageError(f"{setting('lr', -1)}: must be above 0").setting == "lr"
    assert UsageError(f"data.csv: no labels; see {setting('label')}").setting is None


def test_a_complaint_can_be_put_to_another_culprit():
    error = UsageError(f"{hyperparameter('lam', 'x')}: must be a number")
    assert (error.culprit.kind, error.culprit.value) == ("hyperparameter", "x")
    moved = error.about(setting("grid", {"lam": ["x"]}))
    assert (str(moved), moved.setting) == ("grid={'lam': ['x']}: must be a number", "grid")
    assert moved.told(as_options) == "--grid lam=x: must be a number"


def test_a_note_on_an_interruption_has_both_faces():
    note = pickle.loads(pickle.dumps(Advice(f"continue with {call('resume', 'runs/x')}")))
    assert note == "continue with earlylearn.resume('runs/x')"
    assert note.told(as_options) == "continue with earlylearn train --resume runs/x"


def test_both_faces_survive_pickling():
    error = pickle.loads(pickle.dumps(EarlylearnError(f"lower {setting('batch_size')}")))
    assert str(error) == "lower batch_size"
    assert error.told(as_options) == "lower --batch-size"


def test_only_the_command_line_writes_options():
    """In every text outside `earlylearn.cli`, docstrings included, but for its face and what stands for no label."""
    documented = {("earlylearn/errors.py", "setting"), ("earlylearn/errors.py", "hyperparameter")}
    documented |= {("earlylearn/wording.py", "command_line")}
    documented |= {("earlylearn/data/readers/alike.py", "")}  # where "--" stands for no label
    found = set()
    for path in (ROOT / "src").rglob("*.py"):
        module = path.relative_to(ROOT / "src").as_posix()
        if not module.startswith("earlylearn/cli/"):
            found |= {(module, function) for function, text in _texts(path) if OPTION.search(text)}
    assert found == documented


def _texts(path):
    """Every text in a file, with the function that it stands in."""

    def walk(node, function):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            function = node.name
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield function, node.value
        for child in ast.iter_child_nodes(node):
            yield from walk(child, function)

    return walk(ast.parse(path.read_text(encoding="utf-8")), "")


def test_what_a_user_wrote_cannot_pass_for_a_mention():
    error = UsageError(f"{setting('data', chr(0xE000) + 'x' + chr(0xE001))}: no such file")
    assert "\ue000" not in str(error)
    assert str(error).endswith("no such file")
