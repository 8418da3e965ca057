"""Where do the files lie that a request names, whatever folder it is read again from?"""

from pathlib import Path

from earlylearn.data.builtin.sets import BUILTIN
from earlylearn.data.request import Setting
from earlylearn.encoders.wheels import LITE0
from earlylearn.networks.timm_networks import CACHE
from earlylearn.runs.config import RunConfig

# Settings that may name a file or folder; `data` has a way of its own.
PATHS = [
    name
    for name, field in RunConfig.model_fields.items()
    if any(isinstance(each, Setting) and each.path for each in field.metadata)
]


def whole_path(value: str) -> str:
    """A path, or a path with ``:KEY`` behind or ``matrix:`` before it, that still leads there from another folder."""
    if value in BUILTIN or value in (CACHE, LITE0):
        return value
    if Path(value).exists():
        return str(Path(value).resolve())
    head, colon, tail = value.rpartition(":")
    if head == "matrix" and Path(tail).exists():
        return f"{head}:{Path(tail).resolve()}"
    return f"{Path(head).resolve()}:{tail}" if colon and Path(head).exists() else value
