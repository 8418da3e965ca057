"""How is any method trained: the one loop over epochs, passes and batches?"""

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.optim.lr_scheduler import LRScheduler

from earlylearn.errors import EarlylearnError, setting
from earlylearn.loop.batches import Batch, Batches, BatchSequence, Numbers, Order
from earlylearn.loop.means import Means, Taken
from earlylearn.loop.method import Method, Pass, Step
from earlylearn.loop.optimizers import OptimizerSettings
from earlylearn.loop.predict import load_method, predicted_parts
from earlylearn.loop.processes import Processes
from earlylearn.loop.replay import Recorder, Replays, Said
from earlylearn.loop.schedule import Schedule, make_schedule
from earlylearn.loop.seen import Seen
from earlylearn.loop.synced_norm import sync_norms


@dataclass
class Epoch:
    """What an epoch of training said.

    Attributes:
        epoch: counted from 1.
        lr: the learning rate it was trained with.
        loss: mean loss over the examples; may be negative under ELR.
        parts: the same for each part of the loss.
    """

    epoch: int
    lr: float
    loss: float
    parts: dict[str, float]


class Fit:
    """The loop and its own state: one optimizer and one schedule per network.

    It calls the method's `passes`, `numbers`, `after_step`, `after_epoch`, `observe_held_out`, `predict` and `note`,
    asks for its `nets`, `share` and `row_tables`, and knows nothing else of it. Only the networks are set up for the
    hardware; the method, with its per-example state, stays as it is. Where several processes train, each takes its part
    of every step, and has the same networks and rows as the others after it (`earlylearn.loop.processes`).

    Args:
        method: what to train; its networks are moved to the device and wrapped in place.
        data: the batches, on the same device.
        fabric: device and precision.
        epochs: length of the run, for the schedule.
        schedule: see `earlylearn.loop.schedule`, as `warmup`.
        recorder: records steps to replay them, see `earlylearn.loop.replay`; None runs every step as it is.
        true: ``int64 [n]`` true labels for the metrics, or None.
        optimizing: the fields of `earlylearn.loop.optimizers.OptimizerSettings`: ``lr``, ``momentum``, ...

    Attributes:
        seen: what was said of every row in this epoch, of held-out ones by `validate`; an epoch may be a sample.
        processes: those that share every step, and predictions; the data's.
    """

    def __init__(
        self,
        method: Method,
        data: Batches,
        fabric: Fabric,
        *,
        epochs: int,
        schedule: str | Callable[[torch.optim.Optimizer, int], LRScheduler] = "constant",
        warmup: int = 0,
        recorder: Recorder | None = None,
        true: Tensor | None = None,
        **optimizing: Any,
    ) -> None:
        self.method, self.data, self.fabric, self.epochs = method, data, fabric, epochs
        self.processes = data.processes
        self.epoch, method.epochs = 0, epochs
        self.optimizers: list[torch.optim.Optimizer] = []
        self.schedules: list[Schedule] = []
        self._steppers = []
        self.optimizing = OptimizerSettings(**optimizing)
        for k, net in enumerate(method.nets):
            if self.processes.several:
                sync_norms(net)
            optimizer = self.optimizing.make(net, fabric.device)
            self.schedules.append(make_schedule(schedule, optimizer, epochs=epochs, warmup=warmup))
            method.nets[k], stepper = fabric.setup(net, optimizer)
            self.optimizers.append(optimizer)
            self._steppers.append(stepper)
        method.to(fabric.device)
        self.seen = Seen(data.draws[0].labels, true, method.regularizer_gradient)
        self.replays = None if recorder is None else Replays(recorder)
        groups = sum(len(optimizer.param_groups) for optimizer in self.optimizers)
        self._rates = [torch.zeros((), device=fabric.device) for _ in range(groups)]

    def run(self, on_step: Callable[[int, Callable[[], dict[str, float]]], None]) -> Iterator[Epoch]:
        """Train the epochs that are left, yielding after each.

        Args:
            on_step: called after every batch with the number of examples in it and a function that reads the
                epoch's mean losses so far (reading makes an accelerator wait, so do not read at every step).

        Raises:
            EarlylearnError: the loss is not finite, or the method's ``loss`` returned no `Step`.
        """
        while self.epoch < self.epochs:
            self.method.train()
            self.seen.begin()
            self.processes.own_chance(self.epoch)
            means = Means()
            lr = max(self.schedules[0].get_last_lr())
            for pass_ in self.method.passes(self.epoch, self.data):
                if pass_.seen is not None:
                    self.seen.add(*pass_.seen)
                    self.seen.settle()
                wholes: list[Tensor] = []
                for taken in self._steps(pass_):
                    means.add(taken)
                    on_step(taken.examples, means.read)
                    if taken.whole is not None:
                        wholes.append(taken.whole)
                self.seen.settle()
                if wholes:
                    self._spread(self.processes.parts(wholes))
            self.method.after_epoch(self.epoch, self.seen)
            for schedule in self.schedules:
                schedule.step()
            self.epoch += 1
            parts = means.of_all(self.processes) if self.processes.several else means.read()
            if not all(map(math.isfinite, parts.values())):
                raise EarlylearnError(
                    f"the loss is not finite in epoch {self.epoch} (lr {lr:g}); the checkpoint of the epoch before is "
                    f"kept; lower {setting('lr')}, or look for extreme values in the inputs"
                )
            yield Epoch(self.epoch, float(lr), parts.pop("loss"), parts)

    def alone(self) -> None:
        """From now on this process predicts without the others."""
        self.processes = self.data.processes = Processes()

    def _spread(self, rows: Sequence[Tensor]) -> None:
        """Tell all processes what is kept now of the rows that each had."""
        self.processes.spread(rows, [*self.method.row_tables(), *self.seen.kept])

    def _steps(self, pass_: Pass) -> Iterator[Taken]:
        """Take the steps of a pass, telling of each."""
        if self.replays is not None and isinstance(pass_.batches, BatchSequence):
            yield from self._replayed(pass_, pass_.batches, self.replays)
            return
        for batch in pass_.batches:
            whole = None if batch.whole is None else batch.whole.rows
            examples = len(batch.index if whole is None else whole)
            share = self.method.share(batch)
            said = self._step(pass_, batch._replace(numbers=self._numbers(examples, pass_.trains)), share)
            if said.logits is not None:
                self.seen.add(batch.index[batch.part], said.logits)
            if not isinstance(pass_.batches, BatchSequence):  # which has no row twice
                self.seen.settle()
            yield Taken(examples, said.losses, share, whole)

    def _step(self, pass_: Pass, batch: Batch, share: float | Tensor = 1.0) -> Said:
        with self.fabric.autocast():
            said = pass_.loss(batch)
        if not isinstance(said, Step):
            name = type(self.method).__name__
            raise EarlylearnError(f"{name}.loss returned a {type(said).__name__}; return Step(loss, logits, parts)")
        self.fabric.backward(said.loss if batch.whole is None else said.loss * share)
        for k in pass_.trains:
            if self.processes.several:
                self.processes.add_gradients(self.method.nets[k])
            self._steppers[k].step()
            self._steppers[k].zero_grad()
        self.method.after_step(batch, pass_.trains)
        if not share:  # a step of fewer examples than there are processes: the mean of none is no number
            return Said({}, None)
        logits = None if said.logits is None else said.logits.detach()
        return Said({"loss": said.loss.detach(), **said.parts}, logits)

    def _numbers(self, examples: int, trained: tuple[int, ...]) -> Numbers:
        device = self.fabric.device
        return tuple(
            each.to(device, non_blocking=True) if isinstance(each, Tensor) else each
            for each in self.method.numbers(examples, trained)
        )

    def _replayed(self, pass_: Pass, batches: BatchSequence, replays: Replays) -> Iterator[Taken]:
        """The same steps, each a replay of the first of its kind: rows, views and numbers are what differs."""
        views = batches.views

        def work(index: Tensor, *rest: Tensor) -> Said:
            for k in pass_.trains:  # a recording that failed half-way leaves gradients that nothing computed
                self._steppers[k].zero_grad()
            return self._step(pass_, batches.make(Order(index, rest[:views]))._replace(numbers=rest[views:]))

        loss = pass_.loss
        what = (loss.func, loss.args, *loss.keywords.items()) if isinstance(loss, partial) else (loss,)
        with self._rates_on_device():
            for order in batches.orders():
                numbers = self._numbers(len(order.index), pass_.trains)
                given = (order.index, *order.crops, *numbers)
                failed = replays.failed
                said = replays((what, batches.draw, pass_.trains), work, given)
                if said.logits is not None:
                    self.seen.add(order.index, said.logits.clone())  # a replay leaves them where the last one did
                yield Taken(len(order.index), said.losses)
                if replays.failed and not failed:
                    self.method.note(f"no further step is replayed ({replays.failed}); training goes on, more slowly")

    @contextmanager
    def _rates_on_device(self) -> Iterator[None]:
        """Learning rates as tensors, which a recording reads anew; schedules and checkpoints know numbers alone."""
        groups = [group for optimizer in self.optimizers for group in optimizer.param_groups]
        numbers = [group["lr"] for group in groups]
        for group, rate in zip(groups, self._rates, strict=True):
            group["lr"] = rate.fill_(group["lr"])
        try:
            yield
        finally:
            for group, number in zip(groups, numbers, strict=True):
                group["lr"] = number

    def logits(self, rows: Tensor) -> Tensor:
        """What the method predicts of the rows now, in evaluation mode: ``float32 [len(rows), C]``."""
        return torch.cat([logits for _, logits in self._said_of(rows)])

    def predicted(self, rows: Tensor) -> Tensor:
        """The classes ``int64 [len(rows)]`` of the largest of these logits, which are not kept."""
        return torch.cat([logits.argmax(1) for _, logits in self._said_of(rows)])

    @torch.no_grad()
    def validate(self, rows: Tensor) -> None:
        """Predict held-out rows after an epoch: they count as seen, and the method may keep something of them."""
        for index, logits in self._said_of(rows[self.processes.part(len(rows))]):
            self.seen.add(index, logits)
            self.method.observe_held_out(index, logits)
        self.seen.settle()
        if self.processes.several:
            self._spread(self.processes.parts([rows]))
        self.method.after_validation(rows, self.seen)

    def _said_of(self, rows: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        return predicted_parts(self.method, self.fabric, self.data.in_order(rows, self.method.classes))

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to continue, but for the random generators."""
        return {
            "epoch": self.epoch,
            "method": self.method.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "schedules": [schedule.state_dict() for schedule in self.schedules],
        }

    def load_state_dict(self, state: dict[str, Any], *, of_this_length: bool = True) -> None:
        """Take up a state of `state_dict`; recordings, which hold the optimizers' old state, are forgotten.

        Args:
            state: of a loop like this one.
            of_this_length: whether it was to train as many epochs. If not, schedules are put where those of this
                length are after as many epochs.
        """
        self.epoch = state["epoch"]
        if self.replays is not None:
            self.replays.forget()
        load_method(self.method, state["method"])
        begun = [_settings_of(optimizer) for optimizer in self.optimizers]
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            load_optimizer(optimizer, saved, lenient=self.optimizing.own)
        if not of_this_length:
            self._go_through_schedules(begun)
            return
        for schedule, saved in zip(self.schedules, state["schedules"], strict=True):
            if not _alike(saved, schedule.state_dict()):
                raise ValueError("it is of another schedule")
            schedule.load_state_dict(saved)

    def _go_through_schedules(self, begun: list[list[dict[str, Any]]]) -> None:
        """From the settings that the optimizers begin with, step every schedule as often as there were epochs."""
        for optimizer, settings in zip(self.optimizers, begun, strict=True):
            for group, setting_ in zip(optimizer.param_groups, settings, strict=True):
                group.update(setting_)
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", "Detected call of `lr_scheduler.step"
            )  # the steps were in another process
            for schedule in self.schedules:
                for _ in range(self.epoch):
                    schedule.step()


def _settings_of(optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
    """The settings of each group of an optimizer, such as its learning rate."""
    return [{name: value for name, value in group.items() if name != "params"} for group in optimizer.param_groups]


def load_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any], *, lenient: bool = False) -> None:
    """Load an optimizer's state, and give each buffer the memory layout of its parameter again.

    Checkpoints are in plain order; a fused step over buffers of another layout than the weights is slower, or
    rounds differently, than the uninterrupted run's.

    Args:
        optimizer: to be changed in place.
        state: of `torch.optim.Optimizer.state_dict`, read back.
        lenient: it is a user's own, of whose buffers nothing is known.

    Raises:
        ValueError: the state is of another optimizer.
    """
    own = optimizer.state_dict()["param_groups"]
    alike = _alike(state["param_groups"], own)
    optimizer.load_state_dict(state)  # gives settings that came with a newer version of PyTorch their defaults
    loaded = optimizer.state_dict()["param_groups"]
    if not alike or [group.keys() for group in loaded] != [group.keys() for group in own]:
        raise ValueError("its optimizer has other settings")
    kept = [buffers.keys() for buffers in optimizer.state.values()]
    if kept[1:] != kept[:-1] and not lenient:
        raise ValueError("its optimizer lacks a buffer")
    for parameter, buffers in optimizer.state.items():
        for name, buffer in buffers.items():
            if not isinstance(buffer, Tensor):
                if lenient:
                    continue
                raise ValueError(f"its optimizer's {name} is no tensor")
            if buffer.shape == parameter.shape:
                buffers[name] = torch.empty_like(parameter, dtype=buffer.dtype).copy_(buffer)


def _alike(saved: object, own: object) -> bool:
    """Whether a state read back is made as one's own is; what only one of them has, another version may have added."""
    if isinstance(own, dict):
        return isinstance(saved, dict) and all(_alike(saved[key], own[key]) for key in own.keys() & saved.keys())
    if isinstance(own, list | tuple):
        return isinstance(saved, list | tuple) and len(saved) == len(own) and all(map(_alike, saved, own))
    if isinstance(own, int | float) and not isinstance(own, bool):
        return isinstance(saved, int | float) and not isinstance(saved, bool)
    return type(saved) is type(own)
