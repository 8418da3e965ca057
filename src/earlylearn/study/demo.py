"""What does the whole idea look like in a minute, on real data?"""

from pathlib import Path

from earlylearn.data.sources import load
from earlylearn.documents import Summary
from earlylearn.files import Contents, write_json
from earlylearn.report import memorization_figure, render_demo
from earlylearn.runs.train import train
from earlylearn.values import yes_or_no

DATA, NOISE, METHODS = "digits", "symmetric:0.4", ("ce", "elr")
CONTENTS = Contents(
    "a demo",
    "demo.json",
    lambda document: isinstance(document, dict) and set(document) == set(METHODS),
    ("report.html", "memorization.png"),
    parts=METHODS,
)


def run_demo(
    out: Path, *, seed: int | None = None, overwrite: bool = False, quiet: bool = False
) -> tuple[Path, dict[str, Summary]]:
    """Train cross-entropy and ELR on digits with 40 % symmetric noise, under default settings, and compare them.

    Args:
        out: folder for the two runs, ``demo.json`` (their summaries), ``report.html`` and ``memorization.png``.
        seed: seed of both runs.
        overwrite: replace an earlier demo there.
        quiet: show no progress.

    Returns:
        The page, and the summaries by method.

    Raises:
        UsageError: something else lies in the folder, or it holds a demo and ``overwrite`` is not given.
    """
    overwrite = yes_or_no("overwrite", overwrite)
    CONTENTS.check(out, overwrite=overwrite)  # before the minute of training, what would be refused after it
    runs = {
        method: train(DATA, method, noise=NOISE, seed=seed, out=out / method, overwrite=overwrite, quiet=quiet)
        for method in METHODS
    }
    summaries = {method: run.summary for method, run in runs.items()}
    write_json(out / CONTENTS.marker, summaries)
    data = load(DATA).train
    page = out / "report.html"
    page.write_text(render_demo({method: run.view(data) for method, run in runs.items()}), encoding="utf-8")
    figure = memorization_figure({method: run.metrics for method, run in runs.items()})
    figure.savefig(out / "memorization.png", dpi=110)
    return page, summaries
