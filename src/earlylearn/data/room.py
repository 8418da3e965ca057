"""Is there memory for what is about to be read?"""

import os
import re
from pathlib import Path

from earlylearn.errors import UsageError

MEMORY_VARIABLE = "EARLYLEARN_MEMORY"
SHARE = 0.5  # of what is free, that data may take as they are read; the rest is for what trains on them
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def available_memory() -> int | None:
    """Bytes that may be had without swapping, in this container too; None where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        try:
            free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
        except (AttributeError, ValueError, OSError):
            return None
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text())
        free = min(free, limit - int(Path("/sys/fs/cgroup/memory.current").read_text()))
    except (OSError, ValueError):  # no limit, or none that is told
        pass
    return max(free, 0)


def memory_for_data() -> int | None:
    """Bytes that data may take as they are read, beyond which they go through a store on the disk.

    What the environment variable EARLYLEARN_MEMORY says (``8G``; 0 sends all of them there), else `SHARE` of what is
    free; None where the system does not tell.

    Raises:
        UsageError: the variable is no number of bytes.
    """
    named = os.environ.get(MEMORY_VARIABLE, "").strip()
    if not named:
        there = available_memory()
        return None if there is None else int(SHARE * there)
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", named, re.IGNORECASE)
    if found is None:
        raise UsageError(
            f"the environment variable {MEMORY_VARIABLE} is {named!r}: give bytes, such as 8G, or leave it out"
        )
    return int(float(found[1]) * _UNITS[found[2].upper()])


def check_room(needed: int, what: str, mend: str) -> None:
    """Raises UsageError, which names both numbers, if something needs more memory than there is."""
    there = available_memory()
    if there is not None and needed > there:
        raise UsageError(f"{what}: needs {in_bytes(needed)} of memory, {in_bytes(there)} are free; {mend}")


def in_bytes(number: int) -> str:
    """A number of bytes as a person reads it, e.g. ``2.5 GiB``."""
    value, units = float(number), ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    while value >= 1024 and len(units) > 1:
        value /= 1024
        del units[0]
    return f"{value:,.0f} {units[0]}" if value >= 100 or units[0] == "bytes" else f"{value:,.1f} {units[0]}"
