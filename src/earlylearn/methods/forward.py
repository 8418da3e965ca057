"""How is the loss corrected forward, with a matrix that says how labels get noisy, given or estimated?"""

import json
import math
from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError
from torch import Tensor

from earlylearn.data.noise.transition import read_transition
from earlylearn.errors import UsageError, hyperparameter
from earlylearn.loop.batches import Batch, Batches
from earlylearn.loop.method import Method, Pass, Step

SHOWN_CLASSES = 10  # a larger estimated matrix is summed up in its note, not written out


def transition_rows(value: Any, classes: int | None = None) -> list[list[float]] | None:
    """A transition matrix as a list of rows, see `earlylearn.data.noise.transition`; None stays None.

    Raises:
        ValueError: not readable, or not a matrix to correct with; the message says what is wrong and how to mend it.
    """
    if value is None:
        return None
    matrix = read_transition(value, classes)
    missing = np.flatnonzero(matrix.sum(0) == 0)
    if len(missing):
        raise ValueError(f"column {missing[0]} is all 0, as if nothing could be given label {missing[0]}")
    rows: list[list[float]] = matrix.tolist()
    return rows


def _option(value: Any) -> list[list[float]] | None:
    try:
        return transition_rows(value)
    except ValueError as error:
        raise PydanticCustomError("transition", "{reason}", {"reason": str(error)}) from None


def anchor_rows(probability: Tensor, percentile: float) -> Tensor:
    """For each class the row of its anchor point: ``int64 [C]``.

    The example whose probability of the class is at the percentile, taken upwards (100: the largest). Where that is
    an example of another class, as when the class is rarer than 100 - percentile per cent, the most probable one.

    Args:
        probability: ``[m, C]`` of the given labels.
        percentile: above 0, up to 100.
    """
    rank = math.ceil(percentile / 100 * (len(probability) - 1))
    rows = probability.argsort(dim=0, stable=True)[rank]
    of_its_class = probability[rows].argmax(1) == torch.arange(probability.shape[1], device=rows.device)
    return torch.where(of_its_class, rows, probability.argmax(0))


class ForwardCorrection(Method):
    """Forward correction: cross-entropy of p T, T_ij the probability that class i is given label j.

    Patrini, Rozza, Menon, Nock, Qu, CVPR 2017: ``-log sum_i p_i T_iy``. The network learns the true classes' p; it is
    p that predicts. T is given, or estimated from the noisy data: a network trained on
    the given labels as they are says p(given label | x), and its most certain example of class i, taken as certainly
    of class i, reads off row i.

    Args:
        transition: T; in a request, an .npy or .csv file with a row per true class. Kept in ``config.json``.
        warmup: without T, epochs of plain cross-entropy before it is estimated. After too many, wrong labels are
            memorised, T is near the identity, and little is corrected: choose fewer than cross-entropy's best epoch.
        percentile: which example is a class's anchor point: 100 the one with the largest probability; the paper's 97
            on CIFAR-10 is less easily an outlier. See `anchor_rows` for rare classes.

    Attributes:
        transition: ``float32 [C, C]``, the identity until it is estimated.

    Differs from the released code: one training run instead of two; T is estimated after the warm-up, before wrong
    labels are memorised, and the same network trains on; the anchor point is the example at the percentile, there the
    next one below it.

    Raises:
        UsageError: T is not a transition matrix of that many classes.
    """

    replayable = takes_class_weights = True
    one_process = ""
    paper = "Patrini, Rozza, Menon, Nock, Qu, CVPR 2017"
    transition_matrix = "transition: if not given, estimated from the network after warmup epochs of cross-entropy"
    transition: Tensor

    def __init__(
        self,
        *given: Any,
        transition: Annotated[
            list[list[float]] | None,
            BeforeValidator(_option),
            Field(description="matrix T, an .npy or .csv file: row = true class, column = given; default: estimate"),
        ] = None,
        warmup: Annotated[int, Field(ge=1, description="epochs of cross-entropy before T is estimated")] = 5,
        percentile: Annotated[
            float, Field(gt=0, le=100, description="anchor point of a class: percentile of its probability")
        ] = 97.0,
        **others: Any,
    ) -> None:
        super().__init__(*given, **others)
        self.warmup, self.percentile = warmup, percentile
        try:
            matrix = transition_rows(transition, self.classes)
        except ValueError as error:
            raise UsageError(f"{hyperparameter('transition')}: {error}") from None
        self.estimates = matrix is None
        self.register_buffer("transition", torch.eye(self.classes) if matrix is None else torch.tensor(matrix))

    def passes(self, epoch: int, data: Batches) -> Iterator[Pass]:
        """One pass; after that of the last warm-up epoch, estimate T."""
        if self.estimates and epoch == 0:
            self.note(f"cross-entropy for {self.warmup} epochs, then forward correction with an estimated matrix")
        yield from super().passes(epoch, data)
        if self.estimates and epoch + 1 == self.warmup:
            self._estimate(data)

    @torch.no_grad()
    def _estimate(self, data: Batches) -> None:
        """Read T off the anchor points: the training rows, not augmented, as the network sees them now."""
        self.eval()
        logits = torch.cat([self.nets[0](x).float() for _, x in data.in_order(data.draws[0].rows)])
        self.train()
        probability = torch.softmax(logits, 1)
        # Never exactly 0: a label that no anchor point allows would have an infinite loss.
        tiny = torch.finfo(torch.float32).tiny
        self.transition.copy_(probability[anchor_rows(probability, self.percentile)].clamp(min=tiny))
        kept = self.transition.diagonal()
        least = int(kept.argmin())
        text = f"estimated transition matrix: keeps {float(kept.mean()):.2f} of labels on average, "
        text += f"least {float(kept[least]):.2f} for class {least}"
        if self.classes <= SHOWN_CLASSES:
            text += "; a row per true class: " + json.dumps(
                [[round(p, 3) for p in r] for r in self.transition.tolist()]
            )
        self.note(text)

    def loss(self, batch: Batch) -> Step:
        """Mean of -log (p T)_y; with the identity for T, plain cross-entropy."""
        logits = self.nets[0](batch.views[0]).float()
        log_p = torch.log_softmax(logits, 1)
        # In logarithms, so that nothing underflows, and without a matrix product, which autocast would round.
        each = torch.logsumexp(log_p + self.transition.log().T[batch.label], 1)
        loss = -self.mean_over(each, batch.label)
        return Step(loss, logits, {"ce": loss.detach()})
