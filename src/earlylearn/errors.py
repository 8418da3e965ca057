"""What went wrong, in one line that names the culprit and the mend, whoever reads it?"""

import difflib
import os
import re
import reprlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

# Of Unicode's private use area, so that no text of a user's has them; they enclose what each face writes its own way.
_MARK, _FIELD = "\ue000", "\ue001"
_ALONE = object()  # in place of a value: the name of the setting is meant, as None may be what was given


# Writes a value as Python does, but neither endlessly deep nor endlessly long: a message is one line.
_BRIEF = reprlib.Repr()
_BRIEF.maxlevel = 6
_BRIEF.maxlist = _BRIEF.maxtuple = _BRIEF.maxset = _BRIEF.maxdict = 100
_BRIEF.maxstring = _BRIEF.maxlong = _BRIEF.maxother = 1000


@dataclass(frozen=True)
class Mention:
    """What a message says of a setting, before it is known whether Python or the command line is spoken.

    Attributes:
        kind: a setting of a run, a hyperparameter of a method, a call that helps, or the help of one.
        name: as Python has it, such as ``val_fraction``, ``lam``, ``resume``.
        value: what was given, as text; lists are joined by commas, a dictionary is ``name=value``.
        literal: the same as Python writes it, such as ``'digits'``; empty if only the name is meant.
    """

    kind: Literal["setting", "hyperparameter", "call", "help"]
    name: str
    value: str = ""
    literal: str = ""


class EarlylearnError(Exception):
    """The work failed for a reason the user can read; the command line exits with status 1.

    ``str`` of it is what a Python user reads: ``lr=-1: must be above 0``. The command line writes the same message
    with its own options (`told`).

    Args:
        message: one line; settings in it are written by `setting`, `hyperparameter` and `call`.
    """

    exit_status = 1

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(self.told(in_python))

    def told(self, face: Callable[[Mention], str]) -> str:
        """The message with every mention of a setting written by ``face``."""
        return _told(self.message, face)

    def __reduce__(self) -> tuple[type["EarlylearnError"], tuple[str]]:
        return type(self), (self.message,)  # not what Python reads, or a worker's error would lose its other face


class UsageError(EarlylearnError, ValueError):
    """The request or the data is wrong; the command line exits with status 2.

    The message is one line: the setting, file, row or column, the value found, and the mend.
    """

    exit_status = 2

    @property
    def culprit(self) -> Mention | None:
        """The setting or hyperparameter at fault, which begins the message; None where a file or the data is."""
        found = re.match(f"{_MARK}(.*?){_MARK}", self.message, flags=re.DOTALL)
        mention = _mention(found[1]) if found else None
        return mention if mention and mention.kind in ("setting", "hyperparameter") else None

    @property
    def setting(self) -> str | None:
        """The name of the setting or hyperparameter at fault, as Python has it; None where a file or the data is."""
        return self.culprit.name if self.culprit else None

    def about(self, culprit: str) -> "UsageError":
        """The same complaint about another culprit: what is wrong with a value may be the fault of a list of them."""
        return UsageError(re.sub(f"^{_MARK}.*?{_MARK}", lambda _: culprit, self.message, count=1, flags=re.DOTALL))


class Advice(str):
    """A text of both faces where nothing is raised, such as a note on an interruption; as a str it is Python's."""

    message: str

    def __new__(cls, message: str) -> "Advice":
        """Of a text with `setting`, `hyperparameter` and `call` in it."""
        advice = super().__new__(cls, _told(message, in_python))
        advice.message = message
        return advice

    def told(self, face: Callable[[Mention], str]) -> str:
        """The text with every mention of a setting written by ``face``."""
        return _told(self.message, face)


def setting(name: str, value: object = _ALONE) -> str:
    """A setting in a message: ``lr=5`` to a Python user, ``--lr 5`` on the command line; the name alone if no value."""
    return _marked("setting", name, value)


def hyperparameter(name: str, value: object = _ALONE) -> str:
    """A method's hyperparameter in a message: ``lam=3`` to a Python user, ``-o lam=3`` on the command line."""
    return _marked("hyperparameter", name, value)


def call(name: str, value: object = _ALONE) -> str:
    """A call that helps: ``earlylearn.resume('runs/x')`` to a Python user, the command that does the same elsewhere."""
    return _marked("call", name, value)


def manual(name: str) -> str:
    """The help of a call: ``help(earlylearn.train)`` to a Python user, the help of the command elsewhere."""
    return _marked("help", name, _ALONE)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Which of the known words one is nearly, in capitals or not; None if none is, or if it is one of them."""
    spelt = {each.strip().lower(): each for each in known}
    close = difflib.get_close_matches(word.strip().lower(), list(spelt), n=1)
    return spelt[close[0]] if close and spelt[close[0]] != word else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean 'elr'? `` for a word that is nearly one of the known ones, for a message; else nothing."""
    near = nearest(word, known)
    return "" if near is None else f"did you mean {near!r}? "


def in_python(mention: Mention) -> str:
    """A mention as a Python user writes it."""
    if mention.kind == "help":
        return f"help(earlylearn.{mention.name})"
    if mention.kind == "call":
        return f"earlylearn.{mention.name}({mention.literal})"
    return f"{mention.name}={mention.literal}" if mention.literal else mention.name


_FACE: ContextVar[Callable[[Mention], str]] = ContextVar("face", default=in_python)


@contextmanager
def speaking(face: Callable[[Mention], str]) -> Iterator[None]:
    """While it lasts, `spoken` writes settings in this way: the command line is spoken, not Python."""
    token = _FACE.set(face)
    try:
        yield
    finally:
        _FACE.reset(token)


def spoken(text: str) -> str:
    """A line with `setting` and `call` in it as whoever asked writes them, safe to show: see `visible`."""
    return visible(_told(text, _FACE.get()))


def visible(text: str) -> str:
    """A text in which nothing steers a terminal: control characters but tab and newline are escaped, ``\\x1b``.

    Class names, ids and file names are other people's, and may hold what renames a window or hides a line.
    """
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", _escaped, text)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


_SECRET = re.compile(r"(?i)([?&;][^=&;\s]*(?:pass|pwd|secret|token|key|credential)[^=&;\s]*=)[^&;\s]*")


def hide_password(text: str) -> str:
    """A text whose URLs show no password: for messages, and for what a run notes of its command.

    A password ends at the last @ before the host, so one with @, : or / in it is hidden whole; of the query, what is
    called password, secret, token or key.
    """
    return re.sub(r"\S+://\S+", lambda url: _without_password(url[0]), text)


def _without_password(url: str) -> str:
    scheme, rest = url.split("://", 1)
    before, query = re.match(r"([^?]*)(.*)", rest, flags=re.DOTALL).groups()  # type: ignore[union-attr]
    if "@" in query and "@" not in before and ":" in before:  # a ? in the password itself
        before, query = rest[: rest.rindex("@") + 1], rest[rest.rindex("@") + 1 :]
        more = re.match(r"([^?]*)(.*)", query, flags=re.DOTALL)
        before, query = before + more[1], more[2]  # type: ignore[index]
    user, at, host = before.rpartition("@")
    name, colon, _ = user.partition(":")
    who = f"{name}:***" if colon else user
    return f"{scheme}://{who}{at}{host}{_SECRET.sub(lambda found: found[1] + '***', query)}"


def _told(message: str, face: Callable[[Mention], str]) -> str:
    return re.sub(f"{_MARK}(.*?){_MARK}", lambda found: face(_mention(found[1])), message, flags=re.DOTALL)


def _marked(kind: str, name: str, value: object) -> str:
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    given = ("", "") if value is _ALONE else (_text(value), _literal(value))
    fields = (re.sub(f"[{_MARK}{_FIELD}]", "\ufffd", field) for field in (kind, name, *given))
    return f"{_MARK}{_FIELD.join(fields)}{_MARK}"


def _literal(value: object) -> str:
    """As Python writes it; of what is no text a line at most, because an array may be given in place of a number."""
    if isinstance(value, str):
        return repr(value)
    literal = " ".join(_BRIEF.repr(value).split())
    return literal if len(literal) <= 160 else f"{literal[:157]}..."


def _text(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name}={_listed(part)}" for name, part in value.items())
    return _listed(value)


def _listed(value: object) -> str:
    if isinstance(value, list | tuple):
        return ",".join(_literal(part) if isinstance(part, dict | list | tuple) else str(part) for part in value)
    return _literal(value) if isinstance(value, dict) else str(value)


def _mention(fields: str) -> Mention:
    return Mention(*fields.split(_FIELD))  # type: ignore[arg-type]  # the kind is one of ours
