"""What does a person read when the disk or the memory fails while a run trains?"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from earlylearn.errors import Advice, EarlylearnError, call, setting
from earlylearn.runs.folder import RunFolder


@contextmanager
def one_line_errors(folder: RunFolder) -> Iterator[None]:
    """A disk that fails while training is the user's to mend: one line, and what was kept is kept."""
    try:
        yield
    except OSError as error:
        raise EarlylearnError(
            f"{error.filename or folder.path}: {error.strerror or error}; free the disk or the permission, then "
            f"{call('resume', folder.path)}"
        ) from error
    except torch.OutOfMemoryError:
        raise EarlylearnError(
            f"out of memory; lower {setting('batch_size')}, or choose a smaller {setting('network')} or "
            f"{setting('accelerator', 'cpu')}"
        ) from None
    except KeyboardInterrupt as stop:
        stop.add_note(Advice(f"continue with {call('resume', folder.path)}"))
        raise
