"""How does an experiment of the paper train: which of its runs are there already, and which are made now?"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from earlylearn.errors import EarlylearnError, UsageError, setting
from earlylearn.runs.folder import RunFolder
from earlylearn.study.compare import Comparison, compare
from earlylearn.study.runs import StudyRun, outcome
from earlylearn_paper.records import Finished, Records, asked, digest

# quick: digits, a small network. features: CIFAR, a linear model on frozen features. medium: CIFAR, a fast network from
# scratch on a processor. full: the paper's own. From features on, a run is recorded, and made once for all that use it.
ScaleName = Literal["quick", "features", "medium", "full"]
Runs = dict[str, list[Finished]]


class Unfinished(EarlylearnError):
    """Too little of a figure or table is finished to make it, and nothing is to be trained."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What an experiment is asked with, and how it trains.

    Attributes:
        scale: which of its scales.
        settings: that scale's settings, possibly changed by the caller (fewer epochs in a test).
        folder: where it may keep its studies.
        data_dir: where data sets lie that do not come with the software.
        rows: the rows of a table that are wanted; None for all.
        columns: its columns.
        workers: runs at a time.
        overwrite: repeat what is finished.
        quiet: show no progress.
        records: where finished runs are kept and looked for, but at the quick scale.
        collect: train nothing; take what is finished.
    """

    scale: ScaleName
    settings: dict[str, Any]
    folder: Path
    data_dir: str | None = None
    rows: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    workers: int = 1
    overwrite: bool = False
    quiet: bool = False
    records: Records | None = None
    collect: bool = False

    def train(self, part: str, methods: Sequence[str], **settings: Any) -> Runs:
        """Train methods side by side as `earlylearn.compare`; what is finished is not repeated.

        ``data``, ``seeds`` and every other setting of a run come from ``training`` in this work's settings unless
        given here.

        Args:
            part: the study's folder at the quick scale, below ``studies``; runs of other scales go by what was asked.
            methods: as of `earlylearn.compare`.
            settings: what differs from the work's own.

        Returns:
            By method, its runs in the order of the seeds; where nothing is trained, those that are there.

        Raises:
            EarlylearnError: a run failed; those that did not are kept.
        """
        merged = {**self.settings["training"], **settings}
        if self.scale == "quick" or self.records is None:
            return _from_folders(self._compare(self.folder / "studies" / part, methods, merged))
        seeds = range(merged.get("seed", 0), merged.get("seed", 0) + merged.pop("seeds", 1))
        found: Runs = {}
        for seed in seeds:
            for method, run in self._recorded(self.records, methods, {**merged, "seed": seed}).items():
                found.setdefault(method, []).append(run)
        return found

    def train_all(self, part: str, methods: Sequence[str], **settings: Any) -> Runs:
        """The same for what can only be made of all of them; `Unfinished` where one is missing."""
        runs = self.train(part, methods, **settings)
        if missing := [method for method in methods if method not in runs]:
            raise Unfinished(f"{self.folder.name}: not finished: {', '.join(missing)}")
        return runs

    def _recorded(self, records: Records, methods: Sequence[str], merged: dict[str, Any]) -> dict[str, Finished]:
        """The runs of one seed, of which those without a record are trained and recorded."""
        wanted = {method: asked(method, merged["seed"], merged) for method in methods}
        known = {method: records.find(what) for method, what in wanted.items()}
        missing = [method for method, run in known.items() if run is None or self.overwrite]
        if missing and not self.collect:
            settings = wanted[missing[0]]["settings"]
            named = f"{merged['data']}-{digest(settings)}"
            done = _from_folders(self._compare(self.folder.parent / f"studies-{self.scale}" / named, missing, merged))
            for method, (run,) in zip(missing, done.values(), strict=True):
                assert run.path is not None  # it was made just now
                known[method] = records.keep(wanted[method], run.path)
        return {method: run for method, run in known.items() if run is not None}

    def _compare(self, study: Path, methods: Sequence[str], merged: dict[str, Any]) -> Comparison:
        merged = dict(merged)
        data = merged.pop("data")
        if self.data_dir is not None and data != "digits":
            merged["data_dir"] = self.data_dir
        if "labels" in merged:  # a file that lies with the data
            if self.data_dir is None:
                raise UsageError(
                    f"{data}: give the folder that holds {merged['labels']} with {setting('data_dir', 'DIR')}"
                )
            merged["labels"] = str(Path(self.data_dir).expanduser() / merged["labels"])
        merged.setdefault("seeds", 1)
        done = compare(
            data,
            methods,
            out=study,
            workers=self.workers,
            overwrite=self.overwrite,
            quiet=self.quiet,
            **merged,
        )
        if done.failed:
            first = done.failed[0]
            raise EarlylearnError(f"{study.name}: {first.name} seed {first.seed}: {first.message}")
        return done

    def wants(self, row: str, column: str) -> bool:
        """Whether a cell of a table is wanted."""
        return (self.rows is None or row in self.rows) and (self.columns is None or column in self.columns)


def _from_folders(comparison: Comparison) -> Runs:
    """The finished runs of a study, by the name of the method and in the order of the seeds."""
    runs: Runs = {}
    for each in comparison.document["runs"]:
        if each["folder"] is not None:  # it was made here
            folder = RunFolder(comparison.path / each["folder"])
            run = StudyRun(each["name"], folder.read_config()[0], folder.path)
            runs.setdefault(each["name"], []).append(
                Finished(each["name"], each["seed"], outcome(run), folder.read_metrics(), folder.path)
            )
    return runs
