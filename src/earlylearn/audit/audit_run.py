"""Which labels does a run believe wrong at its end, and how did every row fare on the way?"""

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from earlylearn.audit.dynamics import Dynamics
from earlylearn.audit.label_issues import find_label_issues
from earlylearn.data.labelled import LabelledData
from earlylearn.loop.fit import Fit


def audit_run(fit: Fit, data: LabelledData, val_rows: NDArray[np.int64], dynamics: Dynamics) -> pd.DataFrame:
    """The label issues of every row, held-out ones included, with their training dynamics.

    Args:
        fit: the loop with the method as it is to be asked, say in the epoch that noisy validation picked.
        data: the rows under their given labels, with the true ones where they are known.
        val_rows: the rows that were held out.
        dynamics: of the whole training; their ``loss`` is of its last epoch.

    Returns:
        The columns of `find_label_issues`, ``split`` (``train`` or ``validation``), ``true_label`` where it is known,
        and the columns of `Dynamics`.
    """
    issues = find_label_issues(data.labels, beliefs_of(fit), classes=data.classes, ids=data.ids)
    held_out = np.isin(np.arange(len(data)), val_rows)
    issues["split"] = np.where(held_out, "validation", "train")
    if data.true_labels is not None:
        issues["true_label"] = np.asarray(data.classes)[data.true_labels]
    return pd.concat([issues, dynamics.columns()], axis=1)


def beliefs_of(fit: Fit) -> Tensor:
    """The beliefs ``[n, C]`` to audit with, on the processor: what the method itself believes, such as ELR's targets.

    Of rows that it never saw (an epoch may be a sample), and of a method that believes nothing, its predictions.
    """
    method, rows = fit.method, fit.data.draws[0].rows
    held = method.label_beliefs()
    beliefs = torch.full((method.n, method.classes), torch.nan) if held is None else held.cpu()
    unseen = beliefs[:, 0].isnan().nonzero().squeeze(1)
    if len(unseen):
        beliefs[unseen] = torch.softmax(fit.logits(unseen.to(rows.device)), 1).cpu()
    return beliefs
