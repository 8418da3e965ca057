"""How much memory and disk has this machine, and how fast does it multiply matrices?"""

import os
import shutil
import time
from pathlib import Path

import torch


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
    return shutil.disk_usage(next(each for each in (folder, *folder.parents) if each.exists())).free


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
