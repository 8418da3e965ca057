"""How does a network train on arrays with `ELRLoss`, and which epoch's is kept, for those who bring no loop?"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from earlylearn.errors import EarlylearnError, UsageError
from earlylearn.losses.module import ELRLoss
from earlylearn.values import whole_number


class Settings(NamedTuple):
    """How `epochs` trains.

    Attributes:
        optimizer: of parameters and ``lr``.
        lr: learning rate of the first step; it falls to 0 along a cosine.
        max_epochs: passes over the data.
        batch_size: examples a step.
    """

    optimizer: Callable[..., torch.optim.Optimizer]
    lr: float
    max_epochs: int
    batch_size: int


SGD = partial(torch.optim.SGD, momentum=0.9, weight_decay=1e-3)


def checked_settings(optimizer: Any, lr: Any, max_epochs: Any, batch_size: Any) -> Settings:
    """The settings, SGD with momentum where there is no optimizer; UsageError for one that is out of range."""
    if optimizer is not None and not callable(optimizer):
        raise UsageError(
            f"optimizer={optimizer!r}: give a class, such as torch.optim.AdamW, or a function that makes one"
        )
    if not lr > 0:
        raise UsageError(f"lr={lr}: must be above 0")
    return Settings(
        optimizer or SGD, lr, whole_number("max_epochs", max_epochs), whole_number("batch_size", batch_size)
    )


def epochs(
    network: nn.Module, criterion: ELRLoss, inputs: Tensor, labels: Tensor, settings: Settings
) -> Iterator[float]:
    """Train in an order drawn from torch's global generator; yields the mean loss of each epoch as it ends.

    Args:
        network: gives logits ``[B, C]``.
        criterion: of n examples.
        inputs: ``float32 [n, ...]``.
        labels: ``int64 [n]``.
        settings: of the training.

    Raises:
        EarlylearnError: the loss is not finite.
    """
    n = len(inputs)
    alone = int(settings.batch_size > 1 and n % settings.batch_size == 1)  # which batch normalisation does not take
    optimizer = settings.optimizer(network.parameters(), lr=settings.lr)
    steps = settings.max_epochs * max(1, -(-n // settings.batch_size) - alone)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for epoch in range(settings.max_epochs):
        network.train(), criterion.train()
        total = torch.zeros((), device=inputs.device)
        parts = list(torch.randperm(n).split(settings.batch_size))
        if alone and len(parts) > 1:
            parts[-2:] = [torch.cat(parts[-2:])]
        for part in parts:
            rows = part.to(inputs.device)
            loss = criterion(network(inputs[rows]), labels[rows], rows)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += len(rows) * loss.detach()
        if not bool(total.isfinite()):
            raise EarlylearnError(f"the loss is not finite in epoch {epoch + 1}; lower lr={settings.lr}, or scale X")
        yield float(total) / n


def train(
    losses: Iterator[float], network: nn.Module, validate: Callable[[], float] | None, *, verbose: bool
) -> tuple[nn.Module, list[float]]:
    """The network, or a copy of it as it was after the epoch that validated best, ties to the later; and the scores."""
    best, scores = network, list[float]()
    for epoch, loss in enumerate(losses, 1):
        said = f"epoch {epoch}: loss {loss:.4f}"
        if validate is not None:
            scores.append(validate())
            said += f", validation accuracy {scores[-1]:.4f}"
            if scores[-1] == max(scores):
                best = deepcopy(network)
        if verbose:
            print(said)
    return best, scores


def checked_validation(X: Any, y: Any, classes: NDArray[Any]) -> NDArray[Any] | None:
    """The labels of a validation set; None where there is none.

    Raises:
        UsageError: rows without labels, labels without rows, or a label that is not of the training set.
    """
    if (X is None) != (y is None):
        raise UsageError("X_val and y_val go together; give both, or none")
    if X is None:
        return None
    labels = np.asarray(y)
    if labels.shape != (len(X),):
        raise UsageError(f"y_val has shape {list(labels.shape)} for {len(X)} rows of X_val; give one label a row")
    unknown = np.setdiff1d(labels, classes)
    if len(unknown):
        raise UsageError(f"y_val holds {unknown.tolist()[0]!r}, which is no label of y; leave such rows out")
    return labels
