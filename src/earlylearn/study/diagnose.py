"""Does early learning happen on these data, judged by wrong labels that were planted on purpose?"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earlylearn.data.fingerprint import fingerprint
from earlylearn.data.labelled import LabelledData
from earlylearn.data.readers.frames import as_csv
from earlylearn.data.sources import Loaded
from earlylearn.documents import FORMAT
from earlylearn.errors import EarlylearnError, UsageError, setting
from earlylearn.files import to_json, write_bytes
from earlylearn.loop.method import Method
from earlylearn.methods import hyperparameters
from earlylearn.plugins import short
from earlylearn.report.diagnosed import CanaryShares, DiagnosedRun, DiagnosisDocument, DiagnosisFacts
from earlylearn.report.diagnosis import diagnosis_figure, render_diagnosis
from earlylearn.runs.canaries_told import DOCUMENT, SUFFIX
from earlylearn.runs.config import RunConfig, resolve
from earlylearn.runs.folder import RunFolder
from earlylearn.runs.generators import seed_for
from earlylearn.runs.prepare import draw_labels, under_draw
from earlylearn.runs.run import Run
from earlylearn.runs.train import check, read
from earlylearn.study.canaries import Canaries, how_many, last_agrees, plant, share_of
from earlylearn.study.canary_verdict import conclude, summary_of
from earlylearn.study.conduct import study_run
from earlylearn.study.folder import check_folder, make_folder, write_documents
from earlylearn.study.runs import Failure, StudyRun, Task, work_through
from earlylearn.study.workers import check_workers, run_workers
from earlylearn.values import yes_or_no

FILES = (DOCUMENT, "report.html", "diagnosis.png")
CANARIES = "runs/canaries.csv"  # beside the runs, because it is there before the document is
LAMBDAS = (1.0, 3.0, 10.0)
SCOUT = 0.25  # of the epochs, after which cross-entropy says which labels are alike, and has memorised few


@dataclass(frozen=True)
class Diagnosis:
    """A diagnosis; runs that failed are missing in it.

    Attributes:
        path: its folder: ``diagnosis.json``, ``report.html``, ``diagnosis.png``, and ``runs/`` with ``canaries.csv``
            and a run folder each.
        document: what ``diagnosis.json`` holds.
        failed: runs that failed, and why.
    """

    path: Path
    document: DiagnosisDocument = field(repr=False)
    failed: list[Failure]

    @property
    def conclusion(self) -> list[str]:
        """What may be said, in sentences, the plainest first."""
        return self.document["conclusion"]


def diagnose(
    data: str | Path | LabelledData | Loaded,
    method: str | type[Method] | None = None,
    *,
    share: float | None = None,
    lambdas: Sequence[float] = LAMBDAS,
    workers: int = 1,
    out: str | Path | None = None,
    overwrite: bool = False,
    quiet: bool = False,
    **settings: Any,
) -> Diagnosis:
    """Plant wrong labels in runs made for that, and say what becomes of them: learned right, kept, memorised, found.

    Trains cross-entropy for a while to see which labels are alike, plants, and then trains with the method as asked,
    with cross-entropy, and with ELR under each lambda. None of these models is to be used: a part of their labels was
    made wrong. Asked again, what is finished is not done again.

    Args:
        data: as of `earlylearn.train`.
        method: as of `earlylearn.train`; the one to be diagnosed.
        share: of the rows, to plant wrong labels in; None for 5 %, on small data up to 10 %.
        lambdas: regularization coefficients to try, with the method as asked if it has one, else with ``elr``; may
            be empty.
        workers, out, overwrite, quiet, settings: as of `earlylearn.sweep`; by default the folder is
            ``runs/<data>-diagnosis``, where runs on the same data in ``runs/`` find it for their summaries.

    Returns:
        What was found: ``diagnose("flowers.csv", label="species").conclusion``.

    Raises:
        UsageError: the request or the data is wrong; nothing was trained.
        EarlylearnError: cross-entropy's first run failed, or a worker was killed; what is finished is kept.
    """
    loaded, request, options = read(data, {**settings, "method": method}, quiet=quiet)
    default = resolve(loaded.train, request, options)
    request["method"] = default.method  # as it is found again from any folder
    number = how_many(len(loaded.train), share)
    out = Path("runs") / f"{Path(default.data).stem}{SUFFIX}" if out is None else Path(out).expanduser()
    draw = draw_labels(default, loaded.train)[0]
    noisy = loaded._replace(train=under_draw(loaded.train, draw))
    configs = _configs(default, request, options, noisy, _lambdas(lambdas))
    work = partial(_work, out=out, workers=check_workers(workers), overwrite=yes_or_no("overwrite", overwrite))
    scout = study_run("scout", _scout(configs["ce"]), out)
    work([scout], noisy, quiet=quiet, also=[study_run(name, config, out) for name, config in configs.items()])
    if scout.failure:
        raise EarlylearnError(scout.failure.message)
    canaries = _planted(out / CANARIES, scout, noisy.train, number, default.seed, again=overwrite)
    planted = noisy._replace(train=canaries.into(noisy.train))
    runs = [study_run(name, config, out) for name, config in configs.items()]
    work(runs, planted, quiet=quiet)
    failed = [run.failure for run in runs if run.failure]
    facts: DiagnosisFacts = {
        "data": default.data,
        "noise": default.noise,
        "seed": default.seed,
        "fingerprint": fingerprint(loaded),
        "examples": len(loaded.train),
        "classes": len(loaded.train.classes),
        "planted": {"random": int((~canaries.alike).sum()), "likeness": int(canaries.alike.sum())},
        "chance": float(np.bincount(canaries.given).max() / len(canaries.given)),
        "default": runs[0].name,
        "runs": [_told(run, canaries, noisy.train, out) for run in runs if run.finished],
        "failed": [failure.record() for failure in failed],
    }
    document: DiagnosisDocument = {
        "format": FORMAT,
        "conclusion": conclude(facts),
        "summary": summary_of(facts, str(out)),
        **facts,
    }
    write_documents(out, {FILES[0]: to_json(document), FILES[1]: render_diagnosis(document)})
    diagnosis_figure(document).savefig(out / FILES[2], dpi=110)
    return Diagnosis(out, document, failed)


def _lambdas(lambdas: Sequence[float]) -> list[float]:
    values = [lambdas] if isinstance(lambdas, int | float) else list(lambdas)
    wrong = [value for value in values if isinstance(value, bool) or not isinstance(value, int | float) or value < 0]
    if wrong or len(set(values)) < len(values):
        raise UsageError(f"{setting('lambdas', values)}: must be different numbers, 0 or more")
    return [float(value) for value in values]


def _configs(
    default: RunConfig, request: dict[str, Any], options: dict[str, Any], loaded: Loaded, lambdas: list[float]
) -> dict[str, RunConfig]:
    """The runs by name, the one to be diagnosed first; noise has been injected before any of them."""
    request = {**request, "noise": None}
    configs = {short(default.method): resolve(loaded.train, request, options)}
    own = "lam" in hyperparameters(default.method_class()).model_fields
    elr = default.method if own else "elr"
    tried = {f"{short(elr)}:lam={lam:g}": (elr, {**(options if own else {}), "lam": lam}) for lam in lambdas}
    for name, (method, hyper) in {"ce": ("ce", {}), **tried}.items():
        config = resolve(loaded.train, {**request, "method": method}, hyper)
        if config not in configs.values():
            configs.setdefault(name, config)
    for config in configs.values():
        check(config, loaded)
    return configs


def _scout(cross_entropy: RunConfig) -> RunConfig:
    return cross_entropy.model_copy(update={"epochs": max(1, round(SCOUT * cross_entropy.epochs))})


def _work(
    runs: Sequence[StudyRun],
    loaded: Loaded,
    *,
    out: Path,
    workers: int,
    overwrite: bool,
    quiet: bool,
    also: Sequence[StudyRun] = (),
) -> None:
    """Do these runs; with ``overwrite`` forget at first what is finished of these, and of others that come later."""
    first = overwrite and bool(also)
    check_folder(out, [*runs, *also] if first else runs, loaded, FILES, overwrite=first)
    make_folder(out, [*runs, *also] if first else runs, overwrite=first)
    run_workers(partial(work_through, [Task({}, (run,)) for run in runs], loaded), runs, workers=workers, quiet=quiet)


def _planted(path: Path, scout: StudyRun, data: LabelledData, number: int, seed: int, *, again: bool) -> Canaries:
    """The canaries of an earlier call, or new ones: what a model says may differ in its last digit between machines."""
    if path.exists() and not again:
        canaries = Canaries.read(path, data)
        if len(canaries.rows) != number:
            raise UsageError(
                f"{setting('share')}: {path} has {len(canaries.rows)} planted labels, and {number} are asked for; name "
                f"another {setting('out')}, or give {setting('overwrite', True)}"
            )
        return canaries
    run = Run(scout.path)

    def likes(rows: NDArray[np.int64]) -> NDArray[np.floating]:
        return run.predict_proba(data.inputs[rows], weights="last")

    canaries = plant(data, number, likes, np.random.default_rng(seed_for(seed, "canaries")))
    write_bytes(path, as_csv(canaries.frame(data)).encode())
    return canaries


def _told(run: StudyRun, canaries: Canaries, data: LabelledData, out: Path) -> DiagnosedRun:
    """What became of the planted labels in a finished run, and of the data's own wrong ones where they are known."""
    folder = RunFolder.open(run.path)
    summary, metrics, issues = folder.read_summary(), folder.read_metrics(), folder.read_issues()
    flagged, agrees = issues["is_label_issue"].to_numpy(bool), last_agrees(issues)
    trained = (issues["split"] == "train").to_numpy()

    def shares(rows: NDArray[np.int64]) -> CanaryShares:
        return {"memorized": share_of(agrees[rows[trained[rows]]]), "found": share_of(flagged[rows])}

    known = None
    if data.true_labels is not None and (data.labels != data.true_labels).any():
        own = np.flatnonzero(data.labels != data.true_labels)
        known = shares(np.setdiff1d(own, canaries.rows))
    wrong = [line["wrong"] for line in metrics]
    accuracy, choice = summary["accuracy"], summary.get("choice")
    held_out = folder.held_out()
    return {
        "name": run.name,
        "method": short(run.config.method),
        "options": run.config.options,
        "lam": run.config.options.get("lam"),
        "folder": str(run.path.relative_to(out.absolute())),
        "seconds": summary["seconds"],
        "epochs": summary["epochs"],
        "agreement": accuracy["val_last"] if choice is None else choice["agreement"],
        "agreement_rows": held_out if choice is None else len(data),
        "test_last": accuracy["test_last"],
        "curves": {
            "recovered": [each["correct"] if each else 0.0 for each in wrong],
            "memorized": [each["memorized"] if each else 0.0 for each in wrong],
        },
        "random": shares(canaries.rows[~canaries.alike]),
        "likeness": shares(canaries.rows[canaries.alike]),
        "both": shares(canaries.rows),
        "known": known,
    }
