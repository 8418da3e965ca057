"""What can be asked on the command line of many runs together?"""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from earlylearn.cli.answers import print_json, print_table, tell
from earlylearn.cli.options import (
    Data,
    Json,
    Method,
    Options,
    Overwrite,
    Quiet,
    comma_list,
    number,
    option,
    said,
    takes_settings,
)
from earlylearn.errors import EarlylearnError, UsageError, hyperparameter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from earlylearn.documents import ComparedMethod, Trial
    from earlylearn.study.runs import Failure

# What every study can be asked beside the settings of its runs.
DIAGNOSIS = {
    "workers": Annotated[str | None, option("runs at a time (default 1)", metavar="INT")],
    "out": Annotated[str | None, option("folder to make or to go on with (default under runs/)", metavar="DIR")],
    "overwrite": Overwrite,
    "quiet": Quiet,
}
STUDY = DIAGNOSIS | {
    "storage": Annotated[
        str | None, option("share the runs with other machines through an Optuna storage", metavar="URL")
    ]
}

# What the table on the screen shows of a comparison, where it is known.
COLUMNS = {
    "test_last": "test, last",
    "test_at_best_val": "picked",
    "best_minus_last": "best - last",
    "val_last": "noisy val, last",
    "memorized_last": "memorised",
    "average_precision": "issues AP",
}
LEGEND = {
    "test_at_best_val": "picked: test accuracy of the epoch that predicted most of the held-out given labels",
    "val_last": "noisy val: share of the held-out given labels that is predicted; these are as noisy as the others",
    "average_precision": "issues AP: how well wrong labels are ranked first; 100 is perfect, chance is their share",
}


@partial(takes_settings, beside=STUDY)
def compare(
    data: Data = None,
    methods: Annotated[
        str, option("ce,elr,elr:lam=3 (hyperparameters behind colons), or all (default ce,elr)", metavar="LIST")
    ] = "ce,elr",
    seeds: Annotated[str, option("how many seeds, counted from --seed on (default 3)", metavar="INT")] = "3",
    json_: Json = False,
    **settings: Any,
) -> None:
    """Compare methods: same noise, split, network and budget for each.

    Ask again to go on, or with more methods or seeds (name the old ones too).
    """
    from earlylearn.report.study_figures import known
    from earlylearn.study.compare import compare as compare_
    from earlylearn.wording import plural, times

    done = compare_(
        _needed(data, "compare"),
        comma_list(methods) or [],
        seeds=number(seeds),
        **_asked(settings),
    )
    if json_:
        print_json(done.document)
    else:
        compared = done.document["methods"]
        shown = {key: name for key, name in COLUMNS.items() if known(compared, key)}
        numbers = {len(each["seeds"]) for each in compared}
        told = [] if len(numbers) == 1 else ["seeds"]  # of each method, where the title cannot say it of all
        rows = [
            [
                each["name"],
                *(len(each["seeds"]) for _ in told),
                *_spreads(each, shown),
                times(each["cost"]).removesuffix(" ×"),
            ]
            for each in compared
        ]
        over = "seeds" if told else plural(numbers.pop(), "seed")
        print_table(f"mean and standard deviation over {over}, %", ["name", *told, *shown.values(), "cost"], rows)
        for line in [*(LEGEND[key] for key in shown if key in LEGEND), f"cost: time, {done.document['baseline']} = 1"]:
            tell(line)
        _tell(done.conclusion, done.path)
    _fail(done.failed)


@partial(takes_settings, beside=STUDY)
def sweep(
    data: Data = None,
    method: Method = None,
    grid: Annotated[
        list[str] | None,
        option("values to try; repeatable (default for elr: the paper's own grid)", metavar="NAME=VALUE,VALUE"),
    ] = None,
    seeds: Annotated[str, option("seeds per point, counted from --seed on (default 1)", metavar="INT")] = "1",
    sample: Annotated[str | None, option("only so many points of the grid, drawn at random", metavar="INT")] = None,
    score: Annotated[
        str, option("what picks: held-out given labels predicted last (val_last) or at best (val_best)", metavar="NAME")
    ] = ("val_last"),
    canaries: Annotated[
        bool | None,
        typer.Option(
            "--canaries/--no-canaries",
            help="make a few labels wrong, and break ties by what of them is memorised (default: where no label is "
            "known to be wrong)",
            show_default=False,
        ),
    ] = None,
    options: Options = None,
    json_: Json = False,
    **settings: Any,
) -> None:
    """Try hyperparameters and pick by held-out given labels, so without any true ones; ask again to go on."""
    from earlylearn.study.sweep import sweep as sweep_
    from earlylearn.values import SPELLED, from_text, pairs_from_text

    values: dict[str, list[Any]] = {}
    for pair in grid or []:
        name, equals, listed = pair.partition("=")
        if not (name and equals and all(listed.split(","))):
            raise UsageError(f"--grid {pair}: write NAME=VALUE,VALUE, for example --grid lam=1,3,5")
        values.setdefault(SPELLED.get(name, name), []).extend(from_text(value) for value in listed.split(","))
    done = sweep_(
        _needed(data, "sweep"),
        method,
        values or None,
        seeds=number(seeds),
        sample=number(sample),
        score=score,  # type: ignore[arg-type]  # checked there
        canaries=canaries,
        options=pairs_from_text(options or [], hyperparameter),
        **_asked(settings),
    )
    if json_:
        print_json(done.document)
    else:
        shown = ["val_last", "val_best", "test_last", "memorized_last"]
        rows = [
            [each["name"], *_spreads(each, shown), "picked" if each["picked"] else ""]
            for each in done.document["trials"]
        ]
        columns = ["name", "noisy val, last", "noisy val, best", "test, last (chooses nothing)", "memorised", ""]
        print_table("mean and standard deviation over seeds, %", columns, rows)
        _tell(done.document["conclusion"], done.path)
        if done.document["command"]:
            tell(f"train with it: {done.document['command']}")
    _fail(done.failed)


@partial(takes_settings, beside=DIAGNOSIS)
def diagnose(
    data: Data = None,
    method: Method = None,
    share: Annotated[
        str | None, option("share of the labels to make wrong (default 0.05, on small data up to 0.1)", metavar="FLOAT")
    ] = None,
    lambdas: Annotated[str, option("lambdas to try (default 1,3,10), or none", metavar="LIST")] = "1,3,10",
    options: Options = None,
    json_: Json = False,
    **settings: Any,
) -> None:
    """Plant wrong labels, in runs made for that, and say what becomes of them: is early learning at work here?

    Whether it happens and is kept, which lambda memorises, how many of the wrong labels label issues will find.
    """
    from earlylearn.study.diagnose import diagnose as diagnose_
    from earlylearn.values import from_text, pairs_from_text

    done = diagnose_(
        _needed(data, "diagnose"),
        method,
        share=None if share is None else _float(share, "share"),
        lambdas=[] if lambdas == "none" else [from_text(each) for each in comma_list(lambdas) or []],
        options=pairs_from_text(options or [], hyperparameter),
        **_asked(settings),
    )
    if json_:
        print_json(done.document)
    else:
        _tell(done.conclusion, done.path)
    _fail(done.failed)


def _asked(settings: dict[str, Any]) -> dict[str, Any]:
    given = said(settings)
    return {**given, "workers": number(given.get("workers", "1"))}


def _float(text: str, name: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"--{name} {text}: must be a number") from None


def _needed(data: str | None, command: str) -> str:
    if data is None:
        raise UsageError(
            f"DATA is missing; name a built-in set, a folder, a table or an .npz: earlylearn {command} digits"
        )
    return data


def _spreads(measured: "ComparedMethod | Trial", keys: "Iterable[str]") -> list[str]:
    """Means with their deviations, in the per cent of the title; no narrow terminal parts the sign from its number."""
    from earlylearn.report.study_figures import statistic
    from earlylearn.wording import spread

    return [spread(statistic(measured, key)).replace("± ", "±").removesuffix("%") for key in keys]


def _tell(sentences: "Sequence[str]", path: "Path") -> None:
    for sentence in sentences:
        tell(sentence)
    tell(f"report: {path / 'report.html'}")


def _fail(failed: "Sequence[Failure]") -> None:
    """Failed runs make the whole fail, after everything else was shown."""
    if failed:
        from earlylearn.wording import plural

        first = failed[0]
        raise EarlylearnError(
            f"{plural(len(failed), 'run')} failed; the first, {first.name} seed {first.seed}: {first.message}"
        )
