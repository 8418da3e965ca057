"""How does the command line answer: tables for people, JSON for programs, files on request?"""

import ast
import json
import os
import shlex
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from earlylearn.errors import Mention, UsageError, visible
from earlylearn.files import new_file, write_parts

if TYPE_CHECKING:
    from earlylearn.documents import Accuracy, Summary


_OTHERS = (".xlsx", ".xls", ".ods", ".parquet", ".pq", ".json", ".jsonl", ".npz", ".npy", ".gz", ".zip", ".html")


def new_table(out: str | None, overwrite: bool, *, spare: Sequence[tuple[Any, str]] = ()) -> Path | None:
    """A CSV file that may be written, or None; arguments and errors as of `earlylearn.files.new_file`."""
    if out is not None and Path(out).suffix.lower() in _OTHERS:
        raise UsageError(f"--out {out}: is written as CSV; let its name end in .csv")
    return new_file(out, overwrite, spare=spare)


def write_frame(frame: Any, target: Path | None, as_json: bool) -> None:
    """A DataFrame into a file, on stdout as JSON, or on stdout as CSV, whose cells no spreadsheet runs."""
    write_frames([frame], target, as_json)


def write_frames(frames: Iterable[Any], target: Path | None, as_json: bool) -> None:
    """`write_frame` of what comes some rows at a time, and is nowhere in memory as a whole; at least one frame."""
    from earlylearn.data.readers.corrections import guarded_frame
    from earlylearn.data.readers.frames import as_csv

    rows, documents = 0, _Documents() if as_json else None

    def lines() -> Iterator[str]:
        nonlocal rows
        for k, frame in enumerate(frames):
            rows += len(frame)
            if documents is not None:
                documents.print(frame)
            if target or not as_json:
                yield as_csv(guarded_frame(frame), header=not k)

    if target:
        try:
            write_parts(target, (text.encode() for text in lines()))
        except OSError as error:
            raise UsageError(f"--out {target}: {error.strerror}; choose a file you may write") from None
        print(f"{rows} rows: {target}", file=sys.stderr)
    else:
        as_they_are, escaped = _goes_into_a_file(), 0
        for text in lines():
            shown = text if as_they_are else visible(text)
            escaped += sum(a != b for a, b in zip(text.split("\n"), shown.split("\n"), strict=True))
            print(shown, end="")
        if escaped:
            tell(
                f"{escaped:,} lines have control characters, which are escaped here (\\x1b); --out FILE has them as "
                "they are",
                file=sys.stderr,
            )
    if documents is not None:
        documents.end()


def _goes_into_a_file() -> bool:
    """Whether stdout is a file on the disk, and neither a terminal nor a pipe, which may end on one."""
    try:
        return stat.S_ISREG(os.fstat(sys.stdout.fileno()).st_mode)
    except (OSError, ValueError):  # it is closed, or no file at all
        return False


class _Documents:
    """One JSON list of the rows of many frames, as pandas writes that of one."""

    def __init__(self) -> None:
        self.begun = False

    def print(self, frame: Any) -> None:
        """The rows of a frame more."""
        inside = _harmless(frame.to_json(orient="records", indent=2)).removeprefix("[").removesuffix("]").strip("\n")
        if inside:
            print(",\n" if self.begun else "[\n", inside, sep="", end="")
            self.begun = True

    def end(self) -> None:
        """No more rows."""
        print("\n]" if self.begun else "[]")


def print_json(document: Any) -> None:
    """One JSON document on stdout."""
    print(_harmless(json.dumps(document, indent=2)))


def _harmless(document: str) -> str:
    """JSON in which nothing steers a terminal: all other control characters are escaped already."""
    return document.replace("\x7f", "\\u007f")


def tell(text: str, *, file: Any = None, flush: bool = False) -> None:
    """A line on stdout, or in another file of the terminal, safe to show: see `earlylearn.errors.visible`."""
    print(visible(text), file=file, flush=flush)


NONE_PICKED = "none picked"


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table on stdout, as wide as the terminal allows; without lines where only so its words stay whole."""
    console = Console(markup=False, highlight=False)
    cells = [[f"{cell:.4f}" if isinstance(cell, float) else visible(str(cell)) for cell in row] for row in rows]
    texts = list(zip(map(visible, columns), *cells, strict=True))
    lines, spaces = 3 * len(texts) + 1, 2 * len(texts) + 1
    widths = _widths(texts, console.width - lines)
    table = Table(title=visible(title), title_justify="left")
    if widths is None:
        table.box, table.padding, table.pad_edge = SIMPLE_HEAD, (0, 1, 0, 0), False
        widths = _widths(texts, console.width - spaces)
    for position, column in enumerate(columns):
        width = None if widths is None else widths[position]
        table.add_column(visible(column), overflow="fold", no_wrap=column == "name", width=width)
    for row in cells:
        table.add_row(*row)
    with console.capture() as captured:
        console.print(table)
    print(captured.get(), end="")  # print, because rich has its own way with a closed pipe


def _widths(texts: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """The width of each column, between its longest word and its longest text; None if not all words have room."""
    least = [max(cell_len(word) for text in column for word in text.split() or [""]) for column in texts]
    most = [max(map(cell_len, column)) for column in texts]
    spare, wished = room - sum(least), sum(most) - sum(least)
    if spare < 0:
        return None
    share = 1.0 if spare >= wished else spare / wished
    return [low + int(share * (high - low)) for low, high in zip(least, most, strict=True)]


def print_summaries(summaries: "Mapping[str, Summary]") -> None:
    """What is known of runs, side by side, by method; and what the words mean."""
    from earlylearn.wording import method_title

    runs = list(summaries.values())
    accuracies, found = [run["accuracy"] for run in runs], [run["label_issues"] for run in runs]
    rows = [
        ["test accuracy, last epoch", *(_share(each["test_last"]) for each in accuracies)],
        ["test accuracy, picked epoch", *(_picked(each) for each in accuracies)],
        ["held-out given labels predicted, last epoch", *(_share(each["val_last"]) for each in accuracies)],
        *_measured(runs),
        ["wrong labels memorised", *(_share(run["memorized_last"]) for run in runs)],
        ["labels flagged as perhaps wrong", *(str(each["flagged"]) for each in found)],
        ["  of these, really wrong (precision)", *(_share(each["precision"]) for each in found)],
        ["  share of wrong labels found (recall)", *(_share(each["recall"]) for each in found)],
        ["training time", *(f"{run['seconds']:.0f} s" for run in runs)],
    ]
    known = [row for row in rows if not {"unknown", NONE_PICKED}.issuperset(row[1:])]
    print_table("results", ["", *map(method_title, summaries)], known)
    if any(each["test_at_best_val"] is not None and each["val_best"] is not None for each in accuracies):
        print("picked epoch: the one that predicted most of the given labels held out from training")


def _measured(runs: "Sequence[Summary]") -> list[list[str]]:
    """A row for each metric that was asked for beside accuracy, of test rows and of held-out ones."""
    found = []
    for key, words in (("test_last", "test"), ("val_last", "held-out given labels")):
        measured = [(run.get("metrics") or {}).get(key) or {} for run in runs]
        for name in dict.fromkeys(name for each in measured for name in each):
            values = (each.get(name) for each in measured)
            shown = ["unknown" if value is None else f"{value:.3f}" for value in values]
            found.append([f"{name} of {words}, last epoch", *shown])
    return found


def print_audit(summary: "Summary", run: str) -> None:
    """What may be said of the labels before anybody has looked, and how to look; misgivings first."""
    audit = summary.get("audit")
    if audit is None:
        return
    from earlylearn.report.verdict import copies, memory

    beside = summary.get("data_issues")
    told = audit["misgivings"] or audit["claims"]
    for line in [*copies(summary), *told, *memory(summary), *(beside["lines"] if beside else [])]:
        tell(line)
    if summary["label_issues"]["flagged"]:
        tell(f"look at them: earlylearn review {shlex.quote(run)}")


def _picked(accuracy: "Accuracy") -> str:
    """The picked epoch's test accuracy; no labels held out, none picked, as under `auto`, whose folds choose."""
    return NONE_PICKED if accuracy["val_best"] is None else _share(accuracy["test_at_best_val"])


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1%}"


# What a Python call is on the command line, where it is not the command of the same name.
_COMMANDS = {"resume": "train --resume"}
REPEATED = ("text", "drop", "show", "annotators")  # options that are named again for each value


def as_options(mention: Mention) -> str:
    """A setting, hyperparameter, call or help in a message, as it is written on the command line."""
    if mention.kind == "help":
        return f"earlylearn {mention.name} --help"
    if mention.kind == "call":
        return " ".join(filter(None, ["earlylearn", _COMMANDS.get(mention.name, mention.name), _word(mention)]))
    if mention.kind == "hyperparameter":
        return f"-o {mention.name}={_word(mention)}" if mention.literal else f"-o {mention.name}"
    option = f"--{mention.name.replace('_', '-')}"
    if mention.name in REPEATED and mention.literal:
        values = ast.literal_eval(mention.literal)
        each = values if isinstance(values, list | tuple) else [values]  # of a config.json that somebody changed
        return " ".join(f"{option} {shlex.quote(str(value))}" for value in each)
    return option if mention.literal in ("", "True") else f"{option} {_word(mention)}"


def _word(mention: Mention) -> str:
    """The value as it would be typed; blanks in it are seen."""
    value = {"None": "null", "True": "true", "False": "false"}.get(mention.literal, mention.value)
    return shlex.quote(value) if value != value.strip() or len(value.split()) > 1 else value
