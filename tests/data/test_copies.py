"""Is a test or validation set told that has rows of the training data, whatever they came in; and no other?"""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import earlylearn as el
from earlylearn.cli.main import main
from earlylearn.data.copies import tell_copies
from earlylearn.data.sources import Loaded
from earlylearn.errors import UsageError
from tests.conftest import blobs

LINE = "{} of {} test rows are rows of the training data, so the test accuracy is not one of unseen rows"
QUIET = {"quiet": True, "accelerator": "cpu"}


def table(rows, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(rows, 3)), columns=list("abc"))
    frame["town"] = rng.choice(["x", "y", "z"], rows)
    frame["y"] = np.where(frame.a + 0.3 * rng.normal(size=rows) > 0, "up", "down")
    return frame


def told(capsys, *command):
    """What a command says on stderr; it ends well."""
    with pytest.raises(SystemExit) as stop:
        main([str(each) for each in command])
    said = capsys.readouterr()
    assert stop.value.code in (0, None), said.err
    return said


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_copied_rows_are_counted_whatever_order_and_format(tmp_path, capsys, suffix):
    train, other = table(120), table(30, seed=1)
    train.to_csv(tmp_path / "t.csv", index=False)
    test = pd.concat([train.sample(12, random_state=3), other.iloc[:18]])[["y", "town", "c", "b", "a"]]
    file = tmp_path / f"other.{suffix}"
    if suffix == "parquet":
        test.to_parquet(file, index=False)
    else:
        test.to_csv(file, index=False, sep="\t" if suffix == "tsv" else ",")
    command = ["train", tmp_path / "t.csv", "--label", "y", "--method", "ce", "--epochs", "2", "--test", file]
    said = told(capsys, *command, "--out", tmp_path / "run", "--quiet")
    assert f"{file}: {LINE.format(12, 30)}; keep one copy of each row" in said.err
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["memory"]["copies"] == {"test": {"rows": 12, "of": 30}, "val": None}
    page = (tmp_path / "run" / "report.html").read_text()
    assert "12 of 30 test rows are rows of the training data" in page
    assert "unseen test data" not in page
    assert "never trained on" not in page
    with pytest.raises(SystemExit) as stop:
        main([*map(str, command), "--strict", "--out", str(tmp_path / "strict")])
    assert stop.value.code == 2
    assert not (tmp_path / "strict").exists()


def test_other_rows_are_not_told(tmp_path, capsys):
    table(120).to_csv(tmp_path / "t.csv", index=False)
    table(40, seed=1).to_csv(tmp_path / "other.csv", index=False)
    said = told(
        capsys, "train", tmp_path / "t.csv", "--label", "y", "--method", "ce", "--epochs", "2", "--quiet",
        "--test", tmp_path / "other.csv", "--out", tmp_path / "run",
    )  # fmt: skip
    assert "rows of the training data" not in said.err
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["memory"]["copies"]["test"] == {"rows": 0, "of": 40}
    assert "unseen test data" in (tmp_path / "run" / "report.html").read_text()


def data(x, name="d"):
    """Arrays as data; the first row of each class is there."""
    labels = np.arange(len(x)) % 2
    return replace(blobs(len(x)), name=name, inputs=np.float32(x), labels=labels, true_labels=None)


@settings(max_examples=40, deadline=None)
@given(st.integers(4, 60), st.integers(4, 60), st.data())
def test_as_many_are_counted_as_a_literal_comparison_finds(n, m, draw):
    """Any rows of measured numbers, any of them copied, -0 for 0 too."""
    rng = np.random.default_rng(draw.draw(st.integers(0, 99)))
    train, test = rng.normal(size=(n, 3)), rng.normal(size=(m, 3))
    train[:, 2] = 0
    test[:, 2] = -0.0
    taken = draw.draw(st.lists(st.tuples(st.integers(0, m - 1), st.integers(0, n - 1))))
    for here, there in taken:
        test[here] = train[there]
    literal = sum(any(np.array_equal(np.float32(row), np.float32(each)) for each in train) for row in test)
    found = tell_copies(Loaded(data(train), data(test, "t"))).test
    assert found.copied == literal
    assert (LINE.format(literal, m) in " ".join(found.notes)) == (literal > 0)


def test_rows_of_few_values_recur_by_chance_and_a_row_written_twice_does_not_hide_a_copy():
    rng = np.random.default_rng(0)
    few = rng.integers(0, 3, (400, 3))
    assert tell_copies(Loaded(data(few[:300]), data(few[300:]))).test.copied == 0
    many = rng.integers(0, 9, (500, 5))  # hardly a row recurs
    assert tell_copies(Loaded(data(many[:300]), data(many[250:350]))).test.copied >= 50
    twice = np.tile(rng.normal(size=(100, 3)), (2, 1))
    assert tell_copies(Loaded(data(twice), data(twice[:20]))).test.copied == 20


def test_validation_rows_are_told_of_training_and_of_test_rows(tmp_path, capsys):
    train, other = table(120), table(60, seed=1)
    both = pd.concat([other.iloc[:20], train.iloc[5:15]])
    pair = [frame.drop(columns="town") for frame in (train, other, both)]
    (x, y), test, val = ((np.float32(frame[["a", "b", "c"]]), frame.y.to_numpy()) for frame in pair)
    run = el.train((x, y), "ce", epochs=2, test=test, val=val, out=tmp_path / "run", **QUIET)
    said = capsys.readouterr().err
    assert "10 of 30 validation rows are rows of the training data, so the epoch that repeats its labels" in said
    assert "20 of 30 validation rows are test rows, so test labels pick the epoch" in said
    assert run.summary["memory"]["copies"] == {"test": {"rows": 0, "of": 60}, "val": {"rows": 10, "of": 30}}


def test_what_is_in_a_table_twice_and_held_out_once_is_told(tmp_path, capsys):
    twice = pd.concat([table(100)] * 2)
    twice.to_csv(tmp_path / "t.csv", index=False)
    run = el.train(tmp_path / "t.csv", "ce", label="y", epochs=2, test_fraction=0.2, out=tmp_path / "run", **QUIET)
    copied = run.summary["memory"]["copies"]["test"]
    assert 25 < copied["rows"] <= copied["of"] == 40
    assert LINE.format(copied["rows"], 40) in capsys.readouterr().err


@pytest.mark.parametrize("how", ["same bytes", "other format", "array"])
def test_pictures_are_known_by_bytes_and_by_pixels(tmp_path, capsys, how):
    rng = np.random.default_rng(0)
    for part, rows in (("train", 24), ("test", 12)):
        for k in range(rows):
            folder = tmp_path / part / "ab"[k % 2]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).save(folder / f"{k}.png")
    for k in range(0, 6):
        file = tmp_path / "train" / "ab"[k % 2] / f"{k}.png"
        if how == "other format":
            Image.open(file).save(tmp_path / "test" / "ab"[k % 2] / f"copy-{k}.bmp")
        else:
            shutil.copyfile(file, tmp_path / "test" / "ab"[k % 2] / f"copy-{k}.png")
    test = tmp_path / "test"
    if how == "array":
        files = sorted(test.rglob("*.png"))
        x = np.stack([np.asarray(Image.open(file)) for file in files])
        test = tmp_path / "test.npz"
        np.savez(test, x=x, y=np.array([file.parent.name for file in files]))
    pixels = {"encoder": "none", "network": "linear", "epochs": 1, "val_fraction": 0}
    run = el.train(tmp_path / "train", "ce", test=test, out=tmp_path / "run", **pixels, **QUIET)
    assert run.summary["memory"]["copies"]["test"] == {"rows": 6, "of": 18}
    assert LINE.format(6, 18) in capsys.readouterr().err


def test_texts_are_known_after_reading(tmp_path, capsys):
    rng = np.random.default_rng(0)
    words = np.array([*"abcdefghijklm", "cat"])
    texts = [" ".join(rng.choice(words, 9)) for _ in range(60)]
    frame = pd.DataFrame({"text": texts, "y": np.where(["cat" in each for each in texts], "p", "q")})
    frame[:40].to_csv(tmp_path / "t.csv", index=False)
    frame[30:].to_csv(tmp_path / "test.csv", index=False)
    settings = {"label": "y", "text": "text", "encoder": "tfidf", "epochs": 2, **QUIET}
    el.train(tmp_path / "t.csv", "ce", test=tmp_path / "test.csv", out=tmp_path / "run", **settings)
    assert LINE.format(10, 30) in capsys.readouterr().err
    with pytest.raises(UsageError, match=r"10 of 30 test rows are rows of the training data.*strict"):
        el.train(tmp_path / "t.csv", "ce", test=tmp_path / "test.csv", strict=True, out=tmp_path / "s", **settings)
