"""Where do the examples and their labels come from, and what is a setting: its type, range, default and meaning?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

# Neither NumPy nor pydantic is imported here, nor in runs/settings.py: the command line reads these declarations for
# its help, which answers at once.

Augmentation = Literal["none", "crop", "crop+flip"]


@dataclass(frozen=True)
class Setting:
    """What a field means and may be: the command line makes its option of this, pydantic its check.

    Attributes:
        meaning: what the option's help says.
        form: how a value is written, such as ``INT``; empty where the name alone switches something on.
        ge, gt, le, lt: the range; None where there is no bound.
        repeats: whether several values may be given, by naming the option again; a field of that kind is a tuple.
        path: whether it may name a file or folder, which is kept as a path that leads there from anywhere.
    """

    meaning: str
    form: str = ""
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    repeats: bool = False
    path: bool = False

    __is_annotated_types_grouped_metadata__: ClassVar[Literal[True]] = True  # so pydantic asks for what it consists of

    def __iter__(self) -> Iterator[Any]:
        from annotated_types import Interval

        yield from Interval(ge=self.ge, gt=self.gt, le=self.le, lt=self.lt)
        if self.repeats:
            from pydantic import BeforeValidator

            yield BeforeValidator(as_list)


class Split:
    """Marks a field that is a word, or several values with commas between them."""

    __is_annotated_types_grouped_metadata__: ClassVar[Literal[True]] = True

    def __iter__(self) -> Iterator[Any]:
        from pydantic import BeforeValidator

        yield BeforeValidator(_split)


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) and "," in value else value


def as_list(value: Any) -> Any:
    """One text as a list of it; all else as it is."""
    return [value] if isinstance(value, str) else value


class DataSettings:
    """Where the examples and their labels come from; the arguments of `earlylearn.data.sources.load`."""

    data: Annotated[
        str,
        Setting(
            "digits, fashion-mnist, cifar10, cifar100, clothing1m, webvision, a folder, a table, or an .npz or .npy",
            "DATA",
        ),
    ]
    label: Annotated[str | None, Setting("label column of a table", "COLUMN")] = None
    image: Annotated[str | None, Setting("column of image paths of a table", "COLUMN")] = None
    text: Annotated[tuple[str, ...], Setting("column of free text of a table; repeatable", "COLUMN", repeats=True)] = ()
    drop: Annotated[tuple[str, ...], Setting("column of a table to leave out; repeatable", "COLUMN", repeats=True)] = ()
    show: Annotated[
        tuple[str, ...],
        Setting("column of a table to show beside its rows, not to learn from; repeatable", "COLUMN", repeats=True),
    ] = ()
    id_column: Annotated[str | None, Setting("column of stable ids of a table", "COLUMN")] = None
    true_label: Annotated[str | None, Setting("column of true labels of a table", "COLUMN")] = None
    annotators: Annotated[
        tuple[str, ...],
        Setting(
            "labels of several people: a column of a table for each (repeatable), or a file with id, annotator, label",
            "COLUMN|FILE",
            repeats=True,
        ),
    ] = ()
    labels: Annotated[str | None, Setting("file whose labels replace the given ones", "FILE[:KEY]", path=True)] = None
    true_labels: Annotated[str | None, Setting("file of true labels, to judge by", "FILE[:KEY]", path=True)] = None
    corrections: Annotated[
        str | None,
        Setting("labels that a review corrected, joined by id (RUN/review/corrections.csv)", "FILE", path=True),
    ] = None
    missing: Annotated[
        Literal["refuse", "impute"], Setting("missing feature values: refuse (default) or impute", "WHAT")
    ] = "refuse"
    image_size: Annotated[int | None, Setting("resize images to this side", "INT", ge=1)] = None
    skip_unreadable: Annotated[bool, Setting("leave out images that cannot be read, and list them")] = False
    strict: Annotated[bool, Setting("refuse data of which anything is left out, filled, cast or guessed")] = False
    data_dir: Annotated[str | None, Setting("where a built-in data set lies", "DIR", path=True)] = None
    test: Annotated[str | None, Setting("a separate test set of the same kind", "DATA", path=True)] = None
    val: Annotated[
        str | None,
        Setting("a validation set of your own to pick the epoch, of the same kind as DATA", "DATA", path=True),
    ] = None
    test_fraction: Annotated[float, Setting("share to set aside as test set", "FLOAT", ge=0, lt=1)] = 0.0
    limit: Annotated[int | None, Setting("use only the first so many training examples", "INT", ge=2)] = None
