"""Do built-in names, .npz files, label files and the test-set options give the data they promise?"""

import json
import os
import pickle

import numpy as np
import pytest
from sklearn.datasets import load_digits

from earlylearn.data.builtin.sets import BUILTIN
from earlylearn.data.sources import load, read_inputs
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


@pytest.fixture
def npz(tmp_path):
    def save(name="data.npz", **arrays):
        np.savez(tmp_path / name, **arrays)
        return str(tmp_path / name)

    return save


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    return {"x": rng.normal(size=(20, 3)), "y": np.repeat(["cat", "dog"], 10)}


# --- digits ---------------------------------------------------------------------------------------


def test_digits_are_sklearns_digits_split_once_and_for_all():
    train, test = load("digits")
    assert (train.inputs.shape, test.inputs.shape) == ((1437, 1, 8, 8), (360, 1, 8, 8))
    assert train.inputs.dtype == np.uint8
    assert train.inputs.max() == 255
    pixels, labels = load_digits(return_X_y=True)
    for part in (train, test):
        rows = np.array([int(i.removeprefix("digits-")) for i in part.ids])
        assert (np.diff(rows) > 0).all()
        np.testing.assert_array_equal(part.labels, labels[rows])
        np.testing.assert_array_equal(part.true_labels, labels[rows])
        np.testing.assert_array_equal(part.inputs.reshape(-1, 64), np.rint(pixels[rows] * 255 / 16))
    assert not set(train.ids) & set(test.ids)
    np.testing.assert_array_less(abs(np.bincount(test.labels) - np.bincount(labels) * 0.2), 1)
    np.testing.assert_array_equal(load("digits").test.ids, test.ids)
    assert train.classes == tuple("0123456789")
    assert train.augment == "none"


def test_limit_keeps_the_first_training_rows_and_the_whole_test_set():
    train, test = load("digits", limit=100)
    whole = load("digits")
    np.testing.assert_array_equal(train.ids, whole.train.ids[:100])
    assert len(test) == 360
    assert len(load("digits", limit=10**6).train) == 1437


def test_builtin_inputs_for_prediction_are_the_test_set():
    train, test = load("digits")
    inputs, ids = read_inputs("digits", json_round_trip(train.schema))
    np.testing.assert_array_equal(inputs, test.inputs)
    np.testing.assert_array_equal(ids, test.ids)


def test_every_builtin_name_has_one_line_for_the_doctor():
    assert set(BUILTIN) == {"digits", "fashion-mnist", "cifar10", "cifar100", "clothing1m", "webvision", "ilsvrc12-50"}
    assert BUILTIN["digits"].description == (
        "handwritten digits, 8x8 grey, 10 classes, 1,437 + 360 test; ships with scikit-learn"
    )
    assert BUILTIN["clothing1m"].description == (
        "clothes, 256x256 colour, 14 classes, 1,000,000 + 14,313 validation + 10,526 test; lists in the data folder"
    )
    assert BUILTIN["ilsvrc12-50"].description.endswith("50 classes, 2,500 test; beside it in the data folder")


def test_the_stated_size_of_digits_is_that_of_the_data():
    train, test = load("digits")
    shape = (BUILTIN["digits"].size.channels, *2 * (BUILTIN["digits"].size.side,))
    assert (len(train), 0, len(test), *shape[:2], len(train.classes)) == BUILTIN["digits"].size
    assert train.inputs.shape[1:] == shape


# --- npz ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "channels"),
    [((4, 5, 6), 1), ((4, 5, 6, 3), 3), ((4, 5, 6, 1), 1), ((4, 3, 5, 6), 3), ((4, 1, 5, 6), 1)],
)
def test_uint8_arrays_of_every_layout_are_images(npz, shape, channels):
    x = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    train, test = load(npz(x=x, y=[0, 1, 0, 1]))
    assert test is None
    assert train.inputs.shape == (4, channels, 5, 6)
    expected = x[:, None] if x.ndim == 3 else x if shape[1] == channels else x.transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(train.inputs, expected)
    assert train.augment == "none"  # a digit must not be mirrored without being asked
    inputs, ids = read_inputs(npz("new.npz", x=x), json_round_trip(train.schema))
    np.testing.assert_array_equal(inputs, train.inputs)
    assert list(ids) == ["0", "1", "2", "3"]


def test_other_numbers_are_flattened_features(npz):
    x = np.arange(24.0).reshape(4, 3, 2)
    train, _ = load(npz(x=x, y=["b", "a", "b", "a"]))
    assert train.inputs.dtype == np.float32
    np.testing.assert_array_equal(train.inputs, x.reshape(4, 6))
    assert train.classes == ("a", "b")
    assert train.labels.tolist() == [1, 0, 1, 0]
    assert train.true_labels is None
    inputs, _ = read_inputs(npz("new.npz", x=x), json_round_trip(train.schema))
    np.testing.assert_array_equal(inputs, train.inputs)


def test_integer_labels_sort_as_numbers_and_need_not_start_at_zero(npz):
    train, _ = load(npz(x=np.eye(4), y=[10, 9, -1, 10]))
    assert train.classes == ("-1", "9", "10")
    assert train.labels.tolist() == [2, 1, 0, 2]


def test_named_classes_and_the_test_arrays_of_an_npz(npz):
    path = npz(x=np.eye(4), y=[1, 0, 1, 0], x_test=np.eye(4)[:2], y_test=[0, 1], classes=["zebra", "ape", "cow"])
    train, test = load(path)
    assert train.classes == test.classes == ("zebra", "ape", "cow")
    assert train.labels.tolist() == [1, 0, 1, 0]
    assert test.labels.tolist() == [0, 1]
    other = npz("other.npz", x=np.eye(4), y=[2, 2, 1, 0])  # positions in the training data's classes
    assert load(path, test=other).test.labels.tolist() == [2, 2, 1, 0]


def test_image_size_resizes_arrays_in_training_and_prediction_alike(npz):
    x = np.random.default_rng(0).integers(0, 256, (4, 12, 20, 3), dtype=np.uint8)
    train, _ = load(npz(x=x, y=[0, 1, 0, 1]), image_size=6)
    assert train.inputs.shape == (4, 3, 6, 6)
    inputs, _ = read_inputs(npz("new.npz", x=x), json_round_trip(train.schema))
    np.testing.assert_array_equal(inputs, train.inputs)


def test_imputing_an_array_uses_the_training_medians_everywhere(npz):
    x = np.array([[1.0, 5], [3, np.inf], [np.nan, 6], [2, 8]])
    train, _ = load(npz(x=x, y=[0, 1, 0, 1]), missing="impute")
    np.testing.assert_array_equal(train.inputs, [[1, 5], [3, 6], [2, 6], [2, 8]])
    inputs, _ = read_inputs(npz("new.npz", x=[[np.nan, 1.0]]), json_round_trip(train.schema))
    np.testing.assert_array_equal(inputs, [[2, 1]])


def test_bad_arrays_are_refused_by_name(npz, features, tmp_path):
    x, y = features["x"], features["y"]
    refused("'x'", "it has y", data=npz(y=y))
    refused("'y'", "it has x", data=npz(x=x))
    refused("'y_test'", data=npz(x=x, y=y, x_test=x))
    refused("19 labels for 20 rows", data=npz(x=x, y=y[:19]))
    refused("only one class (cat)", data=npz(x=x, y=["cat"] * 20))
    refused("one label per row", "argmax", data=npz(x=x, y=np.eye(20)))
    refused("row 3 has no label (1 of 20", data=npz(x=x, y=np.where(np.arange(20) == 3, np.nan, 1)))
    refused("row 0", "0.5", "whole number", data=npz(x=x, y=np.full(20, 0.5)))
    refused("complex128", data=npz(x=x.astype(complex), y=y))
    refused("<U3", "plain numbers", data=npz(x=y[:, None], y=y))
    refused("shape [20]", data=npz(x=x[:, 0], y=y))
    refused("row 0", "'7'", "0 to 1", data=npz(x=x, y=np.full(20, 7), classes=["a", "b"]))
    refused("twice", data=npz(x=x, y=np.arange(20) % 2, classes=["a", "a"]))
    refused("'y'", "row 0", "'cat'", "the classes a, b", data=npz(x=x, y=y, classes=["a", "b"]))
    x[4, 2] = np.nan
    refused("row 4", "feature 2", "missing='impute'", data=npz(x=x, y=y))
    x[4, 2] = 1e300
    refused("row 4", "feature 2", "1e+300", data=npz(x=x, y=y))
    x[:, 2] = np.nan
    refused("feature 2:", "no value in any row", data=npz(x=x, y=y), missing="impute")
    refused("image_size=8", "no images", data=npz(**features), image_size=8)
    refused("image_size=0", data=npz(x=np.zeros((2, 4, 4), np.uint8), y=[0, 1]), image_size=0)
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 nothing")
    refused("broken.npz", "numpy.savez", data=str(tmp_path / "broken.npz"))
    (tmp_path / "empty.npz").write_bytes(b"")
    refused("empty.npz", "numpy.savez", data=str(tmp_path / "empty.npz"))


class Boom:
    path = ""

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_pickled_objects_are_refused_without_running_them(npz, features, tmp_path):
    Boom.path = str(tmp_path / "ran")
    bad = np.array([Boom()] * 20, dtype=object)
    refused("'x'", "pickled objects", "plain number or text arrays", data=npz(x=bad, y=features["y"]))
    refused("'y'", "pickled objects", data=npz(x=features["x"], y=bad))
    np.save(tmp_path / "labels.npy", bad)
    refused("labels.npy", "pickled objects", data=npz(**features), labels=str(tmp_path / "labels.npy"))
    (tmp_path / "labels.npy").write_bytes(pickle.dumps(Boom()))
    refused("labels.npy", "pickled objects", data=npz(**features), labels=str(tmp_path / "labels.npy"))
    assert not (tmp_path / "ran").exists()


def test_prediction_refuses_other_features_or_other_kinds(npz, features, tmp_path):
    train, _ = load(npz(**features))
    with pytest.raises(UsageError, match=r"rows have the shape \[2\], those of the training data \[3\]"):
        read_inputs(npz("new.npz", x=np.zeros((2, 2))), train.schema)
    with pytest.raises(UsageError, match=r"digits: the training data are an \.npz of features"):
        read_inputs("digits", train.schema)
    with pytest.raises(UsageError, match=r"the training data are an \.npz of features"):
        read_inputs(str(tmp_path), train.schema)
    with pytest.raises(UsageError, match="is no images as in the training data"):
        read_inputs(npz("new.npz", x=np.zeros((2, 8))), load("digits").train.schema)


# --- label files ----------------------------------------------------------------------------------


def write_labels(path, values, key=None):
    if path.suffix == ".npy":
        np.save(path, values)
    elif path.suffix == ".npz":
        np.savez(path, other=[1, 2], **{key or "worst": values})
    else:
        header = [key] if key else []
        path.write_text("\n".join([*header, *map(str, values), ""]), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("numbers", [True, False])
@pytest.mark.parametrize(
    ("file", "key", "suffix"),
    [
        ("l.npy", None, ""),
        ("l.npz", "worst", ":worst"),
        ("l.txt", None, ""),
        ("l.txt", "given", ""),
        ("l.csv", None, ""),
        ("l.csv", "given", ""),
        ("l.csv", "given", ":given"),
        ("l.tsv", "given", ""),
    ],
)
def test_label_files_of_every_kind_replace_the_given_labels(npz, features, tmp_path, file, key, suffix, numbers):
    codes = np.arange(20) % 2
    values = codes if numbers else np.array(["cat", "dog"])[codes]
    path = write_labels(tmp_path / file, values, key)
    data = npz(**features)
    train, _ = load(data, labels=path + suffix)
    np.testing.assert_array_equal(train.labels, codes)
    assert train.true_labels is None
    train, _ = load(data, true_labels=path + suffix)
    np.testing.assert_array_equal(train.labels, np.repeat([0, 1], 10))
    np.testing.assert_array_equal(train.true_labels, codes)


def test_replacing_built_in_labels_keeps_the_true_ones(tmp_path):
    noisy = (load("digits").train.labels + 1) % 10
    path = write_labels(tmp_path / "noisy.npy", noisy)
    train, test = load("digits", labels=path)
    np.testing.assert_array_equal(train.labels, noisy)
    np.testing.assert_array_equal(train.true_labels, (noisy - 1) % 10)
    np.testing.assert_array_equal(test.labels, test.true_labels)


def test_a_label_file_may_cover_just_the_limited_rows(tmp_path):
    short = write_labels(tmp_path / "short.npy", np.full(50, 3))
    train, _ = load("digits", labels=short, limit=50)
    assert train.labels.tolist() == [3] * 50
    whole = write_labels(tmp_path / "whole.npy", np.full(1437, 4))
    train, _ = load("digits", labels=short, true_labels=whole, limit=50)
    assert (len(train), set(train.labels), set(train.true_labels)) == (50, {3}, {4})
    refused("50 labels for 1437 training rows", data="digits", labels=short)
    refused("50 labels for 1437 or 40", data="digits", labels=short, limit=40)


def test_where_classes_are_numbers_a_label_file_names_them(npz, tmp_path):
    data = npz(x=np.eye(4), y=[1, 2, 3, 1])
    path = write_labels(tmp_path / "l.npy", [3, 2, 1, 3])
    assert load(data, labels=path).train.labels.tolist() == [2, 1, 0, 2]
    zero = write_labels(tmp_path / "l.npy", [0, 1, 2, 0])
    refused("row 0", "'0'", "the classes 1, 2, 3", data=data, labels=zero)


def test_bad_label_files_are_refused(npz, features, tmp_path):
    data = npz(**features)

    def no(*culprits, file="l.npy", values=None, key=None, suffix=""):
        path = tmp_path / file
        if values is not None:
            write_labels(path, values, key)
        refused("labels", file, *culprits, data=data, labels=f"{path}{suffix}")

    codes = np.arange(20) % 2
    no("gone.npy", "no such file", "FILE:KEY", file="gone.npy")
    no("19 labels for 20", "one label per row", values=codes[:19])
    no("row 19", "'2'", "0 to 1", values=np.r_[codes[:19], 2])
    no("row 19", "'-1'", values=np.r_[codes[:19], -1])
    no("shape [20, 2]", values=np.eye(20)[:, :2])
    no("row 0", "'bird'", "the classes cat, dog", file="l.txt", values=["bird"] + ["cat"] * 19)
    no("row 7 has no label", file="l.txt", values=["cat"] * 7 + [""] + ["dog"] * 12)
    no("2 arrays (other, worst)", ":KEY", file="l.npz", values=codes)
    no("'wurst'", "other, worst", file="l.npz", suffix=":wurst")
    no("2 columns (cat, 1)", ":COLUMN", file="l.csv", values=["cat,1"] * 20)
    no("no column 'b'", "the columns are a", file="l.csv", values=codes, key="a", suffix=":b")
    no("give an .npy file", file="l.pkl", values=codes)
    (tmp_path / "l.npy").write_bytes(b"rubbish")
    refused("l.npy", "numpy.save", data=data, labels=str(tmp_path / "l.npy"))


# --- requests -------------------------------------------------------------------------------------


def test_the_held_out_part_is_stratified_and_always_the_same(npz, features):
    data = npz(**features)
    train, test = load(data, test_fraction=0.2)
    assert np.bincount(train.labels).tolist() == [8, 8]
    assert np.bincount(test.labels).tolist() == [2, 2]
    assert sorted([*train.ids, *test.ids], key=int) == [str(i) for i in range(20)]
    again = load(data, test_fraction=0.2, limit=5)
    np.testing.assert_array_equal(again.test.ids, test.ids)
    np.testing.assert_array_equal(again.train.ids, train.ids[:5])


@pytest.mark.parametrize(
    ("request_", "culprits"),
    [
        ({"data": "digit"}, ["'digit'", "did you mean 'digits'?", "cifar100"]),
        ({"data": "no/such/path"}, ["'no/such/path'", "no such file or folder", "digits"]),
        ({"data": "~nobody-of-that-name/x"}, ["no such file"]),
        ({"data": ""}, ["''", "no such file or folder"]),
        ({"data": "x" * 500}, ["xxx:", "check the path"]),
        ({"data": "a\0b"}, ["a"]),
        ({"data": "cifar10"}, ["cifar10", "data_dir", "cifar-10-python.tar.gz"]),
        ({"data": "digits", "label": "y"}, ["label='y'", "digits is no table"]),
        ({"data": "digits", "id_column": "y"}, ["id_column='y'"]),
        ({"data": "digits", "image_size": 16}, ["image_size=16"]),
        ({"data": "digits", "test_fraction": 0.2}, ["test_fraction=0.2", "test set of its own"]),
        ({"data": "digits", "test_fraction": 1.0}, ["test_fraction=1.0", "less than 1"]),
        ({"data": "digits", "test_fraction": -0.1}, ["test_fraction=-0.1"]),
        ({"data": "digits", "test_fraction": float("nan")}, ["test_fraction=nan"]),
        (
            {"data": "digits", "test": "digits", "test_fraction": 0.1},
            ["test_fraction=0.1", "test='digits'"],
        ),
        ({"data": "digits", "limit": 0}, ["limit=0", "greater than or equal to 2"]),
        ({"data": "digits", "missing": "drop"}, ["missing='drop'", "'impute'"]),
        ({"data": __file__}, ["'.py'", ".npz"]),
    ],
)
def test_impossible_requests_are_refused_in_one_line(request_, culprits):
    refused(*culprits, **request_)


def test_a_share_that_cannot_be_stratified_is_refused(npz, features):
    data = npz(x=features["x"], y=["rare"] + ["cat"] * 10 + ["dog"] * 9)
    refused("test_fraction=0.2", "'rare' has one row", data=data, test_fraction=0.2)
    refused("test_fraction=0.01", "20 rows", "2 classes", data=npz(**features), test_fraction=0.01)


def test_a_test_set_must_be_of_the_same_kind_and_classes(npz, features):
    data = npz(**features)
    refused("test='digits'", "an .npz of features", data=data, test="digits")
    clothes = npz("clothes.npz", x=np.zeros((2, 8, 8), np.uint8), y=["cat", "dog"])
    refused("test='digits'", "differ", data=clothes, test="digits")
    images = npz("images.npz", x=np.zeros((2, 4, 4), np.uint8), y=["cat", "dog"])
    refused("rows have the shape [4, 4]", "[3]", data=data, test=images)
    strange = npz("strange.npz", x=np.zeros((2, 3)), y=["cat", "emu"])
    refused("row 1", "'emu'", "the classes cat, dog", data=data, test=strange)


def test_a_path_without_permission_is_named(monkeypatch, npz, features):
    path = npz(**features)

    def closed(*args, **kwargs):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("builtins.open", closed)
    refused(path, "no permission", "chmod", data=path)
