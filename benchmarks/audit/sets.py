"""On which label sets are the defaults judged, and how are they read?

None was made for this project and none is in its repository: a folder holds them, in the layout of `SOURCES`.
"""

import csv
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earlylearn.data.labelled import LabelledData
from earlylearn.data.noise.kinds import make_noise
from earlylearn.data.readers.arrays import MADE_BY
from earlylearn.data.sources import Loaded, load
from earlylearn.encoders.tfidf import NAME as TFIDF
from earlylearn.runs.generators import seed_for
from earlylearn.runs.inputs import inputs_in_words
from earlylearn.runs.train import read

Kind = Literal["table", "text", "embeddings", "pictures"]

SOURCES = {
    "tables/NAME-KIND.npz": "x, y (given), true, x_test, y_test: tables of KEEL and UCI with noise injected",
    "labelme_crowd.npz": "the same arrays: LabelMe, averaged VGG features, one crowd answer per picture",
    "trec_weak_train.csv, trec_test.csv": "text, label (by rules), true_label; text, label: TREC questions",
    "yoruba_news/*.tsv": "news_title, label: train_clean, train_clean_noisy_labels (distant supervision), test",
    "cifar10-features.npz": "x, true, x_test, y_test: what earlylearn embed makes of CIFAR-10, or its first pictures",
    "own/NAME.csv": "label (right), other columns; free text in text: tables of one's own, run where own is named",
    "cifar10n_labels.npz": "aggre, worst: labels of CIFAR-10N in CIFAR-10's order",
}
SENTENCES = "sentence:all-MiniLM-L6-v2"
PICTURES = "1,280-dimensional features of efficientnet-lite0 (128 px)"
MADE = {"sym20": "symmetric-excluding:0.2", "sym40": "symmetric-excluding:0.4", "pair40": "pair:0.4"}
LABEL, TRUE, TEXT = "label", "true_label", "text"  # columns of a table
OWN = "own/"  # begins the name of a label set of one's own
LONG = ("fashion-mnist", "cifar10n", OWN)  # what takes longer is run only where it is named


class Asked(NamedTuple):
    """What the defaults are asked: data, what has to be said of them, and what is to be predicted."""

    data: Path
    settings: dict[str, Any]
    test: NDArray[Any] | pd.DataFrame


@dataclass(frozen=True)
class LabelSet:
    """Data whose true labels are known to the judge.

    Attributes:
        name: what the page calls it.
        kind: what a user would have: pictures train as pixels, all others as features.
        data: the rows under their given labels, and the true ones.
        test: rows under true labels.
        frames: the same as tables, where they are of one's own: the former with given and true labels, the latter.
        made_by: what made the features, as the file of `earlylearn embed` says it; empty where nobody would know.
    """

    name: str
    kind: Kind
    data: LabelledData
    test: LabelledData
    frames: tuple[pd.DataFrame, pd.DataFrame] | None = None
    made_by: str = ""

    @property
    def loaded(self) -> Loaded:
        """As `earlylearn.train` takes it."""
        return Loaded(self.data, self.test)

    def write(self, folder: Path) -> "Asked":
        """What a user would have, in files: the features, or the table; true labels for the summary."""
        assert self.data.true_labels is not None
        if self.frames is not None:
            train, test = self.frames
            train.to_csv(folder / "train.csv", index=False)
            test.to_csv(folder / "test.csv", index=False)
            said = {
                **said_of(pd.concat([train.drop(columns=TRUE), test])),
                "true_label": TRUE,
                "test": str(folder / "test.csv"),
            }
            return Asked(folder / "train.csv", said, test.drop(columns=LABEL))
        x, y = self.data.inputs, self.data.labels
        arrays = {"x_test": self.test.inputs, "y_test": self.test.labels, "classes": np.array(self.data.classes)}
        if self.made_by:
            arrays[MADE_BY] = np.array(self.made_by)
        np.savez(folder / f"{self.name}.npz", x=x, y=y, **arrays)
        np.save(folder / "true.npy", self.data.true_labels)
        said = {"true_labels": str(folder / "true.npy")}
        return Asked(folder / f"{self.name}.npz", said, self.test.inputs)

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """``bool [n]``, which labels are."""
        assert self.data.true_labels is not None
        return np.asarray(self.data.labels != self.data.true_labels)


@dataclass(frozen=True)
class Source:
    """A label set that can be had: ``read(seed)``; ``fixed`` where the seed changes nothing."""

    name: str
    read: Callable[[int], LabelSet]
    fixed: bool = True

    @property
    def long(self) -> bool:
        """Whether it is run only by name."""
        return self.name.startswith(LONG)


def sources(folder: Path) -> list[Source]:
    """Every label set that the folder has, and those that come with a dependency."""
    found = [
        Source(file.stem, lambda _, file=file: _arrays(file, "table")) for file in sorted(folder.glob("tables/*.npz"))
    ]
    if (file := folder / "labelme_crowd.npz").exists():
        found.append(Source("labelme", lambda _, file=file: _arrays(file, "embeddings")))
    encoders = {"": SENTENCES, "-tfidf": TFIDF}
    if (folder / "trec_test.csv").exists():
        found += [
            Source(f"trec{end}", lambda _, e=e, end=end: _trec(folder, f"trec{end}", e)) for end, e in encoders.items()
        ]
    if (folder / "yoruba_news").exists():
        found += [
            Source(f"yoruba{end}", lambda _, e=e, end=end: _yoruba(folder, f"yoruba{end}", e))
            for end, e in encoders.items()
        ]
    for noise in MADE:
        for kind in ("table", "pictures"):
            name = f"digits-{noise}" + ("-pictures" if kind == "pictures" else "")
            found.append(
                Source(name, lambda seed, n=name, k=noise, kind=kind: _made(n, "digits", k, kind, seed), fixed=False)
            )
    found.append(
        Source(
            "fashion-mnist-sym40",
            lambda seed: _made("fashion-mnist-sym40", "fashion-mnist", "sym40", "pictures", seed),
            fixed=False,
        )
    )
    if (folder / "cifar10-features.npz").exists():
        found += [
            Source(f"cifar10n-{which}", lambda _, which=which: _cifar(folder, which)) for which in ("aggre", "worst")
        ]
    return found


def labelled(
    name: str, x: NDArray[Any], y: NDArray[Any], true: NDArray[Any], classes: tuple[str, ...], start: int = 0
) -> LabelledData:
    """Arrays as data in memory."""
    return LabelledData(
        name=name,
        inputs=x if x.dtype == np.uint8 and x.ndim == 4 else x.astype(np.float32),
        labels=y.astype(np.int64),
        classes=classes,
        ids=np.arange(start, start + len(y)).astype(str),
        true_labels=true.astype(np.int64),
    )


def _label_set(
    name: str, kind: Kind, arrays: dict[str, NDArray[Any]], classes: tuple[str, ...] = (), made_by: str = ""
) -> LabelSet:
    count = int(max(arrays[key].max() for key in ("y", "true", "y_test"))) + 1
    names = classes or tuple(map(str, range(count)))
    return LabelSet(
        name,
        kind,
        labelled(name, arrays["x"], arrays["y"], arrays["true"], names),
        labelled(f"{name} test", arrays["x_test"], arrays["y_test"], arrays["y_test"], names),
        made_by=made_by,
    )


def _arrays(file: Path, kind: Kind) -> LabelSet:
    with np.load(file) as arrays:
        return _label_set(file.stem.removesuffix("_crowd"), kind, dict(arrays))


def _texts(file: Path, test: Path, name: str, encoder: str) -> LabelSet:
    """A table of texts through an encoder; classes by name, for the test set may lack some."""
    settings = {"text": [TEXT], "label": LABEL, "true_label": TRUE, "test": str(test), "encoder": encoder}
    (train, tested), *_ = read(file, settings, quiet=True)
    assert tested is not None
    assert train.true_labels is not None
    arrays = {"x": train.inputs, "y": train.labels, "true": train.true_labels}
    tests = {"x_test": tested.inputs, "y_test": tested.labels}
    return _label_set(name, "text", {**arrays, **tests}, train.classes, inputs_in_words(train))


def said_of(frame: pd.DataFrame) -> dict[str, Any]:
    """What a user has to say of a table: free text, and that gaps are to be filled."""
    text = {"text": [TEXT]} if TEXT in frame else {}
    return {"label": LABEL, **text, **({"missing": "impute"} if frame.isna().to_numpy().any() else {})}


def _trec(folder: Path, name: str, encoder: str) -> LabelSet:
    return _texts(folder / "trec_weak_train.csv", folder / "trec_test.csv", name, encoder)


def _yoruba(folder: Path, name: str, encoder: str) -> LabelSet:
    files = ("train_clean", "train_clean_noisy_labels", "test")
    clean, noisy, test = (
        pd.read_csv(folder / "yoruba_news" / f"{file}.tsv", sep="\t", quoting=csv.QUOTE_NONE) for file in files
    )
    train = pd.DataFrame({"text": noisy["news_title"], "label": noisy["label"], "true_label": clean["label"]})
    with tempfile.TemporaryDirectory() as there:
        paths = Path(there) / "train.csv", Path(there) / "test.csv"
        train.to_csv(paths[0], index=False)
        test.rename(columns={"news_title": "text"})[["text", "label"]].to_csv(paths[1], index=False)
        return _texts(*paths, name, encoder)


def _made(name: str, data: str, noise: str, kind: Kind, seed: int) -> LabelSet:
    """Built-in pictures with noise of their own for every seed; as a table, a column per pixel."""
    train, test = load(data, limit=10_000)
    assert test is not None
    made = make_noise(MADE[noise], train, seed=seed_for(seed, "noise")).labels
    arrays = {"x": train.inputs, "y": made, "true": train.labels, "x_test": test.inputs, "y_test": test.labels}
    if kind == "table":
        arrays |= {key: arrays[key].reshape(len(arrays[key]), -1).astype(np.float32) for key in ("x", "x_test")}
    return _label_set(name, kind, arrays, train.classes)


def _cifar(folder: Path, which: str) -> LabelSet:
    with np.load(folder / "cifar10-features.npz") as file:
        arrays = {key: file[key] for key in ("x", "true", "x_test", "y_test")}
    with np.load(folder / "cifar10n_labels.npz") as file:
        arrays["y"] = file[which][: len(arrays["x"])]
    return _label_set(f"cifar10n-{which}", "embeddings", arrays, made_by=PICTURES)
