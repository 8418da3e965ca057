"""How much of a training step goes into asking the system for memory that the step before gave back?

`earlylearn.machine.keep_freed_memory` sets a whole process, so each side trains in one of its own: forward,
cross-entropy, backward and SGD on images of 32 x 32. The sides take turns, on processor time.

Run:
    python -m benchmarks memory
"""

import multiprocessing
import resource
import statistics
import time
from multiprocessing.connection import Connection

import torch

from benchmarks.peak import training_step
from benchmarks.timing import ratio
from earlylearn.machine import keep_freed_memory

NETWORKS = {"small-cnn": (128, 20), "whitened-cnn": (512, 1), "resnet34": (128, 1)}  # images and steps of a turn
GOALS: dict[str, str] = {}


def train(pipe: Connection, network: str, batch: int, steps: int, kept: bool) -> None:
    """Whenever asked, some training steps; answers with processor seconds and page faults of one."""
    torch.set_num_threads(1)
    if kept:
        keep_freed_memory()
    step = training_step(network, batch)
    while pipe.recv():
        began, faults = time.process_time(), _page_faults()
        for _ in range(steps):
            step()
        pipe.send(((time.process_time() - began) / steps, (_page_faults() - faults) / steps))


def measure(rounds: int = 9, *, networks: dict[str, tuple[int, int]] = NETWORKS) -> dict[str, float]:
    """For each network the time of a step that keeps memory, of one that does not; page faults of a step of both."""
    result = {}
    for network, (batch, steps) in networks.items():
        times, faults = _turns(network, batch, steps, rounds)
        result[f"{network}_kept_to_returned"] = ratio(times[True], times[False])
        for name, kept in (("kept", True), ("returned", False)):
            result[f"{network}_{name}_page_faults"] = statistics.median(faults[kept])
    return result


def _turns(
    network: str, batch: int, steps: int, rounds: int
) -> tuple[dict[bool, list[float]], dict[bool, list[float]]]:
    context = multiprocessing.get_context("spawn")
    times: dict[bool, list[float]] = {True: [], False: []}
    faults: dict[bool, list[float]] = {True: [], False: []}
    pipes, processes = {}, []
    for kept in times:
        pipes[kept], end = context.Pipe()
        processes.append(context.Process(target=train, args=(end, network, batch, steps, kept), daemon=True))
        processes[-1].start()
        end.close()  # so that a process that fails ends the wait for its answer
    for turn in range(rounds + 1):
        for kept, pipe in pipes.items():
            pipe.send(True)
            seconds, count = pipe.recv()
            if turn:  # the first does not count
                times[kept].append(seconds)
                faults[kept].append(count)
    for pipe, process in zip(pipes.values(), processes, strict=True):
        pipe.send(False)
        process.join()
    return times, faults


def _page_faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
