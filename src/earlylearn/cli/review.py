"""What can be asked on the command line once a run has flagged labels: review them, apply what was decided?"""

import errno
import shlex
import sys
import webbrowser
from pathlib import Path
from typing import Annotated, Any

import typer

from earlylearn.cli.answers import print_json, tell
from earlylearn.cli.options import Json, Quiet, RunPath, is_whole, option
from earlylearn.errors import UsageError


def review(
    run: RunPath,
    reviewer: Annotated[str, option("your name, so that several people can review", metavar="NAME")] = "",
    count: Annotated[str | None, option("rows to look at (default 200)", metavar="INT")] = None,
    pair: Annotated[
        str | None, option("only flags of this given and this suggested label", metavar="GIVEN,SUGGESTED")
    ] = None,
    show: Annotated[
        list[str] | None, option("column of a table to show, repeatable (default: all)", metavar="COLUMN")
    ] = None,
    clean_to: Annotated[
        str | None,
        option("look at as many rows as it takes until at most so many % of all labels are wrong", metavar="PERCENT"),
    ] = None,
    port: Annotated[str, option("of the page (default: any that is free)", metavar="INT")] = "0",
    host: Annotated[str, option("address to serve on (default 127.0.0.1: this machine alone)", metavar="NAME")] = (
        "127.0.0.1"
    ),
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="open the page in a browser")] = True,
    export: Annotated[
        str | None, option("write a page for each --for instead, which needs no Python", metavar="DIR")
    ] = None,
    for_: Annotated[
        list[str] | None, option("colleague to export a page for; repeatable", "--for", metavar="NAME")
    ] = None,
    import_: Annotated[
        list[str] | None, option("answers that a colleague sent back; repeatable", "--import", metavar="FILE")
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="write corrections.csv from the answers, and stop")] = False,
    json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check the labels a run doubts, on a page in your browser; each answer is saved at once."""
    from dataclasses import asdict

    from earlylearn.review import bundle
    from earlylearn.review.opening import open_review

    for name, value in (("count", count), ("port", port)):
        if value is not None and not (is_whole(value) and int(value) < 2**31):
            raise UsageError(f"--{name} {value}: must be a whole number")
    if count is not None and int(count) < 1:
        raise UsageError(f"--count {count}: must be at least 1")
    percent = None if clean_to is None else _percent(clean_to)
    review_ = open_review(
        run,
        count=None if count is None else int(count),
        pair=pair,
        show=tuple(show or ()),
    )
    if import_:
        taken = bundle.take_in(review_, [Path(file) for file in import_])
        _tell(quiet, "; ".join(f"{name}: {number} new answers" for name, number in taken.items()))
    if export is not None:
        if not for_:
            raise UsageError("--for is missing; name a colleague to export a page for: --export pages --for ana")
        title = Path(review_.rows.data.name).name
        pages = bundle.export(review_, Path(export), for_, title=title, run=run)
        _tell(quiet, "\n".join(f"page: {page}" for page in pages))
    if write or import_:
        _tell(quiet, "\n".join([*_written(review_), *_known(review_.summary(), run, again=_again(run))]))
    if json_:
        print_json({**review_.summary(), **({} if percent is None else {"clean": asdict(review_.cleaning(percent))})})
    if not (write or import_ or export or json_):
        _serve(review_, run, reviewer=reviewer, host=host, port=int(port), browser=browser, clean_to=percent)


def apply(
    run: RunPath,
    out: Annotated[str | None, option("folder or file to make", metavar="DIR|FILE")] = None,
    corrections: Annotated[
        str | None, option("corrections (default RUN/review/corrections.csv)", metavar="FILE")
    ] = None,
    copy: Annotated[bool, typer.Option("--copy", help="copy pictures instead of linking to them")] = False,
    json_: Json = False,
) -> None:
    """Write the data again with the labels that a review corrected; the original stays as it is."""
    from dataclasses import asdict

    from earlylearn.review.opening import apply_corrections, newer_answers

    if out is None:
        raise UsageError(f"--out is missing; name what to make: earlylearn apply {run} --out corrected")
    done = apply_corrections(run, out, corrections=corrections, copy=copy)
    if json_:
        print_json({**asdict(done), "out": str(done.out)})
        return
    for name in [] if corrections else newer_answers(run):
        tell(
            f"{name}: has answers that corrections.csv has not; {shlex.join(['earlylearn', 'review', run, '--write'])} "
            "writes them",
            file=sys.stderr,
        )
    tell(
        f"{done.out}: {done.rows} rows, {done.changed} relabelled, {done.excluded} left out, {done.kept} looked at and "
        f"kept, {done.unsure} in doubt and as they were"
    )
    if done.renamed:
        tell(f"{done.renamed} pictures carry their old class in front, because their name was taken", file=sys.stderr)


def _serve(
    review_: Any, run: str, *, reviewer: str, host: str, port: int, browser: bool, clean_to: float | None
) -> None:
    from earlylearn.review.server import ReviewServer

    title = Path(review_.rows.data.name).name
    try:
        server = ReviewServer(review_, title=title, run=run, host=host, port=port, reviewer=reviewer, clean_to=clean_to)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        taken = isinstance(error, OSError) and error.errno in (errno.EADDRINUSE, errno.EACCES)
        named = f"--port {port}" if taken or isinstance(error, OverflowError) else f"--host {host}"
        raise UsageError(f"{named}: {reason}; choose another, or leave it out") from None
    tell(f"review: {server.url}\nstop with Ctrl+C; answers are in {review_.folder}", flush=True)
    if browser:
        webbrowser.open(server.url)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        written = "\n".join([*_written(review_), *_next(review_.summary(), run, again=_again(run))])
        tell(f"\n{len(review_.corrections())} rows looked at; {written}")
    finally:
        server.server_close()


def _written(review_: Any) -> list[str]:
    """Writes the corrections; where they are, and where those that somebody changed by hand went."""
    lines = [f"corrections: {review_.write()}"]
    if review_.put_aside is not None:
        lines.append(f"changed by hand before, kept: {review_.put_aside}; use it with --corrections")
    return lines


def _known(found: dict[str, Any], run: str, *, again: str | None) -> list[str]:
    """What the answers say so far, in words, and the next commands."""
    flagged, lines = found["probe"]["flagged"], []
    if flagged["looked_at"]:
        lines.append(
            f"Of the {flagged['of']:,} flagged labels, between {flagged['low']:.0%} and {flagged['high']:.0%} are "
            f"wrong (95 % sure, from {flagged['looked_at']} drawn at random)."
        )
    return lines + _next(found, run, again=again)


def _again(run: str) -> str | None:
    from earlylearn.runs.run import Run

    return Run(run).config.again_corrected(run)


def _next(found: dict[str, Any], run: str, *, again: str | None) -> list[str]:
    """The commands that go on from the answers so far."""
    lines = []
    if found["unsettled"]:
        rows = "1 row was" if found["unsettled"] == 1 else f"{found['unsettled']:,} rows were"
        page = shlex.join(["earlylearn", "review", run])
        lines.append(f"{rows} answered differently; settle under Differences: {page}")
    if found["looked_at"]:
        lines.append(f"a corrected copy: {shlex.join(['earlylearn', 'apply', run, '--out', 'corrected'])}")
        lines += [] if again is None else [f"trained again on it, before and after on a page: {again}"]
    return lines


def _percent(text: str) -> float:
    try:
        percent = float(text.removesuffix("%"))
    except ValueError:
        percent = 0.0
    if not 0.5 <= percent <= 50:
        raise UsageError(f"--clean-to {text}: must be between 0.5 and 50, percent of all labels")
    return percent


def _tell(quiet: bool, text: str) -> None:
    if not quiet:
        tell(text, file=sys.stderr)
