"""What is kept of data, so that more are read later just as the training data were?"""

from typing import Annotated, Literal, NotRequired

from annotated_types import Ge, Len
from typing_extensions import TypedDict  # typing's own cannot be checked by pydantic before Python 3.12

from earlylearn.errors import UsageError
from earlylearn.files import checked

Size = Annotated[int, Ge(1)]
Mode = Literal["L", "RGB"]


class Column(TypedDict):
    """How a column of a table becomes features.

    Attributes:
        name: of the column.
        type: numbers as they are, categories as 0/1 features, vectors as a feature per number; an encoder reads texts.
        median: of numbers: what fills a missing one; None refuses it.
        range: of numbers: the least and the largest in training.
        offset: of numbers: what is subtracted of them, so that they stay distinct in 32 bits; 0 if it is not there.
        categories: a 0/1 feature each; None at the end stands for a missing value.
        length: of every vector.
    """

    name: str
    type: Literal["number", "category", "bool", "vector", "text"]
    median: NotRequired[float | None]
    range: NotRequired[Annotated[list[float], Len(2, 2)]]
    offset: NotRequired[float]
    categories: NotRequired[Annotated[list[str | None], Len(1)]]
    length: NotRequired[Size]


class Noted(TypedDict):
    """What a schema says of the encoder its data went through.

    Attributes:
        name: as ``encoder`` in config.json has it.
        called: as a person calls it.
        weights: what tells its weights from others; empty where the run folder holds them.
        side: of pictures, in pixels; None for texts.
        widths: features of each text column, or of the pictures under the name ``""``.
    """

    name: str
    called: str
    weights: str
    side: Size | None
    widths: dict[str, Size]


class Schema(TypedDict, total=False):
    """How data are read; empty of arrays that came from Python, of which there are no more to read.

    Attributes:
        kind: images of any origin; a table of features; an array of features.
        mode: of images: Pillow's.
        size: of images: ``[height, width]`` in pixels.
        white: of images of more than 8 bits: the value that becomes 255.
        image: of images: the column that names them, where they are listed in a table.
        superclasses: of each class of CIFAR-100.
        columns: of a table.
        id_column: of a table: the column of ids, or None.
        missing: of a table: what becomes of missing texts.
        shape: of a row of an array.
        medians: of an array: what fills a missing number, by feature; None refuses it.
        range: of an array: its least and its largest number in training.
        offsets: of an array: what is subtracted of its numbers, by feature; 0 if it is not there.
        made_by: of an array: what made its features, in words, where its file says so.
        encoder: what pictures or texts went through, if anything.
    """

    kind: Literal["images", "table", "array"]
    mode: Mode
    size: Annotated[list[Size], Len(2, 2)]
    white: Size
    image: str | None
    superclasses: list[int]
    columns: Annotated[list[Column], Len(1)]
    id_column: str | None
    missing: Literal["refuse", "impute"]
    shape: list[Size]
    medians: list[float] | None
    range: Annotated[list[float], Len(2, 2)]
    offsets: list[float]
    made_by: str
    encoder: Noted


# What no schema of a kind, and no column of a type, can do without.
NEEDED = {"images": ("mode", "size"), "table": ("columns", "id_column"), "array": ("shape", "medians")}
NEEDED_OF_COLUMNS = {"number": "median", "category": "categories", "bool": "categories", "vector": "length"}


def check_schema(schema: object, name: str) -> Schema:
    """The schema, if data can be read by it; UsageError that names where it was read from if not."""
    found = checked(schema, Schema, name)
    if not found:
        return found
    lacking = [need for need in ("kind", *NEEDED.get(found.get("kind", ""), ())) if need not in found]
    for k, column in enumerate(found.get("columns", ())):
        need = NEEDED_OF_COLUMNS.get(column["type"])
        if need is not None and need not in column:
            lacking.append(f"columns.{k}.{need}")
    if lacking:
        raise UsageError(f"{name}: has no {lacking[0]!r}; restore the file")
    return found
