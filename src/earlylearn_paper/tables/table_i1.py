"""Table I.1: how long do ELR and ELR+ train beside co-teaching+ and DivideMix?"""

from dataclasses import replace
from functools import partial
from statistics import fmean
from typing import Any

import pandas as pd

from earlylearn.recipes import find_recipe
from earlylearn_paper.experiment import Cell, Experiment, Findings, Scale, Verdict
from earlylearn_paper.records import Finished
from earlylearn_paper.tables.judge import numbers
from earlylearn_paper.tables.published import TABLES
from earlylearn_paper.tables.table import Plan, Source, findings
from earlylearn_paper.work import Work

TABLE = TABLES["table-i1"]
HOURS, RATIO = TABLE.columns
FACTOR = 1.5  # a ratio agrees with the paper's within it
RECIPES = {
    "co-teaching+": "cifar10-co-teaching",
    "dividemix": "cifar10-dividemix-sym50",
    "elr": "cifar10-elr",
    "elr+": "cifar10-elr+",
}


def hours(run: Finished, epochs: int) -> float:
    """Hours of training, evaluation after each epoch included; epochs not run cost what the last three did."""
    seconds = [line["seconds"] for line in run.metrics]
    return (sum(seconds) + (epochs - len(seconds)) * fmean(seconds[-3:])) / 3600


def _plan(work: Work) -> Plan:
    plan: dict[tuple[str, str], Source | str] = {}
    for row in TABLE.rows:
        recipe = RECIPES[row] if work.scale == "full" else work.settings["training"]["recipe"]
        asked = work.settings["training"].get("epochs")
        whole = find_recipe(recipe).settings["epochs"] if work.scale == "full" else asked
        for column in TABLE.columns:
            plan[row, column] = Source(
                part=recipe,
                method=work.settings.get("methods", {}).get(row, row),
                settings={"recipe": recipe},
                measure=partial(hours, epochs=whole),
                why=f"reckoned from {asked} of {whole} epochs" if asked not in (None, whole) else "",
            )
    return plan


def runs(settings: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Method and request of every run at full scale."""
    training = {name: value for name, value in settings["training"].items() if name != "seeds"}
    return [(row, {**training, "recipe": RECIPES[row]}) for row in TABLE.rows]


def with_ratios(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs, the values of whose second column are hours divided by elr's mean hours."""
    kept = runs[runs["column"] == HOURS]
    base = kept.loc[kept["row"] == "elr", "value"].mean()
    ratios = kept.assign(column=RATIO, value=kept["value"] / base).dropna(subset="value")
    return pd.concat([part for part in (kept, ratios) if len(part)], ignore_index=True) if len(kept) else kept


def shape(cells: list[Cell]) -> list[Verdict]:
    """The order of the systems, and each ratio to elr's time."""
    paper, ours = ({row: value for (row, _), value in known.items()} for known in _ratios(cells))
    orders = {name: " < ".join(sorted(side, key=lambda row: side[row])) for name, side in (("p", paper), ("o", ours))}
    verdicts = [
        Verdict(
            "from fast to slow: ELR, ELR+, co-teaching+, DivideMix",
            orders["p"],
            orders["o"] or "not measured",
            orders["o"] == orders["p"] if len(ours) == len(paper) else None,
        )
    ]
    for row in (row for row in TABLE.rows if row != "elr"):
        near = None if row not in ours else 1 / FACTOR <= ours[row] / paper[row] <= FACTOR
        mine = f"{ours[row]:.1f} times" if row in ours else "not measured"
        claim = f"{row} takes as many times longer than ELR as in the paper, within a factor of {FACTOR}"
        verdicts.append(Verdict(claim, f"{paper[row]:.1f} times", mine, near))
    return verdicts


def _ratios(cells: list[Cell]) -> tuple[dict[tuple[str, str], float], dict[tuple[str, str], float]]:
    only = [cell for cell in cells if cell.column == RATIO]
    return numbers(only, "paper"), numbers(only, "ours")


def table_i1(work: Work) -> Findings:
    """Fill Table I.1, one run at a time: runs side by side would share what is timed."""
    alone = replace(work, workers=1)
    here = "here: CIFAR-10" if work.scale == "full" else "here: digits, small CNN"
    caption = f"paper: CIFAR-10, V100; {here}"
    return findings("table-i1", alone, _plan(alone), shape, caption=caption, derive=with_ratios)


TABLE_I1 = Experiment(
    name="table-i1",
    title="training time of ELR and ELR+ beside co-teaching+ and DivideMix",
    source="Table I.1; supplement I",
    quick=Scale(
        settings={
            "training": {"data": "digits", "noise": "symmetric:0.4", "recipe": "small-data", "epochs": 40, "seeds": 1}
        },
        minutes=2,
        hardware="2 processor cores, one run at a time",
        replaced=(
            "CIFAR-10 on a V100 is digits and a small CNN on a processor, one seed.",
            "All systems train the same network for the same 40 epochs; in the paper ELR trains a ResNet-34 for 120, "
            "ELR+ two PreActResNet-18 for 200, and DivideMix's authors publish 300.",
        ),
    ),
    full=Scale(
        # 14 epochs: DivideMix's first ten are a warm-up; what the others take, its last three tell
        settings={"training": {"data": "cifar10", "noise": "symmetric:0.4", "epochs": 14, "seeds": 1}},
        minutes=8,
        hardware="1 H200 GPU",
        replaced=("A V100 is another GPU: ratios are compared, hours are not.",),
    ),
    medium=Scale(
        settings={
            # each method's usual epoch from the second on, not that of a warm-up
            "methods": {"co-teaching+": "co-teaching+:initial=1", "dividemix": "dividemix:warmup=1"},
            "training": {
                "data": "cifar10",
                "noise": "symmetric:0.4",
                "recipe": "cifar10-fast",
                "network": "whitened-cnn",
                "epochs": 4,
                "limit": 5000,
                "seeds": 1,
            },
        },
        minutes=8,
        hardware="2 processor cores, one run at a time",
        replaced=(
            "a V100 is a processor, ResNet-34 and PreActResNet-18 a small wide CNN (whitened-cnn), one seed",
            "4 epochs on 5,000 images of CIFAR-10, the first of them a warm-up: ratios are compared, hours are not",
            "all systems train one network for as many epochs; in the paper ELR trains a ResNet-34 for 120, ELR+ two "
            "PreActResNet-18 for 200, and DivideMix's authors publish 300",
        ),
    ),
    reproduce=table_i1,
    rows=TABLE.rows,
)
