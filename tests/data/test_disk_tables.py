"""Is a table that goes through the store on the disk the same as one in memory: inputs, schema, notes, errors, ids?"""

import io
import json
import os
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from earlylearn.cli.main import main
from earlylearn.data import mapped
from earlylearn.data.fingerprint import fingerprint
from earlylearn.data.readers import disk_table, table_store
from earlylearn.data.room import memory_for_data
from earlylearn.data.sources import load
from earlylearn.errors import UsageError
from earlylearn.runs import run as runs_run
from earlylearn.runs.train import resume, train

N = 60
OFTEN = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch):
    monkeypatch.delenv("EARLYLEARN_CACHE", raising=False)
    for module, name, value in ((disk_table, "CELLS", 40), (table_store, "CELLS", 40), (mapped, "BLOCK", 64)):
        monkeypatch.setattr(module, name, value)


def read(memory, path, **how):
    """What is read under so much memory, or the message of what is wrong."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EARLYLEARN_MEMORY", memory)
        try:
            return load(path, label="y", **how)
        except UsageError as error:
            return error.message


def assert_same(path, **how):
    """In memory, through the store, and a second time from it."""
    expected, *found = (read(memory, path, **how) for memory in ("1T", "0", "0"))
    for each in found:
        if isinstance(expected, str) or isinstance(each, str):
            assert each == expected
            continue
        assert fingerprint(each) == fingerprint(expected)
        for mine, theirs in zip(each, expected, strict=True):
            if theirs is None:
                assert mine is None
                continue
            assert isinstance(mine.inputs, np.memmap)
            assert mine.inputs.tobytes() == theirs.inputs.tobytes()
            assert mine.ids.tolist() == theirs.ids.tolist()
            assert (mine.schema, mine.notes, mine.classes) == (theirs.schema, theirs.notes, theirs.classes)
            assert (mine.labels == theirs.labels).all()
            assert (mine.places is None) == (theirs.places is None)
    return expected


numbers = st.floats(-1e3, 1e3, width=32)
COLUMNS = {
    "numbers": st.lists(numbers, min_size=N, max_size=N),
    "gaps": st.lists(st.one_of(st.none(), numbers), min_size=N, max_size=N),
    "whole": st.lists(st.integers(-5, 5), min_size=N, max_size=N),
    "large": st.lists(st.integers(1_700_000_000_000, 1_700_000_000_999), min_size=N, max_size=N),
    "huge": st.lists(st.one_of(st.none(), st.integers(2**60, 2**60 + 99)), min_size=N, max_size=N),
    "beyond": st.integers(0, N - 1).map(lambda k: [10**25 if row == k else row % 9 for row in range(N)]),
    "bools": st.lists(st.sampled_from([True, False, None]), min_size=N, max_size=N),
    "words": st.lists(st.sampled_from(["a", "b", "c", None]), min_size=N, max_size=N),
    "spoilt": st.lists(st.one_of(numbers.map(str), st.just("?")), min_size=N, max_size=N),
    "late": st.integers(0, N - 1).map(lambda k: [("x" if row == k else str(row % 7)) for row in range(N)]),
    "mixed": st.lists(st.sampled_from(["1", "2", "True", "0.5", ""]), min_size=N, max_size=N),
    "counter": st.just(list(range(N))),
    "empty": st.just([None] * N),
    "sentences": st.just([f"this is the sentence number {row}" for row in range(N)]),
    "vectors": st.lists(st.tuples(numbers, numbers, numbers).map(list), min_size=N, max_size=N),
    "ragged": st.integers(0, N - 1).map(lambda k: [[1.0] * (2 if row == k else 3) for row in range(N)]),
    "holes": st.integers(0, N - 1).map(lambda k: [None if row == k else [1.0, 2.0] for row in range(N)]),
}
LISTS = {"vectors", "ragged", "holes"}
OF_TEXT = {"beyond"}  # Parquet has none


@OFTEN
@given(
    chosen=st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=4, unique=True),
    draw=st.data(),
    missing=st.sampled_from(["refuse", "impute"]),
    suffix=st.sampled_from([".csv", ".parquet"]),
    labels=st.sampled_from(
        [["cat", "dog"], [0, 1], ["cat", "dog", None], ["01", "1"], [True, False], ["1", "2", "NA"]]
    ),
    share=st.sampled_from([0.0, 0.25]),
)
@pytest.mark.slow
def test_the_reader_in_memory_says_the_same(tmp_path, chosen, draw, missing, suffix, labels, share):
    chosen = [name for name in chosen if name not in (LISTS if suffix == ".csv" else OF_TEXT)] or ["numbers"]
    columns = {name: pd.Series(draw.draw(COLUMNS[name]), dtype=object if name in LISTS else None) for name in chosen}
    frame = pd.DataFrame({**columns, "y": [labels[row * row % len(labels)] for row in range(N)]})
    path = tmp_path / f"t{suffix}"
    if suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path, row_group_size=17)
    os.utime(path, ns=(next(TIMES), 0))  # so that one table is not taken for another of its size
    assert_same(path, missing=missing, test_fraction=share)


TIMES = iter(range(10**18, 10**19, 10**9))


def table(tmp_path, suffix=".parquet", **more):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"a": rng.normal(size=N), "b": rng.integers(0, 3, N), "c": rng.choice(["u", "v"], N), **more}
    ).assign(y=lambda f: np.where(f.a + rng.normal(size=N) > 0, "cat", "dog"), key=[f"row {k}" for k in range(N)])
    path = Path(tmp_path) / f"table{suffix}"
    frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.slow
def test_roles_of_columns_and_test_tables_are_those_of_the_reader_in_memory(tmp_path, suffix):
    path = table(tmp_path, suffix)
    (tmp_path / "more").mkdir()
    other = table(tmp_path / "more", suffix, c=["u", "new"] * (N // 2))
    assert_same(path, id_column="key")
    assert_same(path, id_column="key", drop=["b"], show=["c"], limit=20)
    assert_same(path, drop=["key"], test=other)
    assert_same(path, drop=["no such column"])
    assert_same(path)  # the key is text that does not repeat
    people = tmp_path / "people.csv"
    pd.DataFrame({"id": ["0", "1", "1"], "annotator": ["x", "x", "z"], "label": ["cat", "dog", "cat"]}).to_csv(people)
    assert_same(path, annotators=[str(people)], id_column="key")


def test_a_second_time_no_column_is_read(tmp_path, monkeypatch):
    path = table(tmp_path, ".csv")
    read("0", path, drop=["key"])
    monkeypatch.setattr(disk_table.TextColumns, "_read", lambda *_: pytest.fail("read again"))
    assert len(read("0", path, drop=["key"]).train) == N
    left = [each.name for each in tmp_path.rglob("*") if each.is_file()]
    assert sorted(left) == ["ids.npy", "inputs.json", "inputs.npy", "lock", "roles.parquet", "table.csv"]


@pytest.mark.parametrize("harm", ["altered", "cut", "index"])
def test_a_damaged_store_is_made_anew_and_a_copied_one_is_taken(tmp_path, harm, capsys):
    path = table(tmp_path)
    whole = read("0", path, drop=["key"]).train.inputs.tobytes()
    (inputs,) = tmp_path.rglob("inputs.npy")
    os.utime(inputs, ns=(0, 0))
    capsys.readouterr()
    assert read("0", path, drop=["key"]).train.inputs.tobytes() == whole
    assert "anew" not in capsys.readouterr().err
    content = bytearray(inputs.read_bytes())
    content[-3] ^= 1
    if harm == "altered":
        inputs.write_bytes(content)
    elif harm == "cut":
        inputs.write_bytes(content[:-8])
    else:
        inputs.with_name("inputs.json").write_text(json.dumps({"format": 1}))
    assert read("0", path, drop=["key"]).train.inputs.tobytes() == whole
    assert "anew" in capsys.readouterr().err


def test_a_full_disk_and_a_folder_that_may_not_be_written_are_told(tmp_path, monkeypatch):
    path = table(tmp_path)
    monkeypatch.setattr(
        table_store.shutil, "disk_usage", lambda _: os.terminal_size((0, 0)) and type("D", (), {"free": 9})
    )
    assert "are free; free some" in read("0", path, drop=["key"])
    monkeypatch.setenv("EARLYLEARN_CACHE", str(path / "below"))
    assert "cannot be kept in" in read("0", path, drop=["key"])


@pytest.mark.parametrize(("said", "meant"), [("0", 0), ("8G", 8 * 2**30), ("1.5 GiB", 3 * 2**29), ("700", 700)])
def test_memory_may_be_named(monkeypatch, said, meant):
    monkeypatch.setenv("EARLYLEARN_MEMORY", said)
    assert memory_for_data() == meant
    monkeypatch.setenv("EARLYLEARN_MEMORY", "plenty")
    with pytest.raises(UsageError, match="EARLYLEARN_MEMORY is 'plenty': give bytes"):
        memory_for_data()


@pytest.mark.slow
def test_a_run_is_the_same_and_goes_on_from_either(tmp_path, monkeypatch):
    path = table(tmp_path)
    runs = {}
    for memory in ("1T", "0"):
        monkeypatch.setenv("EARLYLEARN_MEMORY", memory)
        how = {"label": "y", "drop": ["key"], "test_fraction": 0.2, "network": "linear", "quiet": True, "seed": 3}
        runs[memory] = train(path, "elr", epochs=2, out=tmp_path / memory, **how)
    issues = [run.folder.issues.read_bytes() for run in runs.values()]
    assert issues[0] == issues[1]
    longer = resume(tmp_path / "1T", epochs=3, quiet=True)  # begun in memory, continued from the disk
    assert len(longer.metrics) == 3


def predicted(memory, run, path, *options):
    """What the command line answers that predicts under so much memory: status, table, and what it tells of it."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setenv("EARLYLEARN_MEMORY", memory)
        try:
            main(["predict", str(run), str(path), *options])
            status = 0
        except SystemExit as ended:
            status = ended.code
    beside = ("goes to the disk", "are kept in", "reading ", " per second")
    return status, out.getvalue(), [line for line in err.getvalue().splitlines() if not any(b in line for b in beside)]


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
def test_predictions_of_a_table_on_the_disk_are_those_of_one_in_memory(tmp_path, suffix, monkeypatch):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=N), "at": 1_700_000_000_000 + rng.integers(0, 9, N)})
    frame = frame.assign(word=np.array(["a", "b"])[np.arange(N) % 2], name=[f"k{k:03d}" for k in range(N)])
    frame.assign(y=np.arange(N) % 3).to_csv(tmp_path / "t.csv", index=False)
    how = {"label": "y", "id_column": "name", "network": "linear", "epochs": 1, "quiet": True}
    train(str(tmp_path / "t.csv"), "ce", out=tmp_path / "run", missing="impute", **how)
    monkeypatch.setattr(runs_run, "PART", 30)
    tables = {
        "same": frame,
        "no ids": frame.drop(columns="name"),
        "unseen": frame.assign(word=["A", *["b"] * (N - 1)]),
        "gap": frame.assign(x=[None, *frame["x"][1:]]),
        "text": frame.assign(x=["?", *frame["x"][1:]]).astype({"x": str}),
        "twice": frame.assign(name="k"),
        "gone": frame.drop(columns="x"),
    }
    for name, table in tables.items():
        path = tmp_path / f"{name}{suffix}"
        if suffix == ".parquet":
            table.to_parquet(path)
        else:
            table.to_csv(path, sep="\t" if suffix == ".tsv" else ",", index=False)
        for options in ((), ("--json",)):
            expected, *found = (predicted(memory, tmp_path / "run", path, *options) for memory in ("1T", "0", "0"))
            assert expected[0] == (2 if name in ("text", "twice", "gone") else 0), name
            assert found == [expected, expected], name
    status, text, _ = predicted("0", tmp_path / "run", tmp_path / f"same{suffix}", "--json")
    assert status == 0
    assert [row["id"] for row in json.loads(text)] == frame["name"].tolist()


def test_parts_of_predictions_are_to_the_bit_those_of_the_whole(tmp_path, monkeypatch):
    x = np.random.default_rng(0).normal(size=(3210, 4)).astype("f4")
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "d.npz", x=x[:30], y=np.arange(30) % 3)
    run = train(str(tmp_path / "d.npz"), "ce", out=tmp_path / "run", network="linear", epochs=1, quiet=True)
    whole = run.predict_proba(x)
    monkeypatch.setattr(runs_run, "PART", 1)
    assert np.concatenate(list(run.probability_parts(x))).tobytes() == whole.tobytes()
    mapped_too, in_memory = (predicted(memory, tmp_path / "run", tmp_path / "x.npy") for memory in ("0", "1T"))
    assert mapped_too == in_memory
    assert in_memory[1].count("\n") == 3211
