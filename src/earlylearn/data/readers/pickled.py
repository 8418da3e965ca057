"""Which labels does a pickled dictionary of arrays hold, read without running what is in it?"""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from earlylearn.data.readers.npz import read_header
from earlylearn.data.readers.paths import check_file, listed, reading
from earlylearn.errors import UsageError

MEND = "save the labels with numpy.savez, which needs no pickle"
_NPY = b"\x93NUMPY"


def is_pickled(path: Path) -> bool:
    """Whether an .npy file holds objects, so that numpy would have to run a pickle."""
    check_file(path)
    with reading(path, MEND), path.open("rb") as file:
        if file.read(6) != _NPY:
            return False
        file.seek(0)
        return bool(read_header(file)[2].hasobject)


def pickled_labels(path: Path, key: str | None, where: str) -> NDArray[Any]:
    """The labels under a key of a ``.pt`` file, or of an ``.npy`` file that holds a dictionary, as CIFAR-N's do.

    Only arrays, tensors, numbers and text are taken from it; whatever else it names is refused before it is made.

    Raises:
        UsageError: the file holds anything else, or the key is missing or unknown.
    """
    check_file(path)
    with reading(path, MEND), path.open("rb") as file:
        try:
            found = _of_numpy(file) if path.suffix.lower() == ".npy" else _of_torch(file)
        except Exception as error:  # of several kinds, and whatever the bytes lead it to
            raise UsageError(
                f"{where}: holds pickled objects other than arrays, numbers and text, or is broken; {MEND}"
            ) from error
    if isinstance(found, np.ndarray) and found.dtype == object and found.size == 1:
        found = found.reshape(-1)[0]
    if isinstance(found, Mapping):
        names = [str(name) for name in found]
        if key is None:
            raise UsageError(f"{where}: holds {len(names)} arrays ({listed(names)}); add :KEY to choose one of them")
        if key not in found:
            raise UsageError(f"{where}: there is no array {key!r}; the arrays are {listed(names)}")
        found = found[key]
    elif key is not None:
        raise UsageError(f"{where}: holds no dictionary; leave out :{key}")
    return np.asarray(found)


class _Harmless(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _HARMLESS:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name}")


_MULTIARRAY = ("numpy._core.multiarray", "numpy.core.multiarray")
_HARMLESS = {
    *((module, name) for module in _MULTIARRAY for name in ("_reconstruct", "scalar")),
    *(("numpy", name) for name in ("ndarray", "dtype")),
    ("_codecs", "encode"),
}


def _of_numpy(file: BinaryIO) -> Any:
    read_header(file)
    return _Harmless(file).load()


def _of_torch(file: BinaryIO) -> Any:
    import torch

    names = [np.ndarray, np.dtype, np._core.multiarray._reconstruct, np._core.multiarray.scalar]  # type: ignore[attr-defined]
    kinds = {type(np.dtype(code)) for code in np.typecodes["All"]}
    with torch.serialization.safe_globals([*names, *kinds]):
        return torch.load(file, map_location="cpu", weights_only=True)
