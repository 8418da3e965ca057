"""Does an exported network say what the run says, in programs that cannot import this library?"""

import json
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from earlylearn.cli.main import main
from earlylearn.data.sources import load
from earlylearn.encoders.encode import encoder_network
from earlylearn.encoders.wheels import lite0_file
from earlylearn.errors import UsageError
from earlylearn.loop.method import Method
from earlylearn.methods.supervised import CrossEntropy
from earlylearn.runs import export as exports
from earlylearn.runs.run import Run
from earlylearn.runs.train import train
from tests.conftest import blobs, stripes

ALONE = "import sys; sys.modules['earlylearn'] = None\n"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One run of each kind of network, trained hardly at all."""
    made, top = {}, tmp_path_factory.mktemp("runs")

    def run(name, data, **settings):
        if name not in made:
            made[name] = train(data, out=top / name, accelerator="cpu", quiet=True, **settings)
        return made[name]

    return run


KINDS = {
    "mlp": lambda run: run("mlp", blobs(), network="mlp:8", epochs=2),
    "cnn": lambda run: run("cnn", stripes(), network="small-cnn", epochs=2, precision="32-true"),
    "two": lambda run: run("two", blobs(), method="elr+", network="mlp:8", epochs=2),
    "auto": lambda run: run("auto", blobs(), method="auto", epochs=2),
}


def inputs(run):
    return (stripes() if len(run.inputs["shape"]) == 3 else blobs()).inputs[:50]


def alone(code, folder):
    """What a program says that has no earlylearn."""
    done = subprocess.run([sys.executable, "-c", ALONE + code], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def snippet(folder):
    """The program in the README."""
    return re.search(r"```python\n(.*?)```", (folder / "README.md").read_text(), flags=re.DOTALL)[1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weights", ["picked", "last"])
@pytest.mark.slow
def test_the_network_says_what_the_run_says(runs, kind, weights):
    run = KINDS[kind](runs)
    x = inputs(run)
    network = run.network(weights)
    assert not network.training
    said = network(torch.from_numpy(x)).softmax(1).detach().numpy()
    assert np.abs(said - run.predict_proba(x, weights=weights)).max() < 1e-5
    rows = run.inputs["n"]
    assert all(rows not in tensor.shape for tensor in network.state_dict().values())  # nothing of any example
    with torch.no_grad():
        next(network.parameters()).zero_()
    assert np.array_equal(run.predict_proba(x, weights=weights), Run(run.folder.path).predict_proba(x, weights=weights))


@pytest.mark.slow
@pytest.mark.parametrize(("format", "kind"), [("pt2", "cnn"), ("pt2", "auto"), ("onnx", "two"), ("onnx", "auto")])
def test_a_program_runs_without_the_library(runs, tmp_path, kind, format):
    if format == "onnx":
        pytest.importorskip("onnxscript")
        pytest.importorskip("onnxruntime")
    run = KINDS[kind](runs)
    file = run.export(tmp_path / "out", format)
    assert sorted(path.name for path in file.parent.iterdir()) == ["README.md", "config.json", f"model.{format}"]
    x = inputs(run)
    np.save(file.parent / "x.npy", x)
    code = snippet(file.parent)
    assert code.count("# yours") == 1
    code = re.sub(r"x = .*# yours", "import numpy; x = numpy.load('x.npy')", code)
    code = code if format == "onnx" else code.replace("network(x)", "network(torch.from_numpy(x))")
    last = "logits" if format == "onnx" else "probability.detach().numpy()"
    alone(f"{code}\nimport numpy; numpy.save('said.npy', {last})", file.parent)
    said = torch.from_numpy(np.load(file.parent / "said.npy"))
    said = said.softmax(1) if format == "onnx" else said
    assert np.abs(said.numpy() - run.predict_proba(x)).max() < 1e-5
    assert json.loads((file.parent / "config.json").read_text())["classes"] == run.classes


@pytest.mark.slow
def test_weights_have_the_names_of_the_network_and_the_readme_loads_them(runs, tmp_path):
    run = KINDS["mlp"](runs)
    file = run.export(tmp_path / "out")
    saved = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(8, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    saved.load_state_dict(load_file(file))
    x = inputs(run)
    code = re.sub(r"x = .*# yours", f"x = torch.tensor({x.tolist()})", snippet(file.parent))
    said = alone(code, file.parent)
    assert np.array_equal(np.array(re.findall(r"\d+", said), int), run.predict(x))


@pytest.mark.slow
def test_the_readme_tells_of_data_method_noise_and_limits(tmp_path):
    run = train(
        "digits", noise="symmetric:0.4", epochs=2, out=tmp_path / "run", accelerator="cpu", quiet=True, limit=300
    )
    text = (run.export(tmp_path / "out").parent / "README.md").read_text()
    wrong = run.summary["noise"]["wrong_fraction"]
    for told in ("300 examples of 10 classes", "`symmetric:0.4`", f"{wrong:.1%} of the labels became wrong"):
        assert told in text
    for claim in [*run.summary["audit"]["claims"], *run.summary["audit"]["misgivings"]]:
        assert claim in text
    assert f"method `{run.config.method}` (lam {run.config.options['lam']}" in text.replace("Method", "method")
    assert f"{run.summary['accuracy']['test_last']:.1%}" in text
    assert "## Limits" in text
    assert str(tmp_path) not in text


@pytest.mark.slow
def test_boosted_trees_go_along(runs, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (300, 2)).astype(np.float32)
    labels = ((np.floor(4 * x[:, 0]) + np.floor(4 * x[:, 1])) % 2).astype(np.int64)  # a chequerboard, which trees learn
    data = replace(blobs(300, classes=2), inputs=x, labels=labels, true_labels=None)
    run = train(data, "auto", epochs=2, out=tmp_path / "run", accelerator="cpu", quiet=True)
    network = run.network()
    assert network.trees is not None
    said = network(torch.from_numpy(x)).softmax(1).detach().numpy()
    assert np.abs(said - run.predict_proba(x)).max() < 1e-5
    file = run.export(tmp_path / "out", "pt2")
    again = torch.export.load(file).module()(torch.from_numpy(x)).softmax(1).detach().numpy()
    assert np.abs(again - said).max() < 1e-6


def test_what_cannot_be_exported_is_told(runs, tmp_path, monkeypatch):
    run = KINDS["mlp"](runs)
    with pytest.raises(UsageError, match="format='tflite': must be one of safetensors, pt2, onnx"):
        run.export(tmp_path / "out", "tflite")
    monkeypatch.setattr(exports.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"needs onnx and onnxscript; run pip install 'earlylearn\[onnx\]'"):
        run.export(tmp_path / "out", "onnx")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"holds notes\.txt"):
        run.export(tmp_path / "mine", overwrite=True)
    run.export(tmp_path / "out")
    with pytest.raises(UsageError, match="holds an exported network already"):
        run.export(tmp_path / "out")
    run.export(tmp_path / "out", overwrite=True)


class OwnWay(CrossEntropy):
    def predict(self, x):
        return -super().predict(x)


def test_a_method_that_predicts_its_own_way_has_to_say_how(tmp_path):
    assert Method.predict is not OwnWay.predict
    run = train(blobs(), OwnWay, epochs=1, network="linear", out=tmp_path / "run", accelerator="cpu", quiet=True)
    with pytest.raises(UsageError, match="predicts in a way of its own; give it an inference_network"):
        run.network()


def test_the_command_line_exports(runs, tmp_path, capsys):
    run = KINDS["mlp"](runs)
    with pytest.raises(SystemExit) as done:
        main(["export", str(run.folder.path), "--out", str(tmp_path / "out"), "--json"])
    assert done.value.code == 0
    assert json.loads(capsys.readouterr().out)["file"] == str(tmp_path / "out" / "model.safetensors")
    with pytest.raises(SystemExit) as done:
        main(["export", str(run.folder.path)])
    assert done.value.code == 2
    assert "--out is missing" in capsys.readouterr().err


@pytest.mark.slow
def test_photographs_take_their_encoder_along(tmp_path):
    if lite0_file() is None:
        pytest.skip("the encoder's weights are not installed")
    rng = np.random.default_rng(0)
    for name, colour in (("cat", 250), ("dog", 60)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(12):
            pixels = rng.integers(0, colour, (40, 40, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{i}.png")
    run = train(tmp_path / "photos", epochs=2, out=tmp_path / "run", accelerator="cpu", quiet=True)
    features, _ = run.read(str(tmp_path / "photos"))
    side = run.inputs["schema"]["encoder"]["side"]
    squares = load(str(tmp_path / "photos"), image_size=side).train.inputs
    network = torch.export.load(run.export(tmp_path / "out", "pt2")).module()
    said = network(torch.from_numpy(squares)).softmax(1).detach().numpy()
    exact = encoder_network(run.inputs["schema"])(torch.from_numpy(squares)).numpy()
    assert np.abs(said - run.predict_proba(exact)).max() < 1e-5
    assert np.abs(features - exact).mean() < 0.1 * exact.std()  # in training they are bf16 where that is fast
