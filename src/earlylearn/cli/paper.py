"""What can be asked on the command line of the paper: its theory, figures and tables?"""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from earlylearn.cli.answers import print_json, print_table, tell
from earlylearn.cli.options import DataDir, Json, Overwrite, Quiet, argument, comma_list, number, option
from earlylearn.errors import EarlylearnError, UsageError
from earlylearn.files import new_file

PAGE = "docs/reproduction.md"  # where --collect writes unless --page names another
Name = Annotated[str | None, argument("figure-1, table-1, ..., or all; see --list", "NAME")]


def reproduce(
    name: Name = None,
    scale: Annotated[
        str,
        option(
            "quick (default): minutes on a processor; features, medium: CIFAR on a processor, see --list; full: the "
            "paper's own, for a GPU",
            metavar="NAME",
        ),
    ] = "quick",
    list_: Annotated[bool, typer.Option("--list", help="list what there is, with time and hardware")] = False,
    rows: Annotated[str | None, option("only these rows of a table", metavar="LIST")] = None,
    columns: Annotated[str | None, option("only these columns of a table", metavar="LIST")] = None,
    data_dir: DataDir = None,
    workers: Annotated[str, option("runs at a time (default 1)", metavar="INT")] = "1",
    out: Annotated[str, option("folder in which NAME-SCALE is made (default runs/paper)", metavar="DIR")] = (
        "runs/paper"
    ),
    collect: Annotated[
        str | None,
        option(
            "train nothing: take up runs that were finished elsewhere, and make what can be made of them", metavar="DIR"
        ),
    ] = None,
    page: Annotated[
        str | None, option("write all results there are as one Markdown page, with its figures", metavar="FILE")
    ] = None,
    overwrite: Overwrite = False,
    json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make a figure or table of the paper again, and judge it by the paper; ask again to go on."""
    from earlylearn_paper.page import runs_beside, write_page
    from earlylearn_paper.reproduce import find_experiment

    if list_:
        _list(json_)
        return
    if collect is not None:
        _collect(collect, name, out, page or PAGE, json_)
        return
    if name is None and page is None:
        raise UsageError("NAME is missing; write for example earlylearn reproduce figure-a1 (--list has all)")
    names = [] if name is None else _all(scale) if name == "all" else [find_experiment(name).name]
    if len(names) > 1 and (rows or columns):
        raise UsageError("--rows, --columns: say which of a table; name one table")
    new_file(page, overwrite=True)  # before the work, whether it may be written
    asked = {
        "scale": scale,
        "out": out,
        "data_dir": data_dir,
        "rows": comma_list(rows),
        "columns": comma_list(columns),
        "workers": number(workers),
        "overwrite": overwrite,
        "quiet": quiet,
        "records": None if page is None or scale == "features" else runs_beside(page),
    }
    documents, failed = _make(names, asked, aloud=not json_)
    if page is not None:
        write_page(page, out)
        if not json_:
            tell(f"page: {page}")
    if json_:
        print_json(documents if name in (None, "all") else documents[0])
    if failed:
        raise EarlylearnError(f"{len(failed)} of {len(names)} could not be made; {'; '.join(failed)}")


def _all(scale: str) -> list[str]:
    """Every figure and table that is made at a scale; of an unknown one all, for the first to tell."""
    from earlylearn_paper import EXPERIMENTS

    return [name for name, each in EXPERIMENTS.items() if scale in each.scales] or list(EXPERIMENTS)


def _collect(source: str, name: str | None, out: str, page: str, as_json: bool) -> None:
    from earlylearn_paper.collect import collect
    from earlylearn_paper.page import write_page

    if name is not None:
        raise UsageError(f"{name}: --collect makes all that can be made; leave the name out")
    new_file(page, overwrite=True)
    made = collect(source, out=out, page=page)
    write_page(page, out)
    if as_json:
        print_json([each.document for each in made])
        return
    for each in made:
        _tell(each.document)
    tell(f"page: {page}")


def _make(names: list[str], asked: dict[str, Any], *, aloud: bool) -> tuple[list[Any], list[str]]:
    """The documents of what was made again, and a line for each that could not be; the error itself of the only one."""
    from earlylearn_paper.reproduce import reproduce as reproduce_

    documents, failed = [], []
    for name in names:
        try:
            done = reproduce_(name, **asked)
        except EarlylearnError as error:
            if len(names) == 1:
                raise
            failed.append(f"{name}: {error.message}")  # data that one needs may not be here; the others go on
            continue
        documents.append(done.document)
        if aloud:
            _tell(done.document)
            tell(f"data and figures: {done.path}")
    return documents, failed


def _list(as_json: bool) -> None:
    from earlylearn.wording import rough_duration
    from earlylearn_paper import EXPERIMENTS

    if as_json:
        listed = [
            {
                "name": each.name,
                "title": each.title,
                "source": each.source,
                "scale": scale,
                "minutes": each.at(scale).minutes,
                "hardware": each.at(scale).hardware,
                "replaced": list(each.at(scale).replaced),
                "rows": list(each.rows),
                "columns": list(each.columns),
            }
            for each in EXPERIMENTS.values()
            for scale in each.scales
        ]
        print_json(listed)
        return
    shown = [
        [
            each.name if scale == next(iter(each.scales)) else "",
            each.title if scale == next(iter(each.scales)) else "",
            scale,
            rough_duration(60 * its.minutes),
            its.hardware,
        ]
        for each in EXPERIMENTS.values()
        for scale, its in each.scales.items()
    ]
    print_table(
        "figures and tables of the paper", ["name", "what it shows", "scale", "about", "on (full: estimated)"], shown
    )


def _tell(document: Any) -> None:
    """The verdicts, and plainly what stands in for the paper's set-up."""
    words = {True: "holds", False: "does not hold", None: "not measured"}
    rows = [[each["claim"], each["paper"], each["ours"], words[each["holds"]]] for each in document["verdicts"]]
    title = f"{document['name']}, {document['scale']} scale: {document['title']}"
    print_table(title, ["claim", "paper", "here", ""], rows)
    for sentence in document["replaced"]:
        tell(f"replaced: {sentence}")


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
    from earlylearn_paper.theory.claims import chosen
    from earlylearn_paper.theory.run import run_theory

    names = chosen(comma_list(claims))
    done = run_theory(
        names,
        seeds=number(seeds),
        out=None if out is None else Path(out),
        figures=figures,
        overwrite=overwrite,
        tell=(lambda _: None) if quiet else (lambda line: tell(line, file=sys.stderr, flush=True)),
    )
    if json_:
        print_json([claim.record() for claim in done])
    else:
        _show_claims(done)
        if out is not None:
            tell(f"tables and figures: {out}")
    strange = [claim.claim for claim in done if not claim.as_expected]
    if strange:
        raise EarlylearnError(f"not as expected: {'; '.join(strange)} (--json has the figures)")


def _show_claims(claims: list[Any]) -> None:
    from earlylearn_paper.theory.run import shown

    rows = [[claim.claim, claim.inequality, shown(claim.measured), _verdict(claim)] for claim in claims]
    print_table("claims of the paper's theory", ["claim", "inequality", "measured", "holds"], rows)
    slips = dict.fromkeys(claim.slip for claim in claims if claim.slip)
    for slip in slips:
        tell(f"slip: {next(claim.claim for claim in claims if claim.slip == slip).split(' (')[0]}: {slip}")


def _verdict(claim: Any) -> str:
    count = f"{'holds' if claim.holds else 'fails'} {claim.held}/{claim.seeds}"
    if not claim.as_expected:
        return f"{count}, UNEXPECTED"
    return {True: count, False: f"{count}, as it must", None: f"{count}, left to chance"}[claim.expected]
