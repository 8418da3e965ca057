"""Are labels of several people read from columns and from a long table, joined by id, and faults named?"""

import numpy as np
import pandas as pd
import pytest

import earlylearn
from earlylearn.data.answers import Answers
from earlylearn.data.sources import load
from earlylearn.errors import UsageError


@pytest.fixture
def crowd(tmp_path):
    """``rows.csv`` with a column each for ana, ben and eve (who guesses), ``answers.csv`` with the same, shuffled."""
    rng = np.random.default_rng(0)
    n = 200
    true = rng.integers(0, 2, n)
    frame = pd.DataFrame({"nr": [f"r{k}" for k in range(n)], "x": rng.normal(3.0 * true), "y": rng.normal(size=n)})
    for name, skill in (("ana", 0.95), ("ben", 0.9), ("eve", 0.5)):
        said = np.where(rng.random(n) < skill, true, 1 - true)
        frame[name] = np.where(rng.random(n) < 0.8, np.array(["no", "yes"])[said], None)
    frame.loc[frame[["ana", "ben", "eve"]].isna().all(axis=1), "ana"] = "no"
    frame.to_csv(tmp_path / "rows.csv", index=False)
    long = frame.melt("nr", ["ana", "ben", "eve"], "annotator", "label").dropna().rename(columns={"nr": "id"})
    long.sample(frac=1, random_state=0).to_csv(tmp_path / "answers.csv", index=False)
    frame[["nr", "x", "y"]].to_csv(tmp_path / "bare.csv", index=False)
    return tmp_path, frame, np.array(["no", "yes"])[true]


def test_columns_and_a_long_table_say_the_same(crowd):
    folder, frame, _ = crowd
    wide = load(str(folder / "rows.csv"), id_column="nr", annotators=["ana", "ben", "eve"]).train
    long = load(str(folder / "bare.csv"), id_column="nr", annotators=[str(folder / "answers.csv")]).train
    assert wide.answers.annotators == long.answers.annotators == ("ana", "ben", "eve")
    assert (wide.answers.labels == long.answers.labels).all()
    assert (wide.labels == long.labels).all()
    assert wide.inputs.shape == long.inputs.shape == (200, 2)
    row = frame[["ana", "ben", "eve"]].apply(lambda each: each.dropna().nunique() == 1, axis=1).to_numpy()
    only = frame[["ana", "ben", "eve"]].bfill(axis=1)["ana"].to_numpy()
    assert (np.array(wide.classes)[wide.labels][row] == only[row]).all()


def test_ties_go_to_the_commoner_label_and_a_row_without_answers_has_none():
    said = Answers(("ana", "ben"), np.array([["no", "yes"], ["yes", ""], ["no", "no"], ["yes", "yes"], ["", ""]]))
    assert said.majority().tolist() == ["yes", "yes", "no", "yes", ""]


def test_pictures_take_a_long_table_by_file(tmp_path):
    from tests.review.shapes import draw_shapes

    true = draw_shapes(tmp_path / "shapes")
    lines = [(row, who, label) for row, label in true.items() for who in ("ana", "ben")]
    pd.DataFrame(lines, columns=["id", "annotator", "label"]).to_csv(tmp_path / "answers.csv", index=False)
    data = load(str(tmp_path / "shapes"), annotators=[str(tmp_path / "answers.csv")]).train
    assert [data.classes[k] for k in data.labels] == [true[str(row)] for row in data.ids]


@pytest.mark.parametrize("kind", ["folder", "npz"])
def test_pictures_that_nobody_answered_are_left_out_told_and_keep_their_names(tmp_path, kind):
    from tests.review.shapes import draw_shapes

    true = draw_shapes(tmp_path / "shapes")
    path = tmp_path / "shapes"
    if kind == "npz":
        ids, path = np.array(list(true)), tmp_path / "d.npz"
        np.savez(path, x=np.zeros((len(ids), 8, 8), np.uint8), y=np.array(list(true.values())), ids=ids)
    whole = load(str(path)).train
    gone = [str(whole.ids[k]) for k in (1, 4)]
    lines = [(row, who, "" if row in gone else label) for row, label in true.items() for who in ("ana", "ben")]
    pd.DataFrame(lines, columns=["id", "annotator", "label"]).to_csv(tmp_path / "answers.csv", index=False)
    data = load(str(path), annotators=[str(tmp_path / "answers.csv")]).train
    assert data.ids.tolist() == [row for row in whole.ids.tolist() if row not in gone]
    assert [data.classes[k] for k in data.labels] == [true[str(row)] for row in data.ids]
    assert len(data.answers.labels) == len(data) == len(whole) - 2
    assert data.places.tolist()[:4] == [0, 2, 3, 5]
    assert f"2 of {len(whole)} rows have no 'label by majority', the first is row 1" in data.notes[-1]
    with pytest.raises(UsageError, match=r"2 of .* rows have no .*strict"):
        load(str(path), annotators=[str(tmp_path / "answers.csv")], strict=True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.rename(columns={"annotator": "who"}), "has no column 'annotator'"),
        (lambda t: t.assign(id="r999"), "'r999', which the data have not"),
        (lambda t: pd.concat([t, t[:1]]), "answered .* twice"),
    ],
)
def test_faults_of_a_long_table(crowd, change, words):
    folder, _, _ = crowd
    change(pd.read_csv(folder / "answers.csv")).to_csv(folder / "bad.csv", index=False)
    with pytest.raises(UsageError, match=words):
        load(str(folder / "bare.csv"), id_column="nr", annotators=[str(folder / "bad.csv")])


def test_a_row_that_nobody_answered_is_left_out_with_its_answers_and_told(crowd):
    folder, frame, _ = crowd
    table = pd.read_csv(folder / "answers.csv")
    table[table["id"] != "r3"].to_csv(folder / "fewer.csv", index=False)
    data = load(str(folder / "bare.csv"), id_column="nr", annotators=[str(folder / "fewer.csv")]).train
    assert data.ids.tolist() == [row for row in frame["nr"] if row != "r3"]
    assert (data.answers.majority() == np.array(data.classes)[data.labels]).all()
    assert any("1 of 200 rows" in note for note in data.notes), data.notes


def test_answers_that_stand_there_and_count_as_none_are_told(crowd):
    folder, frame, _ = crowd
    for name in ("ana", "ben", "eve"):
        frame[name] = frame[name].fillna("None")
    frame.to_csv(folder / "rows.csv", index=False)
    long = frame.melt("nr", ["ana", "ben", "eve"], "annotator", "label").rename(columns={"nr": "id"})
    long.to_csv(folder / "answers.csv", index=False)
    empty = int((long["label"] == "None").sum())
    for asked in (
        {"data": "rows.csv", "annotators": ["ana", "ben", "eve"]},
        {"data": "bare.csv", "annotators": "long"},
    ):
        annotators = [str(folder / "answers.csv")] if asked["annotators"] == "long" else asked["annotators"]
        train = load(str(folder / asked["data"]), id_column="nr", annotators=annotators).train
        assert train.classes == ("no", "yes")
        (note,) = train.notes
        assert f"{empty} of 600 answers count as none, some of them written 'None'; if that is a class" in note


def test_a_label_column_beside_those_of_people_is_told_to_be_unread(crowd):
    folder, frame, _ = crowd
    frame.assign(mean="no").to_csv(folder / "rows.csv", index=False)
    train = load(str(folder / "rows.csv"), id_column="nr", label="mean", annotators=["ana", "ben", "eve"]).train
    assert set(np.unique(train.labels)) == {0, 1}
    assert train.notes[0].endswith("'mean' is not read: the label is what most annotators gave a row")


@pytest.mark.parametrize(
    ("columns", "words"),
    [(["ana"], "one person"), (["ana", "zoe"], "no such column"), (["ana", "eve", "ana"], "names a person twice")],
)
def test_faults_of_columns(crowd, columns, words):
    folder, _, _ = crowd
    with pytest.raises(UsageError, match=words):
        load(str(folder / "rows.csv"), id_column="nr", annotators=columns)


def test_a_run_says_what_they_say_together_how_good_each_is_and_whom_to_ask_again(crowd, monkeypatch):
    folder, frame, true = crowd
    monkeypatch.chdir(folder)
    run = earlylearn.train(
        "bare.csv", "elr", id_column="nr", annotators="answers.csv", epochs=3, out="run", quiet=True, val_fraction=0.3
    )
    assert run.config.annotators == (str(folder / "answers.csv"),)
    rows = pd.read_csv(folder / "run" / "consensus.csv", keep_default_na=False)
    people = pd.read_csv(folder / "run" / "annotators.csv")
    soft = np.load(folder / "run" / "soft_labels.npy")
    assert rows["id"].tolist() == frame["nr"].tolist()
    assert people["annotator"].tolist()[0] == "eve"
    assert (rows["consensus_label"] == true).mean() > 0.9
    assert np.allclose(soft.sum(1), 1, atol=1e-5)
    assert (np.array(run.classes)[soft.argmax(1)] == rows["consensus_label"]).all()
    assert "How good is each annotator?" in (folder / "run" / "report.html").read_text()
    asked = rows[rows["ask"] != ""]
    assert all(pd.isna(frame[who].iloc[row]) for row, who in asked["ask"].items())
