"""How does a process wait while another makes what both need, such as features or decoded pictures?"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from earlylearn.data.counting import say


@contextmanager
def one_at_a_time(lock: Path, does: str) -> Iterator[None]:
    """While no other process does the same; who waits says so.

    Where files cannot be locked, both do it: what is kept has a checksum, and is made anew where that is wrong.

    Args:
        lock: the file that is locked, in a folder that is there.
        does: what the other process does, such as ``decodes photos``.
    """
    held = FileLock(lock)
    try:
        held.acquire(timeout=1)
    except Timeout:
        say(f"waiting for another process, which {does}")
        held.acquire()
    except (OSError, NotImplementedError):  # a disk that cannot lock files, or is full
        yield
        return
    try:
        yield
    finally:
        held.release()
