"""Table 5: what does each part of ELR+ contribute: a second network, mixup, weight averaging?"""

from collections.abc import Sequence
from math import sqrt
from statistics import fmean

from earlylearn_paper.experiment import Cell, Experiment, Findings, Scale, Verdict
from earlylearn_paper.setup import SMALL_LAM
from earlylearn_paper.tables.judge import (
    Side,
    all_above,
    judged,
    number_verdicts,
    numbers,
    signed,
    signed_with_error,
    squared_error,
)
from earlylearn_paper.tables.published import TABLES
from earlylearn_paper.tables.table import Plan, Source, findings
from earlylearn_paper.work import Work

TABLE = TABLES["table-5"]
RATES = {"sym40": 0.4, "sym80": 0.8}
_WITHOUT = {"1-network": "networks=1", "plain": "alpha=0", "live": "gamma=0"}
# A part, and the names of a row or column with and without it.
PARTS = {
    "a second network": ("2-networks", "1-network"),
    "mixup": ("mixup", "plain"),
    "weight averaging": ("averaging", "live"),
}


def _plan(scale: str) -> Plan:
    plan = {}
    for row in TABLE.rows:
        for column in TABLE.columns:
            rate, weights = column.split("/")
            noise = {"noise": f"symmetric:{RATES[rate]}"}
            options = [_WITHOUT[part] for part in (*row.split("/"), weights) if part in _WITHOUT]
            plan[row, column] = Source(
                part=rate,
                method=":".join(["elr+", *options]),
                settings={"data": "cifar10", "recipe": "cifar10-elr+", **noise} if scale == "full" else noise,
            )
    return plan


def effects(cells: Sequence[Cell], rate: str, part: str, side: Side) -> list[float]:
    """What a part adds at a noise rate, for each of the four settings of the other two parts; unknown ones left out."""
    known, (present, absent) = numbers(cells, side), PARTS[part]
    found = []
    for (row, column), value in known.items():
        names = f"{row} {column}"
        without = names.replace(present, absent)
        other = known.get((without.split()[0], without.split()[1]))
        if column.startswith(rate) and without != names and other is not None:
            found.append(value - other)
    return found


def shape(cells: list[Cell]) -> list[Verdict]:
    """Which parts help, whether all together are best, and which is missed most."""
    return [
        *(_helps(cells, part) for part in PARTS),
        *(_all_together(cells, rate) for rate in RATES),
        _missed_most(cells),
    ]


def _helps(cells: list[Cell], part: str) -> Verdict:
    means: dict[Side, dict[str, tuple[float, float]]] = {}
    for side in ("paper", "ours"):
        found = {rate: effects(cells, rate, part, side) for rate in RATES}
        # Every cell of a rate is in the mean of its four effects once, with one sign or the other.
        means[side] = {
            rate: (fmean(values), _error(cells, rate, side) / 4) for rate, values in found.items() if len(values) == 4
        }
    claim = f"{part} helps on the mean over the other parts, at both noise rates"
    paper = signed({rate: mean for rate, (mean, _) in means["paper"].items()})
    if len(means["ours"]) < len(RATES):
        return Verdict(claim, paper, signed_with_error(means["ours"]), None)
    return judged(claim, paper, means["ours"], all_above(0))


def _error(cells: list[Cell], rate: str, side: Side) -> float:
    """The standard error of a sum and difference of all cells of a rate."""
    return sqrt(sum(squared_error(cell, side) for cell in cells if cell.column.startswith(rate)))


def _all_together(cells: list[Cell], rate: str) -> Verdict:
    """The lead of the whole over the best of the others."""
    whole = "2-networks/mixup", f"{rate}/averaging"
    found: dict[Side, dict[str, tuple[float, float]]] = {"paper": {}, "ours": {}}
    for side in found:
        known = {place: value for place, value in numbers(cells, side).items() if place[1].startswith(rate)}
        errors = {(cell.row, cell.column): squared_error(cell, side) for cell in cells}
        if len(known) == 8:
            best = max((place for place in known if place != whole), key=lambda place: known[place])
            lead = known[whole] - known[best], sqrt(errors[whole] + errors[best])
            found[side] = {f"over {best[0]} {best[1]}": lead}
    claim, paper = f"all parts together are best at {rate}", signed({k: v for k, (v, _) in found["paper"].items()})
    if not found["ours"]:
        return Verdict(claim, paper, "not measured", None)
    return judged(claim, paper, found["ours"], all_above(0))


def _missed_most(cells: list[Cell]) -> Verdict:
    """At the higher rate, by how much more the whole misses mixup than the other part it misses most."""
    without = {
        "mixup": ("2-networks/plain", "sym80/averaging"),
        "a second network": ("1-network/mixup", "sym80/averaging"),
        "weight averaging": ("2-networks/mixup", "sym80/live"),
    }
    found: dict[Side, dict[str, tuple[float, float]]] = {"paper": {}, "ours": {}}
    for side in found:
        known = numbers(cells, side)
        errors = {(cell.row, cell.column): squared_error(cell, side) for cell in cells}
        if all(place in known for place in without.values()):
            part = min(list(without)[1:], key=lambda name: known[without[name]])
            other, mixup = without[part], without["mixup"]
            found[side] = {f"more than {part}": (known[other] - known[mixup], sqrt(errors[other] + errors[mixup]))}
    claim, paper = "at sym80 the whole misses mixup most", signed({k: v for k, (v, _) in found["paper"].items()})
    if not found["ours"]:
        return Verdict(claim, paper, "not measured", None)
    return judged(claim, paper, found["ours"], all_above(0))


def table_5(work: Work) -> Findings:
    """Fill Table 5; at full scale its numbers are judged too."""
    full = work.scale == "full"
    return findings(
        "table-5",
        work,
        _plan(work.scale),
        lambda cells: shape(cells) + (number_verdicts(cells) if full else []),
        caption="both: CIFAR-10" if full else "paper: CIFAR-10; here: digits, small CNN",
    )


TABLE_5 = Experiment(
    name="table-5",
    title="ELR+ without a second network, mixup, weight averaging (live: none)",
    source="Table 5; supplement F",
    quick=Scale(
        settings={"training": {"data": "digits", "recipe": "small-data", "epochs": 40, "seeds": 2}},
        minutes=4,
        hardware="2 processor cores, 2 workers",
        replaced=(
            SMALL_LAM,
            "CIFAR-10 is digits (1,437 training images of 8 x 8 pixels), PreActResNet-18 a small CNN; 200 epochs "
            "are 40.",
            "Weight averages forget over 333 steps as in the paper: one epoch of 200 there, 16 of 40 here. Their "
            "momentum does not ramp up over 40,000 steps, for there are 840.",
            "2 seeds for 5, batches of 64.",
        ),
    ),
    full=Scale(
        settings={"training": {"seeds": 5}},
        minutes=650,
        hardware="1 H200 GPU",
        replaced=("ELR+'s two networks share one noise draw (as released: one each, which flatters).",),
    ),
    reproduce=table_5,
    rows=TABLE.rows,
    columns=TABLE.columns,
)
