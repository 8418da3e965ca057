"""How does the list of label issues lie in a run folder, and how is it read without waiting for PyTorch?"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from earlylearn.data.readers.corrections import unguarded_frame
from earlylearn.data.readers.paths import neighbour_meant
from earlylearn.errors import UsageError, call, setting
from earlylearn.files import check_format, read_json

CSV_ROWS = 20_000  # made, written and read at a time
NAME, CONFIG = "label_issues.csv", "config.json"
AGAIN = f"train again with {setting('overwrite', True)}"  # the mend of a file that only a new run could bring back

# Columns that are empty for a row that no epoch saw.
UNSEEN = ("label_quality", "suggested_quality", "loss", "margin", "mean_probability", "variability")
_TEXT = ("id", "given_label", "predicted_label", "true_label", "split", "reason")
_KINDS = {"id": "O", "given_label": "O", "predicted_label": "O", "label_quality": "f", "is_label_issue": "b"}


def check_run(path: Path) -> dict[str, Any]:
    """What ``config.json`` of a run says, unchecked but for its format; UsageError if the folder is no run's."""
    check_there(path)
    document = read_json(path / CONFIG)
    check_format(document, path / CONFIG)
    return document if isinstance(document, dict) else {}


def check_there(path: Path) -> None:
    """Raises UsageError unless a folder has the file that makes it a run; of a folder of runs it names some.

    Nor may one of its files be a pipe or device, for which every reader would wait.
    """
    if (path / CONFIG).exists():
        for file in (*path.glob("*"), *path.glob("*/*")):
            if file.exists() and not (file.is_file() or file.is_dir()):
                raise UsageError(f"{file}: is no file but a pipe or device; remove it, and restore the file")
        return
    inside = sorted(str(each.parent) for layout in ("*", "runs/*") for each in path.glob(f"{layout}/{CONFIG}"))
    if inside:
        more = ", ..." if len(inside) > 4 else ""
        raise UsageError(f"{path}: holds several runs; name one of them: {', '.join(inside[:4])}{more}")
    what = f"is not a run folder (it has no {CONFIG})" if path.exists() else "no such run folder"
    near = "" if path.exists() else neighbour_meant(path)
    raise UsageError(f"{path}: {what}; {near}{call('train')} makes one, where its {setting('out')} says")


def read_issues(file: Path) -> pd.DataFrame:
    """``label_issues.csv`` of a run; class names stay text, whatever they look like.

    Raises:
        UsageError: as of `issue_parts`, or an id stands twice.
    """
    frame = pd.concat(issue_parts(file), ignore_index=True)
    twice = frame["id"][frame["id"].duplicated()]
    if len(twice):
        raise UsageError(f"{file}: the id {twice.iloc[0]!r} stands twice; restore the file, or {AGAIN}")
    return frame


def check_rows(frame: pd.DataFrame, config: dict[str, Any], file: Path) -> None:
    """Raises UsageError unless label issues have a row for each of the data, as ``config.json`` counts them."""
    inputs = config.get("inputs")
    rows = inputs.get("n") if isinstance(inputs, dict) else None
    if isinstance(rows, int) and rows != len(frame):
        raise UsageError(f"{file}: has {len(frame):,} rows, the data {rows:,}; restore the file")


def issue_parts(file: Path) -> Iterator[pd.DataFrame]:
    """The same in parts of `CSV_ROWS` rows.

    Raises:
        UsageError: the run is not finished, or the file is not as a run writes it.
    """
    if not file.exists():
        raise UsageError(f"{file}: no such file; finish the run with {call('resume', file.parent)}")
    text, unseen = dict.fromkeys(_TEXT, str), {name: [""] for name in UNSEEN}
    try:
        with pd.read_csv(file, dtype=text, keep_default_na=False, na_values=unseen, chunksize=CSV_ROWS) as parts:
            for part in parts:
                _check(part, file)
                yield unguarded_frame(part)
    except UsageError:
        raise
    except (OSError, ValueError) as error:
        raise UsageError(f"{file}: cannot be read ({error}); {AGAIN}") from None


def _check(part: pd.DataFrame, file: Path) -> None:
    for column, kind in _KINDS.items():
        if column not in part or part[column].dtype.kind != kind:
            raise UsageError(f"{file}: has no column {column!r} as a run writes it; restore the file, or {AGAIN}")
    quality = part["label_quality"].dropna()
    if not quality.between(0, 1).all():
        odd = quality[~quality.between(0, 1)].iloc[0]
        raise UsageError(f"{file}: has the label quality {odd:g}, which is none; restore the file, or {AGAIN}")
