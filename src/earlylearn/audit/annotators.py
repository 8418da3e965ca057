"""Several people labelled the same rows: what is each row's label, how sure is that, and how good is each of them?"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from earlylearn.errors import UsageError

MISSING = -1  # a row that an annotator did not label
LEAST = 1e-3  # weight of an annotator no better than chance; never 0, or a row of such answers had no consensus


class Consensus(NamedTuple):
    """What several annotators and a model say together.

    Attributes:
        rows: a row per example: ``id``, ``consensus_label``, ``consensus_quality`` (its probability), ``agreement``
            (share of the answers that gave it), ``annotations`` (answers), ``ask_again`` (rank, 1 = ask first), ``ask``
            (the best annotator who has not answered it; empty where all have).
        annotators: a row per annotator: ``annotations``, ``quality`` (probability of being right, 0 to 1),
            ``agreement`` (with the others on the same rows; NaN where nobody else answered), ``worst_class``.
        probability: ``float64 [n, C]``.
    """

    rows: pd.DataFrame
    annotators: pd.DataFrame
    probability: NDArray[np.float64]


def majority(
    answers: NDArray[np.int64], classes: int, beliefs: NDArray[np.floating] | None = None
) -> NDArray[np.int64]:
    """The label most annotators gave each row: ``int64 [n]``.

    Ties go to the class that the model believes more, and without a model to the class that is more frequent among all
    answers. Every row needs an answer.
    """
    votes = _votes(answers, classes)
    frequency = votes.sum(0) / max(votes.sum(), 1)
    second = np.broadcast_to(frequency, votes.shape) if beliefs is None else np.nan_to_num(beliefs)
    return np.asarray((votes + second / (1 + second.max())).argmax(1), dtype=np.int64)


def consensus(
    answers: NDArray[np.int64],
    beliefs: NDArray[np.floating],
    *,
    classes: Sequence[str],
    annotators: Sequence[str],
    ids: ArrayLike | None = None,
) -> Consensus:
    """Weigh annotators and model by how far each can be trusted, and let them vote.

    CROWDLAB (Goh, Tkachenko, Mueller 2022): with s_j the share of the others' answers that annotator j agrees with, A
    the share that always answering the commonest class would reach, and P the mean agreement with the majority,

    ``w_j = 1 - (1 - s_j) / (1 - A)``, ``w_M = (1 - (1 - A_M) / (1 - A)) sqrt(mean answers per row)``,
    ``p = (w_M p_M + sum_j w_j p_j) / (w_M + sum_j w_j)``; p_j is P at j's answer, the rest spread evenly.

    Args:
        answers: ``int64 [n, annotators]``, the class each gave each row, -1 where none.
        beliefs: ``[n, C]`` probabilities of a model that did not train on the row; a row of NaN has no model's vote.
        classes: C class names.
        annotators: names of the columns of ``answers``.
        ids: n stable names of the examples; their position otherwise.

    Raises:
        UsageError: shapes do not fit, an answer is no class, or a row has no answer.
    """
    n, people, count = *answers.shape, len(classes)
    if beliefs.shape != (n, count) or people != len(annotators):
        raise UsageError(
            f"answers have shape {list(answers.shape)} and beliefs {list(beliefs.shape)}; expected "
            f"[n, {len(annotators)}] and [n, {count}]"
        )
    if answers.max(initial=MISSING) >= count or answers.min(initial=0) < MISSING:
        raise UsageError(f"an answer is outside 0..{count - 1}; write {MISSING} where there is none")
    given = answers != MISSING
    if not given.any(1).all():
        row = int(np.flatnonzero(~given.any(1))[0])
        raise UsageError(f"row {row} has no answer of any annotator; leave it out")
    voted = majority(answers, count, beliefs)
    shared = given.sum(1) > 1
    judged = shared if shared.any() else np.ones(n, dtype=bool)
    chance = np.bincount(voted[judged], minlength=count).max() / judged.sum()
    right = float(((answers == voted[:, None]) & given)[judged].sum(1).dot(1 / given[judged].sum(1)) / judged.sum())
    right = min(max(right, 1 / count), 1 - 1e-6)
    alone = _agreement(answers, given)
    weights = np.maximum(_above(np.where(np.isnan(alone), right, alone), chance), LEAST)
    known = np.isfinite(beliefs).all(1)
    agree = (
        float((beliefs[judged & known].argmax(1) == voted[judged & known]).mean()) if (judged & known).any() else 0.0
    )
    model = max(float(_above(np.array(agree), chance)), 0.0) * np.sqrt(given.sum() / n)

    spread = (1 - right) / (count - 1)
    total = np.where(known[:, None], model * np.nan_to_num(beliefs), 0.0)
    mass = np.where(known, model, 0.0)
    for j in range(people):
        rows = np.flatnonzero(given[:, j])
        total[rows] += weights[j] * spread
        total[rows, answers[rows, j]] += weights[j] * (right - spread)
        mass[rows] += weights[j]
    probability = total / mass[:, None]
    label = probability.argmax(1)
    quality = probability[np.arange(n), label]
    people_ = _people(answers, given, label, probability, alone, classes, annotators)
    frame = pd.DataFrame(
        {
            "id": np.arange(n) if ids is None else np.asarray(ids),
            "consensus_label": np.asarray(classes)[label],
            "consensus_quality": quality,
            "agreement": ((answers == label[:, None]) & given).sum(1) / given.sum(1),
            "annotations": given.sum(1),
            "ask_again": pd.Series(quality).rank(method="first").astype(int).to_numpy(),
            "ask": _whom(given, annotators, people_),
        }
    )
    return Consensus(frame, people_, probability)


def _whom(given: NDArray[np.bool_], annotators: Sequence[str], people: pd.DataFrame) -> NDArray[np.str_]:
    """Whom to ask of each row: the annotator of the best quality among those who have not answered it."""
    best = people.sort_values("quality", ascending=False, kind="stable")["annotator"].tolist()
    whom = np.full(len(given), "", dtype=object)
    for name in reversed(best):
        whom[~given[:, list(annotators).index(name)]] = name
    return whom.astype(str)


def _votes(answers: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    votes = np.zeros((len(answers), classes))
    rows, columns = np.nonzero(answers != MISSING)
    np.add.at(votes, (rows, answers[rows, columns]), 1)
    return votes


def _agreement(answers: NDArray[np.int64], given: NDArray[np.bool_]) -> NDArray[np.float64]:
    """For each annotator, the share of the others' answers to the same rows that are the same; NaN without any."""
    shares = np.full(answers.shape[1], np.nan)
    for j in range(answers.shape[1]):
        others = given & given[:, [j]]
        others[:, j] = False
        if others.any():
            shares[j] = ((answers == answers[:, [j]]) & others).sum() / others.sum()
    return shares


def _above(share: NDArray[np.float64], chance: float) -> NDArray[np.float64]:
    """How much of the way from chance to always right."""
    return np.asarray(1 - (1 - share) / max(1 - chance, 1e-9))


def _people(
    answers: NDArray[np.int64],
    given: NDArray[np.bool_],
    label: NDArray[np.int64],
    probability: NDArray[np.float64],
    alone: NDArray[np.float64],
    classes: Sequence[str],
    annotators: Sequence[str],
) -> pd.DataFrame:
    lines = []
    for j, name in enumerate(annotators):
        rows = np.flatnonzero(given[:, j])
        said = answers[rows, j]
        missed = np.bincount(label[rows][said != label[rows]], minlength=len(classes))
        seen = np.bincount(label[rows], minlength=len(classes))
        worst = int((missed / np.maximum(seen, 1)).argmax())
        lines.append(
            {
                "annotator": name,
                "annotations": len(rows),
                "quality": float(probability[rows, said].mean()) if len(rows) else np.nan,
                "agreement": float(alone[j]),
                "worst_class": classes[worst] if missed.sum() else "",
            }
        )
    return pd.DataFrame(lines).sort_values("quality", kind="stable").reset_index(drop=True)
