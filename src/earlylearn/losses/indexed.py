"""How does an example bring its index along?"""

from typing import Any

from torch.utils.data import Dataset

from earlylearn.errors import UsageError


class IndexedDataset(Dataset[tuple[Any, ...]]):
    """A map-style data set whose items end with their index: ``(x, y)`` becomes ``(x, y, index)``.

    Wrap the outermost data set, the one the loader samples from, so that the index counts its rows.

    Raises:
        UsageError: the data set has no length, or an item is not a tuple or list.
    """

    def __init__(self, dataset: Dataset[Any]) -> None:
        if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
            raise UsageError(
                f"IndexedDataset needs a data set with a length and positions, got {type(dataset).__name__}; "
                "an iterable-style data set has no index to remember examples by"
            )
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        item = self.dataset[index]
        if not isinstance(item, (tuple, list)):
            raise UsageError(
                f"IndexedDataset expects items (input, label), item {index} is a {type(item).__name__}; "
                "return a tuple from the data set"
            )
        return (*item, index)
