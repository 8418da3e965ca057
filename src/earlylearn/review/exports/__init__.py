"""Into which other tools' files can a run's labels be written, and how is each one opened there?"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from earlylearn.errors import UsageError, setting
from earlylearn.plugins import find_plugin, offered
from earlylearn.review.exports import argilla, cartography, cleanlab, fiftyone, huggingface, label_studio
from earlylearn.review.rows import Rows


@dataclass(frozen=True)
class Exporter:
    """One tool's files.

    Attributes:
        write: writes them into a new folder.
        opens: how that tool opens them, in one line; ``{folder}`` stands for where they are.
    """

    write: Callable[[Rows, Path], None]
    opens: str


EXPORTERS = {
    "label-studio": Exporter(label_studio.write, label_studio.OPENS),
    "fiftyone": Exporter(fiftyone.write, fiftyone.OPENS),
    "argilla": Exporter(argilla.write, argilla.OPENS),
    "huggingface": Exporter(huggingface.write, huggingface.OPENS),
    "cleanlab": Exporter(cleanlab.write, cleanlab.OPENS),
    "aum": Exporter(cartography.write_aum, cartography.OPENS_AUM),
    "cartography": Exporter(cartography.write, cartography.OPENS),
}


def find_exporter(tool: str) -> Exporter:
    """What writes a tool's files.

    Args:
        tool: a name in `EXPORTERS`; one that an installed package offers as one of ``earlylearn.exporters``; or
            ``path/to/file.py:NAME``.

    Raises:
        UsageError: there is none (the known ones are listed), it cannot be imported, or it is no `Exporter`.
    """
    if tool in EXPORTERS:
        return EXPORTERS[tool]
    plugin = find_plugin("format", tool)
    if plugin is None:
        known = ", ".join([*EXPORTERS, *offered("format"), "FILE.py:NAME"])
        raise UsageError(f"{setting('format', tool)}: no such format; choose from {known}")
    if not isinstance(plugin.what, Exporter):
        raise UsageError(f"{setting('format', tool)}: is no exporter; make it an earlylearn.review.exports.Exporter")
    return plugin.what


def export(rows: Rows, tool: str, folder: Path) -> str:
    """Write a run's rows for another tool; returns how it opens them.

    Args:
        rows: of the run.
        tool: as of `find_exporter`.
        folder: made; it must not be there yet.

    Raises:
        UsageError: as of `find_exporter`; a folder that is there, or rows that the tool cannot take.
    """
    exporter = find_exporter(tool)
    if folder.exists():
        raise UsageError(f"{setting('out', str(folder))}: exists already; name a folder to make")
    try:
        folder.mkdir(parents=True)
        try:
            exporter.write(rows, folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)  # half an export would be in the way of the next
            raise
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(f"{setting('out', str(folder))}: {reason}; choose a place you may write to") from None
    return exporter.opens.format(folder=folder)
