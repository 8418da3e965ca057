"""How do all results there are become one page, figure by figure and number by number beside the paper's?"""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from PIL import Image

from earlylearn.errors import UsageError, setting
from earlylearn.files import write_json
from earlylearn.wording import GAP, duration
from earlylearn_paper.experiment import Cell, Result, read_result
from earlylearn_paper.reproduce import RESULT
from earlylearn_paper.tables.independent import HUMAN_COLUMNS, HUMAN_REPORTED, HUMAN_RERUN, HUMAN_ROWS, RERUNS
from earlylearn_paper.tables.judge import RULE, agrees
from earlylearn_paper.tables.published import TABLES, Number
from earlylearn_paper.tables.table import NOT_RUN

COLOURS = 64  # a picture of lines and dots loses nothing by a palette, and is a third as large
INTRODUCTION = f"""# The paper's figures and tables, made again

Liu, Niles-Weed, Razavian, Fernandez-Granda, *Early-Learning Regularization Prevents Memorization of Noisy Labels*,
NeurIPS 2020. Every section is one command. This page is written by `earlylearn reproduce` from the result files
beside it, never by hand. Rules in the code judge each claim; what fails to show is told as not holding.

- **full** is the paper's own network, epochs and seeds, on a GPU. Its numbers are compared with the paper's: a number
  agrees (✓) {RULE}.
- **quick** is minutes on two processor cores, with small data and a small network: what it replaced is said. Its
  numbers are those of other data and not compared with the paper's; orders and growth are, beyond two standard errors
  of our seeds: what these do not tell is left open.

Means ± standard deviation, the number of seeds in brackets. A re-run is what somebody else got, named below its table.
"""
HUMAN = """## Human label noise, for context

The paper has no human labels. On CIFAR-10N and CIFAR-100N others ran its systems again: test accuracy at the best test
epoch as the data set's leaderboard reports it, and as Hudovernik et al. (ReScience C 2026) got it with each author's
settings and three seeds. Cross-entropy is much stronger in their hands than reported.
"""


def write_page(page: str | Path, out: str | Path) -> None:
    """Take up all results in a folder, and write the page of these and of those taken up before.

    Result files and pictures go into a folder beside the page that is named like it: ``reproduction.md`` and
    ``reproduction/``. What was measured on another machine stays there until it is measured here too.

    Args:
        page: the Markdown file.
        out: where `earlylearn_paper.reproduce.reproduce` made its folders.

    Raises:
        UsageError: there is no result, one cannot be read, or the page cannot be written.
    """
    page = Path(page)
    folder = page.with_suffix("")
    if folder == page or (folder.exists() and not folder.is_dir()):
        raise UsageError(
            f"{setting('page', page)}: results go into a folder named like it without .md; name another file"
        )
    results = sorted(Path(out).glob(f"*/{RESULT}"))
    if not results and not any(folder.glob("*.json")):
        raise UsageError(
            f"{setting('page', page)}: {out} holds no result; reproduce one first, for example figure-a1 with "
            f"{setting('out', out)}"
        )
    read = [(path.parent, read_result(path)) for path in results]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for source, document in read:
            _take_up(source, document, folder)
        partial = page.with_name(page.name + ".partial")
        partial.write_text(render(read_results(folder), folder.name), encoding="utf-8")
        os.replace(partial, page)
    except OSError as error:
        raise UsageError(f"{setting('page', page)}: {error.strerror}; choose a place you may write to") from None


def read_results(folder: Path) -> list[Result]:
    """The results taken up beside a page: figures, then tables, full scale before quick."""
    return [read_result(path) for path in sorted(folder.glob("*.json"))]


def render(documents: Sequence[Result], folder: str) -> str:
    """The page as Markdown.

    Args:
        documents: results, as ``reproduction.json`` holds them.
        folder: where their pictures lie, seen from the page.
    """
    parts = [INTRODUCTION, _overview(documents)]
    for name in dict.fromkeys(document["name"] for document in documents):
        mine = {document["scale"]: document for document in documents if document["name"] == name}
        first = next(iter(mine.values()))
        parts.append(f"## {heading(name)}: {first['title']}\n\n{first['source']}.")
        if "full" not in mine:
            parts.append("Not run at full scale yet.")
        parts += [part for document in mine.values() for part in _section(document, folder)]
    parts.append(HUMAN + "\n" + _human())
    return "\n\n".join(part.strip() for part in parts) + "\n"


def heading(name: str) -> str:
    """``table-i1`` as the paper calls it: Table I.1."""
    kind, number = name.split("-")
    return f"{kind.capitalize()} " + (f"{number[0].upper()}.{number[1:]}" if number[0].isalpha() else number)


def picture(document: Result, figure: str) -> str:
    """What a picture of a result is called beside the page."""
    return f"{document['name']}-{document['scale']}{figure.removeprefix(document['name'])}"


def _take_up(source: Path, document: Result, folder: Path) -> None:
    """Keep a result and its pictures."""
    for figure in document["figures"]:
        target = folder / picture(document, figure)
        if (source / figure).exists():
            with Image.open(source / figure) as image:
                image.convert("RGB").quantize(COLOURS).save(target, optimize=True)
    write_json(folder / f"{document['name']}-{document['scale']}.json", document)


def _overview(documents: Sequence[Result]) -> str:
    header = ["", "what", "scale", "claims that hold", "took", "on", "date"]
    rows = []
    for document in documents:
        title = heading(document["name"])
        anchor = f"{title}: {document['title']}".lower()
        link = "".join(letter for letter in anchor.replace(" ", "-") if letter.isalnum() or letter in "-_")
        rows.append(
            [
                f"[{title}](#{link})",
                document["title"],
                document["scale"],
                _score(document),
                duration(document["seconds"]),
                _machine(document),
                document["date"],
            ]
        )
    return "## Overview\n\n" + _grid(header, rows)


def _score(document: Result) -> str:
    judged = [verdict["holds"] for verdict in document["verdicts"] if verdict["holds"] is not None]
    open_ = len(document["verdicts"]) - len(judged)
    return f"{sum(judged)} of {len(judged)}" + (f", {open_} open" if open_ else "")


def _machine(document: Result) -> str:
    environment = document["environment"]
    where = environment["accelerator"] or f"processor ({environment['machine']})"
    return f"{where}, torch {environment['torch']}"


def _section(document: Result, folder: str) -> Iterator[str]:
    """One scale of a figure or table."""
    yield f"### {heading(document['name'])}, {document['scale']} scale"
    yield f"```console\n$ {document['command']}\n```"
    if document["replaced"]:
        yield "What stands in for what:\n\n" + "\n".join(
            f"- {sentence[0].upper()}{sentence[1:].rstrip('.')}." for sentence in document["replaced"]
        )
    words = {True: "holds", False: "**does not hold**", None: "open"}
    verdicts = [[each["claim"], each["paper"], each["ours"], words[each["holds"]]] for each in document["verdicts"]]
    yield _grid(["claim", "paper", "here", ""], verdicts)
    for figure in document["figures"]:
        yield f"![{document['title']}]({folder}/{picture(document, figure)})"
    if document["cells"]:
        yield _cells(document)


def _cells(document: Result) -> str:
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
        lines.append([f"**{row}**", "paper", *paper])
        for rerun in reruns:
            if any(place[0] == row for place in rerun.numbers):
                found = [rerun.numbers.get((row, column)) for column in columns]
                lines.append(["", rerun.name, *(_number(each.mean, each.sd) if each else "" for each in found)])
        lines.append(["", "here", *(_ours(cell, compared) + notes.mark(_why(cell)) for cell in mine)])
    text = _grid([table.unit, "", *columns], lines)
    below = [f"{letter}: {note}." for note, letter in notes.letters.items()]
    below += [f"{rerun.name}: {rerun.source}." for rerun in reruns]
    return text + "".join(f"\n\n{line}" for line in below)


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


def _human() -> str:
    rows = []
    for row in HUMAN_ROWS:
        for who, numbers in (("reported", HUMAN_REPORTED), ("re-run", HUMAN_RERUN)):
            found: list[Number | None] = [numbers.get((row, column)) for column in HUMAN_COLUMNS]
            rows.append(
                [row if who == "reported" else "", who, *(f"{each.mean:.2f}" if each else GAP for each in found)]
            )
    return _grid(["", "", *HUMAN_COLUMNS], rows)


def _grid(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [list(header), ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_plain(entry) for entry in line) + " |" for line in lines)


def _plain(text: str) -> str:
    """A text that a table cell can hold."""
    return " ".join(text.split()).replace("|", "\\|")
