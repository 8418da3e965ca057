"""In which order are the runs of the medium scale best made, so that whoever stops early has the most?

Each run takes some 17 minutes on two processor cores, all of them a day and more. After each the figures and tables
that use it are made anew, its record is kept beside the page, and asked again the command goes on behind it, also on
another machine that has the page.

Run:
    python -m benchmarks.medium --data-dir DIR --page docs/reproduction.md
"""

import argparse
import sys
from typing import NamedTuple

from earlylearn.errors import EarlylearnError
from earlylearn_paper.collect import collect
from earlylearn_paper.page import runs_beside, write_page
from earlylearn_paper.reproduce import reproduce


class Part(NamedTuple):
    """Some runs of a figure or table; settings of the scale that are changed leave out those that can wait."""

    name: str
    rows: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None


def _table(row: str, column: str) -> Part:
    return Part("table-1", (row,), (column,))


# The decisive test first (Figure 2 is of the plain runs at 40 %), then Table 1 from its middle outwards, then the rest.
BY_WORTH = (
    Part("figure-2"),
    *(_table(f"cifar10/{system}", "sym40") for system in ("elr", "ce")),
    Part("figure-1"),  # the plain runs at 60 %
    *(
        _table(f"cifar10/{system}", column)
        for column in ("sym60", "sym80", "asym40", "sym20")
        for system in ("elr", "ce")
    ),
    Part("table-i1"),
    *(_table(f"cifar100/{system}", "sym40") for system in ("elr", "ce")),
    Part("table-2", ("cifar10/ce", "cifar10/elr+", "cifar10/elr+best")),
    Part("figure-h1"),
)


def main() -> None:
    """Make the parts, the most valuable first."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.medium", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data-dir", required=True, help="where CIFAR's official files lie")
    parser.add_argument("--out", default="runs/paper", help="where runs are made (default runs/paper)")
    parser.add_argument("--page", default="docs/reproduction.md", help="page to keep up (default docs/reproduction.md)")
    parser.add_argument("--first", type=int, default=len(BY_WORTH), help="only so many of the parts")
    asked = parser.parse_args()
    records = runs_beside(asked.page)
    for part in BY_WORTH[: asked.first]:
        print(f"{part.name} {' '.join((*(part.rows or ()), *(part.columns or ())))}", file=sys.stderr, flush=True)
        try:
            reproduce(
                part.name,
                scale="medium",
                out=asked.out,
                data_dir=asked.data_dir,
                rows=part.rows,
                columns=part.columns,
                records=records,
            )
        except EarlylearnError as error:
            print(f"{part.name}: {error.message}", file=sys.stderr, flush=True)
            continue
        collect(records, out=asked.out, page=asked.page)
        write_page(asked.page, asked.out)


if __name__ == "__main__":
    main()
