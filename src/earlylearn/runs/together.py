"""How do several processes come together to train one run: brought up by a launcher, or by the first of them?"""

import io
import mmap
import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.distributed as dist
from lightning_fabric.plugins.environments.lightning import LightningEnvironment, find_free_network_port
from lightning_fabric.plugins.environments.mpi import MPIEnvironment
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import nn

from earlylearn.data.mapped import Nameless
from earlylearn.errors import EarlylearnError, UsageError, call, setting
from earlylearn.loop.processes import ProcessLost
from earlylearn.machine import born_deaf_to_interruption, end_with_parent
from earlylearn.runs.config import RunConfig
from earlylearn.runs.progress import quiet_fabric

LAST_WORDS = 5.0  # seconds that a process which lost another waits to learn which


class Seat(NamedTuple):
    """A process's place among those that were started here.

    Attributes:
        rank: its number, from 0.
        port: where they meet on this machine.
    """

    rank: int
    port: int


class SharedSteps(DDPStrategy):
    """Fabric's processes and devices; networks stay as they are, for the loop itself adds up the gradients.

    DistributedDataParallel takes means over equal parts, and must be told of weights that a step leaves alone.
    """

    def __init__(self, seat: Seat | None) -> None:
        super().__init__(cluster_environment=None if seat is None else _Seated(seat))

    def setup_module(self, module: nn.Module) -> nn.Module:  # type: ignore[override]
        """The network."""
        return module


class _Seated(LightningEnvironment):
    """Tells Fabric of processes that are there already."""

    def __init__(self, seat: Seat) -> None:
        super().__init__()
        self._seat = seat

    @property
    def creates_processes_externally(self) -> bool:
        return True

    @property
    def main_address(self) -> str:
        return "127.0.0.1"

    @property
    def main_port(self) -> int:
        return self._seat.port

    def local_rank(self) -> int:
        return self._seat.rank

    def node_rank(self) -> int:
        return 0


def found() -> dict[str, int]:
    """The settings ``devices`` and ``num_nodes`` that torchrun says, where it started this process; else none."""
    if not TorchElasticEnvironment.detect():
        return {}
    world, here = (int(os.environ[name]) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    return {"devices": here, "num_nodes": max(1, world // here)}


def launched() -> bool:
    """Whether a launcher started this process together with others."""
    by_slurm = SLURMEnvironment.detect() and int(os.environ.get("SLURM_NTASKS", 1)) > 1
    return TorchElasticEnvironment.detect() or by_slurm or "LOCAL_RANK" in os.environ or MPIEnvironment.detect()


def follows(processes: int) -> bool:
    """Whether this is one of several processes of a launcher, and not the first."""
    if processes < 2 or not launched():
        return False
    names = ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "LOCAL_RANK")
    return int(next((os.environ[name] for name in names if name in os.environ), 0)) > 0


@contextmanager
def together(config: RunConfig, work: Callable[[Seat], object], path: str | Path) -> Iterator[Seat | None]:
    """While it lasts, the other processes of a run are there, each at the same work; yields the place of this one.

    Where a launcher started them, or there is to be one alone, there is nothing to do, and no place.

    Args:
        config: says how many.
        work: what each of the others does; it travels to them.
        path: the run's folder, for messages.

    Raises:
        UsageError: the work cannot travel, or there is no launcher for several machines.
        EarlylearnError: one of them ended.
    """
    if config.processes == 1 or launched():
        yield None
        return
    if config.num_nodes > 1:
        raise UsageError(
            f"{setting('num_nodes', config.num_nodes)}: on several machines a launcher starts the processes, and none "
            "did here; run the same command on every machine by torchrun, srun or the like"
        )
    packed, port = _packed(work, config), find_free_network_port()
    threads = torch.get_num_threads()
    share = max(1, threads // config.devices)
    others = [_Other(packed, Seat(rank, port), share) for rank in range(1, config.devices)]
    try:
        with born_deaf_to_interruption():
            for other in others:
                other.process.start()
        for other in others:
            other.wait()
        torch.set_num_threads(share)
        yield Seat(0, port)
    except ProcessLost as lost:
        raise _reason(others, lost, path) from lost
    finally:
        torch.set_num_threads(threads)
        if dist.is_initialized():
            with suppress(RuntimeError):
                dist.destroy_process_group()
        for other in others:
            other.end(wait=sys.exc_info()[0] is None)


class _Other:
    """A process that was started here, and what it says."""

    def __init__(self, packed: bytes, seat: Seat, threads: int) -> None:
        context = multiprocessing.get_context("spawn")  # threads and a GPU in use do not survive a fork
        self.rank = seat.rank
        self.hears, says = context.Pipe(duplex=False)
        self.process: SpawnProcess = context.Process(target=_sit, args=(packed, seat, threads, says), daemon=True)
        self.said: EarlylearnError | None = None

    def wait(self) -> None:
        """Until it is ready; EarlylearnError if it will not be."""
        multiprocessing.connection.wait([self.hears, self.process.sentinel])
        if self.hears.poll() and self.listen() is None:
            return
        raise self.said or EarlylearnError(
            'no other process could be started; in a script, put the call under if __name__ == "__main__": (Python\'s '
            "multiprocessing asks for it)"
        )

    def listen(self) -> EarlylearnError | None:
        """What it said of its failure."""
        with suppress(EOFError, OSError):
            while self.hears.poll():
                said = self.hears.recv()
                self.said = said if isinstance(said, EarlylearnError) else self.said
        return self.said

    def end(self, *, wait: bool) -> None:
        """Have it ended."""
        if self.process.pid is None:
            return
        if wait:
            self.process.join(LAST_WORDS)
        self.process.terminate()
        self.process.join(LAST_WORDS)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def _sit(packed: bytes, seat: Seat, threads: int, says: Connection) -> None:
    """A process's whole life."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process decides what an interruption ends
    end_with_parent()
    torch.set_num_threads(threads)
    quiet_fabric()
    try:
        work = pickle.loads(packed)  # of our own parent
        says.send(None)
        work(seat)
    except EarlylearnError as error:
        says.send(error)
        os._exit(1)
    except Exception as error:
        traceback.print_exc()
        says.send(EarlylearnError(f"process {seat.rank} failed: {' '.join(str(error).split())[:200]}"))
        os._exit(1)
    os._exit(0)  # nothing is left to do, and a lost partner may hold up whoever says good-bye


def _reason(others: list[_Other], lost: ProcessLost, path: str | Path) -> EarlylearnError:
    """Why a run lost a process: what that one said, or what killed it."""
    multiprocessing.connection.wait([other.process.sentinel for other in others], LAST_WORDS)
    for other in others:
        other.process.join(0.1)
    again = f"what was trained is kept up to the last checkpoint: go on with {call('resume', path)}"
    for other in others:
        said = other.listen()
        if said is not None and not isinstance(said, ProcessLost):
            return type(said)(said.message) if isinstance(said, UsageError) else EarlylearnError(said.message)
    killed = [other for other in others if (other.process.exitcode or 0) < 0]
    for other in killed:
        number = -(other.process.exitcode or 0)
        return EarlylearnError(
            f"process {other.rank} of {len(others) + 1} was killed (signal {number}), perhaps for want of memory; "
            f"{again}"
        )
    return EarlylearnError(f"{lost.message}; {again}")


def _packed(work: Callable[[Seat], object], config: RunConfig) -> bytes:
    """Work as bytes; UsageError if something of the user's cannot travel."""
    buffer = io.BytesIO()
    try:
        _Pickler(buffer, protocol=pickle.HIGHEST_PROTOCOL).dump(work)
    except Exception as error:  # of the user's objects, and of many kinds
        raise UsageError(
            f"{setting('devices', config.devices)}: something of the request cannot go to another process "
            f"({' '.join(str(error).split())[:160]}); define it in a module, or start the processes with torchrun"
        ) from None
    return buffer.getvalue()


class _Pickler(pickle.Pickler):
    """As pickle does it, but arrays that are files stay files."""

    def reducer_override(self, value: Any) -> Any:
        named = isinstance(value, np.memmap) and not isinstance(value, Nameless) and value.filename is not None
        if named and isinstance(value.base, mmap.mmap):
            return np.memmap, (value.filename, value.dtype, "r", value.offset, value.shape)
        return NotImplemented
