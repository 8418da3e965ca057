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
