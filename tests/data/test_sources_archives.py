"""Are the official CIFAR and Fashion-MNIST files read right, and altered ones refused?"""

import gzip
import hashlib
import os
import pickle
import tarfile

import numpy as np
import pytest

from earlylearn.data.builtin import cifar, fashion_mnist
from earlylearn.data.sources import load
from earlylearn.errors import UsageError


def write_pickles(folder, contents, monkeypatch, name):
    """Writes pickles in the official layout, and makes their md5 the official ones."""
    folder.mkdir(parents=True, exist_ok=True)
    md5 = {}
    for file, content in contents.items():
        raw = content if isinstance(content, bytes) else pickle.dumps(content, protocol=2)
        (folder / file).write_bytes(raw)
        md5[file] = hashlib.md5(raw).hexdigest()
    official = cifar.OFFICIAL[name]
    parts = {part: {file: md5[file] for file in getattr(official, part)} for part in ("train", "test", "meta")}
    monkeypatch.setitem(cifar.OFFICIAL, name, official._replace(**parts))


def old_text(data):
    """Protocol 4 writes bytes without a helper function, as Python 2 did for its str."""
    return pickle.dumps(data, protocol=4)


@pytest.fixture
def cifar10(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    batches = {}
    for file in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        data = rng.integers(0, 256, (4, 3072), dtype=np.uint8)
        batches[file] = {b"data": data, b"labels": rng.integers(0, 10, 4).tolist()}
    names = [f"class{i}".encode() for i in range(10)]
    contents = {file: old_text(batch) for file, batch in batches.items()}
    contents["batches.meta"] = old_text({b"label_names": names})
    write_pickles(tmp_path / "cifar-10-batches-py", contents, monkeypatch, "cifar10")
    return tmp_path, batches


def test_cifar10_from_its_folder_the_folder_itself_and_the_archive(cifar10, tmp_path):
    home, batches = cifar10
    archive = tmp_path / "packed"
    archive.mkdir()
    with tarfile.open(archive / "cifar-10-python.tar.gz", "w:gz") as tar:
        tar.add(home / "cifar-10-batches-py", "cifar-10-batches-py")
    for place in (home, home / "cifar-10-batches-py", archive):
        train, test = load("cifar10", data_dir=str(place))
        assert train.inputs.shape == (20, 3, 32, 32)
        np.testing.assert_array_equal(
            train.inputs.reshape(20, -1),
            np.concatenate([batches[f"data_batch_{i}"][b"data"] for i in range(1, 6)]),
        )
        assert train.labels.tolist() == [label for i in range(1, 6) for label in batches[f"data_batch_{i}"][b"labels"]]
        np.testing.assert_array_equal(train.labels, train.true_labels)
        assert test.labels.tolist() == batches["test_batch"][b"labels"]
        assert train.classes[3] == "class3"
        assert (train.ids[7], test.ids[3]) == ("train-7", "test-3")
        assert train.augment == "crop+flip"


def test_cifar100_has_fine_labels_and_the_superclass_of_every_class(tmp_path, monkeypatch):
    fine = list(range(100))[::-1]
    batch = {
        b"data": np.zeros((100, 3072), np.uint8),
        b"fine_labels": fine,
        b"coarse_labels": [f // 5 for f in fine],
    }
    names = [f"fine{i}".encode() for i in range(100)]
    contents = {"train": batch, "test": batch, "meta": {b"fine_label_names": names}}
    write_pickles(tmp_path / "cifar-100-python", {f: old_text(c) for f, c in contents.items()}, monkeypatch, "cifar100")
    train, test = load("cifar100", data_dir=str(tmp_path))
    assert train.labels.tolist() == fine
    assert train.schema["superclasses"] == test.schema["superclasses"] == [i // 5 for i in range(100)]


@pytest.mark.parametrize("packed", [True, False])
def test_a_file_whose_md5_is_not_the_official_one_is_refused(cifar10, packed):
    home, _ = cifar10
    folder = home / "cifar-10-batches-py"
    with open(folder / "data_batch_3", "ab") as file:
        file.write(b" ")
    place = home
    if packed:
        place = home / "packed"
        place.mkdir()
        with tarfile.open(place / "cifar-10-python.tar.gz", "w:gz") as tar:
            tar.add(folder, "cifar-10-batches-py")
    with pytest.raises(UsageError, match=r"data_batch_3: md5 is .* official file has .* download"):
        load("cifar10", data_dir=str(place))


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_malicious_pickle_is_refused_and_never_run(cifar10, tmp_path, monkeypatch, protocol):
    home, _ = cifar10
    folder = home / "cifar-10-batches-py"
    contents = {file.name: file.read_bytes() for file in folder.iterdir()}
    contents["data_batch_2"] = pickle.dumps({b"data": Malicious(tmp_path / "ran")}, protocol)
    write_pickles(folder, contents, monkeypatch, "cifar10")
    with pytest.raises(UsageError, match=r"data_batch_2: refused: it asks for \w+\.\w+, which"):
        load("cifar10", data_dir=str(home))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("raw", [b"", b"rubbish", pickle.dumps({}, 4)[:-3], pickle.dumps({}, 4)])
def test_damaged_pickles_are_refused(cifar10, monkeypatch, raw):
    home, _ = cifar10
    folder = home / "cifar-10-batches-py"
    contents = {file.name: file.read_bytes() for file in folder.iterdir()} | {"batches.meta": raw}
    write_pickles(folder, contents, monkeypatch, "cifar10")
    with pytest.raises(UsageError, match="download the archive again") as caught:
        load("cifar10", data_dir=str(home))
    assert "\n" not in str(caught.value)


def test_missing_and_broken_cifar_files_are_named(cifar10, tmp_path):
    home, _ = cifar10
    (home / "cifar-10-batches-py" / "test_batch").unlink()
    with pytest.raises(UsageError, match="test_batch: no such file; download"):
        load("cifar10", data_dir=str(home))
    with pytest.raises(UsageError, match=r"data_dir=.* has no cifar-100-python or cifar-100-python.tar.gz"):
        load("cifar100", data_dir=str(home))
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "cifar-10-python.tar.gz").write_bytes(b"not a tar")
    with pytest.raises(UsageError, match=r"cifar-10-python.tar.gz: .*download"):
        load("cifar10", data_dir=str(empty))
    with tarfile.open(empty / "cifar-10-python.tar.gz", "w:gz"):
        pass
    with pytest.raises(UsageError, match=r"cifar-10-python.tar.gz: .*batches.meta.*download"):
        load("cifar10", data_dir=str(empty))


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


@pytest.fixture
def clothes(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {}
    for prefix, n in (("train", 12), ("t10k", 5)):
        arrays[f"{prefix}-images-idx3-ubyte"] = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        arrays[f"{prefix}-labels-idx1-ubyte"] = rng.integers(0, 10, n, dtype=np.uint8)
    return tmp_path, arrays


@pytest.mark.parametrize(("folder", "zipped"), [(".", True), ("fashion-mnist", False), ("FashionMNIST/raw", True)])
def test_fashion_mnist_gzipped_or_raw(clothes, folder, zipped):
    home, arrays = clothes
    place = home / folder
    place.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        if zipped:
            (place / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
        else:
            (place / name).write_bytes(idx(array))
    train, test = load("fashion-mnist", data_dir=str(home))
    np.testing.assert_array_equal(train.inputs[:, 0], arrays["train-images-idx3-ubyte"])
    np.testing.assert_array_equal(test.true_labels, arrays["t10k-labels-idx1-ubyte"])
    assert train.classes[9] == "Ankle boot"
    assert (train.ids[11], test.ids[0]) == ("train-11", "test-0")
    assert train.inputs.flags.writeable


def test_bad_or_missing_fashion_mnist_files_are_named(clothes, monkeypatch):
    home, arrays = clothes
    monkeypatch.setattr(fashion_mnist, "DATA_HOME", home / "nowhere")
    with pytest.raises(UsageError, match=r"Debian package dataset-fashion-mnist, .* data_dir"):
        load("fashion-mnist")
    for name, array in arrays.items():
        (home / name).write_bytes(idx(array))

    def refused(name, raw, match):
        good = (home / name).read_bytes()
        (home / name).write_bytes(raw)
        with pytest.raises(UsageError, match=f"{name}: {match}"):
            load("fashion-mnist", data_dir=str(home))
        (home / name).write_bytes(good)

    images, labels = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
    refused(images, b"", "is no idx file")
    refused(images, idx(arrays[labels]), "is no idx file of unsigned bytes in 3 dimensions")
    refused(images, idx(arrays[images])[:-1], r"has 9407 bytes of data for the shape \[12, 28, 28\]")
    refused(images, gzip.compress(idx(arrays[images]))[:50], ".*give the original file")
    refused(labels, idx(arrays[labels][:5]), "5 labels for 12 images")
    refused(images, idx(arrays[images][:, :8]), r"images are \[8, 28\]")
    load("fashion-mnist", data_dir=str(home))
