"""What can be asked on the command line of the paper's theory?"""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from earlylearn.answers import print_json, print_table
from earlylearn.cli_options import Json, Overwrite, Quiet, option
from earlylearn.errors import EarlylearnError, UsageError


def theory(
    claims: Annotated[
        str | None, option("which: theorem-1, lemma-2, proposition-3, ... lambda-2 (default all)", metavar="LIST")
    ] = None,
    seeds: Annotated[str, option("draws per claim, seeds 0, 1, ... (default 10)", metavar="INT")] = "10",
    out: Annotated[str | None, option("folder to make for theory.json, tables and figures", metavar="DIR")] = None,
    figures: Annotated[
        bool, typer.Option("--figures", help="also study size, separability and lambda, and draw them (minutes)")
    ] = False,
    overwrite: Overwrite = False,
    json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check every claim of the paper's theory on a computer.

    The supplement's slips are tested as printed, which must fail, and corrected, which must hold; exit status 1 if a
    claim holds that should fail or the reverse.
    """
    from earlylearn.theory.claims import chosen
    from earlylearn.theory.report import run_theory

    names = chosen(claims)
    if not seeds.isdecimal() or int(seeds) < 1:
        raise UsageError(f"--seeds {seeds}: write a whole number from 1 on")
    done = run_theory(
        names,
        seeds=int(seeds),
        out=None if out is None else Path(out),
        figures=figures,
        overwrite=overwrite,
        tell=(lambda _: None) if quiet else (lambda line: print(line, file=sys.stderr, flush=True)),
    )
    if json_:
        print_json([claim.record() for claim in done])
    else:
        _show(done)
        if out is not None:
            print(f"tables and figures: {out}")
    strange = [claim.claim for claim in done if not claim.as_expected]
    if strange:
        raise EarlylearnError(f"not as expected: {'; '.join(strange)} (--json has the figures)")


def _show(claims: list[Any]) -> None:
    from earlylearn.theory.report import shown

    rows = [[claim.claim, claim.inequality, shown(claim.measured), _verdict(claim)] for claim in claims]
    print_table("claims of the paper's theory", ["claim", "inequality", "measured", "holds"], rows)
    slips = dict.fromkeys(claim.slip for claim in claims if claim.slip)
    for slip in slips:
        print(f"slip: {next(claim.claim for claim in claims if claim.slip == slip).split(' (')[0]}: {slip}")


def _verdict(claim: Any) -> str:
    count = f"{'holds' if claim.holds else 'fails'} {claim.held}/{claim.seeds}"
    if not claim.as_expected:
        return f"{count}, UNEXPECTED"
    return {True: count, False: f"{count}, as it must", None: f"{count}, left to chance"}[claim.expected]
