"""Where are Clothing1M's key lists, labels and images, and which rows train, pick the epoch, and test?"""

from pathlib import Path

import numpy as np

from earlylearn.data.builtin.listed_images import MEND, find_root, labelled_images, read_class_numbers, read_lines
from earlylearn.data.labelled import LabelledData
from earlylearn.errors import UsageError

CLASSES = (
    *("T-Shirt", "Shirt", "Knitwear", "Chiffon", "Sweater", "Hoodie", "Windbreaker"),
    *("Jacket", "Downcoat", "Suit", "Shawl", "Dress", "Vest", "Underwear"),
)
_FIRST = "noisy_train_key_list.txt"


def read_clothing1m(data_dir: str | None, *, limit: int | None = None) -> tuple[LabelledData, LabelledData]:
    """The training and test images: 1,000,000 noisy rows and 14,313 clean validation rows behind them; 10,526.

    Reads the published lists in `data_dir` (or its sub-folder ``clothing1m``): ``noisy_train_key_list.txt`` under
    the labels of ``noisy_label_kv.txt``; ``clean_val_key_list.txt`` and ``clean_test_key_list.txt`` under those of
    ``clean_label_kv.txt``; class names of ``category_names_eng.txt`` if it is there. ``clean_train_key_list.txt`` is
    not used. Ids are the keys. The true labels of the noisy rows are unknown.

    The validation rows are `val_rows`: they pick the epoch, by *clean* labels, as in every published figure.

    Images are ``uint8 [n, 3, 256, 256]`` in a store on the disk (`earlylearn.data.image_store`).

    Differs from the released code: random crops are cut out of the centre square of an image, not out of all of its
    longer side; the orientation that a camera noted is applied. The centre crops of evaluation are the same.

    Args:
        data_dir: the folder that the data set was unpacked in.
        limit: keep the first so many noisy rows, and decode no others; validation rows are kept all the same.

    Raises:
        UsageError: a list or an image is missing or damaged, a key has no label, or a label is no class.
    """
    root, classes = _root(data_dir)
    noisy = read_lines(root / _FIRST)[:limit]
    clean = read_lines(root / "clean_val_key_list.txt")
    labels = _labels(root / "noisy_label_kv.txt", noisy) + _labels(root / "clean_label_kv.txt", clean)
    val_rows = np.arange(len(noisy), len(labels))
    train = labelled_images("clothing1m", "train", root, noisy + clean, labels, classes, val_rows=val_rows)
    return train, read_clothing1m_test(data_dir)


def read_clothing1m_test(data_dir: str | None) -> LabelledData:
    """The 10,526 test images alone, under clean labels; see `read_clothing1m`."""
    root, classes = _root(data_dir)
    keys = read_lines(root / "clean_test_key_list.txt")
    labels = _labels(root / "clean_label_kv.txt", keys)
    return labelled_images("clothing1m", "test", root, keys, labels, classes, true=True)


def _root(data_dir: str | None) -> tuple[Path, tuple[str, ...]]:
    root = find_root("clothing1m", data_dir, _FIRST)
    names = root / "category_names_eng.txt"
    if not names.is_file():
        return root, CLASSES
    classes = tuple(line.strip() for line in read_lines(names))
    if len(set(classes)) != len(CLASSES):
        raise UsageError(f"{names}: has {len(set(classes))} different class names, not {len(CLASSES)}; {MEND}")
    return root, classes


def _labels(path: Path, keys: list[str]) -> list[int]:
    """The label of each key."""
    known = read_class_numbers(path)
    without = [key for key in keys if key not in known]
    if without:
        more = f" and {len(without) - 1:,} more keys" if len(without) > 1 else ""
        raise UsageError(f"{path}: has no label for {without[0]}{more}; {MEND}")
    labels = [known[key] for key in keys]
    for key, label in zip(keys, labels, strict=True):
        if label >= len(CLASSES):
            raise UsageError(f"{path}: the label of {key} is {label}, outside 0..{len(CLASSES) - 1}; {MEND}")
    return labels
