"""How is it told whether data read again are the same?"""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earlylearn.data.mapped import blocks
from earlylearn.data.sources import Loaded

ROW_NUMBER = np.arange(1).astype(str).dtype  # of row numbers as text in memory; mapped ones are shorter


def fingerprint(loaded: Loaded) -> str:
    """What tells whether data read again are the same: SHA-256 over all that a run trains on or is tested by.

    A validation set of the user's own has a fingerprint of its own. It is the same whether they were read into memory
    or are mapped from the disk.
    """
    digest = hashlib.sha256()
    for data in (loaded.train, loaded.test):
        if data is not None:
            pixels = np.array(data.checksum) if data.checksum else data.inputs
            parts: list[NDArray[Any]] = [pixels, data.labels, np.array(data.classes), data.ids]
            if data.true_labels is not None:
                parts.append(data.true_labels)
            for part in parts:
                kind = ROW_NUMBER if part is data.ids and isinstance(part, np.memmap) else part.dtype
                digest.update(f"{kind} {part.shape}".encode())
                for block in blocks(part) if part.ndim else (part,):
                    digest.update(np.ascontiguousarray(block, kind).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
