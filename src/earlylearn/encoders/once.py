"""How are features computed once, block by block, and never again: after a kill, for another run or process?"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from earlylearn.data.cache import make, places
from earlylearn.data.counting import counted, say
from earlylearn.data.waiting import one_at_a_time
from earlylearn.encoders.store import FeatureStore


class FrozenEncoder(Protocol):
    """Anything that makes the same features of the same row, whatever the other rows are."""

    @property
    def name(self) -> str:
        """What the encoder is called."""

    @property
    def block(self) -> int:
        """Rows between two points from which an interrupted encoding goes on."""

    @property
    def width(self) -> int:
        """Features of a row."""

    @property
    def weights(self) -> str:
        """What tells its weights from others; a run notes it."""

    @property
    def identity(self) -> str:
        """What tells its features from those of any other: weights, size, precision."""

    def __call__(self, rows: Any, /) -> NDArray[np.float32]:
        """Features ``float32 [n, width]``."""


@dataclass(frozen=True)
class Workplace:
    """Where features are kept, and whether a person is told of the work.

    Attributes:
        beside: the folder of the data, in which a hidden folder takes them; None for data that have none.
        quiet: whether progress is hidden.
    """

    beside: Path | None = None
    quiet: bool = False

    def store(self, encoder: FrozenEncoder) -> FeatureStore | None:
        """The store of an encoder in the first folder that can be written; None where there is no such folder."""
        candidates = [place / "features" / encoder.identity for place in places(self.beside)]
        for folder in candidates:
            try:
                make(folder)
            except OSError:
                continue
            return FeatureStore(folder, encoder.width)
        say(f"features cannot be kept in {' nor in '.join(map(str, candidates))}; the next run computes them again")
        return None


def computed_once(
    keys: Sequence[bytes],
    read: Callable[[Sequence[int]], Any],
    encoder: FrozenEncoder,
    what: str,
    workplace: Workplace,
) -> NDArray[np.float32]:
    """Features ``float32 [n, width]``: those that are kept already, and the rest computed and kept.

    Args:
        keys: of the content of each row, see `earlylearn.encoders.store`.
        read: rows as the encoder takes them; called a block ahead, in another thread.
        encoder: the encoder.
        what: what the rows are called, such as ``pictures``.
        workplace: see there.
    """
    store = workplace.store(encoder)
    features, there = _found(store, keys, encoder.width)
    if there.all():
        return features
    with nullcontext() if store is None else one_at_a_time(store.folder / "lock", f"encodes {what}"):
        features, there = _found(store, keys, encoder.width)  # another process may have been at it
        first = {key: row for row, key in reversed(list(enumerate(keys))) if not there[row]}
        rows = sorted(first.values())
        with counted("encoding", "encoded", f"{what} with {encoder.name}", len(rows), quiet=workplace.quiet) as advance:
            for block, raw in _read_ahead(rows, encoder.block, read):
                features[block] = encoder(raw)
                store = _keep(store, [keys[row] for row in block], features[block])
                advance(len(block))
    for row in np.flatnonzero(~there).tolist():  # what occurs twice
        features[row] = features[first[keys[row]]]
    return features


def _found(
    store: FeatureStore | None, keys: Sequence[bytes], width: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    if store is None:
        return np.zeros((len(keys), width), np.float32), np.zeros(len(keys), np.bool_)
    return store.find(keys)


def _keep(store: FeatureStore | None, keys: Sequence[bytes], features: NDArray[np.float32]) -> FeatureStore | None:
    """Keep a block, and give the store back; None from then on if the disk refuses, for the run can do without."""
    if store is not None:
        try:
            store.add(keys, features)
        except OSError as error:
            say(f"{store.folder}: features cannot be kept ({error.strerror}); the next run computes them again")
            return None
    return store


def _read_ahead(
    rows: Sequence[int], block: int, read: Callable[[Sequence[int]], Any]
) -> Iterator[tuple[list[int], Any]]:
    """Blocks of rows and what was read of them; while one is encoded, the next is read."""
    blocks = [list(rows[start : start + block]) for start in range(0, len(rows), block)]
    pool = ThreadPoolExecutor(1)
    try:
        ahead = pool.submit(read, blocks[0]) if blocks else None
        for k, each in enumerate(blocks):
            assert ahead is not None
            raw = ahead.result()
            ahead = pool.submit(read, blocks[k + 1]) if k + 1 < len(blocks) else None
            yield each, raw
    finally:
        pool.shutdown(cancel_futures=True)
