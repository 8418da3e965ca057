"""Are data that Python holds read as their twins on the disk, with nothing lost and nothing guessed in silence?"""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, TensorDataset

import earlylearn as el
from earlylearn.errors import UsageError

X = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
Y = np.arange(30) % 3
PIXELS = np.random.default_rng(1).integers(0, 256, (12, 3, 10, 10)).astype(np.uint8)
HALF = np.arange(12) % 2


class Items(Dataset):
    """A data set of any items."""

    def __init__(self, items, classes=None):
        self.items = items
        if classes:
            self.classes = classes

    def __len__(self):
        return len(self.items)

    def __getitem__(self, row):
        return self.items[row]


def pictures():
    return [Image.fromarray(p.transpose(1, 2, 0)) for p in PIXELS]


@pytest.mark.parametrize(
    "data",
    [
        (X, Y),
        [X, Y.tolist()],
        (torch.from_numpy(X), torch.from_numpy(Y)),
        (pd.DataFrame(X, columns=list("abcd")), pd.Series(Y)),
        TensorDataset(torch.from_numpy(X), torch.from_numpy(Y)),
        Items([(torch.from_numpy(x), int(y)) for x, y in zip(X, Y, strict=True)]),
        Items([{"features": x, "label": y} for x, y in zip(X, Y, strict=True)]),
        [(x, y) for x, y in zip(X, Y, strict=True)],
    ],
)
def test_every_form_of_the_same_rows(data):
    loaded = el.load(data)
    assert np.array_equal(loaded.train.inputs, X)
    assert np.array_equal(loaded.train.labels, Y)
    assert loaded.train.classes == ("0", "1", "2")
    assert loaded.test is None


def test_a_frame_is_read_as_its_file(tmp_path):
    frame = pd.DataFrame(
        {"n": X[:, 0], "colour": np.where(X[:, 1] > 0, "red", "blue"), "key": [f"k{i}" for i in range(30)]}
    )
    frame["team"] = np.array(["x", "y", "z"])[Y]
    frame.to_csv(tmp_path / "t.csv", index=False)
    here, there = (el.load(d, label="team", id_column="key") for d in (frame, str(tmp_path / "t.csv")))
    assert np.allclose(here.train.inputs, there.train.inputs)
    assert here.train.classes == there.train.classes == ("x", "y", "z")
    assert here.train.ids.tolist() == there.train.ids.tolist()
    assert here.train.schema == there.train.schema
    with pytest.raises(UsageError, match="give the label column with label='COLUMN'; the columns are n, colour, key"):
        el.load(frame)


@pytest.mark.parametrize(
    "data",
    [
        (PIXELS, HALF),
        (PIXELS.transpose(0, 2, 3, 1), HALF),
        (pictures(), HALF),
        Items(list(zip(pictures(), HALF.tolist(), strict=True))),
        Items([{"image": p, "label": y} for p, y in zip(pictures(), HALF.tolist(), strict=True)]),
        Items([(torch.from_numpy(p) / 255, y) for p, y in zip(PIXELS, HALF.tolist(), strict=True)]),
    ],
)
def test_every_form_of_the_same_pictures(data):
    assert np.array_equal(el.load(data).train.inputs, PIXELS)


def test_floats_that_are_pixels_are_told_and_others_stay_numbers():
    train = el.load((PIXELS / 255, HALF)).train
    assert train.notes == ("in-memory: floats that are whole 255ths from 0 to 1 count as pixels",)
    other = el.load((PIXELS / 254, HALF)).train
    assert other.inputs.shape == (12, 300)
    assert other.schema["shape"] == [3, 10, 10]


def test_pictures_of_several_sizes_are_told():
    images = [Image.new("RGB", (20 + 2 * i, 30), (i, i, i)) for i in range(4)]
    train = el.load((images, [0, 1, 0, 1])).train
    assert train.inputs.shape == (4, 3, 20, 20)
    assert train.notes == ("pictures of 4 sizes became squares of 20 pixels, the smallest side",)
    assert el.load((images, [0, 1, 0, 1]), image_size=8).train.inputs.shape == (4, 3, 8, 8)


def test_names_of_classes_stand_for_positions():
    train = el.load(Items([(x, int(y)) for x, y in zip(X, Y, strict=True)], classes=["a", "b", "c", "never"])).train
    assert train.classes == ("a", "b", "c", "never")
    assert np.array_equal(train.labels, Y)


def test_a_random_transform_is_told():
    class Random(Items):
        def __getitem__(self, row):
            return np.random.default_rng().normal(size=3), row % 2

    (note,) = el.load(Random(range(4))).train.notes
    assert "each was read once; transforms go into augment" in note


def test_test_sets_in_memory_and_shares():
    loaded = el.load((X, Y), test=(X[:6] + 1, Y[:6]))
    assert np.array_equal(loaded.test.inputs, X[:6] + 1)
    held = el.load((X, Y), test_fraction=0.2)
    assert len(held.test) == 6
    assert len(held.train) == 24
    assert len(el.load((X, Y), limit=10).train) == 10


def test_hugging_face_data_in_memory():
    datasets = pytest.importorskip("datasets", exc_type=ImportError)
    features = datasets.Features({"a": datasets.Value("float32"), "label": datasets.ClassLabel(names=["no", "yes"])})
    table = datasets.Dataset.from_dict({"a": X[:10, 0].tolist(), "label": [0, 1] * 5}, features=features)
    train = el.load(table).train
    assert train.classes == ("no", "yes")
    assert np.allclose(train.inputs[:, 0], X[:10, 0])
    features = datasets.Features({"img": datasets.Image(), "label": datasets.ClassLabel(names=["no", "yes"])})
    shown = datasets.Dataset.from_dict({"img": pictures(), "label": HALF.tolist()}, features=features)
    train = el.load(shown).train
    assert train.classes == ("no", "yes")
    assert np.array_equal(train.inputs, PIXELS)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ((X, Y[:-1]), "29 labels for 30 inputs"),
        (X, r"a ndarray cannot be read; give \(X, y\)"),
        ({"x": X, "y": Y}, r"a dict cannot be read; give \(x, y\), two of its values"),
        ({"train": X}, r"a dict cannot be read; give one of its parts, data\['train'\]"),
        (
            DataLoader(TensorDataset(torch.from_numpy(X))),
            "a DataLoader cannot be read; give its data set, loader.dataset",
        ),
        (iter([(X[0], 1)]), r"a list_iterator cannot be read; a stream has no length: give list\(data\)"),
        (7, "a int cannot be read"),
        (Items([3, 4]), "item 0 is a int; give"),
        (Items([{"a": 1, "b": 2, "label": 0}]), "name the label with label='KEY' and the input with image='KEY'"),
        (([X[0], X[1, :2]], [0, 1]), "inputs have different shapes"),
        (Items([]), "no examples"),
        ((X, np.zeros(30)), "only one class"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_line(data, complaint):
    with pytest.raises(UsageError, match=complaint) as told:
        el.load(data)
    assert "\n" not in str(told.value)


@pytest.mark.slow
def test_a_run_on_memory_is_trained_resumed_and_reread(tmp_path):
    frame = pd.DataFrame(X, columns=list("abcd")).assign(team=np.array(["x", "y", "z"])[Y])
    settings = {"label": "team", "network": "linear", "epochs": 1, "accelerator": "cpu", "quiet": True}
    run = el.train(frame, "elr", test=frame[:9], out=tmp_path / "run", **settings)
    assert run.summary["accuracy"]["test_last"] is not None
    longer = el.resume(run.folder.path, frame, test=frame[:9], epochs=2, quiet=True)
    assert len(longer.metrics) == 2
    assert longer.predict(frame).shape == (30,)
    with pytest.raises(UsageError, match="changed since the run began"):
        el.resume(run.folder.path, frame, epochs=3)


@pytest.mark.parametrize(("x", "y"), [(X, np.array(1)), (np.array(1.0), Y), (np.array(1.0), np.array(1))])
def test_what_is_no_list_of_rows_is_refused(x, y):
    with pytest.raises(UsageError, match=r"one label per input|one row per example"):
        el.load((x, y))


@pytest.mark.parametrize("label", [b"a", ["a"], ("a", "b"), {"a": 1}, np.array(["a"])])
def test_a_label_that_is_no_name_is_not_made_one(label):
    labels = pd.Series([label if row % 2 else "b" for row in range(30)], dtype=object)
    with pytest.raises(UsageError, match=r"row 1 has the label .* not one name"):
        el.load(pd.DataFrame(X, columns=list("abcd")).assign(y=labels), label="y")


def test_hugging_faces_sign_for_no_label_is_no_class():
    datasets = pytest.importorskip("datasets", exc_type=ImportError)
    features = datasets.Features({"a": datasets.Value("float32"), "label": datasets.ClassLabel(names=["no", "yes"])})
    table = datasets.Dataset.from_dict({"a": X[:9, 0].tolist(), "label": [0, 1, -1] * 3}, features=features)
    train = el.load(table).train
    assert [train.classes[k] for k in train.labels] == ["no", "yes"] * 3
    assert "3 of 9 rows have no 'label', the first is row 2" in train.notes[0]


@pytest.mark.parametrize("make", [np.array, torch.tensor, list])
@pytest.mark.parametrize("labels", [[1.0, 0.0], [0, 1, 1]])
def test_several_labels_of_an_item_are_refused(make, labels):
    items = Items([(x, make(labels)) for x in X])
    with pytest.raises(UsageError, match=rf"shape \[30, {len(labels)}\]; give one label per row"):
        el.load(items)


def test_labels_of_different_lengths_are_refused():
    with pytest.raises(UsageError, match=r"row 0 has the label \[1\], list, not one name"):
        el.load(Items([(x, [1] * (1 + k % 2)) for k, x in enumerate(X)]))


def test_one_name_of_two_classes_is_refused():
    with pytest.raises(UsageError, match="classes: a name occurs twice in a, b, a; make them unique"):
        el.load(Items([(x, int(y)) for x, y in zip(X, Y, strict=True)], classes=["a", "b", "a"]))


def test_labels_beside_a_frame_find_a_name_that_is_free():
    frame = pd.DataFrame(X[:, :3], columns=["label", "y", "label_0"])
    train = el.load((frame, Y)).train
    assert np.array_equal(train.inputs, X[:, :3])
    assert np.array_equal(train.labels, Y)


def test_pictures_of_twelve_bits_see_through_or_turned_are_as_their_files(tmp_path):
    rng = np.random.default_rng(0)
    deep = [Image.fromarray(rng.integers(0, 4096, (12, 10)).astype(np.uint16)) for _ in range(4)]
    clear = [Image.fromarray(rng.integers(0, 256, (12, 10, 4)).astype(np.uint8)) for _ in range(4)]
    turned = [Image.fromarray(rng.integers(0, 256, (12, 10, 3)).astype(np.uint8)) for _ in range(4)]
    for image in turned:
        image.getexif()[0x0112] = 3  # upside down
    for name, images, said in (
        ("deep", deep, "4,095 counts as white"),
        ("clear", clear, "alpha"),
        ("turned", turned, ""),
    ):
        for k, image in enumerate(images):
            (tmp_path / name / str(k % 2)).mkdir(parents=True, exist_ok=True)
            image.save(tmp_path / name / str(k % 2) / f"{k}.png", exif=image.getexif())
        here, there = el.load((images, [0, 1, 0, 1])).train, el.load(tmp_path / name).train
        assert np.array_equal(here.inputs, there.inputs[[0, 2, 1, 3]])
        assert here.notes == there.notes
        assert said in "".join(here.notes)
