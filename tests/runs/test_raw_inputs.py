"""Does a run predict what people have: files, tables, pictures of any size, in whatever order their axes are?"""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from earlylearn.errors import UsageError
from earlylearn.runs.train import train
from tests.conftest import blobs, stripes

SETTINGS = {"epochs": 1, "accelerator": "cpu", "quiet": True}


def photos(folder, count=6, side=24):
    rng = np.random.default_rng(0)
    for name, colour in (("cat", 250), ("dog", 60)):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            pixels = rng.integers(0, colour, (side, side, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return folder


def alike(mine, theirs):
    """Equal but for what a batch of another size rounds otherwise."""
    return np.allclose(mine, theirs, rtol=1e-5, atol=1e-6)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    top = tmp_path_factory.mktemp("pictures")
    folder = photos(top / "photos")
    return folder, train(folder, "ce", network="linear", encoder="none", out=top / "run", **SETTINGS)


def test_pictures_in_every_form_give_the_same(pictures):
    folder, run = pictures
    files = sorted(folder.glob("*/*.png"))
    opened = [Image.open(file) for file in files]
    last = np.stack([np.asarray(image) for image in opened])
    first = last.transpose(0, 3, 1, 2)
    expected = run.predict_proba(first)
    for form in (folder, str(folder), opened, last, list(last), list(first), torch.from_numpy(first.copy())):
        assert alike(run.predict_proba(form), expected)
    for one in (files[0], opened[0], last[0], first[0]):
        assert alike(run.predict_proba(one), expected[:1])
    assert run.predict(opened[0]).tolist() == [expected[0].argmax()]


def test_pictures_of_any_size_are_brought_to_size(pictures):
    _, run = pictures
    large = Image.fromarray(np.random.default_rng(1).integers(0, 255, (70, 50, 3)).astype(np.uint8))
    small = Image.new("L", (5, 9), 200)
    both = run.predict_proba([large, small])
    assert alike(both[:1], run.predict_proba(np.asarray(large)))
    assert alike(both[1:], run.predict_proba(np.asarray(small)))
    assert run.predict_proba([]).shape == (0, 2)


def test_grey_pictures_from_memory_too(tmp_path):
    data = stripes()
    run = train(data, "ce", network="linear", out=tmp_path / "run", **SETTINGS)
    expected = run.predict_proba(data.inputs)
    assert alike(run.predict_proba(data.inputs[:, 0]), expected)
    assert alike(run.predict_proba(data.inputs[3, 0]), expected[3:4])
    assert run.predict_proba(np.zeros((20, 30), np.uint8)).shape == (1, 2)
    with pytest.raises(UsageError, match="images have dtype float64"):
        run.predict(data.inputs / 255)


def test_a_frame_a_file_and_an_array_of_the_same_table(tmp_path):
    data = blobs(60)
    frame = pd.DataFrame(data.inputs, columns=[f"x{k}" for k in range(8)]).astype(float).round(3)
    frame["colour"] = np.where(data.inputs[:, 0] > 0, "red", "green")
    frame["label"] = [data.classes[k] for k in data.labels]
    frame.to_csv(tmp_path / "t.csv", index=False)
    run = train(tmp_path / "t.csv", "ce", label="label", network="linear", out=tmp_path / "run", **SETTINGS)
    expected = run.predict_proba(tmp_path / "t.csv")
    assert alike(run.predict_proba(frame), expected)
    assert alike(run.predict_proba(frame.drop(columns="label").iloc[::-1]), expected[::-1])
    with pytest.raises(UsageError, match="column 'colour' of the training data is missing"):
        run.predict(frame.drop(columns="colour"))
    inputs, _ = run.read(str(tmp_path / "t.csv"))
    assert alike(run.predict_proba(inputs), expected)


def test_arrays_of_several_axes_are_flattened_as_in_training(tmp_path):
    x, y = np.random.default_rng(0).normal(size=(40, 3, 4)), np.arange(40) % 2
    np.savez(tmp_path / "d.npz", x=x, y=y)
    run = train(tmp_path / "d.npz", "ce", network="linear", out=tmp_path / "run", **SETTINGS)
    assert alike(run.predict(x), run.predict(tmp_path / "d.npz"))
    with pytest.raises(UsageError, match=r"inputs have shape \[40, 12, 1\]"):
        run.predict(x.reshape(40, 12, 1))


def test_what_is_of_another_kind_is_refused(pictures, tmp_path):
    _, run = pictures
    with pytest.raises(UsageError, match="inputs have shape"):
        run.predict(np.zeros((4, 5, 6, 7), np.uint8))
    with pytest.raises(UsageError, match="no such file or folder"):
        run.predict("nowhere")
    blob = train(blobs(), "ce", network="linear", out=tmp_path / "run", **SETTINGS)
    with pytest.raises(UsageError, match="is a DataFrame, and this run was trained on no table"):
        blob.predict(pd.DataFrame({"a": [1]}))
    with pytest.raises(UsageError, match="inputs have different shapes"):
        blob.predict([[1, 2], [3]])
