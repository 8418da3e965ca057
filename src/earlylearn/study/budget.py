"""Which method and lambda suit data that a network learns from scratch, by short runs within a stated budget?"""

import re
from pathlib import Path
from typing import Any

import torch

from earlylearn.data.counting import say
from earlylearn.data.labelled import LabelledData
from earlylearn.data.sources import Loaded
from earlylearn.documents import Choice
from earlylearn.errors import EarlylearnError, UsageError, setting
from earlylearn.files import to_json, write_json
from earlylearn.methods.account import tried
from earlylearn.methods.choice import Standing, compare, row_weights
from earlylearn.runs.config import AUTO, RunConfig, resolve
from earlylearn.runs.folder import RunFolder
from earlylearn.runs.run import Run
from earlylearn.runs.train import go_on, read, start
from earlylearn.study.conduct import conduct, study_run
from earlylearn.study.folder import write_documents
from earlylearn.study.runs import StudyRun, Task

# In this order where held-out labels cannot tell them apart: short runs do not see what is memorised late.
CANDIDATES: dict[str, tuple[str, dict[str, Any]]] = {
    "elr:lam=5": ("elr", {"lam": 5.0, "align": 1.0}),
    "elr:lam=1": ("elr", {"lam": 1.0, "align": 1.0}),
    "ce": ("ce", {}),
}
FEWEST = 2  # epochs of a short run
LEVEL = 1.0  # standard errors of the paired difference within which a candidate is as good as the best
FILE = "choice.json"


def times(budget: Any) -> float:
    """How many runs' time a budget is: ``2x``, ``"2"`` or 2; UsageError if it is no number above 1."""
    found = re.fullmatch(r"([0-9]*\.?[0-9]+)x?", str(budget).strip())
    if found is None or not 1 < float(found[1]) <= 100:
        raise UsageError(f"{setting('budget', budget)}: must be a number above 1 of a run's time, such as 2x")
    return float(found[1])


def train_within(
    data: str | Path | LabelledData | Loaded,
    *,
    budget: Any,
    out: str | Path | None = None,
    overwrite: bool = False,
    quiet: bool = False,
    **settings: Any,
) -> Run:
    """Choose between ELR, ELR with a small lambda and cross-entropy by short runs, and train with what was chosen.

    All but one run's time of the budget is divided among the candidates, which are compared by how often they predict
    given labels that were held out, in a paired test. Short runs and choice lie in ``<out>-choice``; asked again,
    what is finished is not done again.

    Args:
        data, out, overwrite, quiet, settings: as of `earlylearn.train`; no method.
        budget: how often the time of a run may be spent, above 1: 2 or ``2x``.

    Returns:
        The finished run; its summary has the ``choice``.

    Raises:
        UsageError: the request or the data is wrong, or these data train a head on features, whose method ``auto``
            chooses in one run.
        EarlylearnError: a run failed.
    """
    more = times(budget) - 1
    asked = [name for name in ("method", "recipe") if settings.get(name) is not None]
    loaded, request, options = read(data, settings, quiet=quiet)
    if asked or options:
        name = min([*asked, *options])
        raise UsageError(f"{setting('budget', budget)}: chooses method and lambda; leave out {name}, or the budget")
    full = {name: resolve(loaded.train, {**request, "method": m}, o) for name, (m, o) in CANDIDATES.items()}
    first = next(iter(full.values()))
    if resolve(loaded.train, request, {}).method == AUTO:
        raise UsageError(
            f"{setting('budget', budget)}: is for networks trained from scratch, and these are features, for which "
            f"{setting('method', AUTO)} chooses in one run; leave it out, or name a {setting('network')}"
        )
    if first.val_fraction == 0 and loaded.train.val_rows is None and loaded.train.val is None:
        raise UsageError(f"{setting('val_fraction', 0)}: leaves no labels held out to choose by; leave it out")
    epochs = min(first.epochs, int(more * first.epochs / len(CANDIDATES)))
    if epochs < FEWEST:
        raise UsageError(
            f"{setting('budget', budget)}: leaves each of {len(CANDIDATES)} candidates {epochs} of {first.epochs} "
            f"epochs, and {FEWEST} are the fewest; raise it, or the number of epochs"
        )
    out = Path("runs") / f"{Path(first.data).stem}-budget-{first.seed}" if out is None else Path(out).expanduser()
    place = out.with_name(f"{out.name}-choice")
    runs = [study_run(name, _short(config, epochs), place) for name, config in full.items()]
    _, failed = conduct(
        [Task({}, (run,)) for run in runs],
        loaded,
        place,
        lambda error, _: error,
        files=(FILE,),
        workers=1,
        overwrite=overwrite,
        storage=None,
        quiet=quiet,
    )
    if failed:
        raise EarlylearnError(f"a short run failed, {failed[0].name}: {failed[0].message}")
    choice, chosen = _choose(runs, loaded)
    write_documents(place, {FILE: to_json({"conclusion": [choice["line"]], "runs": [], "failed": [], **choice})})
    say(choice["line"])
    run = _whole(full[chosen], loaded, out, overwrite=overwrite, quiet=quiet)
    write_json(run.folder.summary, {**run.folder.read_summary(), "choice": choice})
    return Run(out)


def _short(config: RunConfig, epochs: int) -> RunConfig:
    return config.model_copy(update={"epochs": epochs, "test_every": 0})


def _whole(config: RunConfig, loaded: Loaded, out: Path, *, overwrite: bool, quiet: bool) -> Run:
    """The run with what was chosen; one that was interrupted goes on."""
    if RunFolder(out).config.exists() and not overwrite:
        there = Run(out)
        if there.config == config and not there.folder.finished:
            return go_on(there, loaded, quiet=quiet)
    return start(config, loaded, out, overwrite=overwrite, quiet=quiet)


def _choose(runs: list[StudyRun], loaded: Loaded) -> tuple[Choice, str]:
    """What the held-out labels say of the short runs: all of it, and the name of the first that is not beaten."""
    right, labels = [], torch.empty(0)
    for each in runs:
        run = Run(each.path)
        kept = run.folder.read_labels()
        rows, own = kept["val_rows"], loaded.train.val
        predicted = run.predict(loaded.train.inputs[rows] if own is None else own.inputs, weights="last")
        labels = torch.from_numpy(kept["given"][rows] if own is None else own.labels)
        right.append(torch.from_numpy(predicted) == labels)
    standing: Standing = compare(torch.stack(right, 1), row_weights(labels, len(loaded.train.classes)))
    chosen = next(k for k in range(len(runs)) if standing.behind[k] <= LEVEL)
    names = [run.name for run in runs]
    agreement = float(right[chosen].float().mean())
    line = (
        f"{runs[0].config.network}: {names[chosen]}, chosen among {', '.join(names)} by {runs[0].config.epochs} epochs "
        f"each; it predicts {agreement:.0%} of {len(labels):,} given labels held out"
    )
    settings = [tried(name, "short run", standing, k, float(k == chosen)) for k, name in enumerate(names)]
    return {"line": line, "agreement": agreement, "settings": settings}, names[chosen]
