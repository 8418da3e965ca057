"""Do corrections reach the training data by id, and is it told what they did?"""

import numpy as np
import pytest

from earlylearn.data.sources import load
from earlylearn.errors import UsageError
from earlylearn.runs.train import train

TABLE = "key,x,kind\n" + "".join(f"r{k},{k / 10},{'ab'[k % 2]}\n" for k in range(40))


@pytest.fixture
def table(tmp_path):
    (tmp_path / "t.csv").write_text(TABLE)
    (tmp_path / "c.csv").write_text(
        "id,given_label,corrected_label,decision\nr7,b,a,relabel\nr4,a,,exclude\nr2,a,a,keep\nr3,b,,unsure\n"
    )
    return {
        "data": str(tmp_path / "t.csv"),
        "label": "kind",
        "id_column": "key",
        "corrections": str(tmp_path / "c.csv"),
    }


def test_joined_by_id_and_told(table):
    plain = load(**{**table, "corrections": None})
    corrected = load(**table)
    assert len(corrected.train) == 39
    assert "r4" not in corrected.train.ids
    before = dict(zip(plain.train.ids, plain.train.labels, strict=True))
    changed = [
        name for name, label in zip(corrected.train.ids, corrected.train.labels, strict=True) if before[name] != label
    ]
    assert changed == ["r7"]
    assert plain.train.notes == ()
    (note,) = corrected.train.notes
    assert "1 labels changed, 1 rows left out, 1 looked at and kept, 1 in doubt" in note


def test_a_run_keeps_where_its_labels_came_from_and_tells(table, tmp_path, capsys):
    run = train(out=tmp_path / "run", epochs=1, quiet=True, **table)
    assert run.config.corrections == table["corrections"]
    assert "1 labels changed" in capsys.readouterr().err
    assert len(run.label_issues()) == 39


def test_corrections_of_other_labels_are_refused(table, tmp_path):
    (tmp_path / "c.csv").write_text("id,given_label,corrected_label\nr7,a,b\n")
    with pytest.raises(UsageError, match="the data have 'b'"):
        load(**table)
    np.savetxt(tmp_path / "l.csv", np.full(40, "a"), fmt="%s")
    (tmp_path / "c.csv").write_text("id,given_label,corrected_label\nr7,a,b\n")
    assert load(**table, labels=str(tmp_path / "l.csv")).train.labels.sum() == 1


def label_file(tmp_path, text):
    (tmp_path / "l.csv").write_text(text)
    return str(tmp_path / "l.csv")


def test_a_label_file_with_ids_is_joined_by_them_whatever_its_order(table, tmp_path):
    """As an annotator leaves it: sorted by quality, a few labels filled in, the others blank."""
    plain = load(data=table["data"], label="kind", id_column="key").train
    order = np.random.default_rng(0).permutation(40)
    lines = [f"{plain.ids[row]},{'ab'[row % 2]},{'b' if row == 6 else ''}" for row in order]
    file = label_file(
        tmp_path, "id,given_label,corrected\n" + "\n".join(lines[:30] + ["r6,a,b"] * (6 not in order[:30]))
    )
    corrected = load(data=table["data"], label="kind", id_column="key", labels=f"{file}:corrected").train
    assert np.flatnonzero(corrected.labels != plain.labels).tolist() == [6]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("id,label\nx,a\n", "the id 'x' is not in the data"),
        ("id,label\nr1,a\nr1,b\n", "stands twice"),
        ("id,label\nr1,mug\n", "'mug' is none of the classes"),
        ("id,given_label,label\nr1,a,b\n", "the data have 'b'"),
        ("id,quality\nr1,0.3\n", "add :COLUMN"),
    ],
)
def test_a_label_file_that_does_not_fit_is_refused(table, tmp_path, text, reason):
    with pytest.raises(UsageError, match=reason):
        load(data=table["data"], label="kind", id_column="key", labels=label_file(tmp_path, text))


@pytest.mark.parametrize("row", ["3", "40", "x"])
def test_an_index_of_a_row_that_is_left_out_is_no_id_that_reads_alike(tmp_path, row):
    lines = [f"{(k + 3) % 40},{k / 10},{'' if k == 3 else 'ab'[k % 2]}\n" for k in range(40)]
    (tmp_path / "t.csv").write_text("key,x,kind\n" + "".join(lines))
    asked = {"data": str(tmp_path / "t.csv"), "label": "kind", "id_column": "key"}
    good = load(**asked, labels=label_file(tmp_path, "index,label\n5,a\n")).train
    assert good.ids[np.flatnonzero(good.labels != load(**asked).train.labels)].tolist() == ["8"]
    with pytest.raises(UsageError, match=f"line 3: the index '{row}' is not in the data"):
        load(**asked, labels=label_file(tmp_path, f"index,label\n5,a\n{row},b\n"))


def test_true_labels_must_be_whole(table, tmp_path):
    file = label_file(tmp_path, "id,label\nr1,a\n")
    with pytest.raises(UsageError, match="39 rows have no label"):
        load(data=table["data"], label="kind", id_column="key", true_labels=file)
