"""Does a wrapped data set stay what it is, but for the index?"""

from collections import UserDict, namedtuple

import pytest
import torch
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

import earlylearn as el
from earlylearn.errors import UsageError

Item = namedtuple("Item", ["image", "label"])


class Letters(Dataset):
    """Items of a given kind, with what data sets carry besides."""

    classes = ("a", "b")

    def __init__(self, make, fetches=False):
        self.make, self.transform, self.fetched = make, None, []
        if fetches:
            self.__dict__["__getitems__"] = self._fetch

    def __len__(self):
        return 4

    def __getitem__(self, index):
        if not 0 <= index < 4:
            raise IndexError(index)
        return self.make(torch.tensor(float(index)), index % 2)

    def _fetch(self, indices):
        self.fetched.append(list(indices))
        return [self[index] for index in indices]


def as_dict(x, y):
    return {"x": x, "y": y}


@pytest.mark.parametrize(
    ("make", "index_of"),
    [
        (lambda x, y: (x, y), lambda batch: batch[2]),
        (lambda x, y: [x, y], lambda batch: batch[2]),
        (Item, lambda batch: batch.index),
        (as_dict, lambda batch: batch["index"]),
        (lambda x, y: UserDict(as_dict(x, y)), lambda batch: batch["index"]),
    ],
    ids=["tuple", "list", "named tuple", "dict", "mapping"],
)
@pytest.mark.parametrize("fetches", [False, True])
def test_every_kind_of_item_brings_its_index(make, index_of, fetches):
    wrapped = el.IndexedDataset(Letters(make, fetches))
    batches = list(DataLoader(wrapped, batch_size=3, sampler=[2, 0, 3, 1]))
    assert [index_of(batch).tolist() for batch in batches] == [[2, 0, 3], [1]]
    assert wrapped.dataset.fetched == ([[2, 0, 3], [1]] if fetches else [])
    assert index_of(wrapped[-1]) == 3


def test_named_tuples_keep_their_names_and_travel_from_workers():
    (batch,) = DataLoader(el.IndexedDataset(Letters(Item), key="row"), batch_size=4, num_workers=1)
    assert batch._fields == ("image", "label", "row")
    assert batch.row.tolist() == batch.image.tolist() == [0, 1, 2, 3]


def test_attributes_are_the_wrapped_data_sets():
    letters = Letters(as_dict)
    wrapped = el.IndexedDataset(letters)
    assert wrapped.classes == ("a", "b")
    wrapped.transform = "changed"
    assert letters.transform == "changed"
    wrapped.note = 1
    assert not hasattr(letters, "note")
    with pytest.raises(AttributeError, match="nothing"):
        _ = wrapped.nothing


def test_a_subset_of_it_keeps_the_numbers_of_the_whole():
    wrapped = el.IndexedDataset(TensorDataset(torch.arange(4.0), torch.tensor([0, 1, 0, 1])))
    assert [item[2] for item in Subset(wrapped, [3, 1])] == [3, 1]


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda: el.IndexedDataset(iter([])), ["length", "RowIds"]),
        (lambda: el.IndexedDataset([1.0])[0], ["item 0 is a float", "tuple"]),
        (lambda: el.IndexedDataset([{"index": 7}])[0], ["'index' already", "key="]),
        (lambda: el.IndexedDataset([Item(0, 1)], key="label")[0], ["'label' already"]),
    ],
)
def test_what_has_no_place_for_an_index_is_refused(make, names):
    with pytest.raises(UsageError) as error:
        make()
    assert all(name in str(error.value) for name in names)
