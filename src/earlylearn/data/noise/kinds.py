"""Which labels become wrong when an experiment asks for label noise, and which ones did?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from earlylearn.data.labelled import LabelledData
from earlylearn.data.noise import by_class as class_noise
from earlylearn.data.noise import by_input as instance_noise
from earlylearn.data.noise.transition import read_transition
from earlylearn.errors import UsageError, setting

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class NoisyLabels:
    """One draw of label noise.

    Attributes:
        labels: ``int64 [n]`` given labels, after the noise.
        wrong: ``bool [n]``, whether the given label differs from the true one.
        kind: name of the generator, a key of `NOISE`.
        rate: what was asked for, in [0, 1]; for ``matrix`` the expected share of wrong labels.
        seed: what the draw was made from; the same data, kind, rate and seed give the same labels.
    """

    labels: Labels
    wrong: NDArray[np.bool_]
    kind: str
    rate: float
    seed: int

    @property
    def wrong_fraction(self) -> float:
        """Realised noise: the share of wrong labels actually made, in [0, 1]."""
        return float(self.wrong.mean())


@dataclass(frozen=True)
class NoiseModel:
    """A generator of label noise as `NOISE` lists it.

    Attributes:
        description: one line for help texts.
        source: whose noise this is in the literature.
        draw: ``draw(data, value, rng)`` gives ``int64 [n]`` labels; ``value`` is the rate, or the matrix.
        takes: what follows the colon in ``kind:value``.
    """

    description: str
    source: str
    draw: Callable[[LabelledData, Any, np.random.Generator], Labels]
    takes: Literal["RATE", "FILE"] = "RATE"


def _symmetric(data: LabelledData, rate: float, rng: np.random.Generator) -> Labels:
    return class_noise.symmetric(data.labels, len(data.classes), rate, rng)


def _symmetric_excluding(data: LabelledData, rate: float, rng: np.random.Generator) -> Labels:
    return class_noise.symmetric_excluding(data.labels, len(data.classes), rate, rng)


def _pair(data: LabelledData, rate: float, rng: np.random.Generator) -> Labels:
    return class_noise.pair(data.labels, len(data.classes), rate, rng)


def _cifar10(data: LabelledData, rate: float, rng: np.random.Generator) -> Labels:
    becomes = class_noise.cifar10_flips(data.classes, "cifar10-asymmetric")
    return class_noise.per_class_flip(data.labels, becomes, rate, rng)


def _cifar10_sequential(data: LabelledData, rate: float, rng: np.random.Generator) -> Labels:
    becomes = class_noise.cifar10_flips(data.classes, "cifar10-asymmetric-sequential")
    return class_noise.per_class_flip_sequential(data.labels, becomes, rate, rng)


def _cifar100_superclass(data: LabelledData, rate: float, rng: np.random.Generator) -> Labels:
    groups = data.schema.get("superclasses")
    if groups is None or len(groups) != len(data.classes):
        found = "none" if groups is None else f"{len(groups)}"
        raise UsageError(
            f"{setting('noise', 'cifar100-superclass')}: needs one superclass per class, {data.name} has {found} for "
            f"{len(data.classes)} classes; use cifar100 as the data, or pair:RATE"
        )
    return class_noise.per_class_flip(data.labels, class_noise.next_in_group(groups), rate, rng)


def _cifar100_blocks(data: LabelledData, rate: float, rng: np.random.Generator) -> Labels:
    """Next class inside blocks of five consecutive ids, each label drawn on its own (released ELR code)."""
    if len(data.classes) != 100:
        raise UsageError(
            f"{setting('noise', 'cifar100-blocks')}: made for the 100 CIFAR-100 classes, {data.name} has "
            f"{len(data.classes)}; use pair:RATE or matrix:FILE"
        )
    becomes = class_noise.next_in_group([fine // 5 for fine in range(100)])
    return class_noise.from_matrix(data.labels, class_noise.flip_matrix(becomes, rate), rng)


def _matrix(data: LabelledData, matrix: NDArray[np.float64], rng: np.random.Generator) -> Labels:
    return class_noise.from_matrix(data.labels, matrix, rng)


def _instance(data: LabelledData, rate: float, rng: np.random.Generator) -> Labels:
    return instance_noise.instance_dependent(data.inputs, data.labels, len(data.classes), rate, rng)


NOISE: dict[str, NoiseModel] = {
    "symmetric": NoiseModel(
        "a share RATE of the examples gets a label uniform over all classes, the true one included",
        "Liu et al. 2020 (ELR), equation (1); DivideMix",
        _symmetric,
    ),
    "symmetric-excluding": NoiseModel(
        "a share RATE of the examples gets a label uniform over the wrong classes",
        "Han et al. 2018 (Co-teaching), 'symmetry'",
        _symmetric_excluding,
    ),
    "pair": NoiseModel(
        "a share RATE of the examples gets the next class, the last class the first",
        "Han et al. 2018 (Co-teaching), 'pair'",
        _pair,
    ),
    "cifar10-asymmetric": NoiseModel(
        "a share RATE of trucks becomes automobile, bird airplane, cat dog, dog cat, deer horse",
        "Patrini et al. 2017; Liu et al. 2020 (ELR), the paper",
        _cifar10,
    ),
    "cifar10-asymmetric-sequential": NoiseModel(
        "the same flips class by class on already flipped labels (18.4 % wrong at 0.4)",
        "the released ELR and ELR+ code",
        _cifar10_sequential,
    ),
    "cifar100-superclass": NoiseModel(
        "a share RATE of each class becomes the next class of its superclass",
        "Patrini et al. 2017; Liu et al. 2020 (ELR), the paper",
        _cifar100_superclass,
    ),
    "cifar100-blocks": NoiseModel(
        "each label becomes, with chance RATE, the next of its block of five consecutive class ids",
        "the released ELR and ELR+ code",
        _cifar100_blocks,
    ),
    "matrix": NoiseModel(
        "each label is drawn from its row of the C x C transition matrix in FILE (.npy or .csv)",
        "class-conditional noise in general, Natarajan et al. 2013; Patrini et al. 2017",
        _matrix,
        takes="FILE",
    ),
    "instance": NoiseModel(
        "flip rates near RATE, and wrong labels, that depend on the input",
        "Xia et al. 2020 (Part-dependent label noise), Algorithm 2",
        _instance,
    ),
}


def parse_noise(text: str) -> tuple[str, float | str]:
    """Split ``kind:value`` into the generator's name and its rate (or, for ``matrix``, its file).

    Raises:
        UsageError: the name is unknown (the known ones are listed), or the rate is not a number in [0, 1].
    """
    kind, _, value = text.partition(":")
    model = NOISE.get(kind)
    if model is None:
        known = ", ".join(f"{name}:{each.takes}" for name, each in NOISE.items())
        raise UsageError(f"{setting('noise', text)}: unknown kind '{kind}'; choose one of {known}")
    if model.takes == "FILE":
        if not value:
            raise UsageError(f"{setting('noise', text)}: no file given; write {kind}:FILE, e.g. {kind}:transition.csv")
        return kind, value
    if not value:
        raise UsageError(f"{setting('noise', text)}: no rate given; write {kind}:RATE, e.g. {kind}:0.4")
    try:
        rate = float(value)
    except ValueError:
        raise UsageError(f"{setting('noise', text)}: the rate '{value}' is not a number; write {kind}:0.4") from None
    if not 0 <= rate <= 1:
        raise UsageError(f"{setting('noise', text)}: the rate {value} is outside 0..1; 40 % is written {kind}:0.4")
    return kind, rate


def make_noise(spec: str, data: LabelledData, *, seed: int) -> NoisyLabels:
    """Replace labels at random; the labels in ``data`` count as true and are left as they are.

    Args:
        spec: ``kind:value``, see `NOISE`, e.g. ``symmetric:0.4`` or ``matrix:transition.csv``.
        data: what to make noisy.
        seed: 0 or more; the only source of randomness.

    Raises:
        UsageError: the request is malformed, or does not suit the data's classes.
    """
    kind, value = parse_noise(spec)
    model, rng = NOISE[kind], np.random.default_rng(seed)
    if isinstance(value, str):
        try:
            matrix = read_transition(value, len(data.classes))
        except ValueError as error:
            raise UsageError(f"{setting('noise', spec)}: {error}") from None
        labels = model.draw(data, matrix, rng)
        kept = np.diagonal(matrix) / matrix.sum(1)
        rate = float((1 - kept[data.labels]).mean())
    else:
        labels, rate = model.draw(data, value, rng), value
    return NoisyLabels(labels=labels, wrong=labels != data.labels, kind=kind, rate=rate, seed=seed)


def transition(true: Labels, given: Labels, classes: int) -> NDArray[np.float64]:
    """Realised noise as a ``float64 [C, C]`` matrix: of the examples of class i, the share labelled j.

    Rows sum to 1, but for a class without examples, whose row is zero.
    """
    counts = np.zeros((classes, classes))
    np.add.at(counts, (true, given), 1.0)
    totals = counts.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0))
