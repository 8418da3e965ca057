"""How is a training step recorded once and replayed without Python: as a CUDA graph of the whole step?

At a batch of 128 a GPU does the arithmetic of a step faster than Python can ask for its some 500 operations. Replayed,
the step is one call. What a recording must not contain is all that differs from step to step; it comes in by tensors
that stay where they are and are written over before each replay (see `earlylearn.method.Method.replayable`).
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from earlylearn.data.batches import Batches
from earlylearn.method import Method

Losses = dict[str, Tensor]
Step = Callable[[], Losses]
WARM_UP = 3  # steps as they are, before a step is recorded: libraries choose algorithms, optimizers make their buffers


class Recorder(Protocol):
    """What records steps: `CudaGraphs`, or what stands in for it where there is no GPU."""

    def warm_up(self, step: Step) -> Losses:
        """Do a step as it is, where steps will be recorded."""

    def record(self, step: Step) -> tuple[Callable[[], object], Losses]:
        """How to replay the step, and where each replay leaves its losses; does not do it."""


class CudaGraphs:
    """Records steps as CUDA graphs, which share one pool of memory, for they never run at the same time.

    A step that waits for the device cannot be recorded.
    """

    def __init__(self) -> None:
        self.pool, self.stream = torch.cuda.graph_pool_handle(), torch.cuda.Stream()

    def warm_up(self, step: Step) -> Losses:
        """On the stream that records, in order with what came before and what comes after."""
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            losses = step()
        torch.cuda.current_stream().wait_stream(self.stream)
        return losses

    def record(self, step: Step) -> tuple[Callable[[], object], Losses]:
        """As `Recorder.record`."""
        graph = torch.cuda.CUDAGraph()
        # Threads that read ahead may ask for memory meanwhile: only what this thread does is judged.
        with torch.cuda.graph(graph, pool=self.pool, stream=self.stream, capture_error_mode="thread_local"):
            losses = step()
        return graph.replay, losses


def recorder_for(method: Method, data: Batches) -> tuple[Recorder | None, str]:
    """What records the steps of a method on these data, or None and why their steps run as they are.

    On a processor, where Python keeps up, there is nothing to record and nothing to say.
    """
    device = data.draws[0].rows.device
    if device.type != "cuda":
        return None, ""
    if not method.replayable:
        return None, "no two steps of this method are alike"
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

    def __call__(self, what: Hashable, work: Callable[..., Losses], given: Sequence[float | Tensor]) -> Losses:
        """Do a step; its losses are good until the next.

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
                step.replay, step.losses = self.recorder.record(step.run)
                self.recorded += 1
            except RuntimeError as error:
                self.failed = str(error).splitlines()[0]
        step.done += 1
        if step.replay is None:
            return self.recorder.warm_up(step.run)
        step.replay()
        return step.losses


class _Step:
    """A step and the tensors it is given, which stay where they are."""

    def __init__(self, work: Callable[..., Losses], given: Sequence[float | Tensor]) -> None:
        device = next(each.device for each in given if isinstance(each, Tensor))
        self.work = work
        self.given = [
            torch.empty_like(each) if isinstance(each, Tensor) else torch.zeros((), device=device) for each in given
        ]
        self.done = 0
        self.replay: Callable[[], object] | None = None
        self.losses: Losses = {}

    def take(self, given: Sequence[float | Tensor]) -> None:
        for place, each in zip(self.given, given, strict=True):
            if isinstance(each, Tensor):
                place.copy_(each, non_blocking=True)
            else:
                place.fill_(each)

    def run(self) -> Losses:
        return self.work(*self.given)
