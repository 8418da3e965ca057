"""What is an experiment of the paper: what is it asked with, at which scale, and what does it find?"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NotRequired, cast

import pandas as pd
from typing_extensions import TypedDict

from earlylearn.errors import EarlylearnError, UsageError, setting
from earlylearn.files import fault, read_json
from earlylearn.runs.folder import RunFolder
from earlylearn.study.compare import Comparison, compare
from earlylearn.study.runs import StudyRun, outcome
from earlylearn_paper.records import Finished, Records, RunRow, asked, digest

if TYPE_CHECKING:  # drawing costs a slow import
    from matplotlib.figure import Figure

# quick: digits, a small network. features: CIFAR, a linear model on frozen features. medium: CIFAR, a fast network from
# scratch on a processor. full: the paper's own. From features on, a run is recorded, and made once for all that use it.
ScaleName = Literal["quick", "features", "medium", "full"]
Runs = dict[str, list[Finished]]


@dataclass(frozen=True, kw_only=True)
class Scale:
    """One size at which an experiment runs.

    Attributes:
        settings: the set-up as data: what `Experiment.reproduce` reads from `Work.settings`.
        minutes: how long it takes, roughly.
        hardware: on what.
        replaced: what stands in for the paper's own set-up, a sentence each; empty where nothing does.
    """

    settings: dict[str, Any]
    minutes: float
    hardware: str
    replaced: tuple[str, ...] = ()


class VerdictRecord(TypedDict):
    """A `Verdict` in a document."""

    claim: str
    paper: str
    ours: str
    holds: bool | None


class CellRecord(TypedDict):
    """A `Cell` in a document."""

    row: str
    column: str
    paper: float | None
    paper_sd: float | None
    ours: float | None
    sd: float | None
    n: int
    why: str


@dataclass(frozen=True)
class Verdict:
    """One claim of the paper beside what was measured.

    Attributes:
        claim: what must show, in a sentence.
        paper: what the paper has, a figure or a shape in words.
        ours: what was measured, in the same terms.
        holds: whether it shows here; None where nothing could be measured.
    """

    claim: str
    paper: str
    ours: str
    holds: bool | None

    def record(self) -> VerdictRecord:
        """The same in a document."""
        return {"claim": self.claim, "paper": self.paper, "ours": self.ours, "holds": self.holds}


@dataclass(frozen=True)
class Cell:
    """One number of a table of the paper.

    Attributes:
        row: the system.
        column: data set and noise, or another condition.
        paper: the published number, in the table's unit; None where the paper has none.
        paper_sd: its published standard deviation.
        ours: mean over our seeds in the same unit; None where nothing was run.
        sd: sample standard deviation over our seeds.
        n: number of our seeds.
        why: why ours is empty, or what is to be known of it.
    """

    row: str
    column: str
    paper: float | None
    paper_sd: float | None = None
    ours: float | None = None
    sd: float | None = None
    n: int = 0
    why: str = ""

    def record(self) -> CellRecord:
        """The same in a document."""
        return cast(CellRecord, asdict(self))


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What an experiment found.

    Attributes:
        verdicts: the paper's claims, judged.
        data: the data behind the figure or table, by the name of the CSV file.
        figures: the pictures in the paper's arrangement, by file name.
        cells: the numbers of a table.
    """

    verdicts: list[Verdict]
    data: dict[str, pd.DataFrame]
    figures: "dict[str, Figure]" = field(default_factory=dict)
    cells: list[Cell] = field(default_factory=list)


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


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A figure or table of the paper.

    Attributes:
        name: what ``earlylearn reproduce`` takes.
        title: what it shows, in a line.
        source: where it stands in the paper.
        reproduce: does it.
        quick: in minutes on two processor cores.
        full: the paper's own network, epochs and seeds, for a GPU.
        features, medium: the paper's data on a processor, see `ScaleName`. None of a scale at which it is not made.
        rows: the rows of a table.
        columns: its columns.
    """

    name: str
    title: str
    source: str
    reproduce: Callable[[Work], Findings]
    quick: Scale | None = None
    full: Scale | None = None
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    features: Scale | None = None
    medium: Scale | None = None

    @property
    def scales(self) -> dict[ScaleName, Scale]:
        """Those at which it can be made, from small to large."""
        named: dict[ScaleName, Scale | None] = {
            "quick": self.quick,
            "features": self.features,
            "medium": self.medium,
            "full": self.full,
        }
        return {name: scale for name, scale in named.items() if scale is not None}

    def at(self, scale: ScaleName) -> Scale:
        """The scale of that name; UsageError if it is not made at that one."""
        if scale not in self.scales:
            raise UsageError(
                f"{setting('scale', scale)}: {self.name} is not made at this scale; choose {', '.join(self.scales)}"
            )
        return self.scales[scale]


class Result(TypedDict):
    """What a ``reproduction.json`` holds.

    Attributes:
        name, title, source: of the experiment.
        scale: at which it was done.
        command: that does it again.
        hardware: what it needs.
        replaced: what stands in for the paper's own set-up.
        settings: it was done with.
        holds: whether all claims that could be judged show; None if none could.
        verdicts, cells: what was found.
        figures: names of the pictures' files.
        seconds: it took.
        date: it was done, YYYY-MM-DD.
        environment: versions and machine.
        runs: what was measured of each method, where its runs are recorded.
    """

    name: str
    title: str
    source: str
    scale: ScaleName
    command: str
    hardware: NotRequired[str]
    replaced: list[str]
    settings: dict[str, Any]
    holds: NotRequired[bool | None]
    verdicts: list[VerdictRecord]
    cells: list[CellRecord]
    figures: list[str]
    seconds: float
    date: str
    environment: dict[str, Any]
    runs: NotRequired[list[RunRow]]


def read_result(path: Path) -> Result:
    """What a ``reproduction.json`` holds; UsageError if it is none."""
    document = read_json(path)
    reason = fault(document, Result)
    if reason is not None:
        raise UsageError(f"{path}: is no result of a reproduction ({reason}); restore it, or move it away")
    return cast(Result, document)


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
