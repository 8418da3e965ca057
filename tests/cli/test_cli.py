"""Does every command do its work, say so in the promised form, and stop cleanly when it is stopped?"""

import csv
import functools
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from earlylearn.cli.main import main
from earlylearn.loop.fit import Fit
from earlylearn.methods import METHODS
from earlylearn.recipes import RECIPES
from earlylearn.runs import session
from earlylearn.runs import train as training
from earlylearn.runs.run import Run
from earlylearn.study import demo as demo_module

COMMANDS = [
    "train",
    "demo",
    "predict",
    "issues",
    "embed",
    "compare",
    "sweep",
    "diagnose",
    "noise",
    "methods",
    "recipes",
    "doctor",
]
FIRST_COLUMNS = ["id", "index", "given_label", "predicted_label", "label_quality", "is_label_issue"]
QUICK = "--network linear --quiet"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def ask(capsys):
    """Asks the command line; gives the exit status, stdout and stderr."""

    def ask(request):
        capsys.readouterr()
        with pytest.raises(SystemExit) as done:
            main(request.split())
        return done.value.code, *capsys.readouterr()

    return ask


@pytest.fixture
def document(ask):
    """The one JSON document that a request prints."""

    def document(request):
        status, out, err = ask(f"{request} --json")
        assert status == 0, err
        return json.loads(out)

    return document


@pytest.fixture
def flowers(tmp_path):
    """A table with numbers, a category, ids and text labels, of which two are wrong."""
    rng = np.random.default_rng(0)
    kinds = np.array(["rose", "lily"])[np.arange(80) % 2]
    table = pd.DataFrame(
        {
            "key": [f"flower-{row}" for row in range(80)],
            "width": np.where(kinds == "rose", 2.0, -2.0) + rng.normal(size=80),
            "colour": np.where(rng.random(80) < 0.9, np.where(kinds == "rose", "red", "white"), "pink"),
            "kind": np.where(np.isin(np.arange(80), [4, 9]), np.array(["lily", "rose"])[np.arange(80) % 2], kinds),
        }
    )
    table.to_csv("flowers.csv", index=False)
    return table


def wrong_share(run):
    with open(f"{run}/summary.json") as file:
        return json.load(file)["noise"]["wrong_fraction"]


# Help


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example(ask, command):
    status, out, err = ask(f"{command} --help")
    assert (status, err) == (0, "")
    assert f"Example: earlylearn {command}" in out


@pytest.mark.parametrize("request_", ["", "--help"])
def test_without_arguments_all_commands_are_listed(ask, request_):
    status, out, err = ask(request_)
    assert (status, err) == (0, "")
    assert all(f"│ {command} " in out for command in COMMANDS)
    assert all(f"─ {panel} ─" in out for panel in ("Basics", "Data", "Research", "Hardware"))


def test_a_shell_is_told_how_a_word_goes_on(ask, monkeypatch):
    for name, value in (
        ("_EARLYLEARN_COMPLETE", "complete_bash"),
        ("COMP_WORDS", "earlylearn tr"),
        ("COMP_CWORD", "1"),
    ):
        monkeypatch.setenv(name, value)
    assert ask("")[1].split() == ["train"]


@pytest.mark.slow
def test_lambda_is_understood_as_the_field_writes_it(ask):
    for words in ("--lambda 7", "-o lambda=7"):
        assert ask(f"train digits --limit 200 --method elr --epochs 1 --out r --overwrite {words} {QUICK}")[0] == 0
        assert json.loads(Path("r/config.json").read_text())["options"]["lam"] == 7


def test_a_path_that_begins_at_home_is_made_whole(ask, tmp_path, monkeypatch):
    """No shell does so in ``--out=~/x``; a folder called ~ is nobody's wish."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert ask(f"train digits --limit 60 --method ce --epochs 1 --out=~/run {QUICK}")[0] == 0
    assert ask("issues ~/run --out=~/i.csv")[0] == 0
    assert (tmp_path / "home" / "i.csv").exists()
    assert Run("~/run").summary["epochs"] == 1
    assert not Path("~").exists()


def test_a_folder_of_runs_is_told_by_its_runs(ask):
    for name in ("ce", "elr"):
        Path("demo", name).mkdir(parents=True)
        Path("demo", name, "config.json").write_text("{}")
    status, _, err = ask("issues demo")
    assert status == 2
    assert "demo/ce, demo/elr" in err


def test_help_does_not_wait_for_torch():
    code = "import sys, earlylearn.cli.main; sys.exit('torch' in sys.modules or 'pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# What a command does not need costs its start, a second for PyTorch and half of one for scipy.stats. One process asks
# all in this order: each may import what those before it may, and more.
LATE = {
    "issues r": ("torch", "scipy", "sklearn", "matplotlib", "lightning_fabric"),
    "predict r flowers.csv --out p.csv": ("scipy", "sklearn", "matplotlib", "lightning_fabric"),
    "review r --json": ("scipy.stats", "sklearn", "matplotlib", "lightning_fabric"),
    "review r --json --clean-to 5": ("scipy.stats", "sklearn", "matplotlib", "lightning_fabric"),
}


@pytest.mark.slow
def test_commands_on_a_run_import_what_they_use(ask, flowers):
    assert ask(f"train flowers.csv --label kind --drop key --epochs 1 --out r {QUICK}")[0] == 0
    code = f"""
import sys, earlylearn.cli.main as cli
for request, late in {LATE}.items():
    try: cli.main(request.split())
    except SystemExit as done: assert not done.code, request
    assert not set(sys.modules) & set(late), (request, set(sys.modules) & set(late))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# What is printed, and what is left on disk


def test_a_run_prints_and_writes_its_summary(document):
    printed = document(f"train digits --limit 200 --noise symmetric:0.4 --epochs 2 --seed 3 --out r {QUICK}")
    assert printed.pop("run") == "r"
    with open("r/summary.json") as file:
        assert json.load(file) == printed
    assert (printed["method"], printed["data"], printed["seed"], printed["epochs"]) == ("elr", "digits", 3, 2)
    assert printed["noise"]["kind"] == "symmetric"
    assert printed["noise"]["rate"] == 0.4
    assert 0.3 < printed["noise"]["wrong_fraction"] < 0.42
    assert {"test_last", "test_at_best_val", "val_best"} <= set(printed["accuracy"])
    assert {"flagged", "precision", "recall", "average_precision"} <= set(printed["label_issues"])
    assert 0 <= printed["memorized_last"] <= 1
    assert printed["seconds"] >= 0
    written = {
        "config.json",
        "environment.json",
        "metrics.jsonl",
        "labels.npz",
        "checkpoint",
        "label_issues.csv",
        "beliefs.npy",
        "summary.json",
        "report.html",
        ".lock",
    }
    assert set(os.listdir("r")) == written
    with open("r/metrics.jsonl") as file:
        assert [json.loads(line)["epoch"] for line in file] == [1, 2]


def test_what_cannot_be_known_without_the_truth_is_null(ask, flowers):
    status, out, _ = ask(f"train flowers.csv --label kind --id-column key --epochs 1 --out r {QUICK}")
    assert status == 0
    assert "unknown" not in out
    assert "held-out given labels predicted" in out
    assert "memorised" not in out
    with open("r/summary.json") as file:
        summary = json.load(file)
    assert summary["noise"] == {"kind": None, "rate": None, "wrong_fraction": None}
    assert summary["memorized_last"] is None
    assert summary["accuracy"]["test_last"] is summary["accuracy"]["test_at_best_val"] is None
    issues = summary["label_issues"]
    assert issues["precision"] is issues["recall"] is issues["average_precision"] is None


@pytest.mark.slow
def test_the_demo_prints_both_summaries(document, monkeypatch):
    monkeypatch.setattr(demo_module, "train", functools.partial(training.train, network="linear", epochs=2))
    summaries = document("demo --out d --quiet")
    assert list(summaries) == ["ce", "elr"]
    assert all(summary["noise"]["rate"] == 0.4 for summary in summaries.values())
    assert {"report.html", "memorization.png", "demo.json", "ce", "elr"} == set(os.listdir("d"))
    again = document("demo --out d --quiet --overwrite --seed 1")
    assert again["elr"]["seed"] == 1


def test_lists_in_json_name_everything_there_is(document):
    methods = {method["name"]: method for method in document("methods")}
    assert list(methods) == list(METHODS)
    assert set(methods["elr"]) == {"name", "from", "summary", "paper", "networks", "cost", "needs", "hyperparameters"}
    assert methods["elr"]["hyperparameters"]["beta"]["default"] == 0.7
    recipes = document("recipes")
    assert [recipe["name"] for recipe in recipes] == list(RECIPES)
    assert set(recipes[0]) == {"name", "source", "data", "method", "settings", "by_size", "options"}
    noise = {kind["name"]: kind for kind in document("noise")}
    assert set(noise["symmetric:RATE"]) == {"name", "description", "source"}


@pytest.mark.slow
def test_the_doctor_answers_by_topic(document):
    found = document("doctor --data-dir nowhere")
    assert set(found) == {"versions", "hardware", "data", "extras", "encoders"}
    assert found["data"]["digits"] == "1437 training and 360 test examples"
    assert found["data"]["cifar10"].startswith("not here: cifar10: data_dir='nowhere' has no")
    assert found["data"]["clothing1m"].startswith("not tried: clothes, 256x256 colour")


@pytest.mark.parametrize("command", ["methods", "recipes", "noise", "doctor --data-dir nowhere"])
@pytest.mark.slow
def test_lists_are_readable_without_json(ask, command):
    status, out, err = ask(command)
    assert (status, err) == (0, "")
    assert "digits" in out or "elr" in out or "symmetric:RATE" in out
    assert ("--data-dir" in out) == command.startswith("doctor")
    assert "data_dir" not in out


# From training to predictions


@pytest.mark.slow
def test_a_table_round_trip(ask, document, flowers):
    status, _, err = ask(f"train flowers.csv --label kind --id-column key --epochs 30 --out r {QUICK}")
    assert (status, err) == (0, "")
    issues = pd.read_csv("r/label_issues.csv")
    assert list(issues.columns[:6]) == FIRST_COLUMNS
    assert list(issues["id"]) == list(flowers["key"])
    assert list(issues["given_label"]) == list(flowers["kind"])

    listed = document("issues r")
    assert [issue["id"] for issue in listed if issue["label_quality"] == listed[0]["label_quality"]]
    assert {"flower-4", "flower-9"} <= {issue["id"] for issue in listed}
    assert all(issue["is_label_issue"] for issue in listed)
    qualities = [issue["label_quality"] for issue in listed]
    assert qualities == sorted(qualities)
    assert document("issues r --top 1") == listed[:1]
    _, out, _ = ask("issues r --top 1")
    assert f"{len(listed)} label issues" in out
    assert listed[0]["id"] in out

    flowers.drop(columns="kind").iloc[:9].to_csv("new.csv", index=False)
    status, out, err = ask("predict r new.csv")
    assert (status, err) == (0, "")
    predicted = list(csv.DictReader(io.StringIO(out)))
    assert list(predicted[0]) == ["id", "predicted_label", "confidence", "p_lily", "p_rose"]
    assert [row["id"] for row in predicted] == [f"flower-{row}" for row in range(9)]
    assert [row["predicted_label"] for row in predicted[:4]] == ["rose", "lily", "rose", "lily"]
    assert document("predict r new.csv")[0]["predicted_label"] == "rose"


@pytest.mark.slow
def test_a_folder_round_trip(ask, document, tmp_path):
    rng = np.random.default_rng(0)
    for row in range(40):
        folder = tmp_path / "photos" / ("day", "night")[row % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 100, (10, 10, 3)) + (150, 0)[row % 2]
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{row}.png")
    status, _, err = ask(f"train photos --epochs 20 --out r {QUICK}")
    assert (status, err) == (0, "")
    assert [issue["id"] for issue in document("issues r")] == []
    status, out, err = ask("predict r photos --out p.csv")
    assert (status, out) == (0, "")
    assert err == "40 rows: p.csv\n"
    predicted = pd.read_csv("p.csv")
    assert list(predicted["id"].str.split("/").str[0]) == list(predicted["predicted_label"])
    assert document("predict r photos/day/0.png --weights last")[0]["predicted_label"] == "day"


@pytest.mark.slow
def test_issues_are_all_exported_but_twenty_shown(ask, document):
    ask(f"train digits --limit 200 --noise symmetric:0.8 --epochs 1 --out r {QUICK}")
    flagged = document("issues r")
    assert len(flagged) > 20
    ask("issues r --out issues.csv")
    assert list(pd.read_csv("issues.csv")["id"]) == [issue["id"] for issue in flagged]
    _, out, _ = ask("issues r")
    assert out.count("digits-") == 20


# Noise in a file


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["npz", "npy", "csv"])
def test_noise_written_to_a_file_is_the_noise_of_the_run(document, suffix):
    made = document(f"noise digits --noise pair:0.3 --seed 1 --out l.{suffix}")
    assert set(made) == {"file", "kind", "rate", "seed", "n", "wrong", "wrong_fraction"}
    assert made["wrong_fraction"] == pytest.approx(0.3, abs=0.001)
    key = ":labels" if suffix == "npz" else ""
    run = document(f"train digits --labels l.{suffix}{key} --epochs 1 --out r {QUICK}")
    assert run["noise"]["wrong_fraction"] == pytest.approx(made["wrong_fraction"])


def test_true_labels_from_a_file_tell_which_labels_are_wrong(ask, document, flowers):
    np.savez("l.npz", labels=flowers["kind"].to_numpy("U"), truth=np.array(["rose", "lily"])[np.arange(80) % 2])
    printed = document(
        "train flowers.csv --label kind --id-column key --labels l.npz:labels --true-labels l.npz:truth "
        f"--epochs 1 --out r {QUICK}"
    )
    assert printed["noise"] == {"kind": None, "rate": None, "wrong_fraction": 2 / 80}


def test_the_same_seed_writes_the_same_noise(ask):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        assert ask(f"noise digits --noise symmetric:0.4 --seed {seed} --out {name}.npy")[0] == 0
    a, b, c = (np.load(f"{name}.npy") for name in "abc")
    assert (a == b).all()
    assert (a != c).any()


# Replacing, stopping, failing


@pytest.mark.slow
def test_overwrite_replaces_a_run_and_a_file(document):
    assert document(f"train digits --limit 60 --epochs 1 --out r {QUICK}")["epochs"] == 1
    assert document(f"train digits --limit 60 --epochs 2 --out r --overwrite {QUICK}")["epochs"] == 2
    assert document("predict r digits --out p.csv --overwrite")
    assert document("predict r digits --out p.csv --weights last --overwrite")


def test_the_default_run_folder_is_named_after_data_method_and_seed(document):
    assert document(f"train digits --limit 60 --epochs 1 --seed 5 --method ce {QUICK}")["run"] == "runs/digits-ce-5"


@pytest.mark.slow
@pytest.mark.parametrize("epochs", [0, 1])
def test_an_interrupted_run_says_how_to_continue(ask, document, monkeypatch, epochs):
    whole = Fit.run

    def interrupted(self, on_step):
        for epoch, record in enumerate(whole(self, on_step)):
            if epoch == epochs:
                raise KeyboardInterrupt
            yield record

    with monkeypatch.context() as patch:
        patch.setattr(Fit, "run", interrupted)
        status, out, err = ask(f"train digits --limit 60 --epochs 3 --out r {QUICK}")
    assert (status, out) == (130, "")
    assert err.strip() == "earlylearn: interrupted; continue with earlylearn train --resume r"
    assert document("train --resume r --quiet")["epochs"] == 3
    with open("r/metrics.jsonl") as file:
        assert [json.loads(line)["epoch"] for line in file] == [1, 2, 3]


def test_an_interruption_with_nothing_to_continue_says_just_that(ask, monkeypatch):
    def interrupted(*arguments, **settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", interrupted)
    status, out, err = ask("train digits")
    assert (status, out, err.strip()) == (130, "", "earlylearn: interrupted")


def test_a_loss_that_is_not_finite_is_a_failure_in_one_line(ask):
    status, out, err = ask(f"train digits --limit 60 --lr 1e30 --epochs 3 --out r {QUICK}")
    assert (status, out) == (1, "")
    assert err.startswith("earlylearn: the loss is not finite in epoch ")
    assert err.count("\n") == 1
    assert "--lr" in err
    assert not os.path.exists("r/summary.json")
    assert ask("train --resume r --quiet")[::2] == (1, err)


def test_a_full_disk_while_training_is_one_line_and_can_be_continued(ask, document, monkeypatch):
    def full(path, state, **_):
        raise OSError(28, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(session, "save_checkpoint", full)
        status, out, err = ask(f"train digits --limit 60 --epochs 1 --out r {QUICK}")
    assert (status, out) == (1, "")
    assert err.count("\n") == 1
    assert "No space left" in err
    assert "--resume r" in err
    assert document("train --resume r --quiet")["epochs"] == 1


def test_a_finished_run_is_not_trained_again(document):
    first = document(f"train digits --limit 60 --epochs 1 --out r {QUICK}")
    before = os.stat("r/summary.json").st_mtime_ns
    assert document("train --resume r --quiet") == first
    assert os.stat("r/summary.json").st_mtime_ns == before


def test_a_reader_that_stops_reading_is_no_failure():
    command = [sys.executable, "-c", "from earlylearn.cli.main import main; main(['recipes', '--json'])"]
    asked = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    asked.stdout.close()
    _, err = asked.communicate(timeout=100)
    assert (asked.returncode, err) == (0, b"")
