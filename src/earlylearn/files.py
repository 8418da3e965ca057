"""How are files of ours written whole or not at all, and read back?"""

import json
import os
from pathlib import Path
from typing import Any

from earlylearn.errors import UsageError, setting
from earlylearn.values import yes_or_no


def write_json(path: Path, document: Any) -> None:
    """Write a JSON document, all or nothing; NaN is refused, unknown is null."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(to_json(document))
    os.replace(partial, path)


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
