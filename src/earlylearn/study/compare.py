"""Which method is better on these data, with the same noise, split, network and budget for each?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from earlylearn.data.labelled import LabelledData
from earlylearn.data.sources import Loaded
from earlylearn.documents import (
    FORMAT,
    Compared,
    ComparedMethod,
    ComparisonDocument,
    ComparisonFacts,
    Difference,
    Differences,
    Outcome,
)
from earlylearn.errors import UsageError, setting
from earlylearn.files import to_json
from earlylearn.methods import METHODS
from earlylearn.plugins import is_reference, short
from earlylearn.report import render_comparison
from earlylearn.runs.config import RunConfig, resolve
from earlylearn.runs.train import read
from earlylearn.study.conclusions import conclude_comparison
from earlylearn.study.conduct import about, conduct, means, seed_count, study_run
from earlylearn.study.folder import write_documents
from earlylearn.study.runs import Failure, StudyRun, Task
from earlylearn.study.statistics import holm, paired_difference, summarize
from earlylearn.values import pairs_from_text, plain

FILES = ("comparison.json", "comparison.csv", "report.html")
COMPARED: tuple[Compared, ...] = ("test_last", "test_at_best_val", "val_last")
OWN = ("network", "epochs", "batch_size", "lr")  # settings that a method may bring with it


@dataclass(frozen=True)
class Comparison:
    """A comparison; runs that failed are missing in it.

    Attributes:
        path: its folder: ``comparison.json``, ``comparison.csv``, ``report.html``, and a run folder each in ``runs/``.
        document: what ``comparison.json`` holds.
        failed: runs that failed, and why.
    """

    path: Path
    document: ComparisonDocument = field(repr=False)
    failed: list[Failure]

    @property
    def runs(self) -> pd.DataFrame:
        """A DataFrame with a row per run: its method's name, its seed, and all that was measured."""
        frame = pd.DataFrame(self.document["runs"])
        return frame.drop(columns="curves", errors="ignore")

    @property
    def conclusion(self) -> list[str]:
        """What can be said, and what cannot."""
        return self.document["conclusion"]


def compare(
    data: str | Path | LabelledData | Loaded,
    methods: Sequence[str] = ("ce", "elr"),
    *,
    seeds: int = 3,
    workers: int = 1,
    out: str | Path | None = None,
    overwrite: bool = False,
    storage: str | None = None,
    quiet: bool = False,
    **settings: Any,
) -> Comparison:
    """Train several methods on the same data under the same conditions, and say which differences are real.

    For each seed all methods have the same noise, split, network, initial weights, order and budget; only the method
    and its hyperparameters differ. ``auto``, which chooses among networks, brings its own, and the conclusion says so.
    Each run has a run folder of its own. Asked again, what is finished is not done
    again and what was interrupted goes on, so methods and seeds can be added later (name the old ones too: the
    documents are about what was asked last); two commands asked at once share the work.

    Args:
        data: as of `earlylearn.train`.
        methods: names, with hyperparameters behind colons where they are not those of the recipe: ``"elr:lam=3"``;
            one of your own as ``"path/to/file.py:CLASS"``; ``"all"`` for every method of ours. The baseline is ``ce``
            if it is among them, else the first.
        seeds: how many, counted from ``seed`` on.
        workers: how many runs at a time, each a process with its share of the processor. A script that asks for more
            than one keeps its work under ``if __name__ == "__main__":``, as Python's multiprocessing asks.
        out: folder to make or to go on with; by default ``runs/<data>-comparison``.
        overwrite: repeat runs that are there already.
        storage: an Optuna storage, e.g. ``postgresql://...``; machines that are asked for the same comparison
            share its runs. Needs the extra ``sweep``.
        quiet: show no progress.
        settings: any other field of `earlylearn.runs.config.RunConfig`, for all runs: ``label="species"``.

    Returns:
        What was found: ``compare("flowers.csv", ["ce", "elr"], label="species").conclusion``.

    Raises:
        UsageError: the request or the data is wrong; nothing was trained.
        EarlylearnError: a worker was killed; what is finished is kept.
    """
    if "method" in settings:
        raise UsageError(
            f"{setting('method', settings['method'])}: a comparison has several; name it in {setting('methods')}"
        )
    loaded, request, options = read(data, settings, quiet=quiet)
    if options:
        name = min(options)
        raise UsageError(
            f"{setting(name, options[name])}: no such setting; a hyperparameter goes to its method: "
            f"{setting('methods', [f'METHOD:{name}=VALUE'])}"
        )
    asked = _labelled(_names(methods))
    names = list(asked)
    configs = {name: _config(asked[name], request, loaded) for name in names}
    if len(shares := {config.val_fraction for config in configs.values()}) > 1:
        request["val_fraction"] = max(shares)  # one split for all, of a method too that would hold out nothing
        configs = {name: _config(asked[name], request, loaded) for name in names}
    for name, config in configs.items():
        twin = next(other for other, its in configs.items() if its == config)
        if twin != name:
            raise UsageError(f"{setting('methods', [name])}: is the same as {twin} here; leave one out")
    first = configs[names[0]]
    out = Path("runs") / f"{Path(first.data).stem}-comparison" if out is None else Path(out).expanduser()
    tasks = []
    for seed in range(first.seed, first.seed + seed_count(seeds)):
        for name in names:
            run = study_run(name, _config(asked[name], {**request, "seed": seed}, loaded), out)
            tasks.append(Task({}, (run,)))
    outcomes, failed = conduct(
        tasks,
        loaded,
        out,
        lambda error, task: _blamed(error, task.runs[0].name),
        files=FILES,
        workers=workers,
        overwrite=overwrite,
        storage=storage,
        quiet=quiet,
    )
    document = _document([run for task in tasks for run in task.runs], outcomes, failed, out, plain(workers))
    comparison = Comparison(out, document, failed)
    texts = to_json(document), comparison.runs.to_csv(index=False), render_comparison(document)
    write_documents(out, dict(zip(FILES, texts, strict=True)))
    return comparison


def _names(methods: Sequence[str]) -> list[str]:
    """The methods to compare, each once."""
    if isinstance(methods, str):
        raise UsageError(f"{setting('methods', methods)}: is one text; give a list of names, such as ['ce', 'elr']")
    names = [name for each in methods for name in (METHODS if each == "all" else [each.strip()])]
    twice = [name for name in names if names.count(name) > 1]
    if not all(names) or not names:
        raise UsageError(
            f"{setting('methods', names)}: has an empty name; write for example "
            f"{setting('methods', ['ce', 'elr', 'elr:lam=3'])}"
        )
    if twice:
        raise UsageError(f"{setting('methods', [twice[0]])}: is there twice; leave one out")
    return names


def _labelled(names: Sequence[str]) -> dict[str, str]:
    """The methods by what tables call them: plug-ins without their path, unless two then have one name."""
    labels = [":".join([short(method), *options]) for method, options in map(_parts, names)]
    return dict(zip(labels if len(set(labels)) == len(labels) else names, names, strict=True))


def _parts(name: str) -> tuple[str, list[str]]:
    """Method and options of ``METHOD:NAME=VALUE:NAME=VALUE``, where a plug-in's METHOD has a colon of its own."""
    first, *others = name.split(":")
    method = ":".join([first, *others[:1]])
    return (method, others[1:]) if first not in METHODS and is_reference(method) else (first, others)


def _config(name: str, request: dict[str, Any], loaded: Loaded) -> RunConfig:
    """The whole request of ``METHOD:NAME=VALUE:NAME=VALUE``."""
    method, options = _parts(name)
    try:
        given = pairs_from_text(options, lambda pair: f"{setting('methods', [name])}: {pair}")
        return resolve(loaded.train, {**request, "method": method}, given)
    except UsageError as error:
        raise _blamed(error, name) from None


def _blamed(error: UsageError, name: str) -> UsageError:
    """The error of a run, as one of the list of methods: its method and hyperparameters are this part of the list."""
    culprit, listed = error.culprit, setting("methods", [name])
    if culprit and culprit.kind == "hyperparameter":
        return error.about(f"{listed}: {culprit.name}{culprit.literal and f'={culprit.value}'}")
    return error.about(listed) if error.setting == "method" else error


def _document(
    runs: Sequence[StudyRun], outcomes: Sequence[Outcome], failed: Sequence[Failure], out: Path, workers: int
) -> ComparisonDocument:
    """What ``comparison.json`` holds."""
    names = list(dict.fromkeys(run.name for run in runs))
    baseline = "ce" if "ce" in names else names[0]
    configs = {run.name: run.config for run in reversed(runs)}
    by_name = {name: {each["seed"]: each for each in outcomes if each["name"] == name} for name in names}
    differences = _differences(by_name, baseline)
    usual = configs[baseline]
    methods = [
        _method(name, configs[name], usual, by_name[name], by_name[baseline], differences.get(name)) for name in names
    ]
    facts: ComparisonFacts = {
        **about(runs, outcomes, out),
        "workers": workers,
        "baseline": baseline,
        "methods": methods,
        "failed": [failure.record() for failure in failed],
    }
    return {"format": FORMAT, "conclusion": conclude_comparison(facts), **facts}


def _method(
    name: str,
    config: RunConfig,
    usual: RunConfig,
    mine: Mapping[int, Outcome],
    theirs: Mapping[int, Outcome],
    differences: Differences | None,
) -> ComparedMethod:
    """What is said of one method; ``theirs`` are the baseline's runs by seed, ``usual`` is its request."""
    costs = [
        mine[seed]["seconds"] / theirs[seed]["seconds"] for seed in mine if seed in theirs and theirs[seed]["seconds"]
    ]
    return {
        "name": name,
        "method": config.method,
        "options": config.options,
        "own": {key: value for key in OWN if (value := getattr(config, key)) != getattr(usual, key)},
        "seeds": sorted(mine),
        **means(list(mine.values())),
        "best_minus_last": summarize([each["best_minus_last"] for each in mine.values()]),
        "cost": summarize(costs),
        "differences": differences,
    }


def _differences(by_name: Mapping[str, Mapping[int, Outcome]], baseline: str) -> dict[str, Differences]:
    """The paired differences to the baseline, of the methods that have a seed in common with it."""
    paired = {key: _paired(key, by_name, baseline) for key in COMPARED}
    return {
        name: {
            "test_last": paired["test_last"].get(name),
            "test_at_best_val": paired["test_at_best_val"].get(name),
            "val_last": paired["val_last"].get(name),
        }
        for name in by_name
        if any(name in found for found in paired.values())
    }


def _paired(key: Compared, by_name: Mapping[str, Mapping[int, Outcome]], baseline: str) -> dict[str, Difference]:
    """The same for one of the things compared; which are significant, all of them together tell."""
    values = {name: {seed: each[key] for seed, each in mine.items()} for name, mine in by_name.items()}
    found = {
        name: difference
        for name in by_name
        if name != baseline and (difference := paired_difference(values[name], values[baseline]))
    }
    significant = holm([each["p"] for each in found.values()])
    return {name: {**each, "significant": sure} for (name, each), sure in zip(found.items(), significant, strict=True)}
