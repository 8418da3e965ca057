"""How are the checks, studies and figures of the theory run in one go, and what do they leave on disk?"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from earlylearn.errors import UsageError, setting
from earlylearn.files import Contents, write_json
from earlylearn.values import whole_number, yes_or_no
from earlylearn_paper.theory.claim import Claim
from earlylearn_paper.theory.claims import check_claims
from earlylearn_paper.theory.figures import scaling_figure, separability_figure, threshold_figure
from earlylearn_paper.theory.scaling import scaling, separability
from earlylearn_paper.theory.threshold import linear_grid, network_grid

TABLES = ("claims", "scaling", "separability", "threshold", "threshold_network")
FIGURES = ("scaling", "separability", "threshold")
CONTENTS = Contents(
    "a check of the theory",
    "theory.json",
    lambda document: (
        isinstance(document, list) and all(isinstance(claim, dict) and "slip" in claim for claim in document)
    ),
    (
        *(f"{name}.csv" for name in TABLES),
        *(f"{name}.{kind}" for name in FIGURES for kind in ("svg", "png")),
    ),
)
NETWORK_SEEDS = 2


def make_folder(out: Path, overwrite: bool) -> None:
    """Make the folder, or refuse it, before minutes of work and not after them.

    Raises:
        UsageError: ``out`` is a file, cannot be made or written to, holds something else, or holds results and
            ``overwrite`` is not given.
    """
    CONTENTS.check(out, overwrite=overwrite)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{setting('out', out)}: {error.strerror}; name another folder") from None
    if not os.access(out, os.W_OK):
        raise UsageError(f"{setting('out', out)}: cannot be written to; name another folder")


def run_theory(
    names: Sequence[str],
    *,
    seeds: int = 10,
    out: Path | None = None,
    figures: bool = False,
    overwrite: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Claim]:
    """Check claims, and on request run the studies of size, separability and lambda and draw them.

    Args:
        names: of ``earlylearn_paper.theory.claims.CLAIMS``.
        seeds: number of draws per claim: seeds 0, 1, ...
        out: folder for ``theory.json``, ``claims.csv`` and, with ``figures``, the studies' tables and pictures.
        figures: run the studies too; needs ``out``.
        overwrite: replace earlier results there.
        tell: called with a line before each part.

    Raises:
        UsageError: the folder cannot be used, or there are figures and no folder.
    """
    if figures and out is None:
        raise UsageError(f"{setting('figures', True)}: needs a folder to write to; add {setting('out', 'DIR')}")
    listed = list(range(whole_number("seeds", seeds)))
    if out is not None:
        make_folder(out, yes_or_no("overwrite", overwrite))
    claims: list[Claim] = []
    for name in names:
        tell(name)
        claims += [claim for _, records in check_claims([name], listed) for claim in records]
    if out is None:
        return claims
    records = [claim.record() for claim in claims]
    flat = [
        {**record, "measured": shown(record["measured"]), "setting": shown(record["setting"])} for record in records
    ]
    write_json(out / CONTENTS.marker, records)
    pd.DataFrame(flat).to_csv(out / "claims.csv", index=False)
    if figures:
        _studies(out, listed, tell)
    return claims


def _studies(out: Path, seeds: list[int], tell: Callable[[str], None]) -> None:
    tell("lambda from 0.5 to 5, linear model")
    linear = linear_grid(seeds)
    network = network_grid(range(NETWORK_SEEDS), tell=tell)
    size, share = scaling(tell=tell), separability(tell=tell)
    tables = {"threshold": linear, "threshold_network": network, "scaling": size, "separability": share}
    for name, table in tables.items():
        table.to_csv(out / f"{name}.csv", index=False)
    drawn = {
        "scaling": scaling_figure(size),
        "separability": separability_figure(share),
        "threshold": threshold_figure(linear, network),
    }
    for name, figure in drawn.items():
        figure.savefig(out / f"{name}.svg", metadata={"Date": None})
        figure.savefig(out / f"{name}.png", dpi=110)


def shown(values: dict[str, Any]) -> str:
    """Named numbers in one line, three significant digits each."""
    return "; ".join(f"{name} {value:.3g}" for name, value in values.items())
