"""Do features of real images look like the two clusters of supplement A.1, in the coordinates in which it is stated?"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earlylearn.data.sources import load
from earlylearn.encoders.encode import encode
from earlylearn.encoders.once import Workplace
from earlylearn.errors import UsageError, setting
from earlylearn.runs.generators import seed_for
from earlylearn_paper.theory.linear_model import Floats, Mixture, seed_list


def read_features(encoder: str, data_dir: str | None, *, quiet: bool) -> tuple[Floats, NDArray[np.int64], list[str]]:
    """CIFAR-10's training images as an encoder sees them ``[n, d]``, their true labels and the class names."""
    beside = None if data_dir is None else Path(data_dir).expanduser()
    train = encode(load("cifar10", data_dir=data_dir), encoder, workplace=Workplace(beside, quiet=quiet)).loaded.train
    return np.asarray(train.inputs, np.float32), train.labels, list(train.classes)


def two_clusters(
    features: Floats,
    labels: NDArray[np.int64],
    pair: tuple[int, int],
    *,
    n: int,
    flipped: float,
    seeds: int | Sequence[int],
) -> Mixture:
    """Two classes as the model's two clusters: its origin between their means, v from one to the other, of length 1.

    Space is turned so that v is the first coordinate, as in `Mixture`. ``sigma`` is the standard deviation around the
    own mean, per coordinate on average; unlike the model's, it is not the same in every direction.

    Args:
        features: ``[m, d]``.
        labels: ``int64 [m]``, true.
        pair: the two classes.
        n: examples of a draw, of both classes together.
        flipped: share of the labels that are wrong, exactly.
        seeds: how many draws, or which.

    Raises:
        UsageError: the classes have fewer than n examples.
    """
    rows = np.flatnonzero(np.isin(labels, pair))
    if n > len(rows):
        raise UsageError(f"{setting('n', n)}: the two classes have {len(rows)} examples; ask for fewer")
    x = features[rows].astype(np.float64)
    true = np.where(labels[rows] == pair[0], 1.0, -1.0)
    means = [x[true == side].mean(0) for side in (1.0, -1.0)]
    half = (means[0] - means[1]) / 2
    length = float(np.linalg.norm(half))
    aligned = _turned((x - (means[0] + means[1]) / 2) / length, half / length) * true[:, None]
    around = aligned.copy()
    around[:, 0] -= 1
    listed = seed_list(seeds)
    chosen = np.stack(
        [np.random.default_rng((seed_for(seed, "features"), n)).permutation(len(rows))[:n] for seed in listed]
    )
    wrong = np.zeros((len(listed), n), bool)
    for s, seed in enumerate(listed):
        random = np.random.default_rng((seed_for(seed, "features noise"), n))
        wrong[s, random.permutation(n)[: round(flipped * n)]] = True
    return Mixture(aligned[chosen], true[chosen], wrong, float(np.sqrt((around**2).mean())))


def _turned(x: Floats, v: Floats) -> Floats:
    """Reflect space so that the unit vector v becomes the first coordinate's."""
    normal = v.copy()
    normal[0] -= 1
    squared = float(normal @ normal)
    return x if squared < 1e-24 else x - np.outer(x @ normal, normal * (2 / squared))
