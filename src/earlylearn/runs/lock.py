"""How is one run trained by one process at a time, and who is told which?"""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from earlylearn.errors import UsageError, setting


@contextmanager
def locked(run: Path, lock: Path, holder: Path) -> Iterator[None]:
    """While nobody else trains a run or clears its folder; the system frees the lock of a process that dies.

    Args:
        run: its folder.
        lock: the file that is locked.
        holder: the file that says by whom, as long as it is.

    Raises:
        UsageError: another process holds it; the message says which.
    """
    held = FileLock(lock, blocking=False)
    try:
        held.acquire()
    except Timeout:
        raise UsageError(
            f"{run}: {_who(holder)} is at this run; let it finish, or stop it, or name another {setting('out')}"
        ) from None
    except (OSError, NotImplementedError):  # a disk that cannot lock files, or is full
        yield
        return
    try:
        with suppress(OSError):
            holder.write_text(f"process {os.getpid()} on {platform.node()}")
        yield
    finally:
        with suppress(OSError):
            holder.unlink(missing_ok=True)
        held.release()


def _who(holder: Path) -> str:
    try:
        return holder.read_text() or "another process"
    except (OSError, ValueError):
        return "another process"
