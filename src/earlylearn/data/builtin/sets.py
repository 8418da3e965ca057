"""Which data sets are built in, how large is each, where do its files come from, and how is it read?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from earlylearn.data.builtin.cifar import read_cifar
from earlylearn.data.builtin.clothing1m import read_clothing1m, read_clothing1m_test
from earlylearn.data.builtin.digits import read_digits
from earlylearn.data.builtin.fashion_mnist import read_fashion_mnist
from earlylearn.data.builtin.webvision import read_ilsvrc12, read_webvision, read_webvision_test
from earlylearn.data.labelled import LabelledData
from earlylearn.errors import UsageError, setting


class Size(NamedTuple):
    """Images of a data set: how many in which part, channels, the side in pixels, classes."""

    train: int
    val: int
    test: int
    channels: int
    side: int
    classes: int

    @property
    def rows(self) -> int:
        """Training and validation images, each with a row in every table."""
        return self.train + self.val


@dataclass(frozen=True)
class BuiltIn:
    """A data set that may be asked for by name: all that depends on the name.

    Attributes:
        what: what its images show.
        size: how many there are, and how large.
        files: where they come from.
        read: the training and the test part, from ``data_dir`` and a number of training rows, beyond which nothing need
            be decoded; None of a set that has no training part.
        read_test: the test part from ``data_dir``; None where `read` gives it as quickly.
        stored: larger than memory, so decoded into a store the first time.
        noisy: its given labels are not the true ones, which nobody knows.
        tests: the data that a set without a training part is a test set of.
    """

    what: str
    size: Size
    files: str
    read: Callable[[str | None, int | None], tuple[LabelledData, LabelledData]] | None
    read_test: Callable[[str | None], LabelledData] | None = None
    stored: bool = False
    noisy: bool = False
    tests: str = ""

    @property
    def description(self) -> str:
        """One line for a person who chooses."""
        size = self.size
        parts = [f"{size.train:,}", f"{size.val:,} validation", f"{size.test:,} test"]
        counts = " + ".join(part for part in parts if not part.startswith("0"))
        colours = {1: "grey", 3: "colour"}[size.channels]
        return f"{self.what}, {size.side}x{size.side} {colours}, {size.classes} classes, {counts}; {self.files}"


BUILTIN: dict[str, BuiltIn] = {
    "digits": BuiltIn(
        "handwritten digits",
        Size(1_437, 0, 360, channels=1, side=8, classes=10),
        "ships with scikit-learn",
        lambda data_dir, limit: read_digits(),
    ),
    "fashion-mnist": BuiltIn(
        "clothes",
        Size(60_000, 0, 10_000, channels=1, side=28, classes=10),
        "Debian package dataset-fashion-mnist",
        lambda data_dir, limit: read_fashion_mnist(data_dir),
    ),
    "cifar10": BuiltIn(
        "photographs",
        Size(50_000, 0, 10_000, channels=3, side=32, classes=10),
        "python files in the data folder",
        lambda data_dir, limit: read_cifar("cifar10", data_dir),
    ),
    "cifar100": BuiltIn(
        "photographs",
        Size(50_000, 0, 10_000, channels=3, side=32, classes=100),
        "python files in the data folder",
        lambda data_dir, limit: read_cifar("cifar100", data_dir),
    ),
    "clothing1m": BuiltIn(
        "clothes",
        Size(1_000_000, 14_313, 10_526, channels=3, side=256, classes=14),
        "lists in the data folder",
        lambda data_dir, limit: read_clothing1m(data_dir, limit=limit),
        read_clothing1m_test,
        stored=True,
        noisy=True,
    ),
    "webvision": BuiltIn(
        "photographs from Google, of the first 50 classes",
        Size(65_944, 0, 2_500, channels=3, side=256, classes=50),
        "lists in the data folder",
        lambda data_dir, limit: read_webvision(data_dir, limit=limit),
        read_webvision_test,
        stored=True,
        noisy=True,
    ),
    "ilsvrc12-50": BuiltIn(
        "a test set for webvision: ILSVRC12 validation of its 50 classes",
        Size(0, 0, 2_500, channels=3, side=256, classes=50),
        "beside it in the data folder",
        None,
        read_ilsvrc12,
        stored=True,
        tests="webvision",
    ),
}


def read_builtin(name: str, data_dir: str | None, limit: int | None) -> tuple[LabelledData, LabelledData]:
    """Training and test part of a built-in set; `limit` matters only where it saves decoding.

    Raises:
        UsageError: its files are not there or cannot be read, or it is a test set of other data.
    """
    found = BUILTIN[name]
    if found.read is None:
        raise UsageError(f"{name}: is a test set; train on {found.tests} with {setting('test', name)}, or predict it")
    return found.read(data_dir, limit)


def read_builtin_test(name: str, data_dir: str | None) -> LabelledData:
    """The test part of a built-in set alone; errors as of `read_builtin`."""
    read = BUILTIN[name].read_test
    return read_builtin(name, data_dir, None)[1] if read is None else read(data_dir)
