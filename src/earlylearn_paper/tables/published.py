"""Which numbers does the paper print in its tables?

Liu, Niles-Weed, Razavian, Fernandez-Granda, "Early-Learning Regularization Prevents Memorization of Noisy Labels",
NeurIPS 2020. Systems carry this software's names where it has them: sce is the paper's SL, gce its GSE.
"""

from dataclasses import dataclass, field

DRAWS = 5  # noise draws behind a published mean and standard deviation


@dataclass(frozen=True)
class Number:
    """A published number: mean and, where it is printed, standard deviation."""

    mean: float
    sd: float | None = None


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of numbers.

    Attributes:
        unit: of the numbers.
        rows: systems.
        columns: data sets, noise or other conditions.
        numbers: by row and column; what the paper leaves empty is not there.
        notes: what is to be known of single numbers, by row and column.
        whose: whose numbers they are.
    """

    unit: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    numbers: dict[tuple[str, str], Number]
    notes: dict[tuple[str, str], str] = field(default_factory=dict)
    whose: str = "paper"


def parse(text: str) -> tuple[tuple[str, ...], tuple[str, ...], dict[tuple[str, str], Number]]:
    """Rows, columns and numbers of a table in plain text: a line of columns, then a line per row; ``-`` is empty."""
    header, *lines = (line.split() for line in text.strip().splitlines())
    numbers = {}
    for row, *entries in lines:
        for column, entry in zip(header, entries, strict=True):
            if entry != "-":
                mean, _, sd = entry.partition("±")
                numbers[row, column] = Number(float(mean), float(sd) if sd else None)
    return tuple(row for row, *_ in lines), tuple(header), numbers


def _table(unit: str, text: str, notes: dict[tuple[str, str], str] | None = None, *, whose: str = "paper") -> Table:
    rows, columns, numbers = parse(text)
    return Table(unit=unit, rows=rows, columns=columns, numbers=numbers, notes=notes or {}, whose=whose)


_TABLE_1 = """
                   sym20      sym40      sym60      sym80       asym10     asym20     asym30     asym40
cifar10/ce         86.98±.12  81.88±.29  74.14±.56  53.82±1.04  90.69±.17  88.59±.34  86.14±.40  80.11±1.44
cifar10/bootstrap  86.23±.23  82.23±.37  75.12±.56  54.12±1.32  90.32±.21  88.26±.24  86.57±.35  81.21±1.47
cifar10/forward    87.99±.36  83.25±.38  74.96±.65  54.64±.44   90.52±.26  89.09±.47  86.79±.36  83.55±.58
cifar10/gce        89.83±.20  87.13±.22  82.54±.23  64.07±1.38  90.91±.22  89.33±.17  85.45±.74  76.74±.61
cifar10/sce        89.83±.32  87.13±.26  82.81±.61  68.12±.81   91.72±.31  90.44±.27  88.48±.46  82.51±.45
cifar10/elr        91.16±.08  89.15±.17  86.12±.49  73.86±.61   93.27±.11  93.52±.23  91.89±.22  90.12±.47
cifar10/elr-cosine 92.12±.35  91.43±.21  88.87±.24  80.69±.57   94.57±.23  93.28±.19  92.70±.41  90.35±.38
cifar100/ce         58.72±.26   48.20±.65   37.41±.94   18.10±.82  66.54±.42   59.20±.18   51.40±.16   42.74±.61
cifar100/bootstrap  58.27±.21   47.66±.55   34.68±1.1   21.64±.97  67.27±.78   62.14±.32   52.87±.19   45.12±.57
cifar100/forward    39.19±2.61  31.05±1.44  19.12±1.95  8.99±.58   45.96±1.21  42.46±2.16  38.13±2.97  34.44±1.93
cifar100/gce        66.81±.42   61.77±.24   53.16±.78   29.16±.74  68.36±.42   66.59±.22   61.45±.26   47.22±1.15
cifar100/sce        70.38±.13   62.27±.22   54.82±.57   25.91±.44  73.12±.22   72.56±.22   72.12±.24   69.32±.87
cifar100/elr        74.21±.22   68.28±.31   59.28±.67   29.78±.56  74.20±.31   74.03±.31   73.71±.22   73.26±.64
cifar100/elr-cosine 74.68±.31   68.43±.42   60.05±.78   30.27±.86  74.52±.32   74.20±.25   74.02±.33   73.73±.34
"""
# elr+: picked on held-out labels; elr+best: the best epoch on the test set, as in all other rows.
_TABLE_2 = """
                       sym20  sym50  sym80  sym90  asym40
cifar10/ce             86.8   79.4   62.9   42.7   83.2
cifar10/co-teaching+   89.5   85.7   67.4   47.9   -
cifar10/mixup          95.6   87.1   71.6   52.2   -
cifar10/pencil         92.4   89.1   77.5   58.9   88.5
cifar10/md-dyr-sh      94.0   92.0   86.8   69.1   87.4
cifar10/dividemix      96.1   94.6   93.2   76.0   93.4
cifar10/elr+           94.6   93.8   91.1   75.2   92.7
cifar10/elr+best       95.8   94.8   93.3   78.7   93.0
cifar100/ce            62.0   46.7   19.9   10.1   -
cifar100/co-teaching+  65.6   51.8   27.9   13.7   -
cifar100/mixup         67.8   57.3   30.8   14.6   -
cifar100/pencil        69.4   57.5   31.1   15.3   -
cifar100/md-dyr-sh     73.9   66.1   48.2   24.3   -
cifar100/dividemix     77.3   74.6   60.2   31.5   72.1
cifar100/elr+          77.5   72.4   58.2   30.8   76.5
cifar100/elr+best      77.6   73.6   60.8   33.4   77.5
"""
_TABLE_3 = """
               clothing1m
ce             69.10
forward        69.84
gce            69.75
sce            71.02
joint-optim    72.16
dividemix      74.76
elr            72.87
elr+           74.81
"""
_TABLE_4 = """
             webvision-top1  webvision-top5  ilsvrc12-top1  ilsvrc12-top5
d2l          62.68  84.00  57.80  81.36
mentornet    63.00  81.40  57.80  79.92
co-teaching  63.58  85.20  61.48  84.70
iterative-cv 65.24  85.34  61.60  84.98
dividemix    77.32  91.64  75.20  90.84
elr          76.26  91.26  68.71  87.84
elr+         77.78  91.68  70.29  89.76
"""
# averaging: the targets come from weight averages; live: from the weights themselves.
_TABLE_5 = """
                  sym40/averaging  sym40/live  sym80/averaging  sym80/live
1-network/mixup   93.04±.12  91.05±.13  87.23±.30  81.43±.52
1-network/plain   92.09±.08  90.83±.07  76.50±.65  72.54±.35
2-networks/mixup  93.68±.51  93.51±.47  88.62±.26  84.75±.26
2-networks/plain  92.95±.05  91.86±.14  80.13±.51  73.49±.47
"""
# The second column is the first divided by elr's.
_TABLE_I1 = """
              hours  times-elr
co-teaching+  4.4    4.0
dividemix     5.4    4.91
elr           1.1    1.0
elr+          2.3    2.09
"""
_ACCURACY = "test accuracy, %"
# Not of the paper, which is older than these labels: CIFAR-10N as Hudovernik et al. (ReScience C 2026) got it with each
# author's settings, three seeds, best test epoch.
_ALL_METHODS = """
                 sym20 sym40 sym60 sym80 asym10 asym20 asym30 asym40 aggregate random1 random2 random3 worst
ce               - - - - - - - -  91.70 90.20 90.12 90.08 83.91
kl               - - - - - - - -  - - - - -
targets          - - - - - - - -  - - - - -
elr              - - - - - - - -  93.00 92.20 92.05 92.18 87.89
elr+             - - - - - - - -  95.32 94.89 94.88 94.93 91.75
bootstrap        - - - - - - - -  - - - - -
forward          - - - - - - - -  - - - - -
gce              - - - - - - - -  - - - - -
sce              - - - - - - - -  - - - - -
mixup            - - - - - - - -  - - - - -
label-smoothing  - - - - - - - -  - - - - -
co-teaching      - - - - - - - -  91.93 90.69 90.51 90.56 80.92
co-teaching+     - - - - - - - -  91.15 89.82 89.64 89.77 82.36
dividemix        - - - - - - - -  95.62 95.72 95.78 95.71 93.10
sop              - - - - - - - -  91.69 89.83 90.57 90.88 83.66
"""

TABLES: dict[str, Table] = {
    "table-1": _table(
        _ACCURACY,
        _TABLE_1,
        {
            ("cifar10/elr-cosine", "sym20"): "the README of the released code says 91.12",
            ("cifar100/elr", "asym40"): "the README of the released code says 73.71, which is the paper's asym30",
            ("cifar100/elr-cosine", "asym40"): "the README of the released code says 73.96",
        },
    ),
    "table-2": _table(
        _ACCURACY,
        _TABLE_2,
        {("cifar10/elr+", "sym80"): "Table 5 has 88.62 ± 0.26 for the same system, there named 2 networks, mixup, WA"},
    ),
    "table-3": _table(_ACCURACY, _TABLE_3),
    "table-4": _table(_ACCURACY, _TABLE_4),
    "table-5": _table(
        _ACCURACY, _TABLE_5, {("2-networks/mixup", "sym80/averaging"): "Table 2 has 91.1 for the same system"}
    ),
    "table-i1": _table("hours of training, and their ratio to elr's", _TABLE_I1),
    "all-methods": _table(_ACCURACY, _ALL_METHODS, whose="networks, re-run"),
}
