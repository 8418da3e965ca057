"""How does an example bring its index along?"""

from collections import namedtuple
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from torch.utils.data import Dataset

from earlylearn.errors import UsageError


class IndexedDataset(Dataset[Any]):
    """A map-style data set whose items bring their index: ``(x, y)`` becomes ``(x, y, index)``.

    Dicts get one key more, named tuples one field more. All else is the wrapped data set's: its attributes
    (``.classes``, ``.transform``, ...) are read and set through the wrapper.

    Wrap the outermost data set, the one the loader samples from, so that the index counts its rows.

    Args:
        dataset: with a length and positions.
        key: of the index in dicts and named tuples.

    Raises:
        UsageError: the data set has no length, an item is no tuple, list or dict, or has the key already.
    """

    def __init__(self, dataset: Any, key: str = "index") -> None:
        if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
            raise UsageError(
                f"IndexedDataset needs a data set with a length and positions, got {type(dataset).__name__}; "
                "a stream has none: let its items bring an id of their own, and number those with RowIds"
            )
        self.dataset = dataset
        self.key = key

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        position = _position(index, len(self))
        return self._with_index(self.dataset[position], position)

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """The items of a batch, fetched at once where the data set can."""
        positions = [_position(index, len(self)) for index in indices]
        fetch = getattr(self.dataset, "__getitems__", None)
        items = fetch(positions) if fetch else [self.dataset[position] for position in positions]
        return [self._with_index(item, position) for item, position in zip(items, positions, strict=True)]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("dataset", "key"):  # while it is copied or unpickled
            raise AttributeError(name)
        return getattr(self.dataset, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("dataset", "key") or not hasattr(self.dataset, name):
            super().__setattr__(name, value)
        else:
            setattr(self.dataset, name, value)

    def _with_index(self, item: Any, index: int) -> Any:
        if isinstance(item, Mapping):
            self._refuse_twice(item, index)
            return {**item, self.key: index}
        if isinstance(item, tuple) and hasattr(item, "_fields"):
            self._refuse_twice(item._fields, index)
            return _indexed_type(type(item), self.key)(*item, index)
        if isinstance(item, (tuple, list)):
            return (*item, index)
        raise UsageError(
            f"IndexedDataset expects items (input, label) or dicts, item {index} is a {type(item).__name__}; "
            "return a tuple from the data set"
        )

    def _refuse_twice(self, names: Any, index: int) -> None:
        if self.key in names:
            raise UsageError(
                f"item {index} has {self.key!r} already; choose another name: IndexedDataset(dataset, key='row')"
            )


def _position(index: int, length: int) -> int:
    position = int(index)
    return position + length if position < 0 else position


@cache
def _indexed_type(base: type[Any], key: str) -> type[Any]:
    """A named tuple with one field more than ``base``, that travels from the loader's workers."""
    made = namedtuple(base.__name__, (*base._fields, key))  # type: ignore[misc]  # fields are known when it runs
    made.__reduce__ = lambda self: (_indexed_item, (base, key, *self))  # type: ignore[method-assign,misc]
    return made


def _indexed_item(base: Any, key: str, *values: Any) -> Any:
    return _indexed_type(base, key)(*values)
