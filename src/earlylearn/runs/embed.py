"""How do the features of pictures or texts become a file that any other tool, and this one, can read?"""

import os
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from earlylearn.data.labelled import LabelledData
from earlylearn.data.readers.arrays import MADE_BY
from earlylearn.data.sources import DataRequest
from earlylearn.encoders.choose import FORMS, NONE
from earlylearn.encoders.encode import describe_features
from earlylearn.errors import UsageError, setting
from earlylearn.files import new_file
from earlylearn.runs.train import read


class Embedded(TypedDict):
    """What was written.

    Attributes:
        file: its path.
        features: what they are, in words.
        rows: of the training data.
        test_rows: of the test set, 0 without one.
        width: features of a row.
    """

    file: str
    features: str
    rows: int
    test_rows: int
    width: int


def embed(
    data: str | Path, out: str | Path, *, overwrite: bool = False, quiet: bool = False, **settings: Any
) -> Embedded:
    """Write the features of pictures or texts to an .npz file, without training anything. What the command line calls.

    The arrays are ``x`` (float32 [n, d], with the other columns of a table beside the text's), ``y`` (int64 positions
    in ``classes``), ``ids`` (text), ``true`` where true labels are known, and the same with ``_test`` for a test set;
    and ``made_by``, which tells what made the features, where there are no others.
    ``earlylearn.train(out)`` reads the file.

    Args:
        data: as of `earlylearn.train`.
        out: the file to write, ending in .npz.
        overwrite: replace a file that is there.
        quiet: show no progress.
        settings: ``encoder``, and what says how to read the data, as of `earlylearn.train`.

    Raises:
        UsageError: the request or the data is wrong, there is nothing to encode, or the file cannot be written.
    """
    target = new_file(str(out), overwrite, spare=[(data, "the data")])
    assert target is not None
    if target.suffix != ".npz":
        raise UsageError(f"{setting('out', out)}: must end in .npz")
    known = {*DataRequest.model_fields, "encoder"} - {"val"}  # which goes with training
    foreign = [name for name in settings if name not in known]
    if foreign:
        raise UsageError(f"{setting(foreign[0], settings[foreign[0]])}: is none of the data or encoder; leave it out")
    loaded, request, _ = read(data, settings, quiet=quiet)
    train, test = loaded
    if "encoder" not in train.schema:
        reason = "nothing said which encoder" if request.get("encoder") == NONE else "has neither pictures nor texts"
        raise UsageError(f"{train.name}: {reason}; name pictures or texts, and {setting('encoder')}, one of {FORMS}")
    width = train.inputs.shape[1]
    features = describe_features(train.schema, width)
    arrays = {"classes": np.array(train.classes), **_arrays(train, "")}
    if train.is_encoded:
        arrays[MADE_BY] = np.array(features)
    if test is not None:
        arrays |= _arrays(test, "_test")
    partial = target.with_name(target.name + ".partial.npz")
    try:
        np.savez(partial, allow_pickle=False, **arrays)
        os.replace(partial, target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise UsageError(f"{setting('out', out)}: {error.strerror}; choose a file you may write") from None
    return {
        "file": str(target),
        "features": features,
        "rows": len(train),
        "test_rows": 0 if test is None else len(test),
        "width": width,
    }


def _arrays(data: LabelledData, suffix: str) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {"x": data.inputs, "y": data.labels, "ids": data.ids}
    if data.true_labels is not None:
        arrays["true"] = data.true_labels
    return {f"{name}{suffix}": array for name, array in arrays.items()}
