"""How are files of ours written whole or not at all, and read back?"""

import json
import os
from pathlib import Path
from typing import IO, Any

from earlylearn.errors import UsageError, setting
from earlylearn.values import yes_or_no


def write_json(path: Path, document: Any) -> None:
    """Write a JSON document, all or nothing; NaN is refused, unknown is null."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(to_json(document))
    os.replace(partial, path)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, all or nothing, also where another process writes the same one; OSError if the disk refuses."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def to_json(document: Any) -> str:
    """A JSON document as text; NaN is refused, unknown is null."""
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def read_json(path: Path) -> Any:
    """Read a JSON document; UsageError if it is missing or broken."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file; {path.parent} is not a finished run folder") from None
    except (ValueError, OSError) as error:
        raise UsageError(f"{path}: cannot be read as JSON ({error}); restore the file or train again") from None


def new_file(out: str | None, overwrite: bool) -> Path | None:
    """A file that may be written, or None; UsageError if it is there already, a folder, or in no folder."""
    if out is None:
        return None
    path, overwrite = Path(out), yes_or_no("overwrite", overwrite)
    if path.is_dir():
        raise UsageError(f"{setting('out', out)}: is a folder; name a file")
    if path.exists() and not overwrite:
        raise UsageError(
            f"{setting('out', out)}: exists already; name another file or give {setting('overwrite', True)}"
        )
    if not path.parent.is_dir():
        raise UsageError(f"{setting('out', out)}: the folder {path.parent} does not exist; make it first")
    return path


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines, none if it is not there; a last line that a kill cut short is passed over.

    Raises:
        UsageError: the file cannot be read, or another line is no JSON object.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read ({error}); restore the file") from None
    lines = []
    for number, line in enumerate(text.split("\n")[:-1], start=1):  # what follows the last line's end was cut short
        try:
            document = json.loads(line)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise UsageError(f"{path}: line {number} is no JSON object; restore the file")
        lines.append(document)
    return lines


def append_line(path: Path, line: str) -> None:
    """A line at the end of a file, on the disk before this returns; what a kill left of a line before it goes.

    Raises:
        OSError: the disk refuses; the file is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        end = file.seek(0, os.SEEK_END)
        whole = _end_of_last_line(file, end)
        if whole < end:
            file.truncate(whole)
        try:
            file.write(line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            file.truncate(whole)
            raise


def _end_of_last_line(file: IO[bytes], end: int) -> int:
    block = 65_536
    while end:
        start = max(0, end - block)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
