"""How do tables of one's own, whose labels are right, become label sets that nobody here has tuned on?

`DIR/own/NAME.csv` has a column `label`, and any others: numbers, categories, gaps, or free text where it is called
`text`. Three rows of ten are held back, and labels of the others are made wrong, both anew for every seed.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.audit.sets import LABEL, OWN, TEXT, TRUE, LabelSet, Source, labelled, said_of
from earlylearn.data.labelled import LabelledData
from earlylearn.data.noise.by_class import per_class_flip
from earlylearn.data.noise.kinds import make_noise
from earlylearn.data.splits import stratified_split
from earlylearn.runs.generators import seed_for
from earlylearn.runs.train import read

HELD = 0.3
NOISES = {
    "sym20": "symmetric-excluding:0.2",
    "sym40": "symmetric-excluding:0.4",
    "pair30": "pair:0.3",
    "inst30": "instance:0.3",
    "min30": "",  # of the rarest class, given as the commonest
}
MIN = 0.3


def own_sources(folder: Path) -> Iterator[Source]:
    """Every table of the folder under every kind of noise."""
    for file in sorted(folder.glob("*.csv")):
        for noise in NOISES:
            name = f"{OWN}{file.stem}-{noise}"
            yield Source(name, lambda seed, f=file, n=name, k=noise: own_set(f, n, k, seed), fixed=False)


def own_set(file: Path, name: str, noise: str, seed: int) -> LabelSet:
    """A table, part of its labels made wrong; as a user would have it, and as the features that our reader makes of it.

    Args:
        file: the table.
        name: what to call it.
        noise: a key of `NOISES`.
        seed: of the split and of the noise.
    """
    frame = pd.read_csv(file)
    codes = pd.factorize(frame[LABEL], sort=True)[0]
    kept, held = stratified_split(codes, HELD, np.random.default_rng(seed_for(seed, "benchmark split")))
    train, test = frame.iloc[kept].reset_index(drop=True), frame.iloc[held].reset_index(drop=True)
    with tempfile.TemporaryDirectory() as there:
        paths = Path(there) / "train.csv", Path(there) / "test.csv"
        train.to_csv(paths[0], index=False)
        test.to_csv(paths[1], index=False)
        (clean, tested), *_ = read(paths[0], {**said_of(frame), "test": str(paths[1])}, quiet=True)
    assert tested is not None
    assert list(tested.classes) == list(clean.classes)
    given = noisy(clean, noise, seed)
    with_both = train.assign(**{LABEL: np.array(clean.classes)[given], TRUE: train[LABEL]})
    return LabelSet(
        name,
        "text" if TEXT in frame else "table",
        labelled(name, clean.inputs, given, clean.labels, clean.classes),
        labelled(f"{name} test", tested.inputs, tested.labels, tested.labels, clean.classes),
        (with_both, test),
    )


def noisy(data: LabelledData, noise: str, seed: int) -> NDArray[np.int64]:
    """``int64 [n]`` given labels."""
    drawn = seed_for(seed, "noise")
    if NOISES[noise]:
        return make_noise(NOISES[noise], data, seed=drawn).labels
    counts = np.bincount(data.labels, minlength=len(data.classes))
    becomes = list(range(len(counts)))
    becomes[int(counts.argmin())] = int(np.flatnonzero(counts == counts.max())[-1])
    return per_class_flip(data.labels, becomes, MIN, np.random.default_rng(drawn))
