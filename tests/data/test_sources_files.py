"""Do folders of images and tables give the data they promise, and name what is wrong with them?"""

import json
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from earlylearn.data.sources import load, read_inputs, read_unlabelled
from earlylearn.errors import UsageError


def json_round_trip(schema):
    return json.loads(json.dumps(schema))


def refused(*culprits, **request):
    """load(**request) must fail with one line that contains every culprit."""
    with pytest.raises(UsageError) as caught:
        load(**request)
    message = str(caught.value)
    assert "\n" not in message
    for culprit in culprits:
        assert culprit in message, message


def save_image(path, colour=(10, 20, 30), size=(32, 32), mode="RGB", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path, **options)
    return path


@pytest.fixture
def animals(tmp_path):
    """dog/: 2 images, cat/: 3 images, one of them a level deeper."""
    top = tmp_path / "animals"
    save_image(top / "dog" / "2.png", (200, 0, 0))
    save_image(top / "dog" / "10.png", (100, 0, 0))
    save_image(top / "cat" / "b" / "deep.PNG", (1, 2, 3))
    save_image(top / "cat" / "a.bmp", (4, 5, 6))
    save_image(top / "cat" / "c.jpeg", (90, 90, 90), quality=100)
    (top / "cat" / "notes.txt").write_text("not an image")
    (top / ".ipynb_checkpoints").mkdir()
    save_image(top / "dog" / "._2.png")
    return top


# --- folders --------------------------------------------------------------------------------------


def test_a_folder_gives_sorted_classes_and_relative_ids(animals):
    train, test = load(str(animals))
    assert test is None
    assert train.classes == ("cat", "dog")
    assert list(train.ids) == ["cat/a.bmp", "cat/c.jpeg", "cat/b/deep.PNG", "dog/10.png", "dog/2.png"]
    assert train.labels.tolist() == [0, 0, 0, 1, 1]
    assert train.inputs.shape == (5, 3, 32, 32)
    assert train.inputs[[0, 2, 3, 4], :, 0, 0].tolist() == [[4, 5, 6], [1, 2, 3], [100, 0, 0], [200, 0, 0]]
    assert train.schema == {"kind": "images", "mode": "RGB", "size": [32, 32]}
    assert train.augment == "crop+flip"
    inputs, ids = read_inputs(str(animals), json_round_trip(train.schema))
    assert sorted(ids) == sorted(train.ids)
    order = [list(ids).index(i) for i in train.ids]
    np.testing.assert_array_equal(inputs[order], train.inputs)


def test_prediction_takes_loose_images_and_a_single_one(animals):
    train, _ = load(str(animals))
    inputs, ids = read_inputs(str(animals / "dog"), train.schema)
    assert list(ids) == ["10.png", "2.png"]
    one, name = read_inputs(str(animals / "dog" / "2.png"), train.schema)
    np.testing.assert_array_equal(one, inputs[1:])
    assert list(name) == ["2.png"]


def test_train_and_test_folders(animals, tmp_path):
    top = tmp_path / "split"
    top.mkdir()
    animals.rename(top / "train")
    save_image(top / "test" / "dog" / "x.png", 7, (50, 40), "L")
    train, test = load(str(top))
    assert len(train) == 5
    assert (list(test.ids), test.labels.tolist()) == (["test/dog/x.png"], [1])
    assert test.inputs.shape == (1, 3, 32, 32)
    assert train.ids[0] == "train/cat/a.bmp"
    save_image(top / "x.png")
    told = f"{top}: beside train and test, 1 image in none of them: left out"
    assert load(str(top)).train.notes == (*train.notes, told)
    separate = load(str(top / "train"), test=str(top / "test"))
    np.testing.assert_array_equal(separate.test.inputs, test.inputs)
    refused("test_fraction", "test set of its own", data=str(top), test_fraction=0.5)
    (top / "test").rename(top / "val")
    refused("train, val", "test", data=str(top))
    save_image(top / "val" / "emu" / "x.png")
    refused("val/emu", "'emu'", "classes cat, dog", data=str(top / "train"), test=str(top / "val"))


def test_a_class_may_be_called_train(tmp_path):
    save_image(tmp_path / "train" / "a.png")
    save_image(tmp_path / "test" / "a.png")
    assert load(str(tmp_path)).train.classes == ("test", "train")


@pytest.mark.parametrize(
    ("sizes", "image_size", "expected"),
    [
        ([(20, 10), (20, 10)], None, (10, 20)),
        ([(20, 10), (10, 20)], None, (64, 64)),
        ([(65, 65), (65, 65)], None, (64, 64)),
        ([(20, 10), (300, 40)], 16, (16, 16)),
    ],
)
def test_the_size_is_shared_or_64_or_asked_for(tmp_path, sizes, image_size, expected):
    for name, size in zip("ab", sizes, strict=True):
        save_image(tmp_path / name / "x.png", size=size)
    train, _ = load(str(tmp_path), image_size=image_size)
    assert train.inputs.shape == (2, 3, *expected)
    assert train.augment == ("crop+flip" if min(expected) >= 24 else "none")


def test_the_shorter_side_is_resized_and_the_centre_kept(tmp_path):
    pixels = np.zeros((20, 60, 3), np.uint8)
    pixels[:, 20:40] = 255
    for name in "ab":
        (tmp_path / name).mkdir()
        Image.fromarray(pixels).save(tmp_path / name / "x.png")
    assert load(str(tmp_path), image_size=10).train.inputs[:, :, 1:-1, 1:-1].min() == 255


def test_grey_images_stay_grey_and_sixteen_bits_are_scaled(tmp_path):
    save_image(tmp_path / "a" / "x.png", 77, mode="L")
    (tmp_path / "b").mkdir()
    Image.fromarray(np.full((32, 32), 30000, np.uint16)).save(tmp_path / "b" / "x.png")
    train, _ = load(str(tmp_path))
    assert train.schema["mode"] == "L"
    assert train.inputs[:, 0, 0, 0].tolist() == [77, round(30000 / 65535 * 255)]
    colour = save_image(tmp_path / "new" / "x.png", (77, 77, 77), (32, 32))
    assert read_inputs(str(colour), train.schema)[0].shape == (1, 1, 32, 32)


def test_a_cameras_orientation_is_applied(tmp_path):
    pixels = np.zeros((40, 40), np.uint8)
    pixels[:20] = 255
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    for name in "ab":
        (tmp_path / name).mkdir()
        Image.fromarray(pixels).save(tmp_path / name / "x.png", exif=exif)
    assert load(str(tmp_path)).train.inputs[0, 0, [0, -1], 0].tolist() == [0, 255]


def test_linked_folders_are_followed_once(animals):
    (animals / "cat" / "loop").symlink_to(animals / "cat")
    assert len(load(str(animals)).train) == 5


def test_bad_folders_are_refused(animals, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    refused("empty", "no sub-folder", "named after the class", data=str(empty))
    refused("2 images but no sub-folder", data=str(animals / "dog"))
    refused("only one class (dog)", data=str(only(animals, "dog", tmp_path)))
    (animals / "emu").mkdir()
    refused("emu", "no images", "remove it", data=str(animals))
    (empty / "a").mkdir()
    refused("no images in its 1 sub-folders", data=str(empty))
    refused("label='y'", "is no table", data=str(animals), label="y")
    refused("is one image", data=str(animals / "dog" / "2.png"))
    with pytest.raises(UsageError, match="no images"):
        read_inputs(str(empty), {"kind": "images", "mode": "L", "size": [8, 8]})


def only(animals, name, tmp_path):
    top = tmp_path / "one"
    top.mkdir()
    (top / name).symlink_to(animals / name)
    return top


@pytest.mark.parametrize("raw", [b"", b"rubbish", "cut"])
def test_an_unreadable_image_is_named(animals, raw):
    culprit = animals / "dog" / "2.png"
    good = culprit.read_bytes()
    culprit.write_bytes(good[: len(good) // 2] if raw == "cut" else raw)
    refused(str(culprit), "replace it", data=str(animals))


def test_images_of_floating_point_numbers_are_refused(animals):
    Image.fromarray(np.zeros((8, 8), np.float32)).save(animals / "dog" / "f.tiff")
    refused("f.tiff", "8 bits", data=str(animals))


def test_a_folder_without_permission_is_named(animals, monkeypatch):
    import os

    def closed(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", closed)
    refused(str(animals), "no permission", "chmod", data=str(animals))


# --- tables ---------------------------------------------------------------------------------------


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "key": ["007", "08", "9", "10"],
            "height": [1.5, 2.5, 3.5, 4.5],
            "tall": [True, False, True, False],
            "code": ["01", "1", "01", "b"],
            "kind": ["dog", "cat", "dog", "cat"],
            "truth": ["dog", "cat", "cow", "cat"],
        }
    )


def write(table, path):
    if path.suffix in (".parquet", ".pq"):
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    return str(path)


@pytest.mark.parametrize("file", ["t.csv", "t.tsv", "t.parquet", "t.pq"])
def test_tables_of_every_format(table, tmp_path, file):
    path = write(table, tmp_path / file)
    train, test = load(path, label="kind", id_column="key", true_label="truth")
    assert test is None
    assert train.classes == ("cat", "cow", "dog")
    assert train.labels.tolist() == [2, 0, 2, 0]
    assert train.true_labels.tolist() == [2, 0, 1, 0]
    assert list(train.ids) == ["007", "08", "9", "10"]
    assert [c["name"] for c in train.schema["columns"]] == ["height", "tall", "code"]
    assert train.inputs.dtype == np.float32
    expected = [[1.5, 0, 1, 1, 0, 0], [2.5, 1, 0, 0, 1, 0], [3.5, 0, 1, 1, 0, 0], [4.5, 1, 0, 0, 0, 1]]
    np.testing.assert_array_equal(train.inputs, expected)
    for again in ("new.csv", "new.parquet"):  # other order, no labels, one column more
        new = table[["code", "key", "tall", "height"]].assign(more=1)
        inputs, ids = read_inputs(write(new, tmp_path / again), json_round_trip(train.schema))
        np.testing.assert_array_equal(inputs, train.inputs)
        np.testing.assert_array_equal(ids, train.ids)


def test_text_that_looks_like_numbers_at_prediction_stays_text(table, tmp_path):
    train, _ = load(write(table, tmp_path / "t.csv"), label="kind", id_column="key", true_label="truth")
    new = table.iloc[[0]].assign(tall=1).drop(columns="key")  # code 01 alone would be read as the number 1
    inputs, ids = read_inputs(write(new, tmp_path / "new.csv"), train.schema)
    np.testing.assert_array_equal(inputs, train.inputs[:1])
    assert list(ids) == ["0"]


def test_unknown_categories_become_zeros_and_a_lost_column_is_named(table, tmp_path):
    train, _ = load(write(table, tmp_path / "t.csv"), label="kind", id_column="key", true_label="truth")
    inputs, _ = read_inputs(write(table.assign(code="zzz"), tmp_path / "new.csv"), train.schema)
    assert inputs[:, 3:].tolist() == [[0, 0, 0]] * 4
    for new, message in (
        (table.drop(columns="height"), "the column 'height' of the training data is missing"),
        (table.assign(height=["1", "2", "three", "4"]), "column 'height': row 2 is 'three', not a number"),
    ):
        with pytest.raises(UsageError, match=message):
            read_inputs(write(new, tmp_path / "new.csv"), train.schema)


def test_missing_values_are_refused_or_imputed_as_in_training(tmp_path):
    table = pd.DataFrame(
        {"a": [1.0, None, 3, 8], "b": ["x", "y", None, "x"], "c": [1, 2, 3, 4], "y": ["p", "q", "p", "q"]}
    )
    path = write(table, tmp_path / "t.csv")
    refused("column 'a'", "row 1", "missing='impute'", data=path, label="y")
    refused("column 'b'", "row 2", data=write(table.drop(columns="a"), tmp_path / "b.csv"), label="y")
    train, _ = load(path, label="y", missing="impute")
    np.testing.assert_array_equal(train.inputs, [[1, 1, 0, 0, 1], [3, 0, 1, 0, 2], [3, 0, 0, 1, 3], [8, 1, 0, 0, 4]])
    new = pd.DataFrame({"a": [None], "b": [None], "c": [None]})
    inputs, _ = read_inputs(write(new, tmp_path / "new.csv"), json_round_trip(train.schema))
    np.testing.assert_array_equal(inputs, [[3, 0, 0, 1, 2.5]])


def test_integer_classes_sort_as_numbers_and_row_numbers_are_ids(tmp_path):
    table = pd.DataFrame({"a": [1, 2, 3], "y": [10, 9, 10]})
    for labels in ([10, 9, 10], [10.0, 9.0, 10.0]):
        train, _ = load(write(table.assign(y=labels), tmp_path / "t.csv"), label="y")
        assert train.classes == ("9", "10")
        assert list(train.ids) == ["0", "1", "2"]


@pytest.mark.parametrize("dtype", ["Int64", "category", "string", "boolean", "object"])
def test_every_pandas_type_of_label(tmp_path, dtype):
    values = {"Int64": [3, 2, 3], "boolean": [True, False, True]}.get(dtype, ["b", "a", "b"])
    table = pd.DataFrame({"a": [1, 2, 3], "y": pd.Series(values, dtype=dtype)})
    assert load(write(table, tmp_path / "t.parquet"), label="y").train.labels.tolist() == [1, 0, 1]


def test_a_saved_row_index_is_no_feature(tmp_path):
    pd.DataFrame({"a": [1, 2], "y": ["p", "q"]}).to_csv(tmp_path / "t.csv")
    train, _ = load(str(tmp_path / "t.csv"), label="y")
    assert train.inputs.tolist() == [[1], [2]]


def test_a_test_table_is_read_with_the_training_tables_schema(table, tmp_path):
    data = write(table, tmp_path / "t.csv")
    other = table.iloc[::-1].drop(columns="truth").assign(code="1")
    options = {"label": "kind", "id_column": "key", "true_label": "truth"}
    train, test = load(data, test=write(other, tmp_path / "test.csv"), **options)
    assert test.classes == train.classes
    assert test.labels.tolist() == [0, 2, 0, 2]
    assert test.true_labels is None
    assert test.inputs[:, 3:].tolist() == [[0, 1, 0]] * 4
    strange = write(table.assign(kind=["emu", "cat", "cat", "cat"]), tmp_path / "test.csv")
    refused("test.csv", "row 0", "'emu'", "cat, cow, dog", data=data, test=strange, **options)
    refused("test='digits'", "a table of features", data=data, test="digits", **options)


def test_a_table_of_images(animals, tmp_path):
    table = pd.DataFrame({"file": ["dog/2.png", "cat/a.bmp"], "y": ["dog", "cat"], "n": ["x", "z"]})
    path = write(table, animals / "list.csv")
    train, _ = load(path, label="y", image="file", id_column="n", image_size=24)
    assert train.inputs.shape == (2, 3, 24, 24)
    assert train.inputs[:, :, 0, 0].tolist() == [[200, 0, 0], [4, 5, 6]]
    assert list(train.ids) == ["x", "z"]
    assert train.augment == "crop+flip"
    inputs, ids = read_inputs(path, json_round_trip(train.schema))
    np.testing.assert_array_equal(inputs, train.inputs)
    assert list(ids) == ["x", "z"]
    inputs, _ = read_inputs(str(animals / "dog"), train.schema)
    assert inputs.shape == (2, 3, 24, 24)
    with pytest.raises(UsageError, match="not trained on a table"):
        read_inputs(path, {"kind": "images", "mode": "RGB", "size": [24, 24]})
    options = {"label": "y", "image": "file"}
    refused(
        "row 1",
        "'gone.png'",
        data=write(table.assign(file=["dog/2.png", "gone.png"]), animals / "l.csv"),
        **options,
    )
    refused(
        "row 1 has no image path",
        data=write(table.assign(file=["dog/2.png", None]), animals / "l.csv"),
        **options,
    )


def test_bad_tables_are_refused(table, tmp_path):
    table = table.drop(columns="truth")
    path = write(table, tmp_path / "t.csv")

    def no(*culprits, raw=None, frame=None, label="kind", file="bad.csv", **options):
        if frame is not None:
            write(frame, tmp_path / file)
        elif raw is not None:
            (tmp_path / file).write_bytes(raw)
        refused(*culprits, data=str(tmp_path / file), label=label, **options)

    refused("label", "the columns are key, height, tall, code, kind", data=path)
    refused("label='clas'", "it has key, height", data=path, label="clas")
    refused("image='x'", data=path, label="kind", image="x")
    refused("id_column='x'", data=path, label="kind", id_column="x")
    refused("true_label='x'", data=path, label="kind", true_label="x")
    refused("image_size=8", "image", data=path, label="kind", image_size=8)
    refused("column 'code'", "rows 0 and 2", "'01'", data=path, label="kind", id_column="code")
    no("'key'", "row 1 has no id", frame=table.assign(key=["1", None, "2", "3"]), id_column="key")
    no("'kind'", "no row has a label", frame=table.assign(kind=["", None, None, " "]))
    no("2 of 4 rows", "row 2", "strict", frame=table.assign(kind=["a", "b", None, " "]), strict=True)
    no("whole number", frame=table.assign(kind=[0.1, 0.2, 0.3, 0.4]))
    no("row 1", "2**53", frame=table.assign(kind=["1", "9" * 30, "3", "4"]))
    no("only one class (a)", frame=table.assign(kind="a"))
    no("no feature column", "image", frame=table[["kind"]])
    no("no rows", frame=table.iloc[:0])
    no("bad.csv", "header line", raw=b"")
    no("bad.csv", "UTF-8", raw="kind,a\ncaf\xe9,1\n".encode("latin-1"))
    no("bad.csv", "line 3", raw=b"kind,a\nx,1\ny,2,3\n")
    no("more fields than the header", raw=b"kind,a\nx,1,2\ny,2,3\n")
    no("'a'", "no value in any row", raw=b"kind,a\nx,\ny,\n", missing="impute")
    no("'height'", "row 1", "inf", frame=table.assign(height=[1, np.inf, 2, 3]))
    no("'when'", "datetime64", frame=table.assign(when=pd.Timestamp(0)), file="bad.parquet")
    no(
        "'list'",
        "row 2 has 1 numbers, not 2",
        frame=table.assign(list=[[1, 2], [1, 2], [1], [1, 2]]),
        file="bad.parquet",
    )
    no("'set'", "neither numbers nor text", frame=table.assign(set=[{"a": 1}] * 4), file="bad.parquet")
    no("bad.parquet", "Parquet", raw=b"rubbish", file="bad.parquet")
    many = pd.DataFrame({"kind": ["a", "b"] * 20, "age": [str(i) for i in range(40)]})
    many.loc[7, "age"] = "?"
    no("'age'", "row 7", "'?'", "among numbers", frame=many)
    many["age"] = [f"a sentence {i}" for i in range(40)]
    no("'age' (free text)", "text=['age']", frame=many)
    many["age"] = [f"key-{i}" for i in range(40)]
    no("'age' (40 different texts in 40 rows)", "drop=['age']", "id_column", frame=many)


def test_parquet_without_pyarrow_names_the_extra(table, tmp_path, monkeypatch):
    path = write(table, tmp_path / "t.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    refused("t.parquet", "pip install 'earlylearn[parquet]'", data=path, label="kind")


def test_classes_that_lie_one_folder_deeper_are_told(tmp_path):
    for year in ("2023", "2024"):
        for kind in ("cat", "dog"):
            save_image(tmp_path / "years" / year / kind / "1.png", (len(kind), 0, int(year) % 200))
    (line,) = [each for each in load(str(tmp_path / "years")).train.notes if "several class folders" in each]
    assert "(cat, dog)" in line
    assert "count as 2023, 2024" in line
    shutil.rmtree(tmp_path / "years" / "2024" / "cat")
    shutil.rmtree(tmp_path / "years" / "2024" / "dog")
    save_image(tmp_path / "years" / "2024" / "owl" / "1.png")  # folders of classes' own are as good as any
    assert not [each for each in load(str(tmp_path / "years")).train.notes if "several class folders" in each]


def test_colour_that_a_grey_run_cannot_use_is_told(tmp_path):
    for kind, grey in (("cat", 10), ("dog", 200)):
        save_image(tmp_path / "grey" / kind / "1.png", grey, mode="L")
    train = load(str(tmp_path / "grey")).train
    save_image(tmp_path / "new" / "red.png", (200, 0, 0))
    (line,) = read_unlabelled(str(tmp_path / "new"), train.schema).notes
    assert "such as red.png, where those of training are grey" in line
    save_image(tmp_path / "new" / "red.png", (200, 190, 199))  # grey, as a camera's colour picture shows it
    assert not read_unlabelled(str(tmp_path / "new"), train.schema).notes
