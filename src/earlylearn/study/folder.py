"""How does a study live in a folder, beside what it finished there earlier?"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from earlylearn.data.fingerprint import fingerprint
from earlylearn.data.sources import Loaded
from earlylearn.errors import UsageError, hyperparameter, setting
from earlylearn.files import Contents, check_format, read_json
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
    kind = f"a {Path(files[0]).stem}"
    Contents(kind, files[0], _is_document, tuple(files[1:]), parts=("runs",)).check(out, overwrite=True)
    if not overwrite and (out / files[0]).exists():
        check_format(read_json(out / files[0]), out / files[0])
    there = [run for run in runs if RunFolder(run.path).contents.check(run.path, overwrite=True)]
    if overwrite:
        for run in there:
            with lock(run, wait=False) as held:
                if not held:
                    raise UsageError(
                        f"{setting('overwrite', True)}: another process is at {run.path}; let it finish, or stop it"
                    )
        return
    data = fingerprint(loaded) if there else None
    for run in there:
        _check_same_run(run, out, data)


def _is_document(document: object) -> bool:
    """Whether a JSON document is that of a study."""
    return isinstance(document, dict) and {"conclusion", "runs", "failed"} <= document.keys()


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


def make_folder(out: Path, runs: Sequence[StudyRun], *, overwrite: bool) -> None:
    """Make a study's folder, or empty it of these runs; `check_folder` agreed to it. Failures are forgiven."""
    try:
        (out / "runs").mkdir(parents=True, exist_ok=True)
        for run in runs:
            run.note_failure(None)
            if overwrite:
                RunFolder(run.path).clear()
    except OSError as error:
        raise UsageError(f"{setting('out', out)}: {error.strerror}; choose a folder you may write to") from None


def write_documents(out: Path, documents: Mapping[str, str]) -> None:
    """Write a study's own files, each all or nothing; two commands that end together take turns."""
    with FileLock(out / "runs" / ".locks" / "documents"):
        for name, text in documents.items():
            partial = out / f"{name}.partial"
            partial.write_text(text, encoding="utf-8")
            os.replace(partial, out / name)
