"""What did others measure who ran the systems of the paper's tables again?"""

from dataclasses import dataclass

from earlylearn_paper.tables.published import Number, parse


@dataclass(frozen=True, kw_only=True)
class Rerun:
    """What one source found, where a table of the paper has a number too.

    Attributes:
        name: of the source, short.
        source: in full, with what differs from the paper's set-up.
        numbers: by row and column of the paper's table.
    """

    name: str
    source: str
    numbers: dict[tuple[str, str], Number]


def _rerun(name: str, source: str, text: str) -> Rerun:
    return Rerun(name=name, source=source, numbers=parse(text)[2])


_BAD_LABELS = (
    "the study that introduced BadLabels (TPAMI 2024; its released README): one framework and settings of its own, "
    "best test epoch"
)
_RESCIENCE = (
    "Hudovernik et al., ReScience C 2026: CIFAR-10N in place of symmetric noise, Titan X Pascal, each with its "
    "authors' settings"
)

RERUNS: dict[str, tuple[Rerun, ...]] = {
    "table-1": (
        _rerun(
            "BadLabels",
            _BAD_LABELS,
            """
            sym20 sym40 sym60 sym80 asym20 asym40
            cifar10/elr   92.85 91.30 87.99 54.67 92.42 89.40
            cifar100/ce   61.41 51.21 38.82 19.89 - -
            cifar100/elr  72.55 68.75 60.01 26.89 - -
            """,
        ),
        _rerun(
            "BadLabels, last",
            "the same study at the last epoch",
            """
            sym20 sym40 sym60 sym80 asym20 asym40
            cifar10/elr   89.37 87.78 85.69 46.71 92.31 89.11
            cifar100/elr  72.13 68.60 59.78 23.95 - -
            """,
        ),
    ),
    "table-2": (
        _rerun(
            "BadLabels",
            _BAD_LABELS,
            """
            sym20 sym80
            cifar10/dividemix   96.21 81.95
            cifar100/dividemix  77.36 57.56
            """,
        ),
        _rerun(
            "PES",
            "the paper on PES (a summary of it)",
            """
            sym20 sym50 sym80
            cifar10/elr+  94.9 93.6 90.4
            """,
        ),
        _rerun(
            "NCR",
            "the paper on NCR",
            """
            sym20 sym80
            cifar10/elr+   94.9 90.9
            cifar100/elr+  76.3 57.2
            """,
        ),
    ),
    "table-3": (
        _rerun(
            "issue 19",
            "a user of the released code: the best of many runs",
            """
            clothing1m
            elr+ 74.37
            """,
        ),
    ),
    "all-methods": (
        _rerun(
            "networks, reported",
            "the data set's leaderboard, best test epoch; networks, re-run: Hudovernik et al., ReScience C 2026",
            """
            aggregate random1 random2 random3 worst
            ce            87.77 85.02 86.46 85.16 77.69
            co-teaching+  90.61 89.70 89.47 89.54 83.26
            elr           92.38 -     -     -     -
            elr+          94.83 94.43 94.20 94.34 91.09
            dividemix     95.01 95.16 95.23 95.21 92.56
            """,
        ),
    ),
    "table-i1": (
        _rerun(
            "Hudovernik et al.",
            _RESCIENCE,
            """
            hours times-elr
            co-teaching+  5.6   3.11
            dividemix     14.0  7.78
            elr           1.8   1.0
            elr+          7.9   4.39
            """,
        ),
    ),
}

# Human labels (CIFAR-10N and CIFAR-100N, best test epoch), of which the paper, being older, has none: what the data
# set's leaderboard reports, and what Hudovernik et al. (ReScience C 2026) got with three seeds.
HUMAN_ROWS, HUMAN_COLUMNS, HUMAN_REPORTED = parse(
    """
                  CIFAR-10N-aggregate  CIFAR-10N-worst  CIFAR-100N
    ce            87.77 77.69 55.50
    co-teaching+  90.61 83.26 57.88
    dividemix     95.01 92.56 71.13
    elr           92.38 -     58.94
    elr+          94.83 91.09 66.72
    """
)
HUMAN_RERUN = parse(
    """
                  CIFAR-10N-aggregate  CIFAR-10N-worst  CIFAR-100N
    ce            91.70 83.91 61.19
    co-teaching+  91.15 82.36 55.46
    dividemix     95.62 93.10 70.91
    elr           93.00 87.89 63.72
    elr+          95.32 91.75 67.87
    """
)[2]
