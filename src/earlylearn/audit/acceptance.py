"""Which suggested labels may be accepted without a look?

A model that disagrees with a label may be wrong itself. Two things tell its errors from wrong labels, as far as given
labels can: it errs less where it is surer, while labels that are wrong by chance are as frequent there as anywhere; and
it errs towards classes that it holds possible. Of a row that the model calls k, surer than a share r of the rows, the
given label is said to be

    k with probability (1 - e) (1 - rho_k),    j with (1 - e) rho_k nu_kj + e c_j,

e = 1 / (1 + exp(-a) (r / (1 - r))^t) the share of errors, rho_k that of wrong labels, nu_kj what these say, and c_j
proportional to the power u of what the model gives j. Many (a, t, u) explain the labels nearly as well as the best one.
A label is accepted only if the explanation among these that blames the model most still says that it is wrong. Errors
of classes that overlap are no function of sureness, hence two limits more: `not_both_ways` and `as_where_surest`.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from earlylearn.audit.calibration import FLOOR, MOST_ROWS

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

WRONG = 0.7  # least probability of a wrong label, above which another is accepted
DOUBT = 5.67  # of the logarithm of the likelihood below the best: a 99 % region of three parameters
HEIGHTS = (-8.0, -6.0, -4.5, -3.5, -2.5, -1.75, -1.0, -0.5, 0.0, 0.5, 1.0)  # a
SLOPES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.4, 2.0, 3.0, 4.0)  # t; 0: as wrong where it is sure
POWERS = (0.25, 0.5, 1.0)  # u
EXPLANATIONS = np.array([(a, t, place) for a in HEIGHTS for t in SLOPES for place in range(len(POWERS))])
STEPS = 25  # of expectation maximization
START = 0.2  # rho
FEWEST = 30  # rows that the model calls the same, from fewer of which nothing is said
PARTS = 3  # of the rows called the same, by sureness
BEYOND = 2.0  # standard deviations
BLOCK = 2**20  # numbers looked at at a time


class Evidence:
    """What is kept of every row: the class the model calls it, how sure it is, and how near its given label comes.

    Args:
        labels: ``int64 [n]`` given labels.
        classes: C.
    """

    def __init__(self, labels: Rows, classes: int) -> None:
        self.labels, self.classes = labels, classes
        self.called = labels.astype(np.int32)
        self.sureness = np.full(len(labels), np.nan, np.float32)
        self.rows, self.shares = [np.zeros(0, np.int64)], [np.zeros((len(POWERS), 0), np.float32)]

    def add(self, start: int, beliefs: NDArray[np.floating]) -> None:
        """Take up the beliefs ``[m, C]`` of the rows from ``start`` on, best of a model that did not train on them."""
        seen = np.flatnonzero(np.isfinite(beliefs[:, 0]))
        logs, each, rows = np.log(np.maximum(beliefs[seen], FLOOR)), np.arange(len(seen)), start + seen
        top = logs.argmax(axis=1)
        first = logs[each, top]
        logs[each, top] = -np.inf
        second = logs.max(axis=1)
        self.called[rows], self.sureness[rows] = top, first - second
        differs = np.flatnonzero(top != self.labels[rows])
        others = logs[differs] - second[differs, None]
        given = others[np.arange(len(differs)), self.labels[rows[differs]]]
        self.rows.append(rows[differs])
        shares = [np.exp(power * given) / np.exp(power * others).sum(axis=1) for power in POWERS]
        self.shares.append(np.stack(shares).astype(np.float32))

    def least(self) -> NDArray[np.float32]:
        """The least probability that the given label is wrong, ``float32 [n]``.

        0 where it is what the model says, and of rows that were not seen.
        """
        least, called = np.zeros(len(self.labels), np.float32), list(self._by_class())
        if not called:
            return least
        wrong = np.concatenate(list(_least(called, self.classes - 1)))
        rows, labels = (np.concatenate(each) for each in ([c.rows for c in called], [c.labels for c in called]))
        within = np.concatenate([c.ranks[1] for c in called])
        of = self.called[rows].astype(np.int64)
        wrong *= not_both_ways(wrong, of, labels, self.classes)
        wrong *= as_where_surest(wrong, of * self.classes + labels, within)
        least[rows] = wrong
        return least

    def _by_class(self) -> Iterator["_Called"]:
        """The rows that are called the same, class by class, where there are enough."""
        rows, shares = np.concatenate(self.rows), np.concatenate(self.shares, axis=1)
        unseen = np.isnan(self.sureness)
        key = np.where(unseen, self.classes, self.called)
        order, ends = np.argsort(key, kind="stable"), np.bincount(key, minlength=self.classes + 1).cumsum()
        overall = np.sort(self.sureness)[: len(key) - int(unseen.sum())]  # NaN sorts last
        step = -(-len(overall) // MOST_ROWS) or 1
        for k in range(self.classes):
            of = order[ends[k - 1] if k else 0 : ends[k]]
            if len(of) < FEWEST:
                continue
            within, differs = np.sort(self.sureness[of]), self.labels[of] != k
            wrong, right = of[differs], of[~differs][::step]
            wrong = wrong[np.argsort(self.labels[wrong], kind="stable")]
            ranks, agreeing = (
                np.stack([_rank(among, self.sureness[each]) for among in (overall, within)]) for each in (wrong, right)
            )
            yield _Called(wrong, self.labels[wrong], shares[:, np.searchsorted(rows, wrong)], ranks, agreeing, step)


class _Called(NamedTuple):
    """The rows that the model gives one class, and whose label is another, in order of it."""

    rows: Rows
    labels: Rows
    shares: NDArray[np.float32]  # [U, d], c of the given label by each of `POWERS`
    ranks: Array  # [2, d], r among all rows and among those called the same
    agreeing: Array  # [2, m], the same of every so many-th row whose label agrees
    step: int  # how many-th

    def sampled(self) -> "_Called":
        """Every so many-th row."""
        part = slice(None, None, self.step)
        return _Called(
            self.rows[part], self.labels[part], self.shares[:, part], self.ranks[:, part], self.agreeing, self.step
        )


class _Fit(NamedTuple):
    """rho and nu as each of G explanations has them."""

    likelihood: Array  # [G], of all labels, as a logarithm
    labels: Rows  # [L], those that occur beside k
    rates: Array  # [G, L + 1], rho nu of each; last, of any other


def _rank(among: NDArray[np.float32], sureness: NDArray[np.float32]) -> Array:
    """r in (0, 1), the share of rows (sorted by sureness) that are less sure, those as sure counting half."""
    below, above = (np.searchsorted(among, sureness, side=side) for side in ("left", "right"))
    return np.asarray((below + above) / (2 * len(among)))


def _least(called: list[_Called], others: int) -> Iterator[Array]:
    """Class by class, the least probability that labels are wrong by all explanations that are likely enough.

    Sureness counts among all rows in half of the explanations, among the rows called the same in the others.

    Args:
        called: by class.
        others: C - 1.
    """
    samples, kinds = [each.sampled() for each in called], range(2)
    likelihood = np.zeros((len(kinds), len(EXPLANATIONS)))
    for sample in samples:
        blocks = _blocks(EXPLANATIONS, sample)
        for kind in kinds:
            likelihood[kind] += np.concatenate([_fit(sample, kind, block, others).likelihood for block in blocks])
    likely = likelihood >= likelihood.max() - DOUBT
    for each, sample in zip(called, samples, strict=True):
        least = np.ones(len(each.rows))
        for kind in kinds:
            for block in _blocks(EXPLANATIONS[likely[kind]], each):
                wrong = _wrong(each, kind, block, _fit(sample, kind, block, others))
                least = np.minimum(least, wrong.min(axis=0, initial=1))
        yield least


def _blocks(explanations: Array, called: _Called) -> list[Array]:
    numbers = len(explanations) * (len(called.rows) + called.agreeing.shape[1])
    return np.array_split(explanations, -(-numbers // BLOCK) or 1)


def _fit(called: _Called, kind: int, explanations: Array, others: int) -> _Fit:
    """rho and nu by expectation maximization, from all rows called one class.

    Of the rows of which the model is right, rho is the share that has another label; nu counts these labels, and one
    row more that is spread over all labels.
    """
    occurring, counts = np.unique(called.labels, return_counts=True)
    starts, agreeing = counts.cumsum() - counts, called.agreeing.shape[1]
    rates = np.full((len(explanations), len(occurring) + 1), START / others)
    share = np.full(len(explanations), START if len(occurring) else 0)
    right, error = _right(called.ranks[kind], explanations), _error(called, kind, explanations)
    noise = right * START / others
    for _ in range(STEPS if len(occurring) else 0):
        mass = np.add.reduceat(noise / (noise + error), starts, axis=1)
        total = mass.sum(axis=1, keepdims=True)
        share = (total / (agreeing + total))[:, 0].clip(FLOOR, 1 - FLOOR)
        rates[:, :-1] = share[:, None] * (mass + 1 / others) / (total + 1)
        rates[:, -1] = share / others / (total[:, 0] + 1)
        noise = right * np.repeat(rates[:, :-1], counts, axis=1)
    kept = np.log(np.maximum(_right(called.agreeing[kind], explanations), FLOOR)).sum(axis=1)
    likelihood = np.log(noise + error).sum(axis=1) + kept + agreeing * np.log1p(-share)
    return _Fit(likelihood, occurring, rates)


def _right(rank: Array, explanations: Array) -> Array:
    """1 - e of rows by explanations, ``[G, d]``."""
    a, t = explanations[:, :1], explanations[:, 1:2]
    return np.asarray(expit(t * logit(rank) - a))


def _error(called: _Called, kind: int, explanations: Array) -> Array:
    """e c of the given labels, ``[G, d]``."""
    wrong = 1 - _right(called.ranks[kind], explanations)
    return np.asarray(wrong * called.shares[explanations[:, 2].astype(int)] + FLOOR)


def _wrong(called: _Called, kind: int, explanations: Array, fit: _Fit) -> Array:
    """The probability ``[G, d]`` that the given label is wrong and the model is right."""
    place = np.searchsorted(fit.labels, called.labels)
    known = np.append(fit.labels, -1)[place] == called.labels
    noise = _right(called.ranks[kind], explanations) * fit.rates[:, np.where(known, place, -1)]
    return np.asarray(noise / (noise + _error(called, kind, explanations)))


def as_where_surest(wrong: Array, pairs: Rows, rank: Array) -> Array:
    """What is left, 0 to 1, if labels of a pair are wrong no more often elsewhere than where the model is surest.

    Of the rows called k and labelled j, the labels that are wrong among less sure rows number at most as many as there
    are such rows at all among a third of the surest: where there are fewer, the model errs.

    Args:
        wrong: ``[d]`` probability of a wrong label.
        pairs: ``int64 [d]``, a number for every (k, j).
        rank: ``[d]`` sureness among the rows called k, in (0, 1).
    """
    names, pair = np.unique(pairs, return_inverse=True)
    part = np.minimum((rank * PARTS).astype(int), PARTS - 1)
    cell = pair * PARTS + part
    mass = np.bincount(cell, wrong, minlength=len(names) * PARTS)
    most = np.bincount(cell, minlength=len(names) * PARTS).reshape(-1, PARTS)[:, -1]
    left = np.minimum(1, most[pair] / np.maximum(mass[cell], FLOOR))
    return np.asarray(np.where(part == PARTS - 1, 1.0, left))


def not_both_ways(wrong: Array, called: Rows, labels: Rows, classes: int) -> Array:
    """What is left, 0 to 1, if labels of two classes that are exchanged more often than others are the model's errors.

    Classes that a model cannot tell apart it mistakes one for the other and back. As many as go both ways count only as
    far as they do between any two classes, and chance makes it two standard deviations more.

    Args:
        wrong: ``[d]`` probability of a wrong label.
        called, labels: ``int64 [d]``, k and j.
        classes: C.
    """
    pairs, pair = np.unique(called * classes + labels, return_inverse=True)
    mass = np.bincount(pair, wrong, minlength=len(pairs))
    reverse = pairs % classes * classes + pairs // classes
    place = np.minimum(np.searchsorted(pairs, reverse), len(pairs) - 1)
    back = np.minimum(mass, np.where(pairs[place] == reverse, mass[place], 0))
    even = back.sum() / (classes * (classes - 1))
    beyond = np.maximum(0, back - even - BEYOND * np.sqrt(even) - 1)
    return np.asarray((1 - beyond / np.maximum(mass, FLOOR))[pair])
