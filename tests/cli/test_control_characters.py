"""Does what is in somebody's data never steer the terminal, also behind a pipe, and stay as it is in files?"""

import csv
import json
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from earlylearn.cli.main import main

STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
NASTY = ("\x1b[31mred", "\x1b]0;x\x07", "\x9b5mgreen", "del\x7f", "bell\x07", "\u202etxt", "back\x08space", "cr\rx")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A table whose classes, ids, categories and columns all hold what steers a terminal, in such a folder."""
    folder = tmp_path_factory.mktemp("t") / "\x1b[2J\u202edir"
    folder.mkdir()
    rng = np.random.default_rng(0)
    n = 64
    y = np.arange(n) % 2
    frame = pd.DataFrame(
        {
            "key\x1b[1m": [f"{NASTY[k % len(NASTY)]}{k}" for k in range(n)],
            "x\x07": (y + rng.normal(size=n)).round(3),
            "town\x9b": rng.choice(NASTY, n),
            "y\x1b": np.array(NASTY)[y],
        }
    )
    frame.to_csv(folder / "t\x1b[5m.csv", index=False, quoting=csv.QUOTE_NONNUMERIC)
    frame.to_csv(folder / "test\x1b.csv", index=False, quoting=csv.QUOTE_NONNUMERIC)
    return folder


def ran(capsys, *arguments):
    """Exit status, and all that the command said, which steers nothing."""
    with pytest.raises(SystemExit) as stop:
        main([str(each) for each in arguments])
    said = capsys.readouterr()
    for stream in said:
        assert not STEERING.findall(stream.replace("\r\n", "\n")), (arguments[0], stream)
    return stop.value.code or 0, said


def test_no_command_lets_data_steer_the_terminal(place, capsys, monkeypatch):
    monkeypatch.chdir(place)
    data, label, key = place / "t\x1b[5m.csv", ("--label", "y\x1b"), ("--id-column", "key\x1b[1m")
    quick = ("--epochs", "2", "--accelerator", "cpu")
    for command in (
        ("train", data, *label, *key, "--method", "ce", *quick, "--test", "test\x1b.csv", "--out", "run\x1b"),
        ("issues", "run\x1b"),
        ("issues", "run\x1b", "--json"),
        ("predict", "run\x1b", data),
        ("predict", "run\x1b", data, "--json"),
        ("review", "run\x1b", "--write"),
        ("apply", "run\x1b", "--out", "mended\x1b.csv"),
        ("export", "run\x1b", "--out", "net\x1b"),
        ("compare", data, *label, *key, *quick, "--methods", "ce,elr", "--seeds", "1", "--out", "c\x1b"),
    ):
        status, said = ran(capsys, *command)
        assert status == 0, said.err
    for command in (
        ("train", data, "--label", "no\x1bsuch", *quick),
        ("train", "no\x1bsuch.csv"),
        ("train", data, *label, "--drop", "\x1bno", *quick),
        ("train", data, *label, *quick),
        ("predict", "run\x1b", "no\x1b.csv"),
        ("embed", data, *label, *key, "--out", "f\x1b.npz"),
        ("issues", "\x1bno"),
        ("doctor", "--plan", "test\x1b.csv", *label),
    ):
        status, said = ran(capsys, *command)
        assert status == 2, said.err


def test_a_file_has_what_the_data_have_and_a_pipe_says_what_it_escaped(place, tmp_path):
    """Redirected into a file, every character is kept; a pipe may end on a terminal."""
    asked, data = [sys.executable, "-m", "earlylearn"], place / "t\x1b[5m.csv"
    how = ["--label", "y\x1b", "--id-column", "key\x1b[1m", "--method", "ce", "--epochs", "1", "--quiet"]
    subprocess.run([*asked, "train", data, *how, "--out", tmp_path / "run"], check=True, capture_output=True)
    predict = [*asked, "predict", tmp_path / "run", data]
    with (tmp_path / "answers.csv").open("wb") as file:
        subprocess.run(predict, check=True, stdout=file)
    kept = pd.read_csv(tmp_path / "answers.csv", lineterminator="\n")
    assert set(kept["id"]) >= {"\x1b[31mred0", "del\x7f3", "cr\rx7"}
    piped = subprocess.run(predict, check=True, capture_output=True)
    assert b"\x1b" not in piped.stdout + piped.stderr
    assert b"\\x1b[31mred0" in piped.stdout
    assert b"lines have control characters, which are escaped here" in piped.stderr
    assert b"--out FILE has them as they are" in piped.stderr
    told = subprocess.run([*predict, "--json"], check=True, capture_output=True)
    assert {row["id"] for row in json.loads(told.stdout)} >= {"\x1b[31mred0", "del\x7f3", "cr\rx7"}
