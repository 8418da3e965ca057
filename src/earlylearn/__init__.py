"""What does the package offer by name: training that does not memorise wrong labels, and the audit of labels?

The names below are public: they change only with a note in the changelog. The modules behind them, and what else these
hold, are for the package itself and may move with any version; what docs/adding-a-method.md uses is public too.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from earlylearn.audit.label_issues import find_label_issues
    from earlylearn.data.labelled import LabelledData
    from earlylearn.data.sources import load
    from earlylearn.errors import EarlylearnError, UsageError
    from earlylearn.loop.batches import Batch
    from earlylearn.loop.method import Method, Pass, Step
    from earlylearn.losses.indexed import IndexedDataset
    from earlylearn.losses.module import ELRLoss
    from earlylearn.losses.row_ids import RowIds
    from earlylearn.runs.embed import embed
    from earlylearn.runs.run import Run
    from earlylearn.runs.train import fit, resume, train
    from earlylearn.study.compare import Comparison, compare
    from earlylearn.study.diagnose import Diagnosis, diagnose
    from earlylearn.study.sweep import Sweep, sweep

    __version__: str

# Where each public name lives. It is imported when first used: PyTorch takes seconds, and the command line's help
# and its refusals need none of it.
_HOMES = {
    "Batch": "loop.batches",
    "Comparison": "study.compare",
    "Diagnosis": "study.diagnose",
    "ELRLoss": "losses.module",
    "EarlylearnError": "errors",
    "IndexedDataset": "losses.indexed",
    "LabelledData": "data.labelled",
    "Method": "loop.method",
    "Pass": "loop.method",
    "RowIds": "losses.row_ids",
    "Run": "runs.run",
    "Step": "loop.method",
    "Sweep": "study.sweep",
    "UsageError": "errors",
    "compare": "study.compare",
    "diagnose": "study.diagnose",
    "embed": "runs.embed",
    "find_label_issues": "audit.label_issues",
    "fit": "runs.train",
    "load": "data.sources",
    "resume": "runs.train",
    "sweep": "study.sweep",
    "train": "runs.train",
}

__all__ = [
    "Batch",
    "Comparison",
    "Diagnosis",
    "ELRLoss",
    "EarlylearnError",
    "IndexedDataset",
    "LabelledData",
    "Method",
    "Pass",
    "RowIds",
    "Run",
    "Step",
    "Sweep",
    "UsageError",
    "compare",
    "diagnose",
    "embed",
    "find_label_issues",
    "fit",
    "load",
    "resume",
    "sweep",
    "train",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":  # pyproject.toml states it, and installing writes it down
        from importlib.metadata import version

        return version("earlylearn")
    if name not in _HOMES:
        raise AttributeError(f"module 'earlylearn' has no attribute {name!r}")
    return getattr(import_module(f"earlylearn.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
