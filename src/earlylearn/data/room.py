"""Is there memory for what is about to be read?"""

import os
from pathlib import Path

from earlylearn.errors import UsageError


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
