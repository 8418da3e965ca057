"""Does docs/adding-a-method.md tell the truth: does its method train, fit in everywhere, and fulfil the contract?"""

import re
import runpy
import shutil
import tomllib
from pathlib import Path

import pytest

import earlylearn as el
from earlylearn.cli.main import main
from earlylearn.methods import METHODS, check_options, describe_plugins, find_method
from tests.methods import test_methods as contract

DOC = (Path(__file__).parents[2] / "docs" / "adding-a-method.md").read_text(encoding="utf-8")
NAME = "self-adaptive"


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """The document's code as the file it is to be saved as."""
    (code,) = re.findall(r"^```python\n(.*?)^```", DOC, flags=re.DOTALL | re.MULTILINE)
    assert len(code.splitlines()) <= 30
    path = tmp_path_factory.mktemp("doc") / "self_adaptive.py"
    path.write_text(code)
    return path


@pytest.fixture(scope="module")
def run(file):
    """The last run of the document's code, as a script."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(file.parent)
        return runpy.run_path(str(file), run_name="__main__")["run"]


@pytest.fixture
def method(file, monkeypatch):
    """Its class, as one of ours."""
    found = find_method(f"{file}:SelfAdaptive").what
    monkeypatch.setitem(METHODS, NAME, found)
    return found


@pytest.mark.slow
def test_its_method_beats_cross_entropy_and_fits_in(run, file, monkeypatch):
    assert run.config.method == f"{file}:SelfAdaptive"
    monkeypatch.chdir(file.parent)
    plain = el.Run("runs/digits-ce-0")
    assert run.summary["accuracy"]["test_last"] > plain.summary["accuracy"]["test_last"]
    assert run.summary["memorized_last"] < plain.summary["memorized_last"]

    data = el.load("digits")
    assert (run.predict(data.test.inputs) == data.test.labels).mean() > 0.9
    assert len(run.label_issues()) == len(data.train)

    assert run.config.options == {"memory": 0.9}
    with pytest.raises(el.UsageError, match="memory"):
        el.train("digits", f"{file}:SelfAdaptive", memory=2)


@pytest.mark.slow
def test_the_commands_it_shows_work(file, monkeypatch, tmp_path):
    shutil.copy(file, tmp_path)
    monkeypatch.chdir(tmp_path)
    shown = [line for line in DOC.splitlines() if line.startswith("$ earlylearn ")]
    assert len(shown) == 2
    for line in shown:
        quick = "--limit 100 --epochs 1 --network linear --quiet --json"
        with pytest.raises(SystemExit) as done:
            main([*line.split()[2:], *quick.split()])
        assert done.value.code == 0


def test_a_package_offers_it_as_shown(file, method, monkeypatch, tmp_path):
    (table,) = re.findall(r"^```toml\n(.*?)^```", DOC, flags=re.DOTALL | re.MULTILINE)
    points = tomllib.loads(table)["project"]["entry-points"]["earlylearn.methods"]
    info = tmp_path / "mine-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[earlylearn.methods]\n{NAME} = {points[NAME]}\n")
    (tmp_path / "my_package").mkdir()
    shutil.copy(file, tmp_path / "my_package")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(METHODS, NAME)
    described = {method["name"]: method for method in describe_plugins()[0]}[NAME]
    assert described["from"] == "mine 1.0 (my_package.self_adaptive:SelfAdaptive)"
    assert described["hyperparameters"]["memory"]["meaning"] == "share kept"
    assert described["needs"]["bytes_per_example"] == {"per_class": 4, "beside": 16}
    assert check_options(NAME, {}) == {"memory": 0.9}


@pytest.mark.slow
@pytest.mark.usefixtures("method")
def test_its_method_passes_the_contract_tests(tmp_path, monkeypatch):
    contract.test_learns_a_toy_problem_under_noise(NAME, tmp_path / "toy")
    contract.test_same_seed_same_run_and_another_seed_another(NAME, tmp_path)
    contract.test_state_dict_is_complete(NAME, tmp_path / "state")
    contract.test_learns_from_a_last_batch_of_one(NAME, tmp_path / "one")
    ((changed, value),) = re.findall(rf'`\("{NAME}", "(\w+)"\): ([\d.]+)`', DOC)
    monkeypatch.setitem(contract.CHANGED, (NAME, changed), float(value))
    contract.test_every_hyperparameter_has_an_effect(
        NAME, changed, lambda method: contract.briefly(method, tmp_path / "default"), tmp_path, monkeypatch
    )
    (tmp_path / "resumed").mkdir()
    contract.test_resumed_equals_uninterrupted(NAME, tmp_path / "resumed", monkeypatch)


def test_what_it_names_is_there():
    root = Path(__file__).parents[2]
    for path in re.findall(r"`((?:src|tests)/[\w/.]+)`", DOC):
        assert (root / path).exists(), path
    for path in set(re.findall(r"`(\w+\.py)`", DOC)) - {"self_adaptive.py"}:
        assert (root / "src" / "earlylearn" / "methods" / path).exists(), path
    for call in ("passes", "loss", "after_step", "after_epoch", "observe_held_out", "predict", "label_beliefs"):
        assert f"| `{call}(" in DOC
        assert hasattr(el.Method, call)
