"""Does docs/adding-a-method.md tell the truth: does its method train, fit in everywhere, and fulfil the contract?"""

import re
from pathlib import Path

import pytest

import earlylearn as el
from earlylearn.methods import METHODS, check_options, describe_methods
from tests.methods import test_methods as contract

DOC = (Path(__file__).parents[2] / "docs" / "adding-a-method.md").read_text(encoding="utf-8")
NAME = "self-adaptive"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The last run of the document's code; METHODS is afterwards as it was."""
    (code,) = re.findall(r"^```python\n(.*?)^```", DOC, flags=re.DOTALL | re.MULTILINE)
    assert len(code.splitlines()) <= 30
    before, namespace = dict(METHODS), {"__name__": "adding_a_method"}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("doc"))
        patch.setitem(METHODS, NAME, None)  # undoing this undoes the document's registration
        exec(compile(code, "adding-a-method.md", "exec"), namespace)
        yield namespace["run"]
    assert before == METHODS


def test_its_method_beats_cross_entropy_and_fits_in(run):
    assert run.config.method == NAME
    plain = el.Run("runs/ce")
    assert run.summary["accuracy"]["test_last"] > plain.summary["accuracy"]["test_last"]
    assert run.summary["memorized_last"] < plain.summary["memorized_last"]

    data = el.load("digits")
    assert (run.predict(data.test.inputs) == data.test.labels).mean() > 0.9
    assert len(run.label_issues()) == len(data.train)

    assert check_options(NAME, {}) == {"momentum": 0.9}
    with pytest.raises(el.UsageError, match="momentum"):
        el.train("digits", NAME, momentum=2)
    described = {method["name"]: method for method in describe_methods()}[NAME]
    assert described["hyperparameters"]["momentum"]["meaning"] == "of the labels"
    assert described["needs"]["bytes_per_example"] == {"per_class": 8, "beside": 0}
    assert described["cost"] is None


@pytest.mark.usefixtures("run")
def test_its_method_passes_the_contract_tests(tmp_path, monkeypatch):
    contract.test_learns_a_toy_problem_under_noise(NAME, tmp_path / "toy")
    contract.test_same_seed_same_run_and_another_seed_another(NAME, tmp_path)
    contract.test_state_dict_is_complete(NAME, tmp_path / "state")
    contract.test_learns_from_a_last_batch_of_one(NAME, tmp_path / "one")
    ((changed, value),) = re.findall(rf'`\("{NAME}", "(\w+)"\): ([\d.]+)`', DOC)
    monkeypatch.setitem(contract.CHANGED, (NAME, changed), float(value))
    contract.test_every_hyperparameter_has_an_effect(NAME, changed, tmp_path)
    (tmp_path / "resumed").mkdir()
    with pytest.MonkeyPatch.context() as patch:  # one of its own, because the test undoes it
        contract.test_resumed_equals_uninterrupted(NAME, 1, tmp_path / "resumed", patch)


def test_what_it_names_is_there():
    root = Path(__file__).parents[2]
    for path in re.findall(r"`((?:src|tests)/[\w/.]+)`", DOC):
        assert (root / path).exists(), path
    for path in re.findall(r"`(\w+\.py)`", DOC):
        assert (root / "src" / "earlylearn" / "methods" / path).exists(), path
    for call in ("passes", "loss", "after_step", "after_epoch", "observe_held_out", "predict", "label_beliefs"):
        assert f"| `{call}(" in DOC
        assert hasattr(el.Method, call)
