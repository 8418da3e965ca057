"""How do all results there are become one page, figure by figure and number by number beside the paper's?"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

from PIL import Image

from earlylearn.errors import UsageError, setting
from earlylearn.files import write_json
from earlylearn.wording import duration
from earlylearn_paper.experiment import Result, read_result
from earlylearn_paper.page_tables import cells_table, grid, heading, human_table, runs_table, side_by_side
from earlylearn_paper.reproduce import RESULT
from earlylearn_paper.tables.judge import RULE
from earlylearn_paper.work import ScaleName

COLOURS = 64  # a picture of lines and dots loses nothing by a palette, and is a third as large
INTRODUCTION = f"""# The paper's figures and tables, made again

Liu, Niles-Weed, Razavian, Fernandez-Granda, *Early-Learning Regularization Prevents Memorization of Noisy Labels*,
NeurIPS 2020. Every section is one command. This page is written by `earlylearn reproduce` from the result files
beside it, never by hand. Rules in the code judge each claim; what fails to show is told as not holding.

- **full** is the paper's own network, epochs and seeds, on a GPU. Its numbers are compared with the paper's: a number
  agrees (✓) {RULE}.
- **medium** is CIFAR itself on two processor cores: a small wide network from scratch, 20 epochs, one seed. Its numbers
  stand beside the paper's and are not marked, for one seed has no spread, and orders are left open.
- **features** is CIFAR as a linear model on pretrained features, four seeds: not the paper's problem, for the features
  come from clean labels of ImageNet, but real images, the paper's noise and its linear theory.
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


def runs_beside(page: str | Path) -> Path:
    """Where the records of finished runs lie that a page was made of: committed with it, they are not made again."""
    return Path(page).with_suffix("") / "runs"


def read_results(folder: Path) -> list[Result]:
    """The results taken up beside a page: figures, then tables, full scale first."""
    order = list(get_args(ScaleName))[::-1]
    results = [read_result(path) for path in folder.glob("*.json")]
    return sorted(results, key=lambda result: (result["name"], order.index(result["scale"])))


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
        parts += side_by_side(list(mine.values()))
        parts += [part for document in mine.values() for part in _section(document, folder)]
    parts.append(HUMAN + "\n" + human_table())
    return "\n\n".join(part.strip() for part in parts) + "\n"


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
    return f"## Overview\n\n{in_a_sentence(documents)}\n\n" + grid(header, rows)


WHAT = {  # what each scale reproduces, from the paper's own down
    "full": "with the paper's own networks, epochs and seeds",
    "medium": "from scratch on CIFAR with a smaller network",
    "features": "on CIFAR as a linear model on pretrained features",
    "quick": "on small data with a small network",
}


def in_a_sentence(documents: Sequence[Result]) -> str:
    """What is reproduced and what is not: the judged claims that show at each scale, and scales without a result."""
    parts, none = [], []
    for scale, words in WHAT.items():
        verdicts = [
            each["holds"] for document in documents if document["scale"] == scale for each in document["verdicts"]
        ]
        judged = [holds for holds in verdicts if holds is not None]
        if judged:
            parts.append(
                f"{words} {sum(judged)} of {len(judged)} judged claims show ({len(verdicts) - len(judged)} open)"
            )
        elif verdicts:
            parts.append(f"{words} some numbers are there and no claim can be judged yet ({len(verdicts)} open)")
        else:
            none.append(words)
    shown = "; ".join(parts)
    missing = f"; nothing is reproduced yet {' nor '.join(none)}" if none else ""
    return f"**In a sentence:** {shown}{missing}."


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
    yield grid(["claim", "paper", "here", ""], verdicts)
    for figure in document["figures"]:
        yield f"![{document['title']}]({folder}/{picture(document, figure)})"
    if document["cells"]:
        yield cells_table(document)
    if document.get("runs"):
        yield runs_table(document["runs"])
