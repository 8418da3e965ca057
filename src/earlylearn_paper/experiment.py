"""What is an experiment of the paper: at which scales is it made, and what does it find?"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NotRequired, cast

import pandas as pd
from typing_extensions import TypedDict

from earlylearn.errors import UsageError, setting
from earlylearn.files import fault, read_json
from earlylearn_paper.records import RunRow
from earlylearn_paper.work import ScaleName, Work

if TYPE_CHECKING:  # drawing costs a slow import
    from matplotlib.figure import Figure


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
