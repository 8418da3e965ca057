"""How are files of ours written whole or not at all, read back, and told from what is not ours?"""

import functools
import json
import math
import os
import reprlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, TypeVar, cast

from earlylearn.errors import UsageError, call, setting
from earlylearn.values import yes_or_no

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_Document = TypeVar("_Document")
_UNNAMED = ".tmp??????"  # safetensors writes into such a file beside its own, and a kill leaves it there


def write_json(path: Path, document: Any) -> None:
    """Write a JSON document, all or nothing; NaN is refused, unknown is null."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(to_json(document))
    os.replace(partial, path)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, all or nothing, also where another process writes the same one; OSError if the disk refuses.

    A link stays a link, and a device such as ``/dev/stdout`` is written to, not replaced.
    """
    write_parts(path, [content])


def write_parts(path: Path, parts: Iterable[bytes]) -> None:
    """`write_bytes` of what comes part by part; nothing is left of a file whose parts end in an error."""
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            file.writelines(parts)
        return
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            file.writelines(parts)
        os.replace(partial, path)
    except BaseException:
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
        mend = f"; finish the run with {call('resume', path.parent)}" if (path.parent / "config.json").exists() else ""
        raise UsageError(f"{path}: no such file; {path.parent} is not a finished run folder{mend}") from None
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
    from earlylearn.documents import FORMAT  # whose types cost the command line's help time

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


@dataclass(frozen=True)
class Contents:
    """What a command leaves in a folder, and how it is known again: by what a file says, not by how files are called.

    Attributes:
        kind: what lies there, such as ``a run``.
        marker: the JSON file that says so; it is the first to be written.
        recognise: whether a document is such a file's.
        own: what else is of it, relative to the folder, with forward slashes; ``*`` stands for anything.
        parts: sub-folders that are checked by themselves, so that they may lie there before the marker does.
        hidden: files whose names begin with a dot count too, so that anybody's are foreign.
        traces: files that say nothing of what lies there, such as a lock: neither results nor foreign, never deleted.
    """

    kind: str
    marker: str
    recognise: Callable[[Any], bool]
    own: tuple[str, ...]
    parts: tuple[str, ...] = ()
    hidden: bool = False
    traces: tuple[str, ...] = ()

    def check(self, folder: Path, *, overwrite: bool, instead: str = "") -> bool:
        """Whether results of this kind lie there, which may be replaced; False where there are none. Changes nothing.

        Args:
            folder: where results are to be written.
            overwrite: those that lie there may be replaced.
            instead: what to do about those that may not, such as ``continue it, ``.

        Raises:
            UsageError: it is a file, or holds something else, or results that may not be replaced.
        """
        out = setting("out", folder)
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{out}: is a file; name a folder that does not exist yet")
        try:
            loose = next((name for name in self._files(folder) if not self._is_begun(name)), None)
            foreign = next((name for name in self._files(folder) if not self._is_own(name)), None)
        except (OSError, ValueError) as error:  # a ValueError if there is a NUL in its name
            reason = getattr(error, "strerror", None) or error
            raise UsageError(f"{out}: {reason}; choose a folder you may write to") from None
        found = loose is not None or any((folder / part).exists() for part in self.parts)
        if loose is not None and not self.marked(folder):
            why = f"its {self.marker} is another's" if (folder / self.marker).exists() else f"it holds {loose}"
            raise UsageError(
                f"{out}: is not empty and not {self.kind} of earlylearn ({why}); move that away, or name another folder"
            )
        if found and not overwrite:
            raise UsageError(
                f"{out}: holds {self.kind} already; {instead}replace it with {setting('overwrite', True)}, or name "
                "another folder"
            )
        if foreign is not None:
            raise UsageError(
                f"{out}: holds {foreign}, which is not part of {self.kind}; move it away, or name another folder"
            )
        return found

    def marked(self, folder: Path) -> bool:
        """Whether a marker of ours lies in the folder."""
        try:
            return self.recognise(from_json((folder / self.marker).read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return False

    def clear(self, folder: Path) -> None:
        """Delete what is of this kind, the marker last, then folders that are left empty; nothing else, ever.

        Raises:
            OSError: something cannot be deleted.
        """
        own = [name for name in self._files(folder) if self._is_own(name)]
        for name in sorted(own, key=lambda name: name == self.marker):
            (folder / name).unlink()
        for below in sorted({place for name in own for place in Path(name).parents}, reverse=True):
            if below != Path() and not any((folder / below).iterdir()):
                (folder / below).rmdir()

    def _is_own(self, name: str) -> bool:
        own = (self.marker, *self.own)
        if fnmatchcase(PurePosixPath(name).name, _UNNAMED):
            return PurePosixPath(name).parent in {PurePosixPath(each).parent for each in own}
        return any(fnmatchcase(name.removesuffix(".partial"), each) for each in own)

    def _is_begun(self, name: str) -> bool:
        """Whether it is a file of ours whose writing was cut short, such as that of the marker itself."""
        cut_short = name.endswith(".partial") or fnmatchcase(PurePosixPath(name).name, _UNNAMED)
        return cut_short and self._is_own(name)

    def _files(self, folder: Path) -> Iterator[str]:
        """Every file and link below the folder but those of its parts, relative to it, with forward slashes."""
        for place, folders, files in os.walk(folder, onerror=_raise_unless_missing):
            below = Path(place).relative_to(folder)
            names = {name: (below / name).as_posix() for name in sorted([*folders, *files])}
            links = [name for name in folders if (Path(place) / name).is_symlink()]
            folders[:] = [name for name in folders if name not in links and names[name] not in self.parts]
            seen = [names[name] for name in [*files, *links] if self.hidden or not name.startswith(".")]
            yield from (name for name in seen if name not in self.traces)


def _raise_unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def new_file(out: str | None, overwrite: bool, *, spare: Sequence[tuple[Any, str]] = ()) -> Path | None:
    """A file that may be written, or None; UsageError if it is there already, a folder, or in no folder.

    Args:
        out: its path.
        overwrite: one that is there may be replaced.
        spare: files and folders of which nothing may be, whatever `overwrite` says, and what each is, in words.
    """
    if out is None:
        return None
    path, overwrite = Path(out).expanduser(), yes_or_no("overwrite", overwrite)
    for place, what in spare:
        if isinstance(place, str | Path) and path.is_file() and _is_of(path, Path(place).expanduser()):
            raise UsageError(f"{setting('out', out)}: is {what}; name another file")
    if path.is_dir():
        raise UsageError(f"{setting('out', out)}: is a folder; name a file")
    if path.exists() and not overwrite:
        raise UsageError(
            f"{setting('out', out)}: exists already; name another file or give {setting('overwrite', True)}"
        )
    if not path.parent.is_dir():
        raise UsageError(f"{setting('out', out)}: the folder {path.parent} does not exist; make it first")
    return path


def _is_of(path: Path, place: Path) -> bool:
    """Whether a file is this one, or lies in this folder."""
    file = path.resolve()
    return place.exists() and (file == place.resolve() or (place.is_dir() and place.resolve() in file.parents))


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
