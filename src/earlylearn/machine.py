"""What has this machine, and what does its system do for a process: memory that is kept, an end with its parent?"""

import ctypes
import multiprocessing
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

# Of glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
NEVER_TRIM = -1
MMAP_AT_FIRST = 2**17  # bytes, glibc's own for both
LARGEST = 2**31 - 1  # bytes that mallopt takes; larger blocks still come from the system and go back to it


def device() -> str:
    """What trains here when nothing else is said: ``cuda``, ``mps`` or ``cpu``."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def main_memory() -> int | None:
    """Bytes of main memory; None where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def gpu_memory() -> int | None:
    """Bytes of the first CUDA device's memory; None without one."""
    return torch.cuda.get_device_properties(0).total_memory if torch.cuda.is_available() else None


def free_disk(folder: Path) -> int:
    """Bytes free on the disk of a folder, which may not be there yet."""
    folder = folder.absolute()
    return shutil.disk_usage(next(each for each in (folder, *folder.parents) if os.path.exists(each))).free


def matrix_rate(precision: str, side: int = 2048) -> float:
    """Floating-point operations a second of products of square matrices, measured where training would run.

    Args:
        precision: ``bf16-mixed`` or ``32-true``.
        side: of the matrices.
    """
    dtype = torch.bfloat16 if precision == "bf16-mixed" else torch.float32
    matrix = torch.ones(side, side, dtype=dtype, device=device())
    seconds = []
    for _ in range(5):  # the fastest counts: the first ones warm up, others may be disturbed
        began = time.perf_counter()
        float((matrix @ matrix)[0, 0])  # reading a number waits for the device
        seconds.append(time.perf_counter() - began)
    return 2 * side**3 / min(seconds)


def multiplies_bf16(accelerator: str = "auto") -> bool:
    """Whether what trains here multiplies bf16 fast."""
    if accelerator in ("auto", "cuda", "gpu") and torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    return processor_has_bf16()


def processor_has_bf16() -> bool:
    """Whether the processor has bf16 matrix instructions (AVX512-BF16 or AMX)."""
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name)() for name in checks if hasattr(torch.cpu, name))


def keep_freed_memory() -> None:
    """Have this process reuse freed blocks of up to 2 GiB, from now on; does nothing where there is no glibc.

    A training step frees and asks for the same blocks again and again. glibc returns large ones to the system, which
    fills every page with zeros before it hands it out anew: a fifth of a step of a small network, less of a large one.
    The price: a process keeps, until it ends, the most that it ever used at once.
    """
    if sys.platform.startswith("linux"):
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(M_MMAP_THRESHOLD, LARGEST)
            mallopt(M_TRIM_THRESHOLD, NEVER_TRIM)


def give_back_memory() -> None:
    """Undo `keep_freed_memory`, and return what is free: after training, before large tables are gone through once."""
    if sys.platform.startswith("linux"):
        library = ctypes.CDLL(None)
        if hasattr(library, "mallopt") and hasattr(library, "malloc_trim"):
            library.mallopt(M_MMAP_THRESHOLD, MMAP_AT_FIRST)
            library.mallopt(M_TRIM_THRESHOLD, MMAP_AT_FIRST)
            library.malloc_trim(0)


def give_back_unused() -> None:
    """Return what this process and pyarrow hold and do not use, as after reading, of which much is left."""
    if "pyarrow" in sys.modules:
        import pyarrow

        pyarrow.default_memory_pool().release_unused()
    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def available_memory() -> int | None:
    """Bytes of main memory that a process may still take without swapping; None where the system does not tell."""
    found = [_number(Path("/proc/meminfo"), "MemAvailable:")]
    limit, used = (_number(Path("/sys/fs/cgroup") / name) for name in ("memory.max", "memory.current"))
    if limit is not None and used is not None:
        found.append(limit - used + (_number(Path("/sys/fs/cgroup/memory.stat"), "inactive_file") or 0))
    known = [bytes_ for bytes_ in found if bytes_ is not None]
    return max(0, min(known)) if known else None


def used_memory(*, mapped: bool = True) -> int | None:
    """Bytes of main memory that this process has now; None where the system does not tell.

    Without `mapped` files, whose pages the system takes back when it wants them for something else.
    """
    return _number(Path("/proc/self/status"), "VmRSS:" if mapped else "RssAnon:")


def _number(file: Path, name: str = "") -> int | None:
    """The number behind a name in a file of the system, in bytes; None where there is none, as of "max"."""
    try:
        line = next(line for line in file.read_text().splitlines() if line.startswith(name))
        words = line.removeprefix(name).split()
        return int(words[0]) * (1024 if words[1:] == ["kB"] else 1)
    except (OSError, StopIteration, ValueError, IndexError):
        return None


@contextmanager
def born_deaf_to_interruption() -> Iterator[None]:
    """Children that start in here ignore Ctrl-C: their parent decides what an interruption ends."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may say how signals are met
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def end_with_parent() -> None:
    """From now on this process ends when its parent does, lest an orphan write on."""
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def processors() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
