"""What is compared: the defaults, and what people would use otherwise, each as it comes?

All are given the same features. Seconds are of the processor, one thread; those of the defaults hold everything up to
the report, those of the others training and prediction alone.
"""

import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import torch
from cleanlab.classification import CleanLearning
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

import earlylearn
from benchmarks.audit.sets import LabelSet, labelled
from earlylearn.data.sources import Loaded
from earlylearn.data.splits import stratified_folds
from earlylearn.loop.batches import as_tensor
from earlylearn.loop.fit import Fit
from earlylearn.loop.predict import predict_batches
from earlylearn.methods.boosting import grow
from earlylearn.runs.config import resolve
from earlylearn.runs.generators import seed_for
from earlylearn.runs.prepare import draw_labels
from earlylearn.runs.session import Session

Probabilities = NDArray[np.float64]
FOLDS, TOP, BINS = 5, 100, 10
NETWORK = "mlp"  # of cross-entropy on features: the largest that was a default


class Result(TypedDict, total=False):
    """What is known of a system on a label set; shares in [0, 1].

    ``test`` is accuracy on clean labels, ``calibration`` the expected calibration error there; ``ap``, ``top`` and
    ``precision``, ``recall`` are average precision and precision at 100 of the ranking, and those of the flags;
    ``swallowed`` counts classes of which four fifths are flagged while fewer than half of their labels are wrong, and
    ``warned`` says whether the run told that its flags are no use.
    """

    test: float
    calibration: float
    ap: float
    top: float
    flagged: int
    precision: float
    recall: float
    swallowed: int
    warned: bool
    memorized: float
    chosen: str
    seconds: float


@dataclass(frozen=True)
class System:
    """Something to compare, and whether the seed makes a difference on data that it does not change."""

    name: str
    run: Callable[[LabelSet, int], Result]
    random: bool = True


def judged_test(probability: Probabilities, given: LabelSet) -> Result:
    """Accuracy and calibration on the test set."""
    sure, right = probability.max(1), probability.argmax(1) == given.test.labels
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = [abs(float((sure - right)[bins == each].sum())) for each in range(BINS)]
    return {"test": float(right.mean()), "calibration": sum(gaps) / len(right)}


def judged_labels(quality: NDArray[np.floating], flags: NDArray[np.bool_], given: LabelSet) -> Result:
    """How well wrong labels are ranked and flagged; ``quality`` is low where a label is suspicious."""
    wrong, labels = given.wrong, given.data.labels
    worst = np.argsort(quality, kind="stable")[:TOP]
    of_class = [labels == label for label in np.unique(labels)]
    swallowed = [rows for rows in of_class if flags[rows].mean() >= 0.8 and wrong[rows].mean() < 0.5]
    return {
        "ap": float(average_precision_score(wrong, -quality)),
        "top": float(wrong[worst].mean()),
        "flagged": int(flags.sum()),
        "precision": float(wrong[flags].mean()) if flags.any() else 0.0,
        "recall": float(flags[wrong].mean()),
        "swallowed": len(swallowed),
    }


def product(given: LabelSet, seed: int, method: str | None = None) -> Result:
    """`earlylearn.train` with nothing said, from data to report; the method where one is named."""
    with tempfile.TemporaryDirectory() as folder:
        settings: dict[str, Any] = {"seed": seed, "out": Path(folder) / "run", "quiet": True, "test_every": 0}
        asked = given.write(Path(folder))
        began = time.process_time()
        if given.kind == "pictures":
            run = earlylearn.train(given.loaded, method, encoder="none", **settings)
        else:
            run = earlylearn.train(asked.data, method, **asked.settings, **settings)
        seconds = time.process_time() - began
        issues, summary = run.label_issues(), run.summary
        said = run.predict_proba(asked.test, weights="last").astype(np.float64)
    result: Result = {
        **judged_test(said, given),
        **judged_labels(issues["label_quality"].fillna(1).to_numpy(), issues["is_label_issue"].to_numpy(bool), given),
        "warned": bool(summary["audit"]["misgivings"]),
        "chosen": summary["choice"]["line"] if "choice" in summary else summary["method"],
        "seconds": seconds,
    }
    if summary["memorized_last"] is not None:
        result["memorized"] = summary["memorized_last"]
    return result


def elr(given: LabelSet, seed: int) -> Result:
    """ELR on one network, which was the default before."""
    return product(given, seed, "elr")


def network(given: LabelSet, rows: NDArray[np.int64], seed: int, **settings: float) -> Fit:
    """Cross-entropy trained on these rows by the same loop and settings as `earlylearn.train`; nothing is kept."""
    data = given.data
    assert data.true_labels is not None
    part = labelled(data.name, data.inputs[rows], data.labels[rows], data.true_labels[rows], data.classes)
    named = {} if given.kind == "pictures" else {"network": NETWORK}
    config = resolve(part, {"data": data.name, "method": "ce", "seed": seed, **named, **settings}, {})
    with torch.random.fork_rng(devices=[]):
        session = Session(config, Loaded(part, None), draw_labels(config, part), quiet=True)
        for _ in session.fit.run(lambda *_: None):
            pass
    return session.fit


def said_by(fit: Fit, x: NDArray[np.generic]) -> Probabilities:
    """Probabilities of raw inputs."""
    logits = predict_batches(fit.method, fit.fabric, ((part, part) for part in as_tensor(x).split(1000)))
    return np.asarray(torch.softmax(logits.double(), 1).cpu().numpy())


def cross_entropy(given: LabelSet, seed: int) -> Result:
    """The same network as the five-fold's, on all rows but the tenth that is held out by default."""
    began = time.process_time()
    said = said_by(network(given, np.arange(len(given.data)), seed), given.test.inputs)
    return {**judged_test(said, given), "seconds": time.process_time() - began}


def flat(x: NDArray[np.generic]) -> NDArray[np.float64]:
    """Rows of numbers; pixels on the scale 0..1."""
    return x.reshape(len(x), -1).astype(np.float64) / (255 if x.dtype == np.uint8 else 1)


def scaled(given: LabelSet) -> tuple[Probabilities, Probabilities]:
    """Columns of training and test rows, standardised by the former; nearly constant ones are not blown up."""
    x, test = flat(given.data.inputs), flat(given.test.inputs)
    mean, std = x.mean(0), np.maximum(x.std(0), 1e-3)
    return (x - mean) / std, (test - mean) / std


def all_classes(model: ClassifierMixin, x: Probabilities, classes: int) -> Probabilities:
    """What a model of scikit-learn says, with a column for classes that it never saw."""
    said = np.zeros((len(x), classes))
    said[:, model.classes_] = model.predict_proba(x)
    return said


def regression() -> LogisticRegression:
    """Logistic regression as it comes, but for steps enough to end."""
    return LogisticRegression(max_iter=1000)


def logistic(given: LabelSet, seed: int) -> Result:
    """Logistic regression of scikit-learn on standardised columns."""
    began = time.process_time()
    x, test = scaled(given)
    said = all_classes(regression().fit(x, given.data.labels), test, len(given.data.classes))
    return {**judged_test(said, given), "seconds": time.process_time() - began}


def boosting(given: LabelSet, seed: int) -> Result:
    """Histogram gradient boosting of scikit-learn as it comes, with a ridge where it would diverge."""
    began = time.process_time()
    model = grow(flat(given.data.inputs), given.data.labels, seed)
    said = all_classes(model, flat(given.test.inputs), len(given.data.classes))
    return {**judged_test(said, given), "seconds": time.process_time() - began}


def folds_of(given: LabelSet, seed: int) -> NDArray[np.int64]:
    """The fold of each row."""
    return stratified_folds(given.data.labels, FOLDS, np.random.default_rng(seed_for(seed, "benchmark folds")))


def by_cleanlab(said: Probabilities, given: LabelSet) -> Result:
    """Ranking and flags of cleanlab, as they come, from out-of-fold probabilities."""
    labels = given.data.labels
    return judged_labels(get_label_quality_scores(labels, said), find_label_issues(labels, said, n_jobs=1), given)


def five_fold_network(given: LabelSet, seed: int) -> Result:
    """cleanlab on out-of-fold probabilities of five networks trained with cross-entropy."""
    began, fold = time.process_time(), folds_of(given, seed)
    said = np.zeros((len(fold), len(given.data.classes)))
    for held in range(FOLDS):
        fit = network(given, np.flatnonzero(fold != held), seed, val_fraction=0.0)
        said[fold == held] = said_by(fit, given.data.inputs[fold == held])
    return {**by_cleanlab(said, given), "seconds": time.process_time() - began}


def five_fold_logistic(given: LabelSet, seed: int) -> Result:
    """cleanlab on out-of-fold probabilities of logistic regression."""
    began, fold, labels = time.process_time(), folds_of(given, seed), given.data.labels
    x, _ = scaled(given)
    said = np.zeros((len(fold), len(given.data.classes)))
    for held in range(FOLDS):
        said[fold == held] = all_classes(
            regression().fit(x[fold != held], labels[fold != held]), x[fold == held], said.shape[1]
        )
    return {**by_cleanlab(said, given), "seconds": time.process_time() - began}


def cleanlearning(given: LabelSet, seed: int) -> Result:
    """CleanLearning of cleanlab around logistic regression: find issues, train on the rest."""
    began = time.process_time()
    x, test = scaled(given)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = CleanLearning(regression(), seed=seed, cv_n_folds=FOLDS).fit(x, given.data.labels)
    found = model.get_label_issues()
    said = all_classes(model.clf, test, len(given.data.classes))
    return {
        **judged_test(said, given),
        **judged_labels(found["label_quality"].to_numpy(), found["is_label_issue"].to_numpy(bool), given),
        "seconds": time.process_time() - began,
    }


SYSTEMS = {
    system.name: system
    for system in (
        System("default", product),
        System("elr", elr),
        System("ce", cross_entropy),
        System("lr", logistic, random=False),
        System("hgb", boosting, random=False),
        System("cleanlab, same network", five_fold_network),
        System("cleanlab, logistic regression", five_fold_logistic),
        System("CleanLearning", cleanlearning),
    )
}
