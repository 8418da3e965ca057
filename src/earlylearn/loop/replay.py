"""How is a training step recorded once and replayed without Python: as a CUDA graph of the whole step?

At a batch of 128 a GPU does the arithmetic of a step faster than Python can ask for its some 500 operations. Replayed,
the step is one call. What a recording must not contain is all that differs from step to step; it comes in by tensors
that stay where they are and are written over before each replay (see `earlylearn.loop.method.Method.replayable`).
"""

import warnings
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from earlylearn.loop.batches import Batches
from earlylearn.loop.method import Method


class Said(NamedTuple):
    """What a step leaves.

    Attributes:
        losses: by part, scalars.
        logits: ``[B, C]`` of the batch's own inputs, or None; see `earlylearn.loop.method.Step`.
    """

    losses: dict[str, Tensor]
    logits: Tensor | None


Work = Callable[[], Said]  # a step
WARM_UP = 3  # steps as they are, before a step is recorded: libraries choose algorithms, optimizers make their buffers


class Recorder(Protocol):
    """What records steps: `CudaGraphs`, or what stands in for it where there is no GPU.

    Attributes:
        refuses: why the steps it warmed up with cannot be recorded, or empty.
    """

    refuses: str

    def warm_up(self, step: Work) -> Said:
        """Do a step as it is, where steps will be recorded."""

    def record(self, step: Work) -> tuple[Callable[[], object], Said]:
        """How to replay the step, and where each replay leaves what it says; does not do it."""

    def forget(self) -> None:
        """Begin anew: what was recorded will not be replayed any more."""


class CudaGraphs:
    """Records steps as CUDA graphs, which share one pool of memory, for they never run at the same time.

    A step that waits for the device cannot be recorded, and trying would leave PyTorch's allocator and random numbers
    in disorder: PyTorch is asked to tell of waiting while the first steps run as they are.
    """

    def __init__(self) -> None:
        self.pool, self.stream = torch.cuda.graph_pool_handle(), torch.cuda.Stream()
        self.refuses = ""

    def warm_up(self, step: Work) -> Said:
        """On the stream that records, in order with what came before and what comes after."""
        before = torch.cuda.get_sync_debug_mode()
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                said = step()
            finally:
                torch.cuda.set_sync_debug_mode(before)
        torch.cuda.current_stream().wait_stream(self.stream)
        waits = [f"{each.filename}:{each.lineno}" for each in caught if "synchronizing" in str(each.message)]
        if waits:
            self.refuses = f"{waits[0]} waits for the GPU"
        return said

    def record(self, step: Work) -> tuple[Callable[[], object], Said]:
        """As `Recorder.record`."""
        graph, current = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
        try:
            with torch.cuda.graph(graph, pool=self.pool, stream=self.stream):
                said = step()
        except RuntimeError as error:
            torch.cuda.set_stream(current)  # which a recording that fails does not see to itself
            raise RuntimeError(str(error.__context__ or error)) from error
        return graph.replay, said

    def forget(self) -> None:
        """A pool belongs to the recordings in it."""
        self.pool = torch.cuda.graph_pool_handle()


def recorder_for(method: Method, data: Batches) -> tuple[Recorder | None, str]:
    """What records the steps of a method on these data, or None and why their steps run as they are.

    On a processor, where Python keeps up, there is nothing to record and nothing to say.
    """
    device = data.draws[0].rows.device
    if device.type != "cuda":
        return None, ""
    if not method.replayable:
        return None, "this method does not say that its steps may be (replayable)"
    if data.inputs.device != device:
        return None, "the inputs do not fit into the GPU's memory"
    return CudaGraphs(), ""


class Replays:
    """Steps by what they do and the shapes they do it on: the first few run as they are, then each is recorded.

    Args:
        recorder: makes the recordings.

    Attributes:
        failed: why no step is recorded any more, or empty.
        recorded: number of recordings.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.failed = ""
        self.recorded = 0
        self._steps: dict[Hashable, _Step] = {}

    def __call__(self, what: Hashable, work: Callable[..., Said], given: Sequence[float | Tensor]) -> Said:
        """Do a step; what it says is good until the next.

        Args:
            what: tells this work from others.
            work: the step, given tensors like `given`; numbers become scalar float32 tensors.
            given: what differs from step to step.
        """
        shapes = tuple(tuple(each.shape) if isinstance(each, Tensor) else () for each in given)
        step = self._steps.get((what, shapes))
        if step is None:
            step = self._steps[what, shapes] = _Step(work, given)
        step.take(given)
        if step.replay is None and step.done >= WARM_UP and not self.failed:
            try:
                if self.recorder.refuses:
                    raise RuntimeError(self.recorder.refuses)
                step.replay, step.said = self.recorder.record(step.run)
                self.recorded += 1
            except RuntimeError as error:
                self.failed = str(error).splitlines()[0]
        step.done += 1
        if step.replay is None:
            return self.recorder.warm_up(step.run)
        step.replay()
        return step.said

    def forget(self) -> None:
        """Record all steps anew: what they hold is no longer what trains."""
        self._steps.clear()
        self.recorder.forget()


class _Step:
    """A step and the tensors it is given, which stay where they are."""

    def __init__(self, work: Callable[..., Said], given: Sequence[float | Tensor]) -> None:
        device = next(each.device for each in given if isinstance(each, Tensor))
        self.work = work
        self.given = [
            torch.empty_like(each) if isinstance(each, Tensor) else torch.zeros((), device=device) for each in given
        ]
        self.done = 0
        self.replay: Callable[[], object] | None = None
        self.said = Said({}, None)

    def take(self, given: Sequence[float | Tensor]) -> None:
        for place, each in zip(self.given, given, strict=True):
            if isinstance(each, Tensor):
                place.copy_(each, non_blocking=True)
            else:
                place.fill_(each)

    def run(self) -> Said:
        return self.work(*self.given)
