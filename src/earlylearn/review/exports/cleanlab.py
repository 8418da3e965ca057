"""How does cleanlab get out-of-sample probabilities from this run, in place of its five-fold training?"""

from pathlib import Path

import numpy as np

from earlylearn.errors import UsageError
from earlylearn.review.rows import Rows

OPENS = (
    "cleanlab: file = numpy.load('{folder}/pred_probs.npz'); "
    "cleanlab.filter.find_label_issues(file['labels'], file['pred_probs']); columns are in the order of file['classes']"
)


def write(rows: Rows, folder: Path) -> None:
    """``pred_probs.npz``: ``labels`` int64 [n], ``pred_probs`` float32 [n, C], ``classes``, ``ids``."""
    if rows.beliefs is None:
        raise UsageError("this run kept no probabilities of the labels; train it again")
    np.savez_compressed(
        folder / "pred_probs.npz",
        labels=rows.data.labels,
        pred_probs=rows.beliefs.astype(np.float32),
        classes=np.array(rows.data.classes),
        ids=rows.data.ids,
    )
