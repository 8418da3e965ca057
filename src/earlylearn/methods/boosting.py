"""How do boosted trees of scikit-learn compete, and become arrays that a checkpoint holds and PyTorch predicts with?"""

import copy
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from earlylearn.loop.grown import GrownBuffers
from earlylearn.methods.choice import CLEARLY, Standing, compare, row_weights

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

Inputs = NDArray[np.float32]
Labels = NDArray[np.int64]

MOST_COLUMNS, MOST_ROWS = 100, 50_000  # beyond which they take longer than what they compete with
BEHIND = 1.0  # standard errors behind the heads at which they are given up, after each fold anew
EARLY = 20  # rounds of the first fold after which they are given up already, where they are clearly behind
RIDGE = 1.0  # of trees that would diverge without, as of the other libraries of boosted trees
FLOOR = 1e-4  # of a probability whose logarithm is taken


class Trees(GrownBuffers):
    """T binary trees of N nodes at most, the root first; a leaf leads to itself. None at all until they are `put`.

    Attributes:
        feature: ``int64 [T, N]``, the column that a node asks for.
        threshold: ``float64 [T, N]``: below or at it the left child follows, else the right one.
        left, right: ``int64 [T, N]``, positions of the children, which are larger than the parent's.
        value: ``float64 [T, N]``, what a leaf adds to its class.
        of_class: ``int64 [T]``.
        baseline: ``float64 [C]``, what each class begins with; minus infinity of one without a label.
        depth: questions on the longest way down, of trees that do not change any more; None of others.
    """

    grown = ("feature", "threshold", "left", "right", "value", "of_class", "baseline")
    depth: int | None = None
    feature: Tensor
    threshold: Tensor
    left: Tensor
    right: Tensor
    value: Tensor
    of_class: Tensor
    baseline: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.begin_empty()

    def put(self, arrays: dict[str, NDArray[Any]], device: torch.device) -> None:
        """Take up the arrays of `arrays_of`."""
        for name in self.grown:
            setattr(self, name, torch.from_numpy(arrays[name]).to(device))

    def log_probabilities(self, x: Tensor) -> Tensor:
        """``float32 [B, C]`` of raw features ``[B, d]``, which must be finite."""
        n = x.shape[0]  # not len(x), which would be the same for ever where this is traced
        x, rows = x.double(), torch.arange(n, device=x.device).unsqueeze(1)
        trees = torch.arange(len(self.feature), device=x.device)
        node = torch.zeros(n, len(trees), dtype=torch.int64, device=x.device)
        for _ in range(self._depth()):
            lower = x[rows, self.feature[trees, node]] <= self.threshold[trees, node]
            node = torch.where(lower, self.left[trees, node], self.right[trees, node])
        raw = self.baseline.repeat(n, 1).index_add_(1, self.of_class, self.value[trees, node])
        return torch.log_softmax(raw, 1).clamp(min=math.log(FLOOR)).float()

    def forward(self, x: Tensor) -> Tensor:
        """As `log_probabilities`."""
        return self.log_probabilities(x)

    def fixed(self) -> "Trees":
        """The same trees, which do not change any more: what traces them need not read how deep they are."""
        same = copy.deepcopy(self)
        same.depth = self._depth()
        return same

    def _depth(self) -> int:
        """Questions on the longest way down."""
        if self.depth is not None:
            return self.depth
        depth, trees = torch.zeros_like(self.left), torch.arange(len(self.left), device=self.left.device)
        for node in range(depth.shape[1]):
            for child in (self.left[:, node], self.right[:, node]):
                depth[trees, child] = torch.where(child == node, depth[trees, child], depth[:, node] + 1)
        return int(depth.max())


class Challenge(NamedTuple):
    """What became of boosted trees.

    Attributes:
        standing: how they (position 1) compare with the heads (0) on the folds that were tried; None if they could not
            grow.
        log_p: log probabilities ``float32 [n, C]`` by trees that did not grow on the row; None if they gave up.
        model: the trees of all rows; None if they gave up.
    """

    standing: Standing | None
    log_p: NDArray[np.float32] | None = None
    model: "HistGradientBoostingClassifier | None" = None


def challenge(
    x: Inputs, labels: Labels, fold: Labels, classes: int, *, heads: NDArray[np.bool_], seed: int
) -> Challenge:
    """Grow scikit-learn's histogram gradient boosting, as it comes, without each fold; give up where it is beaten.

    Args:
        x: ``float32 [n, d]`` raw features.
        labels: ``int64 [n]`` given labels.
        fold: ``int64 [n]``, from 0; -1 of rows that nothing grows on.
        classes: C.
        heads: ``bool [n]``, whether those to be beaten agree with the label, out of fold.
        seed: of scikit-learn's random numbers.
    """
    log_p, standing = np.empty((len(x), classes), np.float32), None
    for held in range(int(fold.max()) + 1):
        trains, so_far = (fold >= 0) & (fold != held), (fold >= 0) & (fold <= held)
        judged = fold == held
        if len(np.unique(labels[trains])) < 2:
            return Challenge(standing)
        growing = None
        if standing is None:
            growing = new_trees(seed, max_iter=EARLY, warm_start=True).fit(x[trains], labels[trains])
            log_p[judged] = log_probabilities(growing, x[judged], classes)
            standing = _compared(log_p[judged], labels[judged], heads[judged])
            if standing.behind[1] > CLEARLY:
                return Challenge(standing)
        log_p[judged] = log_probabilities(grow(x[trains], labels[trains], seed, growing), x[judged], classes)
        standing = _compared(log_p[so_far], labels[so_far], heads[so_far])
        if standing.behind[1] > BEHIND:
            return Challenge(standing)
    model = grow(x[fold >= 0], labels[fold >= 0], seed)
    log_p[fold < 0] = log_probabilities(model, x[fold < 0], classes)
    return Challenge(standing, log_p, model)


def _compared(log_p: NDArray[np.float32], labels: Labels, heads: NDArray[np.bool_]) -> Standing:
    """How trees compare with heads, of which is known on which rows they agree with the label."""
    right = np.stack([heads, log_p.argmax(1) == labels], 1)
    return compare(torch.from_numpy(right), row_weights(torch.from_numpy(labels), log_p.shape[1]))


def new_trees(seed: int, **settings: Any) -> "HistGradientBoostingClassifier":
    """scikit-learn's, as they come but for these settings."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(random_state=seed, **settings)


def grow(
    x: NDArray[Any], labels: Labels, seed: int, growing: "HistGradientBoostingClassifier | None" = None
) -> "HistGradientBoostingClassifier":
    """Trees of scikit-learn as they come; with a ridge where they diverge.

    Where all rows of a leaf are as good as sure, Newton's step divides by next to nothing; once such a step is wrong,
    the next is larger still. It happens with few rows of a class, and shows: the trees then know their own rows worse
    than the shares of the classes do.

    Args:
        x: ``[n, d]``.
        labels: ``int64 [n]``.
        seed: of scikit-learn's random numbers.
        growing: trees of the same rows with ``warm_start``, to be grown further.
    """
    model = new_trees(seed) if growing is None else growing.set_params(max_iter=new_trees(seed).max_iter)
    model.fit(x, labels)
    return new_trees(seed, l2_regularization=RIDGE).fit(x, labels) if _diverged(model, x, labels) else model


def _diverged(model: "HistGradientBoostingClassifier", x: NDArray[Any], labels: Labels) -> bool:
    """Whether its loss on its own rows is larger than that of always saying the shares of the classes."""
    counts = np.unique(labels, return_counts=True)[1]
    shares = counts / len(labels)
    column = np.searchsorted(model.classes_, labels)
    with np.errstate(divide="ignore"):
        loss = -np.log(model.predict_proba(x)[np.arange(len(x)), column]).mean()
    return bool(loss > -(shares * np.log(shares)).sum())


def log_probabilities(model: "HistGradientBoostingClassifier", x: Inputs, classes: int) -> NDArray[np.float32]:
    """``float32 [m, C]``, at least the logarithm of `FLOOR`, also of classes that the model does not know."""
    p = np.full((len(x), classes), FLOOR, np.float32)
    if len(x):
        p[:, model.classes_] = np.maximum(model.predict_proba(x), FLOOR)
    return np.asarray(np.log(p))


def arrays_of(model: "HistGradientBoostingClassifier", classes: int) -> dict[str, NDArray[Any]]:
    """The arrays of `Trees` of a fitted model.

    Its trees are no public attribute. Raises AttributeError, LookupError or ValueError where another release of
    scikit-learn keeps them otherwise.
    """
    known = [int(label) for label in model.classes_]
    # Of two classes scikit-learn keeps the log odds of the second.
    grown = [
        (known[k] if len(trees) > 1 else known[1], tree.nodes)
        for trees in model._predictors
        for k, tree in enumerate(trees)
    ]
    start = np.ravel(model._baseline_prediction)
    baseline = np.full(classes, -np.inf)
    baseline[known] = start if len(start) == len(known) else [0, *start]
    size = max(len(nodes) for _, nodes in grown)
    shape, own = (len(grown), size), np.arange(size)
    arrays = {
        "feature": np.zeros(shape, np.int64),
        "threshold": np.zeros(shape),
        "left": np.tile(own, (len(grown), 1)),
        "right": np.tile(own, (len(grown), 1)),
        "value": np.zeros(shape),
        "of_class": np.array([k for k, _ in grown]),
        "baseline": baseline,
    }
    for t, (_, nodes) in enumerate(grown):
        if nodes["is_categorical"].any():
            raise ValueError("a tree asks for categories")
        leaf, used = nodes["is_leaf"].astype(bool), slice(len(nodes))
        arrays["feature"][t, used] = np.where(leaf, 0, nodes["feature_idx"])
        arrays["threshold"][t, used] = np.where(leaf, 0, nodes["num_threshold"])
        arrays["value"][t, used] = np.where(leaf, nodes["value"], 0)
        for side in ("left", "right"):
            arrays[side][t, used] = np.where(leaf, own[used], nodes[side])
    return arrays
