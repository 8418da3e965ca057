"""How are files of ours written whole or not at all, and read back?"""

import functools
import json
import math
import os
import reprlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar, cast

from earlylearn.documents import FORMAT
from earlylearn.errors import UsageError, setting
from earlylearn.values import yes_or_no

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_Document = TypeVar("_Document")


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
        return from_json(path.read_text())
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file; {path.parent} is not a finished run folder") from None
    except (ValueError, OSError) as error:
        raise UsageError(f"{path}: cannot be read as JSON ({error}); restore the file or train again") from None


def from_json(text: str) -> Any:
    """What a JSON text says; ValueError of one that is broken, endlessly nested, or has numbers that are not finite."""
    try:
        return json.loads(text, parse_constant=_finite, parse_float=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def fault(document: object, kind: type[_Document]) -> str | None:
    """What is wrong with a document that was read back, in words; None if it has the fields of this kind.

    Fields that the kind does not have are no fault: a newer version may have added them.
    """
    from pydantic import ValidationError

    try:
        _adapter(cast(Any, kind)).validate_python(document, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        name = _place(document, first["loc"])
        if first["type"] == "missing":
            return f"it has no {name!r}"
        return f"{name or 'it'} is {reprlib.repr(first['input'])}: {first['msg'][0].lower()}{first['msg'][1:]}"
    return None


def _place(document: object, location: Sequence[str | int]) -> str:
    """Where in a document a fault is; of what pydantic says only keys and positions, not the kinds it tried."""
    found = []
    for k, part in enumerate(location):
        try:
            document = document[part]  # type: ignore[index]
        except (LookupError, TypeError):
            if k < len(location) - 1:
                continue
        found.append(str(part))
    return ".".join(found)


def checked(document: object, kind: type[_Document], name: str | Path) -> _Document:
    """The document, if it has the fields of this kind; UsageError that names the file and its first fault if not."""
    reason = fault(document, kind)
    if reason is not None:
        raise UsageError(
            f"{name}: is not as it was written ({reason}); restore the file, or train again with "
            f"{setting('overwrite', True)}"
        )
    return cast(_Document, document)


def check_format(document: object, path: Path) -> None:
    """Raise UsageError if a document is of a newer format than is known here; one that says none is of format 0."""
    found = document.get("format", 0) if isinstance(document, dict) else 0
    if isinstance(found, bool) or not isinstance(found, int) or found < 0:
        raise UsageError(f"{path}: has the format {reprlib.repr(found)}, which is none; restore the file")
    if found > FORMAT:
        raise UsageError(
            f"{path}: has format {found}, and this version reads formats up to {FORMAT}; install a newer earlylearn"
        )


@functools.cache
def _adapter(kind: Any) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a finite number")
    return number


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
