"""Where is the user's data, of which kind is it, and how does a failed read become one line?"""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Literal

from earlylearn.data.readers.beginnings import never_data, unfetched
from earlylearn.errors import UsageError, did_you_mean, hide_password, nearest

Kind = Literal["folder", "table", "npz", "npy", "image"]
TABLE_SUFFIXES = (".csv", ".tsv", ".parquet", ".pq")
IMAGE_SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
KINDS: dict[str, Kind] = {
    **dict.fromkeys(TABLE_SUFFIXES, "table"),
    ".npz": "npz",
    ".npy": "npy",
    **dict.fromkeys(IMAGE_SUFFIXES, "image"),
}

LARGEST_POINTER = 1024  # bytes of a file that stands for another

# What to do about a file with a suffix of which nothing is read.
_MENDS = {
    **dict.fromkeys((".gz", ".bz2", ".xz", ".zst", ".zip", ".tar", ".tgz", ".7z", ".rar"), "unpack it, and "),
    **dict.fromkeys((".xlsx", ".xls", ".ods", ".numbers"), "save it as CSV (UTF-8), and "),
    **dict.fromkeys(
        (".json", ".jsonl", ".ndjson", ".feather", ".arrow", ".pkl", ".pickle"), "write it as Parquet, and "
    ),
    ".txt": "let its name end in .csv or .tsv if it is a table, and ",
}


def find(data: str, builtin: Iterable[str] = ()) -> tuple[Path, Kind]:
    """The path that `data` names, and whether it is a folder, a table, a numpy file or one image.

    Raises:
        UsageError: there is no such path (close built-in names are suggested), or no reader for its suffix.
    """
    names = list(builtin)
    path = Path(os.path.expanduser(data))
    with reading(data, "check the path and its permissions"):
        exists, is_folder = path.exists(), path.is_dir()
    if "://" in data and not exists:
        raise UsageError(f"{hide_password(data)}: is an address; download what is there, and give the file")
    if not data or not exists:
        known = f" or one of the built-in data sets {', '.join(names)}" if names else ""
        near = did_you_mean(data, names) or neighbour_meant(path) or _slashes_meant(data)
        raise UsageError(f"{quoted(data)}: no such file or folder; {near}give an existing path{known}")
    if is_folder:
        return path, "folder"
    check_file(path)
    suffix = path.suffix.lower()
    if suffix in KINDS:
        return path, KINDS[suffix]
    mend = _MENDS.get(suffix, "")
    raise UsageError(
        f"{data}: a file {f'of the kind {suffix!r}' if suffix else 'without a suffix'} cannot be read; {mend}"
        f"give a folder of images, a table ({', '.join(TABLE_SUFFIXES)}) or an .npz or .npy file"
    )


def neighbour_meant(path: Path) -> str:
    """``did you mean 'runs/photos'? `` of a path that is not there, if one beside it is called nearly so; else nothing.

    A few thousand of what lies there are looked at, so that an answer does not take longer than the question.
    """
    try:
        with os.scandir(path.parent) as entries:
            names = [entry.name for entry in islice(entries, 2000) if not entry.name.startswith(".")]
    except (OSError, ValueError):
        return ""
    near = nearest(path.name, names)
    return "" if near is None else f"did you mean {str(path.parent / near)!r}? "


def _slashes_meant(data: str) -> str:
    """Says how paths are written here, where one is written as Windows does."""
    return "" if os.sep == "\\" or "\\" not in data else "write / in place of Windows' \\; "


def check_file(path: Path) -> None:
    """Raises UsageError of a pipe or device, which would be read for ever, and of what stands for another file."""
    with reading(path, "check the path and its permissions"):
        found = path.stat()
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        raise UsageError(f"{path}: is no file but a pipe or device; save its content as a file, and name that")
    if found.st_size <= LARGEST_POINTER and (instead := unfetched(path)):
        raise UsageError(f"{path}: {instead}")


@contextmanager
def reading(what: object, mend: str) -> Iterator[None]:
    """Turns any failure of the reader inside the block into a UsageError: what, why and the mend."""
    try:
        yield
    except UsageError:
        raise
    except PermissionError as error:
        culprit = error.filename or what
        raise UsageError(f"{culprit}: no permission to read it; allow it, e.g. with chmod u+rX") from error
    except FileNotFoundError as error:
        raise UsageError(f"{error.filename or what}: no such file; {mend}") from error
    except Exception as error:  # readers raise whatever the bytes lead them to
        if (other := _other_kind(what)) is not None:
            raise UsageError(f"{what}: {other}") from error
        raise UsageError(f"{what}: {one_line(error)}; {mend}") from error


def _other_kind(what: object) -> str | None:
    """What a file that could not be read is instead of data, if it is a file and its beginning tells."""
    try:
        return never_data(what) if isinstance(what, Path) and what.is_file() else None
    except OSError:
        return None


def one_line(error: BaseException) -> str:
    """The error's own words on one line, short enough to read."""
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror
    elif isinstance(error, KeyError) and error.args:
        text = f"has no {error.args[0]!r}" if isinstance(error.args[0], bytes) else str(error.args[0])
    else:
        text = str(error)
    text = " ".join(text.split()).rstrip(".;") or type(error).__name__
    return text if len(text) <= 160 else text[:157] + "..."


def listed(names: Iterable[object], most: int = 12) -> str:
    """The names separated by commas, cut after `most`, for an error message."""
    every = [str(name) for name in names]
    shown = ", ".join(every[:most]) or "none"
    return shown if len(every) <= most else f"{shown}, ... ({len(every)} in all)"


def quoted(path: str) -> str:
    """A path as Python writes it, but for the doubled backslashes of Windows' ones, which nobody typed."""
    return repr(path).replace("\\\\", "\\")


def relative_id(path: Path, folder: Path) -> str:
    """The path relative to `folder` with forward slashes: the stable id of a file."""
    name = path.relative_to(folder).as_posix()
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        shown = os.fsencode(name).decode("utf-8", "replace")
        raise UsageError(f"{folder}: the file name {shown!r} is not UTF-8; rename the file") from error
    return name
