"""How does a study live in a folder, beside what it finished there earlier?"""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from earlylearn.data.fingerprint import fingerprint
from earlylearn.data.sources import Loaded
from earlylearn.errors import UsageError, hyperparameter, setting
from earlylearn.files import check_format, read_json
from earlylearn.runs.config import RunConfig
from earlylearn.runs.folder import RunFolder
from earlylearn.runs.run import Run
from earlylearn.study.runs import StudyRun, lock


def check_folder(out: Path, runs: Sequence[StudyRun], loaded: Loaded, files: Sequence[str], *, overwrite: bool) -> None:
    """Refuse a folder in which a study cannot live; changes nothing.

    Args:
        out: the study's folder.
        runs: all its runs.
        loaded: the data.
        files: the names the study itself writes there.
        overwrite: its earlier runs will be deleted.

    Raises:
        UsageError: something else lies there, or runs made of other data or with other settings (and ``overwrite``
            is not given), or another process is at a run that is to be deleted.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"{setting('out', out)}: is a file; name a folder")
    for path in out.iterdir() if out.exists() else ():
        if not path.name.startswith((".", "runs", *files)):
            raise UsageError(
                f"{setting('out', out)}: holds {path.name}, which is not of such a study; name another folder"
            )
    if not overwrite:
        _check_document(out / files[0])
    data = fingerprint(loaded) if any(RunFolder(run.path).config.exists() for run in runs) else None
    for run in runs:
        folder = RunFolder(run.path)
        if others := folder.foreign():
            raise UsageError(
                f"{setting('out', out)}: {run.path} holds {others[0]}, which is not part of a run; move it away"
            )
        if not folder.config.exists():
            continue
        if overwrite:
            with lock(run, wait=False) as held:
                if not held:
                    raise UsageError(
                        f"{setting('overwrite', True)}: another process is at {run.path}; let it finish, or stop it"
                    )
            continue
        _check_same_run(run, out, data)


def _check_same_run(run: StudyRun, out: Path, data: str | None) -> None:
    """Refuse a run that was made with other settings, or of data with another fingerprint."""
    there = Run(run.path)
    other = f"name another {setting('out')}, or give {setting('overwrite', True)}"
    if changed := _changed(run.config, there.config):
        culprit, was = changed
        raise UsageError(f"{culprit}: {run.path} was trained with {was}; {other}")
    if there.inputs["fingerprint"] != data:
        raise UsageError(f"{setting('out', out)}: {run.path} was trained on other data; {other}")


def _changed(asked: RunConfig, there: RunConfig) -> tuple[str, Any] | None:
    """The first setting that is asked to be another than it was, and what it was; hyperparameters come last."""
    for name, value in asked:
        if name != "options" and (was := getattr(there, name)) != value:
            return (f"{setting(name)} left out" if value in (None, False) else setting(name, value)), was
    for name, value in asked.options.items():
        if (was := there.options.get(name)) != value:
            return hyperparameter(name, value), was
    return None


def _check_document(path: Path) -> None:
    """Refuse to go on with a study of a newer version; a document that cannot be read will be written anew."""
    try:
        document = read_json(path)
    except UsageError:
        return
    check_format(document, path)


def make_folder(out: Path, runs: Sequence[StudyRun], *, overwrite: bool) -> None:
    """Make a study's folder, or empty it of these runs; `check_folder` agreed to it. Failures are forgiven."""
    try:
        (out / "runs").mkdir(parents=True, exist_ok=True)
        for run in runs:
            run.note_failure(None)
            if overwrite and run.path.exists():
                shutil.rmtree(run.path)
    except OSError as error:
        raise UsageError(f"{setting('out', out)}: {error.strerror}; choose a folder you may write to") from None


def write_documents(out: Path, documents: Mapping[str, str]) -> None:
    """Write a study's own files, each all or nothing; two commands that end together take turns."""
    with FileLock(out / "runs" / ".locks" / "documents"):
        for name, text in documents.items():
            partial = out / f"{name}.partial"
            partial.write_text(text, encoding="utf-8")
            os.replace(partial, out / name)
