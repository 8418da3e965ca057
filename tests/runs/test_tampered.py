"""Does a run folder that somebody changed get one line with file, fault and mend, never a traceback?"""

import csv
import json
import os
import shutil

import numpy as np
import pandas as pd
import pytest

import earlylearn as el
from earlylearn.cli.main import main
from earlylearn.documents import FORMAT
from earlylearn.files import from_json
from earlylearn.loop.fit import Fit
from earlylearn.review.opening import open_rows
from earlylearn.runs.checkpoint import load_checkpoint, save_checkpoint
from earlylearn.runs.run import Run

NEWEST = "checkpoint/last.safetensors"
LAST, PICKED, REVIEW = f"begun/{NEWEST}", "table/checkpoint/picked.safetensors", "review table --json"
NESTED = []  # within what Python reads, beyond what it writes
for _ in range(900):
    NESTED = [NESTED]
DEEP = "[" * 100_000 + "]" * 100_000


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A finished run on images, one on a table, and one that ended after its first epoch."""
    folder = tmp_path_factory.mktemp("world")
    rng = np.random.default_rng(0)
    with (folder / "flowers.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([("width", "colour", "kind")])
        writer.writerows((row % 2 + rng.normal(), ("red", "white")[row % 3 % 2], "ab"[row % 2]) for row in range(40))
    options = {"network": "linear", "epochs": 2, "quiet": True}
    whole = Fit.run

    def interrupted(self, on_step):
        yield next(whole(self, on_step))
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        el.train("digits", limit=60, out="run", **options)
        el.train("flowers.csv", label="kind", out="table", **options)
        patch.setattr(Fit, "run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            el.train("digits", limit=60, out="begun", **options)
    return folder


@pytest.fixture
def here(world, tmp_path, monkeypatch):
    """A copy of the world to spoil, as the working directory."""
    shutil.copytree(world, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def text(name, content):
    return lambda here: (here / name).write_text(content)


def changed(name, *path, to=...):
    """A JSON file with the value at a path replaced, or left out."""

    def spoil(here):
        document = json.loads((here / name).read_text())
        place(document, path, to)
        (here / name).write_text(json.dumps(document))

    return spoil


def checkpoint(*path, to=...):
    def spoil(here):
        state = load_checkpoint(here / LAST)
        place(state, path, to)
        save_checkpoint(here / LAST, state)

    return spoil


def gone(name):
    return lambda here: (here / name).unlink()


def place(document, path, to):
    for key in path[:-1]:
        document = document[key]
    if to is ...:
        del document[path[-1]]
    else:
        document[path[-1]] = to


def issues(change):
    def spoil(here):
        path = here / "table" / "label_issues.csv"
        change(pd.read_csv(path)).to_csv(path, index=False)

    return spoil


def labels(change):
    def spoil(here):
        kept = dict(np.load(here / "table" / "labels.npz"))
        np.savez(here / "table" / "labels.npz", **{**kept, "given": change(kept["given"])})

    return spoil


def pipe(name):
    def spoil(here):
        (here / name).unlink()
        os.mkfifo(here / name)

    return spoil


RESUME, SHOW, PREDICT, TABLE = (
    "train --resume begun",
    "train --resume run",
    "predict run digits",
    "predict table flowers.csv",
)

# The request; the words its one line must have, after | each; what is spoilt before.
CASES = [
    (SHOW, "run/summary.json|it is []|dictionary|restore|--overwrite", text("run/summary.json", "[]")),
    (SHOW, "run/summary.json|no 'method'|restore|--overwrite", text("run/summary.json", "{}")),
    (
        SHOW,
        "run/summary.json|accuracy.test_last|'x'|number",
        changed("run/summary.json", "accuracy", "test_last", to="x"),
    ),
    (SHOW, "run/summary.json|no 'noise.rate'", changed("run/summary.json", "noise", "rate")),
    (
        SHOW,
        "run/summary.json|label_issues.flagged is True",
        changed("run/summary.json", "label_issues", "flagged", to=True),
    ),
    (SHOW, "run/summary.json|NaN is not a finite number", text("run/summary.json", '{"seconds": NaN}')),
    (SHOW, "run/summary.json|nested|restore", text("run/summary.json", DEEP)),
    (RESUME, "begun/metrics.jsonl, line 1|no 'agree'|restore|--overwrite", text("begun/metrics.jsonl", "{}\n")),
    (RESUME, "begun/metrics.jsonl, line 1|it is None", text("begun/metrics.jsonl", "null\n")),
    (RESUME, "begun/metrics.jsonl|nested", text("begun/metrics.jsonl", f"{DEEP}\n")),
    (PREDICT, "run/config.json|schema|no 'size'|restore", changed("run/config.json", "inputs", "schema", "size")),
    (PREDICT, "run/config.json|schema|size|restore", changed("run/config.json", "inputs", "schema", "size", to=[8])),
    (
        PREDICT,
        "run/config.json|schema|shape|differ",
        changed("run/config.json", "inputs", "schema", "size", to=[9, 9]),
    ),
    (PREDICT, "run/config.json|kind|'sound'", changed("run/config.json", "inputs", "schema", "kind", to="sound")),
    (PREDICT, "run/config.json|n is 0", changed("run/config.json", "inputs", "n", to=0)),
    (PREDICT, "run/config.json|n is None", changed("run/config.json", "inputs", "n", to=None)),
    (PREDICT, "run/config.json|nested", text("run/config.json", DEEP)),
    (
        TABLE,
        "table/config.json|schema|no 'columns'|restore",
        changed("table/config.json", "inputs", "schema", "columns"),
    ),
    (
        TABLE,
        "table/config.json|schema|columns is []",
        changed("table/config.json", "inputs", "schema", "columns", to=[]),
    ),
    (
        TABLE,
        "table/config.json|schema|no 'columns.1.categories'",
        changed("table/config.json", "inputs", "schema", "columns", 1, "categories"),
    ),
    (RESUME, f"{LAST}|best epoch|None|restore|--overwrite", checkpoint("best", to=None)),
    (RESUME, f"{LAST}|best epoch|no 'val_accuracy'", checkpoint("best", "val_accuracy")),
    (RESUME, f"{LAST}|best epoch is 2|epoch 1", checkpoint("best", "epoch", to=2)),
    (RESUME, f"{LAST}|epoch None of 2|restore|--overwrite", checkpoint("fit", "epoch", to=None)),
    (RESUME, f"{LAST}|epoch -1 of 2", checkpoint("fit", "epoch", to=-1)),
    (RESUME, f"{LAST}|epoch 3 of 2", checkpoint("fit", "epoch", to=3)),
    (RESUME, f"{LAST}|'fit'|restore", checkpoint("fit")),
    (RESUME, f"{LAST}|restore|--overwrite", checkpoint("fit", to=None)),
    (RESUME, f"{LAST}|restore|--overwrite", checkpoint("fit", "optimizers", to="x")),
    (
        RESUME,
        f"{LAST}|momentum_buffer is no tensor",
        checkpoint("fit", "optimizers", 0, "state", 0, "momentum_buffer", to=None),
    ),
    (
        RESUME,
        f"{LAST}|optimizer has other settings",
        checkpoint("fit", "optimizers", 0, "param_groups", 0, "dampening"),
    ),
    (RESUME, f"{LAST}|it lacks 'params'", checkpoint("fit", "optimizers", 0, "param_groups", to=[{}])),
    (RESUME, f"{LAST}|lacks a buffer", checkpoint("fit", "optimizers", 0, "state", 0, to={})),
    (RESUME, f"{LAST}|of another schedule", checkpoint("fit", "schedules", 0, "_last_lr", 0, to={})),
    (RESUME, f"{LAST}|restore|--overwrite", checkpoint("generators", "method", "state", "state", to=-1)),
    (RESUME, "begun/config.json|--data [[[|restore", changed("begun/config.json", "data", to=NESTED)),
    (RESUME, "begun/config.json|options|restore", changed("begun/config.json", "options", to=NESTED)),
    (RESUME, f"{LAST}|restore|--overwrite", checkpoint("generators", "method", to=None)),
    (
        SHOW,
        f"run/config.json|format {FORMAT + 1}|install a newer earlylearn",
        changed("run/config.json", "format", to=FORMAT + 1),
    ),
    (SHOW, "run/config.json|format|'one'|restore", changed("run/config.json", "format", to="one")),
    (SHOW, "run/config.json|format|-1|restore", changed("run/config.json", "format", to=-1)),
    # what fits by its form, and is of another run
    (TABLE, f"{PICKED}|inputs, classes|restore", changed("table/config.json", "inputs", "classes", to=["b", "a"])),
    (
        TABLE,
        f"{PICKED}|inputs, schema|restore",
        changed("table/config.json", "inputs", "schema", "columns", 1, "categories", to=["white", "red"]),
    ),
    (TABLE, f"{PICKED}|seed is 5|began with 0", changed("table/config.json", "seed", to=5)),
    (RESUME, f"{LAST}|inputs, classes", changed("begun/config.json", "inputs", "classes", to=[*"9876543210"])),
    (RESUME, "begun/metrics.jsonl|line 1|restore", changed("begun/metrics.jsonl", "val_accuracy", to=0.123)),
    (
        f"{SHOW} --epochs 3",
        "run/checkpoint/last.safetensors|no such checkpoint",
        gone("run/checkpoint/last.safetensors"),
    ),
    (REVIEW, "table/label_issues.csv|'0'|given label|labels.npz|another run", labels(lambda given: 1 - given)),
    (REVIEW, "table/labels.npz|is not of the data", labels(lambda given: given[:9])),
    (REVIEW, "table/labels.npz|is not of the data", labels(lambda given: given + 7)),
    (REVIEW, "table/labels.npz|'given'|as a run writes it", labels(lambda given: given + 0.5)),
    (REVIEW, "table/label_issues.csv|'zebra'|no class", issues(lambda table: table.assign(predicted_label="zebra"))),
    (REVIEW, "table/label_issues.csv|ids are not", issues(lambda table: table.assign(id=range(100, 140)))),
    (REVIEW, "table/beliefs.npy|[3, 2]|remove it", lambda here: np.save(here / "table/beliefs.npy", np.zeros((3, 2)))),
    ("issues table", "table/label_issues.csv|quality 5", issues(lambda table: table.assign(label_quality=5.0))),
    ("issues table", "table/label_issues.csv|'3'|twice", issues(lambda table: table.assign(id=3))),
    ("issues table", "table/label_issues.csv|9 rows|40", issues(lambda table: table[:9])),
    *(
        (request, f"{request.split()[1]}/{name}|pipe|restore", pipe(f"{request.split()[1]}/{name}"))
        for request in ("issues table", "predict run digits")
        for name in ("config.json", "label_issues.csv", "labels.npz", "checkpoint/last.safetensors")
    ),
]


@pytest.mark.parametrize(("request_", "words", "spoil"), CASES, ids=lambda part: part if isinstance(part, str) else "")
def test_one_line_with_status_2(request_, words, spoil, here, capsys):
    spoil(here)
    with pytest.raises(SystemExit) as done:
        main(request_.split())
    captured = capsys.readouterr()
    assert done.value.code == 2
    line = captured.err.strip()
    assert len(line.splitlines()) == 1
    for word in words.split("|"):
        assert word in line
    assert not captured.out


def test_a_spreadsheet_may_sort_the_issues(here):
    before = open_rows("table")
    issues(lambda table: table.sort_values("label_quality", ascending=False))(here)
    after = open_rows("table")
    pd.testing.assert_frame_equal(after.issues, before.issues)
    assert [after.suggested(str(k)) for k in range(40)] == [before.suggested(str(k)) for k in range(40)]


def test_a_line_that_a_kill_cut_short_is_no_fault(here):
    with (here / "begun" / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 2, "val_')
    assert el.resume("begun", quiet=True).summary["epochs"] == 2


def test_a_folder_says_its_format_and_one_that_says_none_is_read(here):
    path = here / "run" / "config.json"
    document = json.loads(path.read_text())
    assert document.pop("format") == FORMAT
    before = Run("run")
    path.write_text(json.dumps(document))
    old = Run("run")
    assert (old.config, old.inputs, old.summary) == (before.config, before.inputs, before.summary)
    begun = here / "begun" / "config.json"
    begun.write_text(json.dumps({k: v for k, v in json.loads(begun.read_text()).items() if k != "format"}))
    assert el.resume("begun", quiet=True).summary["epochs"] == 2


def test_fields_that_a_later_version_added_are_kept(here):
    changed("run/summary.json", "added", to={"since": 3})(here)
    assert Run("run").summary["added"] == {"since": 3}


def test_data_that_came_as_arrays_are_not_guessed_at(here):
    changed("run/config.json", "inputs", "schema", to={})(here)
    assert Run("run").inputs["schema"] == {}
    with pytest.raises(SystemExit):
        main(["predict", "run", "digits"])


@pytest.mark.parametrize("broken", ["NaN", "[-Infinity]", "1e999", "{", DEEP])
def test_json_that_is_none_is_a_value_error(broken):
    with pytest.raises(ValueError):
        from_json(broken)


def test_a_run_that_is_not_finished_predicts_and_says_so(here, capsys):
    Run("begun").predict(np.zeros((2, 1, 8, 8), np.uint8))
    assert (
        "begun: the run is not finished: its weights are those of 1 epoch of 2; go on with" in capsys.readouterr().err
    )
    Run("run").predict(np.zeros((2, 1, 8, 8), np.uint8))
    assert "not finished" not in capsys.readouterr().err


def test_the_command_that_trains_again_reads_the_data_as_the_run_did(world, monkeypatch):
    monkeypatch.chdir(world)
    again = "earlylearn train flowers.csv --label kind --corrections table/review/corrections.csv --out table-2"
    assert Run("table").config.again_corrected("table") == again
    corrected = Run("table").config.model_copy(update={"corrections": "c.csv", "text": ("a", "b c")})
    assert corrected.again_corrected("table") is None  # its labels are not those that the data have
    texts = corrected.model_copy(update={"corrections": None}).again_corrected("table")
    assert "--label kind --text a --text 'b c' --corrections" in texts
