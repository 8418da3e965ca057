"""Where are CIFAR-10's and CIFAR-100's official python files, and how are they read without trusting them?"""

import hashlib
import io
import os
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from earlylearn.data.labelled import LabelledData
from earlylearn.data.readers.images import image_schema
from earlylearn.data.readers.paths import reading
from earlylearn.errors import UsageError, setting


class Official(NamedTuple):
    """One official release: its names, and the md5 of every file."""

    folder: str
    archive: str
    train: dict[str, str]
    test: dict[str, str]
    meta: dict[str, str]
    label_key: bytes
    names_key: bytes


OFFICIAL = {
    "cifar10": Official(
        folder="cifar-10-batches-py",
        archive="cifar-10-python.tar.gz",
        train={
            "data_batch_1": "c99cafc152244af753f735de768cd75f",
            "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
            "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
            "data_batch_4": "634d18415352ddfa80567beed471001a",
            "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        },
        test={"test_batch": "40351d587109b95175f43aff81a1287e"},
        meta={"batches.meta": "5ff9c542aee3614f3951f8cda6e48888"},
        label_key=b"labels",
        names_key=b"label_names",
    ),
    "cifar100": Official(
        folder="cifar-100-python",
        archive="cifar-100-python.tar.gz",
        train={"train": "16019d7e3df5f24257cddd939b257f8d"},
        test={"test": "f0ef6b0ae62326f3e7ffdfab6717acfc"},
        meta={"meta": "7973b15100ade9c7d40fb424638fde48"},
        label_key=b"fine_labels",
        names_key=b"fine_label_names",
    ),
}
MEND = "download the archive again from https://www.cs.toronto.edu/~kriz/cifar.html"
LARGEST = 256 * 2**20  # bytes of one file, well above CIFAR-100's 155 MB


def read_cifar(name: str, data_dir: str | None) -> tuple[LabelledData, LabelledData]:
    """Training and test images of a CIFAR set: ``uint8 [50000, 3, 32, 32]`` and ``[10000, 3, 32, 32]``.

    Reads the official folder inside `data_dir`, or `data_dir` itself, or the official .tar.gz in `data_dir`.
    The labels (CIFAR-100: the fine ones) are the true labels, in the official order; ids are ``train-<i>``
    and ``test-<i>``. The schema of CIFAR-100 has ``superclasses``, the coarse class of each of the 100.

    Raises:
        UsageError: files are missing, or differ from the official ones in their md5.
    """
    official = OFFICIAL[name]
    files = {**official.meta, **official.train, **official.test}
    source = _find(official, name, data_dir)
    contents = {file: safe_unpickle(raw, source / file) for file, raw in _raw(source, official, files).items()}
    schema = image_schema("RGB", 32, 32)
    with reading(source, MEND):
        (meta,) = official.meta
        classes = tuple(str(c, "ascii") for c in contents[meta][official.names_key])
        parts = {}
        for part, members in (("train", official.train), ("test", official.test)):
            batches = [contents[file] for file in members]
            images = np.concatenate([b[b"data"] for b in batches]).reshape(-1, 3, 32, 32)
            labels = np.concatenate([np.asarray(b[official.label_key], np.int64) for b in batches])
            if b"coarse_labels" in batches[0]:
                coarse = np.concatenate([np.asarray(b[b"coarse_labels"], np.int64) for b in batches])
                # a class has one superclass, so any image of it tells
                schema = schema | {"superclasses": _superclasses(labels, coarse, len(classes))}
            parts[part] = images, labels
    train, test = (
        LabelledData(
            name=name,
            inputs=images,
            labels=labels,
            classes=classes,
            ids=np.array([f"{part}-{row}" for row in range(len(images))]),
            true_labels=labels,
            schema=schema,
            augment="crop+flip",
        )
        for part, (images, labels) in parts.items()
    )
    return train, test


def safe_unpickle(raw: bytes, what: object) -> Any:
    """What a pickle holds, as long as that is numpy arrays, numbers, bytes, text and containers of these.

    Raises:
        UsageError: it asks for anything else, or is damaged; nothing it names has been run.
    """
    with reading(what, MEND):
        return _PlainUnpickler(io.BytesIO(raw), encoding="bytes").load()


class _PlainUnpickler(pickle.Unpickler):
    """Builds nothing but numpy arrays; the names below are old and new numpy's for the same objects."""

    def find_class(self, module: str, name: str) -> Any:
        reconstruct: Callable[..., Any] = np.empty(0).__reduce__()[0]  # type: ignore[assignment]
        allowed: dict[tuple[str, str], Any] = {
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): np.dtype,
            ("numpy.core.multiarray", "_reconstruct"): reconstruct,
            ("numpy._core.multiarray", "_reconstruct"): reconstruct,
        }
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"refused: it asks for {module}.{name}, which no CIFAR file needs")
        return allowed[module, name]


def _superclasses(fine: Any, coarse: Any, classes: int) -> list[int]:
    table = np.full(classes, -1, np.int64)
    table[fine] = coarse
    return [int(c) for c in table]


def _find(official: Official, name: str, data_dir: str | None) -> Path:
    """The folder with the files, or the archive."""
    want = f"{official.folder} or {official.archive}"
    if data_dir is None:
        raise UsageError(
            f"{name}: give the folder that holds {want} with {setting('data_dir', 'DIR')}; {MEND.replace(' again', '')}"
        )
    home = Path(os.path.expanduser(data_dir))
    first = next(iter(official.train))
    with reading(home, f"check {setting('data_dir')}"):
        for place in (home / official.folder, home):
            if (place / first).is_file():
                return place
        if (home / official.archive).is_file():
            return home / official.archive
    raise UsageError(f"{name}: {setting('data_dir', data_dir)} has no {want}; {MEND.replace(' again', '')}")


def _raw(source: Path, official: Official, files: dict[str, str]) -> dict[str, bytes]:
    """Every file's bytes, once their md5 is the official one."""
    raw = {}
    if source.is_dir():
        for file in files:
            with reading(source / file, MEND):
                raw[file] = (source / file).read_bytes()
    else:
        with reading(source, MEND), tarfile.open(source, "r:gz") as archive:
            for file in files:
                member = archive.getmember(f"{official.folder}/{file}")
                stream = archive.extractfile(member)
                if stream is None or member.size > LARGEST:
                    raise UsageError(f"{source}: {member.name} is no file of the official size; {MEND}")
                raw[file] = stream.read()
    for file, md5 in files.items():
        found = hashlib.md5(raw[file], usedforsecurity=False).hexdigest()
        if found != md5:
            raise UsageError(f"{source / file}: md5 is {found}, the official file has {md5}; {MEND}")
    return raw
