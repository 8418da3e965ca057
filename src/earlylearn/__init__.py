"""Train classifiers that do not memorise wrong labels, and learn which labels are wrong, in one run."""

from earlylearn.audit.label_issues import find_label_issues
from earlylearn.data.labelled import LabelledData
from earlylearn.data.sources import load
from earlylearn.elr_loss import ELRLoss, IndexedDataset, elr_loss
from earlylearn.errors import EarlylearnError, UsageError
from earlylearn.method import Batch, Method, Pass
from earlylearn.run import Run
from earlylearn.training import resume, train

__all__ = [
    "Batch",
    "ELRLoss",
    "EarlylearnError",
    "IndexedDataset",
    "LabelledData",
    "Method",
    "Pass",
    "Run",
    "UsageError",
    "elr_loss",
    "find_label_issues",
    "load",
    "resume",
    "train",
]
