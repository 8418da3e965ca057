"""Is a corrected copy the data with corrected labels, and the original as it was?"""

import numpy as np
import pandas as pd
import pytest

from earlylearn.data.readers.corrections import Correction
from earlylearn.data.sources import load
from earlylearn.errors import UsageError
from earlylearn.review.apply import apply
from tests.review.shapes import draw_shapes


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("copy", [False, True])
def test_a_folder_becomes_a_folder_of_links_or_copies(tmp_path, copy):
    draw_shapes(tmp_path / "shapes")
    (tmp_path / "shapes" / "circle" / "01.png").write_bytes((tmp_path / "shapes" / "square" / "02.png").read_bytes())
    before = contents(tmp_path / "shapes")
    data = load(str(tmp_path / "shapes")).train
    corrections = [
        Correction(id="square/00.png", given="square", label="circle", decision="relabel"),
        Correction(id="circle/03.png", given="circle", label=None, decision="exclude"),
        Correction(id="square/05.png", given="square", label="square", decision="keep"),
    ]
    done = apply(data, tmp_path / "shapes", corrections, tmp_path / "out", source="c.csv", copy=copy)
    assert (done.rows, done.changed, done.excluded, done.kept, done.renamed) == (len(before) - 1, 1, 1, 1, 0)
    after = contents(tmp_path / "out")
    assert after.pop("circle/00.png") == before["square/00.png"]
    assert after == {name: each for name, each in before.items() if name not in ("square/00.png", "circle/03.png")}
    assert contents(tmp_path / "shapes") == before
    assert (tmp_path / "out" / "square" / "05.png").is_symlink() != copy
    assert len(load(str(tmp_path / "out")).train) == done.rows


def test_a_name_that_is_taken_in_its_new_class_is_kept_apart_and_told(tmp_path):
    draw_shapes(tmp_path / "shapes")
    double = tmp_path / "shapes" / "circle" / "00.png"
    double.write_bytes((tmp_path / "shapes" / "circle" / "01.png").read_bytes())
    data = load(str(tmp_path / "shapes")).train
    move = [Correction(id="square/00.png", given="square", label="circle", decision="relabel")]
    done = apply(data, tmp_path / "shapes", move, tmp_path / "out", source="c.csv")
    assert done.renamed == 1
    out = tmp_path / "out" / "circle"
    assert (out / "00.png").read_bytes() == double.read_bytes()
    assert (out / "square-00.png").read_bytes() == (tmp_path / "shapes" / "square" / "00.png").read_bytes()


def test_training_and_test_folders_stay_what_they_are(tmp_path):
    for part in ("train", "test"):
        draw_shapes(tmp_path / "shapes" / part)
    data = load(str(tmp_path / "shapes")).train
    move = [Correction(id="train/square/00.png", given="square", label="circle", decision="relabel")]
    apply(data, tmp_path / "shapes", move, tmp_path / "out", source="c.csv")
    loaded = load(str(tmp_path / "out"))
    assert "train/circle/00.png" in loaded.train.ids
    assert len(loaded.test) == 24


def test_a_table_keeps_every_cell_but_the_labels(tmp_path):
    text = 'key,price,note,kind\n007,1.50,"a, b",1\n008,NA,,2\n009,3e0,x,1\n'
    (tmp_path / "t.csv").write_text(text)
    frame = pd.read_csv(tmp_path / "t.csv", dtype=str)
    data = load(str(tmp_path / "t.csv"), label="kind", id_column="key", missing="impute").train
    corrections = [
        Correction(id="009", given="1", label="2", decision="relabel"),
        Correction(id="007", given="1", label=None, decision="exclude"),
    ]
    settings = {"source": "c.csv", "label": "kind", "id_column": "key"}
    apply(data, tmp_path / "t.csv", corrections, tmp_path / "out.csv", **settings)
    assert (tmp_path / "out.csv").read_text() == "key,price,note,kind\n008,NA,,2\n009,3e0,x,2\n"
    assert pd.read_csv(tmp_path / "t.csv", dtype=str).equals(frame)
    with pytest.raises(UsageError, match=r"ends so"):
        apply(data, tmp_path / "t.csv", corrections, tmp_path / "out.parquet", **settings)
    with pytest.raises(UsageError, match="exists already"):
        apply(data, tmp_path / "t.csv", corrections, tmp_path / "out.csv", **settings)


def test_arrays_keep_all_that_belongs_to_a_row_together(tmp_path):
    x, y = np.arange(12, dtype=np.float32).reshape(6, 2), np.array(["ox", "ox", "cat", "ox", "cat", "cat"])
    np.savez(tmp_path / "a.npz", x=x, y=y, weight=np.arange(6), about=np.array("farm"))
    data = load(str(tmp_path / "a.npz")).train
    corrections = [
        Correction(id="0", given="ox", label="cat", decision="relabel"),
        Correction(id="4", given="cat", label=None, decision="exclude"),
    ]
    apply(data, tmp_path / "a.npz", corrections, tmp_path / "out.npz", source="c.csv")
    with np.load(tmp_path / "out.npz") as made:
        assert made["y"].tolist() == ["cat", "ox", "cat", "ox", "cat"]
        assert made["weight"].tolist() == [0, 1, 2, 3, 5]
        assert np.array_equal(made["x"], x[[0, 1, 2, 3, 5]])
        assert made["about"] == "farm"


def test_nothing_is_written_where_a_correction_does_not_fit(tmp_path):
    draw_shapes(tmp_path / "shapes")
    data = load(str(tmp_path / "shapes")).train
    wrong = [Correction(id="square/00.png", given="circle", label="square", decision="relabel")]
    with pytest.raises(UsageError, match="the data have 'square'"):
        apply(data, tmp_path / "shapes", wrong, tmp_path / "out", source="c.csv")
    assert not (tmp_path / "out").exists()
