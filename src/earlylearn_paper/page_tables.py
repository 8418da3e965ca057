"""How do the numbers of a result become tables of the page: beside the paper's, re-runs' and other scales'?"""

from collections.abc import Iterable, Sequence

from earlylearn.wording import GAP
from earlylearn_paper.experiment import Cell, Result
from earlylearn_paper.records import RunRow
from earlylearn_paper.tables.independent import HUMAN_COLUMNS, HUMAN_REPORTED, HUMAN_RERUN, HUMAN_ROWS, RERUNS
from earlylearn_paper.tables.judge import agrees
from earlylearn_paper.tables.published import TABLES, Number
from earlylearn_paper.tables.table import NOT_RUN
from earlylearn_paper.work import ScaleName

PAPERS = tuple(name for name, table in TABLES.items() if table.whose == "paper")


def heading(name: str) -> str:
    """``table-i1`` as the paper calls it: Table I.1."""
    if name == "all-methods":
        return "All methods"
    kind, number = name.split("-")
    return f"{kind.capitalize()} " + (f"{number[0].upper()}.{number[1:]}" if number[0].isalpha() else number)


def cells_table(document: Result) -> str:
    """Every number of a table: the paper's, those of re-runs, and ours, a line each per system."""
    name, cells = document["name"], [Cell(**cell) for cell in document["cells"]]
    table, reruns = TABLES[name], RERUNS.get(name, ())
    places = {(cell.row, cell.column): cell for cell in cells}
    columns = list(dict.fromkeys(cell.column for cell in cells))
    notes = _Notes()
    compared = document["scale"] == "full" and table.unit.startswith("test accuracy")
    lines = []
    for row in dict.fromkeys(cell.row for cell in cells):
        mine = [places[row, column] for column in columns]
        paper = [_number(cell.paper, cell.paper_sd) + notes.mark(table.notes.get((row, cell.column))) for cell in mine]
        lines.append([f"**{row}**", table.whose, *paper])
        for rerun in reruns:
            if any(place[0] == row for place in rerun.numbers):
                found = [rerun.numbers.get((row, column)) for column in columns]
                lines.append(["", rerun.name, *(_number(each.mean, each.sd) if each else "" for each in found)])
        lines.append(["", "here", *(_ours(cell, compared) + notes.mark(_why(cell)) for cell in mine)])
    text = grid([table.unit, "", *columns], lines)
    below = [f"{letter}: {note}." for note, letter in notes.letters.items()]
    below += [f"{rerun.name}: {rerun.source}." for rerun in reruns]
    return text + "".join(f"\n\n{line}" for line in below)


def runs_table(rows: Sequence[RunRow]) -> str:
    """What was measured of every method: a line each."""

    def share(value: float | None, digits: int = 2) -> str:
        return GAP if value is None else f"{100 * value:.{digits}f}"

    header = ["data", "labels", "method", "training", "seeds", "picked", "best", "last", "best - last", "memorised"]
    header += ["issues P", "R", "AP", "minutes a run"]
    lines = []
    for row in rows:
        picked = share(row["picked"]) + ("" if row["sd"] is None else f" ± {100 * row['sd']:.2f}")
        best, last = row["best"], row["last"]
        lines.append(
            [row["data"], row["labels"], row["method"], row["training"], str(row["seeds"]), picked]
            + [share(best), share(last), share(None if best is None or last is None else best - last)]
            + [share(row["memorized"], 1)]
            + [share(row[name], 1) for name in ("precision", "recall", "average_precision")]
            + [f"{row['minutes']:.1f}"]
        )
    about = "The runs behind it: test accuracy of the epoch that noisy validation picks, of the best, of the last; "
    about += "share of wrong labels memorised; precision, recall and average precision of the label issues, in %:"
    return f"{about}\n\n{grid(header, lines)}"


SAME_DATA: tuple[ScaleName, ...] = (
    "full",
    "medium",
    "features",
)  # the scales whose numbers are of the paper's own data


def side_by_side(documents: Sequence[Result]) -> list[str]:
    """The systems that were measured on the paper's data: the paper's number, those of re-runs, and ours at each scale.

    Nothing is marked: of one seed, or of another model, a number neither agrees nor disagrees.
    """
    name = documents[0]["name"]
    if name not in PAPERS or not {"medium", "features"} & {each["scale"] for each in documents if each["cells"]}:
        return []
    mine = [each for each in documents if each["scale"] in SAME_DATA]
    cells = [(each["scale"], Cell(**cell)) for each in mine for cell in each["cells"]]
    ours = {(scale, cell.row, cell.column): cell for scale, cell in cells if cell.ours is not None}
    columns, lines = TABLES[name].columns, []
    for row in (row for row in TABLES[name].rows if any(place[1] == row for place in ours)):
        published = [TABLES[name].numbers.get((row, column)) for column in columns]
        lines.append([f"**{row}**", "paper", *(_number(each.mean, each.sd) if each else GAP for each in published)])
        for rerun in RERUNS.get(name, ()):
            if any(place[0] == row for place in rerun.numbers):
                found = [rerun.numbers.get((row, column)) for column in columns]
                lines.append(["", rerun.name, *(_number(each.mean, each.sd) if each else "" for each in found)])
        for scale in SAME_DATA:
            known = [ours.get((scale, row, column)) for column in columns]
            if any(known):
                lines.append(["", f"here, {scale}", *(_ours(each, compared=False) if each else GAP for each in known)])
    return [f"### {heading(name)}, scales side by side", grid([TABLES[name].unit, "", *columns], lines)]


def _why(cell: Cell) -> str:
    return NOT_RUN if cell.why.startswith(NOT_RUN) else cell.why


def _ours(cell: Cell, compared: bool) -> str:
    if cell.ours is None:
        return GAP
    agreement = {True: " ✓", False: " ✗", None: ""}[agrees(cell) if compared else None]
    return f"{_number(cell.ours, cell.sd)} ({cell.n}){agreement}"


def _number(mean: float | None, sd: float | None) -> str:
    if mean is None:
        return GAP
    text = f"{mean:.2f}" if mean >= 0.1 else f"{mean:.2g}"
    return text if sd is None else f"{text} ± {sd:.2f}"


class _Notes:
    """Notes under a table, each once."""

    def __init__(self) -> None:
        self.letters: dict[str, str] = {}

    def mark(self, note: str | None) -> str:
        """The letter of a note, raised; nothing where there is none."""
        if not note:
            return ""
        letter = self.letters.setdefault(note, chr(ord("a") + len(self.letters)))
        return f"<sup>{letter}</sup>"


def human_table() -> str:
    """Human labels: what others measured."""
    rows = []
    for row in HUMAN_ROWS:
        for who, numbers in (("reported", HUMAN_REPORTED), ("re-run", HUMAN_RERUN)):
            found: list[Number | None] = [numbers.get((row, column)) for column in HUMAN_COLUMNS]
            rows.append(
                [row if who == "reported" else "", who, *(f"{each.mean:.2f}" if each else GAP for each in found)]
            )
    return grid(["", "", *HUMAN_COLUMNS], rows)


def grid(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [list(header), ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_plain(entry) for entry in line) + " |" for line in lines)


def _plain(text: str) -> str:
    """A text that a table cell can hold."""
    return " ".join(text.split()).replace("|", "\\|")
