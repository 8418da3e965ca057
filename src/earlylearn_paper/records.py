"""What is kept of a finished run, so that figures and tables can be made of it later, elsewhere, without its folder?

A run of the paper's size takes minutes to hours, and its folder megabytes. Its record is one small file that is found
by what was asked: committed beside the page, or brought from a machine with a GPU, it stands for the run everywhere.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from typing_extensions import TypedDict

from earlylearn.documents import EpochRecord, Outcome, Statistic
from earlylearn.errors import UsageError
from earlylearn.files import fault, read_json, write_json
from earlylearn.recipes import find_recipe
from earlylearn.runs.folder import RunFolder
from earlylearn.study.runs import StudyRun, outcome
from earlylearn.study.statistics import summarize
from earlylearn.values import pairs_from_text

NOT_ASKED = ("data_dir", "seeds", "accelerator", "devices", "eager", "workers")  # where and how, not what
DIGITS = 6  # significant ones of a share in a record


class Asked(TypedDict):
    """What decides a run: a method with its hyperparameters, a seed, the settings, a recipe's among them."""

    method: str
    options: dict[str, Any]
    seed: int
    settings: dict[str, Any]


class Record(TypedDict):
    """A finished run: what was asked, what it contributes (without its curves), every epoch, and where it was made."""

    asked: Asked
    outcome: dict[str, Any]
    metrics: list[dict[str, Any]]
    environment: dict[str, Any]


@dataclass(frozen=True)
class Finished:
    """A finished run as figures and tables take it.

    Attributes:
        name: its method, as of `earlylearn.compare`.
        seed: its seed.
        outcome: what it contributes to a study.
        metrics: a record per epoch.
        path: its run folder; None where there is only a record.
    """

    name: str
    seed: int
    outcome: Outcome
    metrics: Sequence[EpochRecord]
    path: Path | None = None


def asked(method: str, seed: int, settings: Mapping[str, Any]) -> Asked:
    """What decides a run, however it was put; files are told by their names, wherever they lie."""
    said = {name: value for name, value in settings.items() if name not in (*NOT_ASKED, "seed", "recipe")}
    if "labels" in said:
        said["labels"] = str(said["labels"]).rpartition("/")[2]
    name, *pairs = method.split(":")
    options = pairs_from_text(pairs, lambda pair: f"{method}: {pair}")
    if "recipe" in settings:
        recipe = find_recipe(settings["recipe"])
        said, options = {**recipe.settings, **said}, {**recipe.options_for(name), **options}
    document = {"method": method, "options": options, "seed": seed, "settings": said}
    return cast(Asked, json.loads(json.dumps(document)))


def key(what: Asked) -> str:
    """A short name of a run that was asked for; ``elr:lam=3`` is ``elr`` where the recipe's lambda is 3."""
    numbers = {
        name: float(value) if isinstance(value, int | float) else value for name, value in what["options"].items()
    }
    return digest([what["method"].partition(":")[0], numbers, what["seed"], what["settings"]])


def digest(document: object) -> str:
    """A short name of a JSON document's content."""
    return sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:10]


def file_name(what: Asked) -> str:
    """The file of a run's record: what it is in words, and a digest that tells it from all others."""
    settings = what["settings"]
    words = [
        settings["data"],
        settings.get("labels") or settings.get("noise") or "given",
        what["method"].partition(":")[0],
    ]
    plain = "-".join("".join(c if c.isalnum() or c in "+.=-" else "_" for c in str(word)) for word in words)
    return f"{plain}-{what['seed']}-{key(what)}.json"


class Records:
    """Records in folders: looked for in all of them, kept in the first.

    Args:
        folders: the first need not be there yet.

    Attributes:
        used: the runs that were found or kept, by the names of their files.
    """

    def __init__(self, *folders: Path) -> None:
        self.folders = folders
        self.used: dict[str, Record] = {}

    def find(self, what: Asked) -> Finished | None:
        """The run that was asked for, if a folder has it; UsageError if its file is damaged."""
        name = file_name(what)
        path = next((folder / name for folder in self.folders if (folder / name).exists()), None)
        if path is None:
            return None
        self.used[name] = read_record(path)
        return finished(self.used[name], what["method"])

    def keep(self, what: Asked, run: Path) -> Finished:
        """Keep what a finished run folder says."""
        record = record_of(what, RunFolder(run))
        self.add(record)
        return finished(record, what["method"], run)

    def add(self, record: Record) -> None:
        """Keep a record."""
        name = file_name(record["asked"])
        self.folders[0].mkdir(parents=True, exist_ok=True)
        write_json(self.folders[0] / name, record)
        self.used[name] = record


def record_of(what: Asked, folder: RunFolder) -> Record:
    """The record of a finished run folder."""
    config, _ = folder.read_config()
    measured = dict(outcome(StudyRun(what["method"], config, folder.path)))
    del measured["curves"]  # the epochs have them
    environment = cast(dict[str, Any], _without_commands(read_json(folder.environment)))
    metrics = [cast(dict[str, Any], _rounded(line)) for line in folder.read_metrics()]
    return {"asked": what, "outcome": measured, "metrics": metrics, "environment": environment}


def finished(record: Record, name: str, path: Path | None = None) -> Finished:
    """A record as figures and tables take it, by the name they call its method."""
    metrics = cast(list[EpochRecord], record["metrics"])
    curves = {
        "test": [line["test_accuracy"] for line in metrics],
        "val": [line["val_accuracy"] for line in metrics],
        "memorized": [line["wrong"] and line["wrong"]["memorized"] for line in metrics],
    }
    measured = cast(Outcome, {**record["outcome"], "curves": curves})
    return Finished(name, record["asked"]["seed"], measured, metrics, path)


def read_record(path: Path) -> Record:
    """What a record's file holds; UsageError if it is none."""
    document = read_json(path)
    reason = fault(document, Record)
    if reason is not None:
        raise UsageError(f"{path}: is no record of a run ({reason}); restore it, or move it away")
    return cast(Record, document)


class RunRow(TypedDict):
    """What the runs of one method under the same settings found, their means; ``sd`` is of ``picked``, None of one."""

    data: str
    labels: str
    method: str
    training: str
    seeds: int
    picked: float | None
    sd: float | None
    best: float | None
    last: float | None
    memorized: float | None
    precision: float | None
    recall: float | None
    average_precision: float | None
    minutes: float


def run_rows(records: Mapping[str, Record]) -> list[RunRow]:
    """A row per method and settings, in the order in which they were used."""
    groups: dict[str, list[Record]] = {}
    for record in records.values():
        groups.setdefault(key({**record["asked"], "seed": 0}), []).append(record)
    return [_row(group) for group in groups.values()]


def _row(group: Sequence[Record]) -> RunRow:
    asked_, settings = group[0]["asked"], group[0]["asked"]["settings"]

    def statistic(name: str) -> Statistic | None:
        return summarize([each["outcome"][name] for each in group])

    def mean(name: str) -> float | None:
        found = statistic(name)
        return None if found is None else found["mean"]

    picked = statistic("test_at_best_val")
    options = ", ".join(f"{name} {value:g}" for name, value in asked_["options"].items() if name in ("lam", "beta"))
    trained = [settings.get("network", ""), f"{settings['epochs']} epochs", settings.get("schedule", "")]
    return {
        "data": settings["data"],
        "labels": settings.get("labels") or settings.get("noise") or "given",
        "method": asked_["method"].partition(":")[0] + (f" ({options})" if options else ""),
        "training": ", ".join([*trained, *([settings["augment"]] if "augment" in settings else [])]),
        "seeds": len(group),
        "picked": picked and picked["mean"],
        "sd": picked and picked["sd"],
        "best": mean("test_best"),
        "last": mean("test_last"),
        "memorized": mean("memorized_last"),
        "precision": mean("precision"),
        "recall": mean("recall"),
        "average_precision": mean("average_precision"),
        "minutes": (mean("seconds") or 0.0) / 60,
    }


def _without_commands(value: object) -> object:
    """The same, here and where the run was resumed, without the commands: they name folders of somebody's machine."""
    if isinstance(value, dict):
        return {name: _without_commands(each) for name, each in value.items() if name != "command"}
    return [_without_commands(each) for each in value] if isinstance(value, list) else value


def _rounded(value: object) -> object:
    """The same with fewer digits: a record is read by people, and committed."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value
