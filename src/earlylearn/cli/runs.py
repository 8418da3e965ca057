"""What can be asked on the command line of one run: train it, predict with it, list its label issues?"""

import shlex
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from earlylearn.cli.answers import (
    new_table,
    print_audit,
    print_json,
    print_summaries,
    print_table,
    tell,
    write_frame,
    write_frames,
)
from earlylearn.cli.options import (
    OF_DATA,
    Data,
    DataDir,
    Json,
    Method,
    NewData,
    Options,
    Overwrite,
    Quiet,
    RunPath,
    Seed,
    Strict,
    is_whole,
    number,
    option,
    said,
    takes_settings,
)
from earlylearn.errors import UsageError, hyperparameter

if TYPE_CHECKING:
    from earlylearn.runs.run import Run

OF_RESUMING = ("epochs", "devices", "num_nodes")  # settings that a run may go on with others of


@takes_settings
def train(
    data: Data = None,
    method: Method = None,
    options: Options = None,
    lambda_: Annotated[
        str | None,
        option("how strongly ELR holds on to what it learned early; as -o lam=FLOAT", "--lambda", metavar="FLOAT"),
    ] = None,
    out: Annotated[str | None, option("run folder (default runs/DATA-METHOD-SEED)", metavar="DIR")] = None,
    overwrite: Overwrite = False,
    resume: Annotated[
        str | None, option("continue an interrupted run, or a finished one up to --epochs", metavar="RUN")
    ] = None,
    budget: Annotated[
        str | None,
        option("choose between ELR and cross-entropy by short runs, within so many times a run's time", metavar="2x"),
    ] = None,
    json_: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Train a classifier and audit its labels; everything goes into one run folder."""
    request = said(settings)
    options = [*(options or []), *([] if lambda_ is None else [f"lam={lambda_}"])]
    from earlylearn.runs import train as training
    from earlylearn.values import pairs_from_text

    if resume is not None:
        if any((data, set(request) - set(OF_RESUMING), options, out, overwrite, method, budget)):
            raise UsageError(
                "--resume: continues a run as it was begun; give no other option but --epochs (more of them), "
                "--devices, --num-nodes, --quiet and --json"
            )
        run = training.resume(resume, quiet=quiet, **{name: number(value) for name, value in request.items()})
    elif data is None:
        raise UsageError("DATA is missing; name a built-in set, a folder, a table or an .npz: earlylearn train digits")
    elif budget is not None:
        from earlylearn.study.budget import train_within

        request |= {"method": method, "options": pairs_from_text(options, hyperparameter)}
        run = train_within(data, budget=budget, out=out, overwrite=overwrite, quiet=quiet, **request)
    else:
        given = pairs_from_text(options, hyperparameter)
        run = training.train(data, method, out=out, overwrite=overwrite, quiet=quiet, options=given, **request)
    if run.leads:
        _tell(run, as_json=json_)


def _tell(run: "Run", *, as_json: bool) -> None:
    """What a finished run came to."""
    page = None
    if run.config.corrections is not None:
        from earlylearn.review.before_after import write_before_after

        page = write_before_after(run)
    if as_json:
        print_json({"run": str(run.folder.path), **run.summary})
    else:
        if "choice" in run.summary:
            tell(run.summary["choice"]["line"])
        print_summaries({run.summary["method"]: run.summary})
        print_audit(run.summary, str(run.folder.path))
        tell(f"report: {run.folder.report}\nlabel issues: {run.folder.issues}")
        if run.folder.consensus.exists():
            tell(f"what all annotators say, and whom to ask again: {run.folder.consensus}")
            tell(f"how good each of them is: {run.folder.annotators}")
        if page is not None:
            tell(f"before and after the corrections: {page}")


def demo(
    out: Annotated[str, option("folder of the demo's runs (default runs/demo)", metavar="DIR")] = "runs/demo",
    seed: Seed = None,
    overwrite: Overwrite = False,
    json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show the whole idea in a minute: digits with 40 % noise, cross-entropy against ELR."""
    from earlylearn.study.demo import run_demo

    page, summaries = run_demo(Path(out), seed=number(seed), overwrite=overwrite, quiet=quiet)
    if json_:
        print_json(summaries)
    else:
        print_summaries(summaries)
        tell(f"picture and wrong labels found: {page}")
        listed = shlex.join(["earlylearn", "issues", str(Path(out) / "elr")])
        tell(f"next: {listed}; with data of your own: earlylearn train DATA")


def predict(
    run: RunPath,
    data: NewData,
    out: Annotated[str | None, option("CSV to write (default: stdout)", metavar="FILE")] = None,
    weights: Annotated[
        str, option("of which epoch: picked (by held-out given labels, default) or last", metavar="WHICH")
    ] = "picked",
    data_dir: DataDir = None,
    strict: Strict = False,
    overwrite: Overwrite = False,
    json_: Json = False,
) -> None:
    """Predict classes with a finished run."""
    import pandas as pd

    from earlylearn.runs.run import Run, check_weights

    check_weights(weights)
    trained = Run(run)
    target = new_table(out, overwrite, spare=[(run, "part of the run"), (data, "the data")])
    inputs, ids = trained.read(data, data_dir=data_dir, strict=strict)
    parts = trained.probability_parts(inputs, weights=weights)  # type: ignore[arg-type]

    def frames() -> Iterator[pd.DataFrame]:
        start = 0
        for probability in parts:
            names = ids[start : start + len(probability)]
            start += len(probability)
            frame = pd.DataFrame({"id": names, "predicted_label": [trained.classes[k] for k in probability.argmax(1)]})
            frame["confidence"] = probability.max(1)
            for name, column in zip(trained.classes, probability.T, strict=True):
                frame[f"p_{name}"] = column
            yield frame

    write_frames(frames(), target, json_)


def export(
    run: RunPath,
    format_: Annotated[
        str, option("safetensors (weights, default), pt2 (a program of PyTorch) or onnx", "--format", metavar="FORMAT")
    ] = "safetensors",
    out: Annotated[str | None, option("folder to make: the network, config.json and a README", metavar="DIR")] = None,
    weights: Annotated[
        str, option("of which epoch: picked (by held-out given labels, default) or last", metavar="WHICH")
    ] = "picked",
    overwrite: Overwrite = False,
    json_: Json = False,
) -> None:
    """Write the trained network for programs that do not know this library, with a README about it."""
    if out is None:
        raise UsageError(f"--out is missing; name a folder to make: earlylearn export {run} --out exported")
    from earlylearn.runs.run import Run

    file = Run(run).export(out, format_, weights=weights, overwrite=overwrite)  # type: ignore[arg-type]
    if json_:
        print_json({"file": str(file), "format": format_})
    else:
        tell(f"network: {file}\nabout it: {file.parent / 'README.md'}")


@partial(takes_settings, fields=OF_DATA)
def embed(
    data: Data = None,
    out: Annotated[str, option(".npz file to write", metavar="FILE")] = "embeddings.npz",
    overwrite: Overwrite = False,
    json_: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Write the features of pictures or texts, with labels and ids, for other tools and for train."""
    if data is None:
        raise UsageError("DATA is missing; name a folder of pictures, or a table: earlylearn embed photos --out x.npz")
    from earlylearn.runs.embed import embed as embedding

    found = embedding(data, out, overwrite=overwrite, quiet=quiet, **said(settings))
    if json_:
        print_json(found)
    else:
        test = f", {found['test_rows']:,} of them to test" if found["test_rows"] else ""
        tell(f"{found['rows'] + found['test_rows']:,} rows{test}: {found['features']}\nfile: {found['file']}")


def issues(
    run: RunPath,
    top: Annotated[
        str | None, option("only the most suspicious (default 20 on the screen, else all; 0 = all)", metavar="INT")
    ] = None,
    out: Annotated[str | None, option("CSV to write, or folder to make with --format", metavar="FILE")] = None,
    format_: Annotated[
        str | None,
        option(
            "files of another tool: label-studio, fiftyone, argilla, huggingface, cleanlab, aum, cartography",
            "--format",
            metavar="TOOL",
        ),
    ] = None,
    overwrite: Overwrite = False,
    json_: Json = False,
) -> None:
    """List the labels that a run believes wrong, the most suspicious first, or write them for another tool."""
    from earlylearn.runs.issues import NAME, check_rows, check_run, read_issues

    if format_ is not None:
        _export(run, format_, out)
        return
    if top is not None and not is_whole(top):
        raise UsageError(f"--top {top}: must be a whole number, 0 or more")
    config = check_run(Path(run))
    made_from = config.get("data")
    target = new_table(out, overwrite, spare=[(run, "part of the run"), (made_from, "the data")])
    most = int(top) if top is not None else 0 if target or json_ else 20
    frame = read_issues(Path(run) / NAME)
    check_rows(frame, config, Path(run) / NAME)
    frame = frame[frame["is_label_issue"]].sort_values("label_quality", kind="stable")
    shown = frame.head(most) if most else frame
    if target or json_:
        write_frame(shown, target, json_)
    else:
        columns = ["id", "given_label", "predicted_label", "label_quality"]
        print_table(f"{len(frame)} label issues", columns, shown[columns].values.tolist())


def _export(run: str, tool: str, out: str | None) -> None:
    from earlylearn.review.exports import export
    from earlylearn.review.opening import open_rows

    if out is None:
        raise UsageError(
            f"--out is missing; name a folder to make: earlylearn issues {run} --format {tool} --out {tool}"
        )
    tell(export(open_rows(run), tool, Path(out)))
