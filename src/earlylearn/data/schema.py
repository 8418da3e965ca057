"""What must a schema have, by which more data are read as the training data were?"""

from typing import Annotated, Any, Literal, NotRequired

from annotated_types import Ge, Len
from pydantic import Field
from typing_extensions import TypedDict  # typing's own cannot be checked by pydantic before Python 3.12

from earlylearn.files import checked

Size = Annotated[int, Ge(1)]


class ImageSchema(TypedDict):
    """Images: Pillow's mode, ``[height, width]`` in pixels, and which columns of a table named them, if one did.

    ``white`` is the value that becomes 255, ``superclasses`` has one for each class of CIFAR-100.
    """

    kind: Literal["images"]
    mode: Literal["L", "RGB"]
    size: Annotated[list[Size], Len(2, 2)]
    white: NotRequired[Size]
    image: NotRequired[str | None]
    id_column: NotRequired[str | None]
    superclasses: NotRequired[list[int]]


class NumberColumn(TypedDict):
    """A column of numbers, with what fills a missing one; None refuses it."""

    name: str
    type: Literal["number"]
    median: float | None


class CategoryColumn(TypedDict):
    """A column of which each category becomes a 0/1 feature; None at the end stands for a missing value."""

    name: str
    type: Literal["category", "bool"]
    categories: Annotated[list[str | None], Len(1)]


class VectorColumn(TypedDict):
    """A column of equally many numbers in every row."""

    name: str
    type: Literal["vector"]
    length: Size


class TextColumn(TypedDict):
    """A column of free text, for an encoder."""

    name: str
    type: Literal["text"]


Column = Annotated[NumberColumn | CategoryColumn | VectorColumn | TextColumn, Field(discriminator="type")]


class TableSchema(TypedDict):
    """Columns of a table; ``missing`` says what becomes of missing texts."""

    kind: Literal["table"]
    columns: Annotated[list[Column], Len(1)]
    id_column: str | None
    missing: NotRequired[Literal["refuse", "impute"]]


class ArraySchema(TypedDict):
    """Arrays of numbers: the shape of a row, and what fills a missing number; None refuses it."""

    kind: Literal["array"]
    shape: list[Size]
    medians: list[float] | None


class _Schema(TypedDict):
    schema: Annotated[ImageSchema | TableSchema | ArraySchema, Field(discriminator="kind")]


def check_schema(schema: dict[str, Any], name: str) -> None:
    """Raise UsageError, which names where it was read from, unless data can be read by this schema.

    An empty one is of data that came as arrays from Python: there is no more of these to read.
    """
    if schema:
        checked({"schema": schema}, _Schema, name)
