"""How do all methods do side by side on real images, under injected noise and under people's mistakes?

Not a table of the paper: its noise at every rate, and the human labels of CIFAR-10N, which came after it. As a linear
model on frozen features all of it can be trained on a processor.
"""

from earlylearn_paper.experiment import Cell, Experiment, Findings, Verdict
from earlylearn_paper.setup import FEATURES, on_features
from earlylearn_paper.tables.grid import cifar_noise, split
from earlylearn_paper.tables.judge import all_above, judged, leads, signed_with_error
from earlylearn_paper.tables.published import TABLES
from earlylearn_paper.tables.table import Plan, Source, findings
from earlylearn_paper.tables.table_1 import own_method
from earlylearn_paper.work import Work

TABLE = TABLES["all-methods"]
HUMAN = {"aggregate": "aggre", **{f"random{k}": f"random{k}" for k in (1, 2, 3)}, "worst": "worst"}
LABELS = "cifar10n_labels.npz"  # an array of 50,000 labels by each name, in CIFAR-10's own order


def plan() -> Plan:
    """Every method under every noise."""
    found: dict[tuple[str, str], Source | str] = {}
    for row in TABLE.rows:
        for column in TABLE.columns:
            if column in HUMAN:
                method, labels = row, {"labels": f"{LABELS}:{HUMAN[column]}"}
            else:
                kind, rate = split(column)
                method, labels = own_method("cifar10", kind, row), {"noise": cifar_noise("cifar10", kind, rate)}
            found[row, column] = Source(part=column, method=method, settings=labels)
    return found


def shape(cells: list[Cell]) -> list[Verdict]:
    """Where ELR is ahead of cross-entropy, and of the best of all others, with the spread of the seeds."""
    verdicts = []
    others = [row for row in TABLE.rows if row not in ("elr", "elr+")]
    measured = {(cell.row, cell.column) for cell in cells if cell.ours is not None}
    for claim, rivals in (
        ("ELR is more accurate than cross-entropy in every column", ["ce"]),
        ("ELR is more accurate than every method but ELR+ in every column", others),
    ):
        columns = [column for column in TABLE.columns if all((row, column) in measured for row in ["elr", *rivals])]
        known = [Cell(cell.row, cell.column, cell.ours, None, cell.ours, cell.sd, cell.n) for cell in cells]
        ours, paper = leads(known, ["elr"], rivals, columns, "ours"), "(the paper has no such table)"
        if len(columns) == len(TABLE.columns):
            verdicts.append(judged(claim, paper, ours, all_above(0)))
        else:
            missing = f" ({len(columns)} of {len(TABLE.columns)} columns measured)" if ours else ""
            verdicts.append(Verdict(claim, paper, signed_with_error(ours) + missing, None))
    return verdicts


def all_methods(work: Work) -> Findings:
    """Fill the table; nothing of the paper's is compared with."""
    caption = "networks from scratch as others re-ran them; here: a linear model on pretrained features; CIFAR-10"
    return findings("all-methods", work, plan(), shape, caption=caption)


ALL_METHODS = Experiment(
    name="all-methods",
    title="All methods on CIFAR-10 and CIFAR-10N, a linear model on pretrained features",
    source="Not in the paper: its noise at every rate, and the human labels of CIFAR-10N (Wei et al. 2022)",
    features=on_features({"training": FEATURES}, runs=4 * len(TABLE.rows) * len(TABLE.columns)),
    reproduce=all_methods,
    rows=TABLE.rows,
    columns=TABLE.columns,
)
