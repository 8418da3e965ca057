"""How is found what others add: by the name that an installed package offers, or by a file and what it defines?"""

import contextlib
import hashlib
import re
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from earlylearn.errors import UsageError, setting

if TYPE_CHECKING:  # takes a hundredth of a second to import, and most commands never ask
    from importlib.metadata import EntryPoint

# Under which group of entry points a package offers what a setting names.
GROUPS = {
    "method": "earlylearn.methods",
    "network": "earlylearn.networks",
    "format": "earlylearn.exporters",
    "optimizer": "earlylearn.optimizers",
    "schedule": "earlylearn.schedules",
    "augment": "earlylearn.augmentations",
}
IN_PYTHON = "python:"  # begins the name of an object that nothing finds again: it has to be given anew
_OWN_MODULES = "earlylearn_plugin_"  # begins the names of modules made here, each followed by its file's checksum
NO_FILE = "no file"
_REFERENCE = re.compile(r"(.+\.py|[A-Za-z_][\w.]*):([A-Za-z_]\w*(?:\.\w+)*)", flags=re.ASCII)


@dataclass(frozen=True)
class Plugin:
    """Something that is not of earlylearn, found.

    Attributes:
        name: finds it again from any folder: an entry point's name, ``/whole/path/file.py:NAME`` or ``module:NAME``.
        what: the thing itself, as yet unchecked.
        source: the package and its version, the SHA-256 of the file, or `NO_FILE` where there is neither (a notebook).
    """

    name: str
    what: Any
    source: str


def offered(kind: str) -> dict[str, "EntryPoint"]:
    """What installed packages offer for a setting (a key of `GROUPS`), by name; nothing is imported yet."""
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=GROUPS[kind])}


def origin(point: "EntryPoint") -> str:
    """Who offers it, in words: package, version, and where in it."""
    package = f"{point.dist.name} {point.dist.version}" if point.dist else "a package"
    return f"{package} ({point.value})"


def from_package(kind: str, point: "EntryPoint") -> Plugin:
    """What an entry point names.

    Raises:
        UsageError: it cannot be imported; package, class and cause are named.
    """
    try:
        what = point.load()
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"{setting(kind, point.name)}: is offered by {origin(point)}, which fails: {cause(error)}; mend that "
            "package, or uninstall it"
        ) from error
    return Plugin(point.name, what, origin(point))


def find_plugin(kind: str, name: str, source: str = "") -> Plugin | None:
    """What others add by that name, which is a reference or what an installed package offers; None if nobody does."""
    if name.startswith(IN_PYTHON):
        raise UsageError(
            f"{setting(kind, name)}: was given in Python, and nothing finds it again; give it anew as {kind}=..., to "
            "earlylearn.resume or earlylearn.Run"
        )
    if is_reference(name):
        return from_reference(kind, name, source)
    point = offered(kind).get(name)
    return None if point is None else from_package(kind, point)


def is_reference(text: str) -> bool:
    """Whether a text has the form ``path/to/file.py:NAME`` or ``package.module:NAME``."""
    return _REFERENCE.fullmatch(text) is not None


def from_reference(kind: str, reference: str, source: str = "") -> Plugin:
    """What a file or module defines.

    A file is run once a process, and not at all where Python imported it already, as the script that is running.

    Args:
        kind: of which setting it is the value.
        reference: ``path/to/file.py:NAME`` or ``package.module:NAME``.
        source: `Plugin.source` of when it was found first; empty takes it as it is now.

    Raises:
        UsageError: it is not there, does not run (file, line and cause are named), has no such name, or is not what
            it was.
    """
    place, name = _REFERENCE.fullmatch(reference).groups()  # type: ignore[union-attr]  # the caller asked is_reference
    culprit = setting(kind, reference)
    if place.endswith(".py"):
        path = Path(place).expanduser().resolve()
        code = _read(path, culprit)
        found, reference = _checksum(code), f"{path}:{name}"
        _check_unchanged(culprit, path, found, source)
        module = _imported(path, found) or _run(path, code, culprit)
    else:
        module = _import(place, culprit)
        file = getattr(module, "__file__", None)
        found = _checksum(Path(file).read_bytes()) if file else NO_FILE
        _check_unchanged(culprit, Path(file or place), found, source)
    try:
        return Plugin(reference, attrgetter(name)(module), found)
    except AttributeError:
        others = [each for each, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
        known = f"it has {', '.join(others)}" if others else "it defines nothing"
        raise UsageError(f"{culprit}: {place} has no {name}; {known}") from None


def name_of(kind: str, what: Any) -> str:
    """By which text an object is found again, if it is a class or function of a file; else a name that says so."""
    if isinstance(what, type) or hasattr(what, "__qualname__"):
        with contextlib.suppress(UsageError):
            return reference_to(kind, what)
    called = getattr(what, "__qualname__", type(what).__qualname__)
    return IN_PYTHON + str(called).replace("<locals>.", "").replace("<lambda>", "function")


def reference_to(kind: str, what: Any) -> str:
    """By which text `from_reference` finds a class or function again, in another process too if it lies in a file.

    Raises:
        UsageError: nothing can find it: it was made inside a function.
    """
    module = sys.modules.get(what.__module__)
    try:
        found = attrgetter(what.__qualname__)(module)
    except AttributeError:
        found = None
    if found is not what:
        raise UsageError(
            f"{setting(kind)}: the class {what.__qualname__} cannot be found again, by a worker or when the run is "
            f"resumed; define it at the top of a file, and give the class or its place: {kind}='FILE.py:CLASS'"
        )
    file = getattr(module, "__file__", None)
    alone = not getattr(module, "__package__", "")  # a file of a package does not run without the others
    if file and alone:
        return f"{Path(file).resolve()}:{what.__qualname__}"
    spec = getattr(module, "__spec__", None)  # of __main__, under python -m: the module that it is elsewhere
    return f"{spec.name if spec else what.__module__}:{what.__qualname__}"


def short(name: str) -> str:
    """How a plug-in is called where there is little room: ``Mine`` of ``/path/to/file.py:Mine``."""
    return name.rpartition(":")[2] if is_reference(name) else name


def lies_in(name: str, folder: Path) -> bool:
    """Whether a plug-in's file lies below a folder, or which file it is depends on where one stands."""
    file = Path(name.rpartition(":")[0])
    return file.suffix == ".py" and (not file.is_absolute() or folder.resolve() in file.resolve().parents)


def cause(error: BaseException) -> str:
    """What went wrong in code of others: kind of error and first line of what it says."""
    said = (error.msg if isinstance(error, SyntaxError) else str(error)).strip()
    return f"{type(error).__name__}: {said.splitlines()[0]}" if said else type(error).__name__


def _read(path: Path, culprit: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{culprit}: {path}: {error.strerror}; give the file's path, or restore the file if a run was made with it"
        ) from None


def _checksum(code: bytes) -> str:
    return f"sha256 {hashlib.sha256(code).hexdigest()}"


def _check_unchanged(culprit: str, path: Path, found: str, expected: str) -> None:
    if expected not in ("", found):
        raise UsageError(
            f"{culprit}: {path} changed since the run began ({expected[:19]}..., now {found[:19]}...); restore it, or "
            "train anew"
        )


def _imported(path: Path, source: str) -> ModuleType | None:
    """The module of that file, if it was run in this process, here or by Python itself."""
    own = sys.modules.get(_module_name(source))
    if own is not None:
        return own
    for module in list(sys.modules.values()):
        # By vars, because asking a lazy module for an attribute may import the world.
        facts = getattr(module, "__dict__", {})
        file, name = facts.get("__file__"), str(facts.get("__name__"))
        ours = name.startswith(_OWN_MODULES)
        if isinstance(file, str) and not ours and Path(file).name == path.name and Path(file).resolve() == path:
            return module
    return None


def _run(path: Path, code: bytes, culprit: str) -> ModuleType:
    """A new module made of the file."""
    module = ModuleType(_module_name(_checksum(code)))
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses and pickle look up a class's module there
    try:
        exec(compile(code, str(path), "exec"), vars(module))
    except (Exception, SystemExit) as error:
        del sys.modules[module.__name__]
        raise UsageError(f"{culprit}: {path}{_line(error, path)}: {cause(error)}; mend the file") from error
    return module


def _module_name(source: str) -> str:
    return _OWN_MODULES + source.removeprefix("sha256 ")


def _import(name: str, culprit: str) -> ModuleType:
    try:
        return import_module(name)
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"{culprit}: the module {name} does not import: {cause(error)}; install it, or name a file: FILE.py:CLASS"
        ) from error


def _line(error: BaseException, path: Path) -> str:
    """Which line of the file is at fault, if one is."""
    lines: Iterator[int | None] = (
        f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)
    )
    number = error.lineno if isinstance(error, SyntaxError) else next(iter([*lines][-1:]), None)
    return f", line {number}" if number else ""
