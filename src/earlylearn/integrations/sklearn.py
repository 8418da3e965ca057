"""How does a scikit-learn estimator learn without memorising wrong labels, and say which they are?"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from hashlib import sha256
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn

from earlylearn.audit.label_issues import find_label_issues
from earlylearn.errors import UsageError
from earlylearn.integrations._arrays import checked_settings, checked_validation, epochs, train
from earlylearn.losses.module import ELRLoss
from earlylearn.networks.normalize import Normalize
from earlylearn.networks.small import mlp


class ELRClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is not typed
    """A network that does not memorise wrong labels, as a scikit-learn classifier: in pipelines, searches, folds.

    Args:
        module: a network that gives logits ``[B, C]``, or a function of the number of columns and of classes that makes
            one; None for a perceptron on standardised columns.
        lam: regularization coefficient >= 0; see `ELRLoss`.
        beta: temporal ensembling momentum, 0 <= beta < 1.
        hidden_layer_sizes: units of the perceptron's hidden layers.
        max_epochs: passes over the data.
        batch_size: examples a step; all if there are fewer.
        lr: learning rate of the first step; it falls to 0 along a cosine.
        optimizer: a class of torch.optim, or a function of parameters and ``lr``; None for SGD with momentum 0.9 and
            weight decay 0.001.
        class_weight: ``{class: weight}``, ``"balanced"``, or None for equal weights.
        device: where it trains and predicts, as torch names it.
        random_state: seed of the weights, the order and of what the network draws.
        warm_start: whether `fit` goes on with the network that is there, and with its targets if the rows are the same.
        verbose: 1 prints the loss of each epoch.

    Attributes:
        classes_: ``[C]`` labels, sorted.
        module_: the trained network; takes rows of X as float32. With a validation set, that of the best epoch.
        criterion_: its `ELRLoss`, as it was in the end.
        validation_scores_: the accuracy on the validation set after each epoch; empty without one.
        label_issues_: a row per training row, see `find_label_issues`; its ids are the index of a DataFrame X.
        label_quality_: ``float64 [n]`` in [0, 1], the believed probability of each given label.
        suggested_labels_: ``[n]`` labels that are believed, equal to the given ones where these are.

    Raises:
        UsageError: when fitted: fewer than two classes, or a hyperparameter is out of range.
    """

    def __init__(
        self,
        module: nn.Module | Callable[[int, int], nn.Module] | None = None,
        *,
        lam: float = 3.0,
        beta: float = 0.7,
        hidden_layer_sizes: Sequence[int] = (512, 512),
        max_epochs: int = 40,
        batch_size: int = 64,
        lr: float = 0.02,
        optimizer: Callable[..., torch.optim.Optimizer] | None = None,
        class_weight: Any = None,
        device: str = "cpu",
        random_state: Any = None,
        warm_start: bool = False,
        verbose: int = 0,
    ) -> None:
        self.module, self.lam, self.beta, self.hidden_layer_sizes = module, lam, beta, hidden_layer_sizes
        self.max_epochs, self.batch_size, self.lr, self.optimizer = max_epochs, batch_size, lr, optimizer
        self.class_weight, self.device, self.random_state = class_weight, device, random_state
        self.warm_start, self.verbose = warm_start, verbose

    def fit(self, X: Any, y: Any, *, X_val: Any = None, y_val: Any = None) -> Self:
        """Train on ``X [n, ...]`` and given labels ``y [n]``, some of which may be wrong.

        Args:
            X: rows.
            y: given labels.
            X_val: rows that are not trained on: `module_` is then that of the epoch which labels most of them right,
                the latest of several. A pipeline does not transform them.
            y_val: their labels, wrong ones among them do little harm.
        """
        settings = checked_settings(self.optimizer, self.lr, self.max_epochs, self.batch_size)
        ids = X.index if hasattr(X, "iloc") and X.index.is_unique else None
        X, y = validate_data(self, X, y, dtype=np.float32, allow_nd=self.module is not None)
        check_classification_targets(y)
        before = getattr(self, "classes_", None) if self.warm_start else None
        self.classes_, given = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise UsageError(f"y holds one class, {self.classes_[0]!r}; a classifier needs two")
        if before is not None and not np.array_equal(before, self.classes_):
            raise UsageError("y holds other classes than before; warm_start=False begins anew")
        inputs, labels = torch.from_numpy(np.require(X, requirements="W")), torch.from_numpy(given.astype(np.int64))
        held_out = checked_validation(X_val, y_val, self.classes_)
        balance, rows = self.class_weight, sha256(X.tobytes()).digest()
        weights = None if balance is None else compute_class_weight(balance, classes=self.classes_, y=y)
        seed = int(check_random_state(self.random_state).randint(2**31))
        with torch.random.fork_rng(devices=[] if self.device == "cpu" else None):
            torch.manual_seed(seed)
            if before is None:
                self.module_ = self._network(inputs).to(self.device)
            criterion = ELRLoss(len(X), len(self.classes_), lam=self.lam, beta=self.beta, weight=weights)
            if before is not None and self._rows == rows:
                criterion.targets.copy_(self.criterion_.targets)
            self.criterion_: ELRLoss = criterion.to(self.device)
            self._rows: bytes = rows
            losses = epochs(self.module_, criterion, inputs.to(self.device), labels.to(self.device), settings)
            score = None if held_out is None else (lambda: float((self.predict(X_val) == held_out).mean()))
            self.module_, self.validation_scores_ = train(losses, self.module_, score, verbose=bool(self.verbose))
        beliefs = self.criterion_.beliefs()
        self.label_issues_ = find_label_issues(given, beliefs, classes=list(self.classes_), ids=ids)
        self.label_quality_ = self.label_issues_["label_quality"].to_numpy()
        self.suggested_labels_ = self.label_issues_["predicted_label"].to_numpy()
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probabilities ``[n, C]``, columns in the order of ``classes_``."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64, allow_nd=self.module is not None)
        own = self.module is None  # in float64 a row's probabilities do not depend on the rows beside it
        network = deepcopy(self.module_).double() if own else self.module_
        inputs = torch.from_numpy(np.require(X, np.float64 if own else np.float32, "W"))
        with torch.no_grad():
            parts = [network.eval()(each.to(self.device)).double().cpu() for each in inputs.split(4096)]
        return np.asarray(torch.softmax(torch.cat(parts), 1).numpy())

    def predict(self, X: Any) -> NDArray[Any]:
        """Labels ``[n]``."""
        columns = self.predict_proba(X).argmax(1)  # which asks first whether anything is fitted
        return np.asarray(self.classes_[columns])

    def _network(self, inputs: Tensor) -> nn.Module:
        if isinstance(self.module, nn.Module):
            return deepcopy(self.module)
        if self.module is not None:
            return self.module(inputs[0].numel(), len(self.classes_))
        standard = Normalize(inputs.mean(0), inputs.std(0, correction=0))
        return nn.Sequential(standard, mlp(inputs.shape[1], len(self.classes_), hidden=self.hidden_layer_sizes))
