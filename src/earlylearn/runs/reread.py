"""How are the data of a run read again, just as it was trained on them?"""

from pathlib import Path

import numpy as np

from earlylearn.data.builtin.sets import BUILTIN
from earlylearn.data.fingerprint import fingerprint
from earlylearn.data.labelled import LabelledData
from earlylearn.data.originals import Originals
from earlylearn.data.readers.memory import IN_MEMORY
from earlylearn.data.sources import Loaded
from earlylearn.errors import UsageError
from earlylearn.runs.issues import AGAIN
from earlylearn.runs.reading import read_request
from earlylearn.runs.run import Run


def reread(run: Run, data: LabelledData | Loaded | None = None) -> Loaded:
    """The data of a run; the training part under the given labels it was trained with (noise included).

    Args:
        run: a run.
        data: the data, if the run was made from data in memory.

    Raises:
        UsageError: they cannot be read any more, or are not those that the run was made with.
    """
    config, folder = run.config, run.folder
    if data is None and config.data == IN_MEMORY:
        raise UsageError(f"{folder.path}: was trained on data in memory; give them again")
    source = config.data if data is None else data
    request = {**config.model_dump(), "val": None}  # of which nothing is audited
    loaded = read_request(source, request, quiet=False, saved=folder.encoder).loaded
    if fingerprint(loaded) != run.inputs["fingerprint"]:
        raise UsageError(
            f"{folder.path}: the data of {config.data} changed since the run was made; restore them, or train anew"
        )
    saved = folder.read_labels()
    truth = saved.get("true")
    given = saved["given"].astype(np.int64)
    if given.shape != loaded.train.labels.shape or given.min() < 0 or given.max() >= len(loaded.train.classes):
        raise UsageError(f"{folder.labels}: is not of the data of {config.data}; restore the file, or {AGAIN}")
    return loaded._replace(train=loaded.train.with_labels(given, None if truth is None else truth.astype(np.int64)))


def data_path(run: Run) -> Path | None:
    """The folder or file a run's data were read from; None of built-in sets and data in memory."""
    name = run.config.data
    return None if name in BUILTIN or name == IN_MEMORY else Path(name)


def originals(run: Run, data: LabelledData, show: tuple[str, ...] = ()) -> Originals:
    """The rows of a run's data as the user's own files have them.

    Args:
        run: a run.
        data: its training data.
        show: columns of a table to show, in this order; if none is named, those the run was asked to show beside its
            texts, and without any all but the labels and ids.

    Raises:
        UsageError: the table has no such column.
    """
    config, path = run.config, data_path(run)
    hide = [name for name in (config.label, config.true_label, config.image, config.id_column) if name]
    if not show and config.show:
        show = (*config.text, *config.show)
    found = Originals(data, path, image=config.image, id_column=config.id_column, hide=hide, show=show)
    found.check_shown()
    return found
