"""How are features computed once for ever, whatever else of the data changes?"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from earlylearn.data.counting import say
from earlylearn.files import write_bytes

KEY_BYTES = 16
_KEYS, _FEATURES, _CHECKSUM = "keys", "features", "checksum"
_SUFFIX = ".safetensors"


class FeatureStore:
    """Features of one encoder in a folder, found by what was encoded, not by where it stood.

    A row's key is a digest of its content. So features are found again under another split, limit, noise or label, in
    another order, and with rows added or taken away; what is new is encoded alone, and what occurs twice is encoded
    once. Each block of rows is a file of its own, written whole or not at all: an encoding that was killed goes on
    behind its last block, and processes that encode the same rows at the same time do no harm.

    Every file has a checksum. A damaged one is told, thrown away, and its rows are encoded anew.

    Args:
        folder: where the files lie; made when the first block is written.
        width: numbers of a row.
    """

    def __init__(self, folder: Path, width: int) -> None:
        self.folder, self.width = folder, width

    def find(self, keys: Sequence[bytes]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """What is there of the rows asked for.

        Args:
            keys: of the rows, `KEY_BYTES` each.

        Returns:
            Features ``float32 [n, width]``, zero where there are none, and ``bool [n]``, true where there are.
        """
        out, there = np.zeros((len(keys), self.width), np.float32), np.zeros(len(keys), np.bool_)
        wanted: dict[bytes, list[int]] = {}
        for row, key in enumerate(keys):
            wanted.setdefault(key, []).append(row)
        for path in sorted(self.folder.glob(f"*{_SUFFIX}")) if wanted else ():
            found = self._read(path, wanted)
            for key, features in found.items():
                rows = wanted.pop(key)
                out[rows], there[rows] = features, True
            if not wanted:
                break
        return out, there

    def add(self, keys: Sequence[bytes], features: NDArray[np.float32]) -> None:
        """Keep the features ``float32 [n, width]`` of a block of rows; OSError if the disk refuses."""
        names, values = _as_array(keys), np.ascontiguousarray(features, np.float32)
        self.folder.mkdir(parents=True, exist_ok=True)
        content = save({_KEYS: names, _FEATURES: values}, metadata={_CHECKSUM: _checksum(names, values)})
        write_bytes(self.folder / f"{_digest(names)}{_SUFFIX}", content)

    def _read(self, path: Path, wanted: dict[bytes, list[int]]) -> dict[bytes, NDArray[np.float32]]:
        """What a file has of the rows wanted; nothing of a file that is damaged, which is deleted."""
        try:
            with safe_open(path, "numpy") as file:
                keys = file.get_tensor(_KEYS)
                rows = [row for row, key in enumerate(map(bytes, keys)) if key in wanted]
                if not rows:
                    return {}
                features = file.get_tensor(_FEATURES)
                checksum = (file.metadata() or {}).get(_CHECKSUM)
            if features.shape != (len(keys), self.width) or checksum != _checksum(keys, features):
                raise ValueError("its checksum is another")
        except FileNotFoundError:  # another process found it damaged
            return {}
        except (OSError, ValueError, TypeError, SafetensorError) as error:
            say(f"{path}: is damaged ({' '.join(str(error).split())}); what it held is encoded anew")
            with suppress(OSError):
                path.unlink()
            return {}
        return {bytes(keys[row]): features[row] for row in rows}


def key_of(*parts: bytes | memoryview) -> bytes:
    """The key of a row's content."""
    digest = hashlib.blake2b(digest_size=KEY_BYTES)
    for part in parts:
        digest.update(part)
    return digest.digest()


def _as_array(keys: Sequence[bytes]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(keys), np.uint8).reshape(len(keys), KEY_BYTES)


def _checksum(keys: NDArray[np.uint8], features: NDArray[np.float32]) -> str:
    return key_of(keys.tobytes(), np.ascontiguousarray(features).tobytes()).hex()


def _digest(keys: NDArray[np.uint8]) -> str:
    return key_of(keys.tobytes()).hex()
