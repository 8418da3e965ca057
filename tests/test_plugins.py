"""Is what others add found, by entry point, file or class, found again later, and refused where it is broken?"""

import json
import shutil
import sys
from importlib import metadata
from importlib.machinery import ModuleSpec
from textwrap import dedent

import pytest

import earlylearn as el
from earlylearn.cli.main import main
from earlylearn.loop.fit import Fit
from earlylearn.methods import METHODS, describe_plugins, find_method
from earlylearn.plugins import from_reference, reference_to, short
from earlylearn.review.exports import export

QUICK = {"limit": 60, "network": "linear", "epochs": 2, "quiet": True}
METHOD = dedent(
    '''
    """A method of one's own."""
    from typing import Annotated
    from pydantic import Field
    from earlylearn.methods.supervised import CrossEntropy

    class Scaled(CrossEntropy):
        """Cross-entropy times a number."""

        def __init__(self, *given, scale: Annotated[float, Field(gt=0, description="of the loss")] = 1.0, **others):
            super().__init__(*given, **others)
            self.scale = scale

        def loss(self, batch):
            step = super().loss(batch)
            return step._replace(loss=self.scale * step.loss)
    '''
)


def write_method(path, more=""):
    """The method in a file; ``more`` follows it."""
    path.write_text(METHOD + more)
    return path


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    """A folder of one's own, and afterwards no module that a test brought in."""
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith(("earlylearn_plugin_", "scaled", "dummy")):
            del sys.modules[name]


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs a distribution, as an installer leaves it: a module, and a dist-info folder with entry points."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)

    def install(points, *, name="dummy", version="1.5", group="earlylearn.methods"):
        write_method(site / f"{name}_module.py")
        info = site / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        lines = "".join(f"{key} = {value}\n" for key, value in points.items())
        (info / "entry_points.txt").write_text(f"[{group}]\n{lines}")
        return info

    return install


def asked(request, capsys):
    """Exit status, stdout and stderr of a command."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as done:
        main(request.split())
    return done.value.code, *capsys.readouterr()


def test_a_file_trains_on_the_command_line_and_is_found_again(tmp_path, capsys, monkeypatch):
    write_method(tmp_path / "scaled.py")
    request = "train digits --limit 60 --network linear --epochs 2 --quiet --method scaled.py:Scaled -o scale=0.5"
    status, out, err = asked(request, capsys)
    assert (status, err) == (0, "")
    assert "Scaled" in out
    path = tmp_path / "runs" / "digits-Scaled-0"
    config = json.loads((path / "config.json").read_text())
    assert config["method"] == f"{tmp_path / 'scaled.py'}:Scaled"
    assert config["options"] == {"scale": 0.5}
    assert config["plugins"]["method"].startswith("sha256 ")
    assert json.loads((path / "summary.json").read_text())["method"] == "Scaled"
    monkeypatch.chdir(path.parent)
    run = el.Run(path)
    assert run.predict(el.load("digits").test.inputs).shape == (360,)
    assert asked(f"predict {path} digits", capsys)[0] == 0


@pytest.mark.slow
def test_an_interrupted_run_of_a_file_goes_on_as_if_it_had_not_been(tmp_path, monkeypatch):
    file = write_method(tmp_path / "scaled.py")
    method = f"{file}:Scaled"
    whole = el.train("digits", method, scale=2.0, out="whole", **QUICK)
    epochs = Fit.run

    def interrupted(self, on_step):
        yield next(epochs(self, on_step))
        raise KeyboardInterrupt

    monkeypatch.setattr(Fit, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        el.train("digits", method, scale=2.0, out="cut", **QUICK)
    monkeypatch.setattr(Fit, "run", epochs)
    resumed = el.resume(tmp_path / "cut", quiet=True)
    assert [line["loss"] for line in resumed.metrics] == [line["loss"] for line in whole.metrics]


def test_a_changed_file_is_told_of_and_what_was_found_can_still_be_read(tmp_path):
    file = write_method(tmp_path / "scaled.py")
    el.train("digits", "scaled.py:Scaled", out="run", **QUICK)
    write_method(file, "# a thought\n")
    run = el.Run("run")
    assert len(run.label_issues()) == 60
    with pytest.raises(el.UsageError, match=r"scaled\.py changed since the run began .* restore it, or train anew"):
        run.predict(el.load("digits").test.inputs)
    file.unlink()
    with pytest.raises(el.UsageError, match=r"scaled\.py: No such file .* restore the file"):
        run.predict(el.load("digits").test.inputs)


@pytest.mark.slow
def test_a_study_asked_again_notices_that_the_file_changed(tmp_path):
    file = write_method(tmp_path / "scaled.py")
    methods = ["ce", "scaled.py:Scaled:scale=0.5"]
    compared = el.compare("digits", methods, seeds=1, out="study", **QUICK)
    assert [each["name"] for each in compared.document["methods"]] == ["ce", "Scaled:scale=0.5"]
    write_method(file, "# a thought\n")
    with pytest.raises(el.UsageError, match=r"Scaled_scale=0\.5-0 was trained with"):
        el.compare("digits", methods, seeds=1, out="study", **QUICK)


@pytest.mark.slow
def test_a_sweep_takes_a_file_and_says_how_to_train_with_what_it_picked(tmp_path):
    write_method(tmp_path / "scaled.py")
    swept = el.sweep("digits", "scaled.py:Scaled", {"scale": [0.5, 2.0]}, out="sweep", **QUICK)
    assert f"--method {tmp_path / 'scaled.py'}:Scaled" in swept.document["command"]
    assert swept.document["method"] == "Scaled"


@pytest.mark.slow
def test_a_class_itself_is_found_again_by_its_file(tmp_path, monkeypatch):
    file = write_method(tmp_path / "scaled_file.py")
    monkeypatch.syspath_prepend(tmp_path)
    from scaled_file import Scaled  # type: ignore[import-not-found]

    run = el.train("digits", Scaled, out="run", **QUICK)
    assert run.config.method == f"{file}:Scaled"
    assert run.config.method_class() is Scaled  # which is not run a second time
    assert el.train("digits", METHODS["ce"], out="ce", **QUICK).config.method == "ce"


def test_a_class_of_a_notebook_is_found_while_it_is_there(monkeypatch, tmp_path):
    class_of = from_reference("method", f"{write_method(tmp_path / 'scaled.py')}:Scaled").what
    notebook = type(sys)("scaled_notebook")  # a module without a file, as __main__ is there
    monkeypatch.setitem(sys.modules, "scaled_notebook", notebook)
    cell = type("Cell", (class_of,), {"__module__": "scaled_notebook"})
    with pytest.raises(el.UsageError, match=r"Cell cannot be found again.*define it at the top of a file"):
        el.train("digits", cell, out="run", **QUICK)
    notebook.Cell = cell
    run = el.train("digits", cell, out="run", **QUICK)
    assert (run.config.method, run.config.plugins) == ("scaled_notebook:Cell", {"method": "no file"})
    assert len(run.predict(el.load("digits").test.inputs)) == 360
    del notebook.Cell
    with pytest.raises(el.UsageError, match="scaled_notebook has no Cell"):
        el.Run("run").predict(el.load("digits").test.inputs)


def test_an_installed_method_is_used_by_name_and_listed_with_its_package(install, capsys):
    info = install({"scaled": "dummy_module:Scaled"})
    run = el.train("digits", "scaled", scale=0.5, out="run", **QUICK)
    assert (run.config.method, run.config.plugins) == ("scaled", {"method": "dummy 1.5 (dummy_module:Scaled)"})
    assert len(run.predict(el.load("digits").test.inputs)) == 360
    status, out, err = asked("methods --json", capsys)
    assert (status, err) == (0, "")
    listed = {method["name"]: method for method in json.loads(out)}
    assert listed["scaled"]["from"] == "dummy 1.5 (dummy_module:Scaled)"
    assert listed["scaled"]["hyperparameters"]["scale"] == {"default": 1.0, "meaning": "of the loss", "type": "float"}
    assert {listed[name]["from"] for name in METHODS} == {"earlylearn"}
    assert "dummy 1.5" in asked("methods", capsys)[1]
    known = r"no such method; did you mean 'scaled'\? choose from .*, scaled, FILE\.py:CLASS"
    with pytest.raises(el.UsageError, match=known):
        el.train("digits", "scald", out="other", **QUICK)

    shutil.rmtree(info)
    with pytest.raises(el.UsageError, match=r"no such method \(dummy 1\.5 .* offered it, which is not installed\)"):
        el.Run("run").predict(el.load("digits").test.inputs)


def test_broken_and_colliding_offers_are_told_of_and_the_rest_is_listed(install, capsys):
    install({"scaled": "dummy_module:Scaled", "elr": "dummy_module:Scaled"})
    install({"gone": "dummy_nothing:It", "old": "broken_module:It", "text": "broken_module:__doc__"}, name="broken")
    described, refused = describe_plugins()
    assert [method["name"] for method in described] == ["scaled"]
    assert {str(error) for error in refused} == {
        "method='elr': is ours; what dummy 1.5 (dummy_module:Scaled) offers by that name is refused",
        "method='gone': is offered by broken 1.5 (dummy_nothing:It), which fails: ModuleNotFoundError: No module named "
        "'dummy_nothing'; mend that package, or uninstall it",
        "method='old': is offered by broken 1.5 (broken_module:It), which fails: AttributeError: module "
        "'broken_module' has no attribute 'It'; mend that package, or uninstall it",
        "method='text': is no method; make it a class derived from earlylearn.Method",
    }
    assert find_method("elr").what is METHODS["elr"]
    status, out, err = asked("methods --json", capsys)
    assert status == 0
    assert "scaled" in [method["name"] for method in json.loads(out)]
    assert len(err.splitlines()) == 4
    assert err.startswith("earlylearn: --method elr: is ours")


@pytest.mark.parametrize(
    ("code", "name", "says"),
    [
        ("import nothing_of_that_name", "It", "line 1: ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("\nclass It(:\n", "It", "line 2: SyntaxError: invalid syntax"),
        ("def f():\n    raise OSError\n\nf()\n", "It", "line 2: OSError; mend the file"),
        ("import sys\nsys.exit(3)\n", "It", "line 2: SystemExit: 3"),
        ("class Other: ...\n", "It", "bad.py has no It; it has Other"),
        ("", "It", "bad.py has no It; it defines nothing"),
        ("class It: ...\n", "It", "is no method; make it a class derived from earlylearn.Method"),
        ("It = 3\n", "It", "is no method"),
        (
            "import earlylearn\nclass It(earlylearn.Method):\n    def __init__(self, *a, lr: float = 1.0, **b): ...\n",
            "It",
            "its hyperparameter lr has the name of a setting of any run; rename it",
        ),
        (
            "import earlylearn\nclass It(earlylearn.Method):\n    def __init__(self, *a, lam, **b): ...\n",
            "It",
            "its hyperparameters cannot be read (KeyError: 'lam'); give each keyword-only argument",
        ),
        (
            "import earlylearn\nclass It(earlylearn.Method):\n    def __init__(self, *a, lam: float, **b): ...\n",
            "It",
            "its hyperparameters cannot be read (ValidationError",
        ),
    ],
)
def test_a_broken_file_is_one_line_that_names_file_class_and_cause(code, name, says, tmp_path, capsys):
    before = set(sys.modules)
    (tmp_path / "bad.py").write_text(code)
    status, out, err = asked(f"train digits --limit 60 --method bad.py:{name} --out run", capsys)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("earlylearn: --method ")
    assert f"bad.py:{name}: " in err
    assert says in err
    assert not (tmp_path / "run").exists()
    left = {module for module in sys.modules if module.startswith("earlylearn_plugin_")} - before
    assert len(left) == ("line" not in says)  # what did not run is forgotten


def test_a_missing_file_or_module_is_one_line():
    with pytest.raises(el.UsageError, match=r"none\.py: No such file or directory; give the file's path"):
        el.train("digits", "none.py:It")
    with pytest.raises(el.UsageError, match=r"the module nowhere\.to\.be does not import: ModuleNotFoundError"):
        el.train("digits", "nowhere.to.be:It")
    with pytest.raises(el.UsageError, match=r"method.3: must be text"):
        el.train("digits", 3)


def test_a_run_that_is_handed_on_runs_no_code_of_its_own(tmp_path):
    write_method(tmp_path / "scaled.py")
    el.train("digits", "scaled.py:Scaled", out="run", **QUICK)
    shutil.copy("scaled.py", "run")
    config = tmp_path / "run" / "config.json"
    there = config.read_text()
    for place in (tmp_path / "run" / "scaled.py", tmp_path / "run" / ".." / "run" / "scaled.py", "run/scaled.py"):
        config.write_text(there.replace(str(tmp_path / "scaled.py"), str(place)))
        with pytest.raises(el.UsageError, match="came with the run; if you trust it"):
            el.Run("run")


def test_nobody_looks_for_plugins_before_they_are_asked_for(monkeypatch):
    def looked(*_, **__):
        raise AssertionError("entry points were looked up")

    monkeypatch.setattr(metadata, "entry_points", looked)
    el.train("digits", "ce", out="run", **QUICK)
    with pytest.raises(AssertionError, match="looked up"):
        find_method("unknown")


NETWORK = dedent(
    """
    from torch import nn
    from earlylearn.networks import Architecture

    def make(name, shape, classes):
        width = int(name.partition("wide:")[2] or 4)
        return nn.Sequential(nn.Flatten(), nn.Linear(shape[0], width), nn.ReLU(), nn.Linear(width, classes))

    WIDE = Architecture("one hidden layer", make, images=False, takes="SIZE")
    """
)


@pytest.fixture
def points(tmp_path):
    """A table of numbers in a file."""
    lines = [f"{row % 2 + row / 99},{row % 3},{'ab'[row % 2]}" for row in range(60)]
    (tmp_path / "points.csv").write_text("\n".join(["x,y,kind", *lines]))
    return {"data": "points.csv", "label": "kind", "epochs": 1, "quiet": True}


@pytest.mark.slow
def test_a_network_comes_from_a_file_or_a_package_too(points, install, tmp_path):
    (tmp_path / "nets.py").write_text(NETWORK)
    install({"wide": "dummy_nets:WIDE"}, group="earlylearn.networks")
    shutil.copy("nets.py", tmp_path / "site" / "dummy_nets.py")
    for network, whole, width in (
        ("nets.py:WIDE", f"{tmp_path / 'nets.py'}:WIDE", 4),
        ("wide", "wide", 4),
        ("wide:7", "wide:7", 7),
    ):
        run = el.train(**points, method="ce", network=network, out=f"run{width}{len(whole)}")
        assert run.config.network == whole
        assert run.config.plugins.keys() == {"network"}
        assert run.predict(el.load("points.csv", label="kind").train.inputs).shape == (60,)
        assert run._models["picked"].nets[0][1][1].out_features == width
    with pytest.raises(el.UsageError, match=r"unknown; choose one of linear, .*, wide, FILE\.py:NAME"):
        el.train(**points, network="wider")
    with pytest.raises(
        el.UsageError, match=r"cannot be made: TypeError: make\(\) missing .*; it is given, by name, shape, classes"
    ):
        el.train(**points, network="nets.py:make")
    (tmp_path / "nets.py").write_text(NETWORK + "# a thought")
    with pytest.raises(el.UsageError, match=r"nets\.py changed since the run began"):
        el.Run(f"run4{len(str(tmp_path / 'nets.py:WIDE'))}").predict(el.load("points.csv", label="kind").train.inputs)


EXPORTER = dedent(
    """
    from earlylearn.review.exports import Exporter

    def write(rows, folder):
        (folder / "all.txt").write_text(str(rows))

    MINE = Exporter(write, "open {folder}/all.txt")
    """
)


def test_an_exporter_comes_from_a_file_or_a_package_too(install, tmp_path):
    (tmp_path / "mine.py").write_text(EXPORTER)
    install({"mine": "dummy_mine:MINE"}, group="earlylearn.exporters")
    shutil.copy("mine.py", tmp_path / "site" / "dummy_mine.py")
    for tool in ("mine", "mine.py:MINE"):
        out = tmp_path / tool.replace(":", "-")
        assert export("three rows", tool, out) == f"open {out}/all.txt"
        assert (out / "all.txt").read_text() == "three rows"
    with pytest.raises(el.UsageError, match=r"no such format; choose from label-studio, .*, mine, FILE\.py:NAME"):
        export("three rows", "yours", tmp_path / "yours")
    with pytest.raises(el.UsageError, match=r"is no exporter; make it an earlylearn\.review\.exports\.Exporter"):
        export("three rows", "mine.py:write", tmp_path / "yours")


def test_a_class_of_a_package_run_by_its_name_is_found_by_that_name(monkeypatch):
    main_module = type(sys)("__main__")  # as python -m scaled_package.part makes it
    main_module.__spec__ = ModuleSpec("scaled_package.part", None)
    main_module.__file__, main_module.__package__ = "scaled_package/part.py", "scaled_package"
    main_module.Mine = type("Mine", (el.Method,), {"__module__": "__main__"})
    monkeypatch.setitem(sys.modules, "__main__", main_module)
    assert reference_to("method", main_module.Mine) == "scaled_package.part:Mine"


def test_names_of_plugins_are_short_where_there_is_little_room():
    assert short("/a/b.py:Mine") == short("package.module:Mine") == "Mine"
    assert short("elr+") == "elr+"
    assert reference_to("method", el.Method) == "earlylearn.loop.method:Method"
