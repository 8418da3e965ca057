"""How do several processes work at one study, and what does a person see meanwhile?"""

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.synchronize import Event

import torch

from earlylearn.errors import EarlylearnError, setting
from earlylearn.machine import born_deaf_to_interruption, end_with_parent, processors
from earlylearn.runs.progress import quiet_fabric
from earlylearn.study.live import LiveTable
from earlylearn.study.runs import StudyRun
from earlylearn.values import whole_number

Work = Callable[[], None]


def run_workers(work: Work, runs: Sequence[StudyRun], *, workers: int, quiet: bool) -> None:
    """Let so many workers do the same work at once, each with its share of the processor, under a live table.

    Args:
        work: what each worker does until nothing is left; with several it travels to other processes.
        runs: what the table shows.
        workers: number of processes; 1 works in this one.
        quiet: show nothing.

    Raises:
        EarlylearnError: a worker died; the finished runs are kept.
    """
    try:
        with LiveTable(runs, quiet=quiet):
            if workers == 1:
                work()
            else:
                _in_processes(work, workers)
    except KeyboardInterrupt as stop:
        stop.__notes__ = ["what is finished is kept: ask the same again to go on"]
        raise


def _in_processes(work: Work, workers: int) -> None:
    # Not forked: threads and an accelerator in use do not survive it.
    context = multiprocessing.get_context("spawn")
    threads = max(1, processors() // workers)
    started = context.Event()
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(threads, started))
    try:
        with born_deaf_to_interruption():
            futures = [pool.submit(work) for _ in range(workers)]
        for future in as_completed(futures):
            future.result()
    except BaseException as error:
        # Runs stand every kind of end, so nobody waits for an epoch when a person has had enough.
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        if isinstance(error, BrokenProcessPool) and not started.is_set():
            raise EarlylearnError(
                'no worker could be started; in a script, put the call under if __name__ == "__main__": (Python\'s '
                "multiprocessing asks for it)"
            ) from None
        if isinstance(error, BrokenProcessPool):
            raise EarlylearnError(
                "a worker was killed, perhaps for want of memory; what is finished is kept: ask the same again with "
                f"fewer {setting('workers')}"
            ) from None
        raise
    finally:
        pool.shutdown()


def check_workers(workers: int) -> int:
    """A number of workers this machine can run; UsageError otherwise."""
    return whole_number("workers", workers, most=4 * processors(), why="four per processor core")


def _begin(threads: int, started: Event) -> None:
    """Prepare a worker: its share of the processor, and an end with its parent, lest an orphan write on."""
    started.set()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(threads)
    quiet_fabric()
    end_with_parent()
