"""What must a way of training under label noise provide, so that the one loop can run it?"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from earlylearn.documents import Choice
from earlylearn.loop.batches import Batch, Batches, Numbers
from earlylearn.loop.inference import MeanOfNetworks, unwrap
from earlylearn.loop.seen import Seen


class Step(NamedTuple):
    """What a method says of a batch.

    Attributes:
        loss: scalar float32, to be differentiated.
        logits: ``[B, C]`` of any floating dtype: what the model says now of the batch's own inputs, in the order of
            ``batch.index[batch.part]``; None where this pass says nothing of them.
        parts: the loss by named part, detached scalars, for the progress line and the metrics.
    """

    loss: Tensor
    logits: Tensor | None
    parts: Mapping[str, Tensor] = MappingProxyType({})


@dataclass
class Pass:
    """One pass over batches that trains some of the networks.

    Attributes:
        batches: what to go through.
        loss: what the method says of a batch.
        trains: the positions in ``Method.nets`` of the networks that step after each batch.
        seen: rows ``int64 [m]`` and their logits ``[m, C]`` where the method looked at rows before the pass; what
            steps say of the same rows comes later and counts.
    """

    batches: Iterable[Batch]
    loss: Callable[[Batch], Step]
    trains: tuple[int, ...]
    seen: tuple[Tensor, Tensor] | None = None


class Method(nn.Module):
    """One way to train under label noise: owns its networks, and all per-example state as buffers.

    A new method overrides `loss`, and what else it needs of `passes`, `numbers`, `after_step`, `after_epoch`,
    `predict` (with `inference_network`), `label_beliefs`, `regularizer_gradient` and `observe_held_out`. The loop
    (`fit.py`) wraps the networks for the hardware, never the method itself. Its constructor has the hyperparameters as
    keyword-only arguments and passes on all others, which are those below, as ``*given, **others``.

    Args:
        make_network: builds one freshly initialised network; called ``networks`` times.
        n: rows of the data set, held-out ones included; a row's number is its index for ever.
        classes: number of classes C.
        generator: the method's own random numbers (mixup and the like); saved in checkpoints.

    Attributes:
        paper: where the method is published.
        networks: how many networks the method trains.
        views: how many augmented views of an input a batch carries.
        noise_rate: which hyperparameter goes by the noise rate, and what happens if it is not given; empty if none.
        transition_matrix: the same of a transition matrix.
        draw_per_network: its passes ask for noise draw k to train network k (`Batches.batches(draw=k)`).
        replayable: a step may be recorded once and replayed without Python (`earlylearn.loop.replay`). It promises that
            `loss` and `after_step` do the same operations on the same shapes in every step of a pass, read no value of
            a tensor (no ``if``, ``float`` or index by a mask), bring none to the device and change tensors in place
            only; that all else that differs between steps comes by `numbers` or from buffers; and that the loss of a
            `Pass` is a method, or a `functools.partial` of one with plain arguments, equal from epoch to epoch.
        in_words: what trains, for the first line of a run; empty where network and hyperparameters say it.
        network, recipe: names of the network and the recipe it is made for; empty where the data decide.
        nets: the networks; each has its own optimizer.
        epochs: length of the run, set by the loop before it begins.
        notes: lines for the user since the last epoch's end (see `note`).
        class_weights: ``float32 [C]``, how much an example of each class counts; None where all do alike.
        takes_class_weights: whether the loss heeds them.
        learner: who goes through the epochs, in the words of a flag's reason, where not all that it believes with does.
        one_process: why the method trains in one process only; empty if several may share its steps. It then promises
            that the loss is a mean over the batch's examples, of which there may be none, each of which needs its own
            rows alone (weighted by `class_weights`, if the method takes them); that a pass calls each network that it
            trains alike in all processes, and has no row twice; that all it keeps of rows is in `row_tables`; and that
            whatever else it draws or decides comes out alike in all processes, which have the same generators and,
            after a pass, the same rows.
        whole_batches: an example of a batch needs others of it: several processes are each given the whole batch, take
            the mean over its ``batch.part``, and speak of the logits of that part. What they keep of rows, they may
            keep of all rows of the batch.
    """

    paper: ClassVar[str] = ""
    networks: int = 1
    views: ClassVar[int] = 1
    noise_rate: ClassVar[str] = ""
    transition_matrix: ClassVar[str] = ""
    draw_per_network: ClassVar[bool] = False
    in_words: ClassVar[str] = ""
    learner: ClassVar[str] = "it"
    network: ClassVar[str] = ""
    recipe: ClassVar[str] = ""
    replayable: ClassVar[bool] = False
    takes_class_weights: ClassVar[bool] = False
    one_process: ClassVar[str] = "it does not say that its steps may be shared (one_process)"
    whole_batches: ClassVar[bool] = False
    class_weights: Tensor | None

    def __init__(
        self,
        make_network: Callable[[], nn.Module],
        n: int,
        classes: int,
        *,
        generator: np.random.Generator | None = None,
    ) -> None:
        super().__init__()
        self.n, self.classes, self.epochs = n, classes, 0
        self.generator = generator if generator is not None else np.random.default_rng(0)
        self.nets = nn.ModuleList(make_network() for _ in range(self.networks))
        self.notes: list[str] = []
        self.register_buffer("class_weights", None, persistent=False)

    def loss(self, batch: Batch) -> Step:
        """The loss of a batch, its parts, and the logits of the batch's own inputs."""
        raise NotImplementedError

    def passes(self, epoch: int, data: Batches) -> Iterator[Pass]:
        """Yield the passes of an epoch; code between two yields runs between the passes."""
        yield Pass(data.batches(self.views), self.loss, tuple(range(self.networks)))

    def numbers(self, examples: int, trained: tuple[int, ...]) -> Numbers:
        """What the next step needs that no batch has, drawn or counted here: comes back as ``batch.numbers``.

        Coefficients as floats, permutations and the like as tensors on the processor; as many in every step of a pass,
        of the same shapes. Called once before each step.

        Args:
            examples: B of the batch to come.
            trained: the networks that the step will train.
        """
        return ()

    def after_step(self, batch: Batch, trained: tuple[int, ...]) -> None:
        """Follow an optimizer step of the networks ``trained``: weight averages, row-wise updates."""

    def after_epoch(self, epoch: int, seen: Seen) -> None:
        """Follow the last pass of an epoch.

        Args:
            epoch: counted from 0.
            seen: of every row that the epoch's steps and passes spoke of, what its latest logits said: predicted class,
                loss and margin of the given label. Held-out rows, and rows outside a sample, count as not seen. The
                loop's own, to be read now and not kept.
        """

    def observe_held_out(self, index: Tensor, logits: Tensor) -> None:
        """Keep something, such as targets, of rows held out of training: called for each once after every epoch.

        Args:
            index: ``int64 [m]``, some of them at a time.
            logits: ``float32 [m, C]``, what `predict` says of them now.
        """

    def after_validation(self, rows: Tensor, seen: Seen) -> None:
        """Follow `observe_held_out` of all held-out rows ``int64 [m]``; ``seen`` now has these too."""

    def share(self, batch: Batch) -> float | Tensor:
        """What the loss of a process's part of a step counts for in the whole step's, whose mean may weigh classes."""
        if batch.whole is None or self.class_weights is None:
            return batch.share
        return self.class_weights[batch.label].sum() / self.class_weights[batch.whole.labels].sum()

    def mean_over(self, each: Tensor, label: Tensor) -> Tensor:
        """The mean of ``each [B]`` over a batch's examples, which count as much as their given classes do."""
        if self.class_weights is None:
            return each.mean()
        weight = self.class_weights[label]
        return (weight * each).sum() / weight.sum()

    def row_tables(self) -> list[Tensor]:
        """What steps and `observe_held_out` change of the rows that they are given, and of no others: ``[n, ...]``."""
        return []

    def predict(self, x: Tensor) -> Tensor:
        """Logits ``[B, C]`` of inputs ``[B, ...]``: the mean over the networks."""
        logits = [net(x) for net in self.nets]
        return logits[0] if len(logits) == 1 else torch.stack(logits).mean(0)

    def inference_network(self) -> nn.Module:
        """What `predict` computes, as a network of its own: raw inputs to logits, and nothing kept of any example.

        It shares the weights with the method. Whoever overrides `predict` overrides this too.
        """
        nets = [unwrap(net) for net in self.nets]
        return nets[0] if len(nets) == 1 else MeanOfNetworks(nets)

    def label_beliefs(self, rows: Tensor | None = None) -> Tensor | None:
        """Probabilities the method itself holds of each row's label, or None if it holds none.

        Args:
            rows: ``int64 [m]`` to speak of, ``[m, C]``; None for all, ``[n, C]``. The loop asks for some at a time.
        """
        return None

    def out_of_fold(self) -> Tensor | None:
        """Probabilities ``[n, C]`` of each row by a model that did not train on it, or None if there is none.

        NaN of rows of which that cannot be said. Where there are such, they tell how the labels go wrong
        (`earlylearn.audit.calibration`), and how well the model predicts labels that it has not seen.
        """
        return None

    def choice(self) -> Choice | None:
        """What a method that chooses among settings has chosen so far; None of all others."""
        return None

    def regularizer_gradient(self, index: Tensor, logits: Tensor) -> Tensor | None:
        """What the regularizer adds to the gradient with respect to these rows' logits: ``[B, C]``, or None if none.

        For the metrics alone: it shows whether a method opposes the wrong labels (the paper's Figure 2).
        """
        return None

    def note(self, text: str) -> None:
        """Tell the user one line: an estimate made on the way, a degenerate state and what was done about it.

        It is shown after the epoch, and kept in that epoch's line of ``metrics.jsonl``.
        """
        self.notes.append(text)
