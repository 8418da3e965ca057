"""What can be asked on the command line, and how does it answer?"""

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from earlylearn import cli_reproduce, cli_study, cli_theory
from earlylearn.answers import new_file, print_json, print_summaries, print_table, write_frame
from earlylearn.cli_options import (
    Data,
    DataDir,
    Image,
    Json,
    Label,
    Labels,
    Method,
    NewData,
    Noise,
    Options,
    Overwrite,
    Quiet,
    RunPath,
    Seed,
    option,
    said,
    takes_settings,
)
from earlylearn.errors import EarlylearnError, UsageError
from earlylearn.progress import quiet_fabric

# Imports of torch and the rest stay inside the commands: `earlylearn --help` answers at once.

app = typer.Typer(
    name="earlylearn",
    help="Train classifiers that do not memorise wrong labels, and find out which labels are wrong.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.command(epilog="Example: earlylearn train digits --noise symmetric:0.4 --out runs/digits")
@takes_settings
def train(
    data: Data = None,
    method: Method = None,
    options: Options = None,
    out: Annotated[str | None, option("run folder (default runs/DATA-METHOD-SEED)", metavar="DIR")] = None,
    overwrite: Overwrite = False,
    resume: Annotated[str | None, option("continue an interrupted run", metavar="RUN")] = None,
    json_: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Train a classifier and audit its labels; everything goes into one run folder."""
    request = said(settings)
    from earlylearn import training
    from earlylearn.config import parse_options

    if resume is not None:
        if data or request or options or out or overwrite or method:
            raise UsageError("--resume: continues a run as it was begun; give no other option but --quiet and --json")
        run = training.resume(resume, quiet=quiet)
    elif data is None:
        raise UsageError("DATA is missing; name a built-in set, a folder, a table or an .npz: earlylearn train digits")
    else:
        run = training.train(
            data, method, out=out, overwrite=overwrite, quiet=quiet, options=parse_options(options or []), **request
        )
    if json_:
        print_json({"run": str(run.folder.path), **run.summary})
    else:
        print_summaries({run.config.method: run.summary})
        print(f"report: {run.folder.report}\nlabel issues: {run.folder.issues}")


@app.command(epilog="Example: earlylearn demo")
def demo(
    out: Annotated[str, option("folder of the demo's runs (default runs/demo)", metavar="DIR")] = "runs/demo",
    seed: Seed = None,
    overwrite: Overwrite = False,
    json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show the whole idea in a minute: digits with 40 % noise, cross-entropy against ELR."""
    from earlylearn.demo import run_demo

    page, summaries = run_demo(Path(out), seed=seed, overwrite=overwrite, quiet=quiet)
    if json_:
        print_json(summaries)
    else:
        print_summaries(summaries)
        print(f"picture and wrong labels found: {page}")


@app.command(epilog="Example: earlylearn predict runs/digits new.npz --out predictions.csv")
def predict(
    run: RunPath,
    data: NewData,
    out: Annotated[str | None, option("CSV to write (default: stdout)", metavar="FILE")] = None,
    weights: Annotated[str, option("picked (by noisy validation, default) or last", metavar="WHICH")] = "picked",
    data_dir: DataDir = None,
    overwrite: Overwrite = False,
    json_: Json = False,
) -> None:
    """Predict classes with a finished run."""
    import pandas as pd

    from earlylearn.data.sources import read_inputs
    from earlylearn.run import Run

    if weights not in ("picked", "last"):
        raise UsageError(f"--weights {weights}: must be picked or last")
    trained = Run(run)
    target = new_file(out, overwrite)
    inputs, ids = read_inputs(data, trained.inputs["schema"], data_dir=data_dir)
    probability = trained.predict_proba(inputs, weights=weights)  # type: ignore[arg-type]
    frame = pd.DataFrame({"id": ids, "predicted_label": [trained.classes[k] for k in probability.argmax(1)]})
    frame["confidence"] = probability.max(1)
    for name, column in zip(trained.classes, probability.T, strict=True):
        frame[f"p_{name}"] = column
    write_frame(frame, target, json_)


@app.command(epilog="Example: earlylearn issues runs/digits --top 10")
def issues(
    run: RunPath,
    top: Annotated[
        str | None, option("only the most suspicious (default 20 on the screen, else all; 0 = all)", metavar="INT")
    ] = None,
    out: Annotated[str | None, option("CSV to write", metavar="FILE")] = None,
    overwrite: Overwrite = False,
    json_: Json = False,
) -> None:
    """List the labels that a run believes wrong, the most suspicious first."""
    from earlylearn.run import Run

    if top is not None and not _whole(top):
        raise UsageError(f"--top {top}: must be a whole number, 0 or more")
    target = new_file(out, overwrite)
    most = int(top) if top is not None else 0 if target or json_ else 20
    frame = Run(run).label_issues()
    frame = frame[frame["is_label_issue"]].sort_values("label_quality", kind="stable")
    shown = frame.head(most) if most else frame
    if target or json_:
        write_frame(shown, target, json_)
    else:
        columns = ["id", "given_label", "predicted_label", "label_quality"]
        print_table(f"{len(frame)} label issues", columns, shown[columns].values.tolist())


app.command(epilog="Example: earlylearn compare digits --noise symmetric:0.4 --methods ce,elr,gce")(cli_study.compare)
app.command(epilog="Example: earlylearn sweep digits --noise pair:0.4 --grid lam=1,3,5 --seeds 2")(cli_study.sweep)

app.command(epilog="Example: earlylearn theory --claims lemma-2,lambda-2")(cli_theory.theory)
app.command(epilog="Example: earlylearn reproduce figure-a1")(cli_reproduce.reproduce)


@app.command(epilog="Example: earlylearn noise digits --noise pair:0.4 --out labels.npz")
def noise(
    data: Data = None,
    noise: Noise = None,
    seed: Seed = None,
    out: Annotated[str | None, option("labels to write: .npz, .npy or .csv", metavar="FILE")] = None,
    label: Label = None,
    image: Image = None,
    labels: Labels = None,
    data_dir: DataDir = None,
    overwrite: Overwrite = False,
    json_: Json = False,
) -> None:
    """Write noisy labels to a file, for train --labels or other software; alone, list the kinds of noise."""
    from earlylearn.data.noise import NOISE
    from earlylearn.noise_file import write_noisy_labels

    if data is None and noise is None and out is None:
        kinds = [[f"{name}:{kind.takes}", kind.description, kind.source] for name, kind in NOISE.items()]
        if json_:
            print_json([dict(zip(("name", "description", "source"), kind, strict=True)) for kind in kinds])
        else:
            print_table("kinds of noise (for --noise)", ["name", "what it does", "source"], kinds)
        return
    target = new_file(out, overwrite)
    if data is None or noise is None or target is None:
        missing = "DATA" if data is None else "--noise KIND:RATE" if noise is None else "--out FILE"
        raise UsageError(
            f"{missing} is missing; write for example earlylearn noise digits --noise pair:0.4 --out labels.npz "
            "(earlylearn noise lists the kinds)"
        )
    request = {"data_dir": data_dir, "label": label, "image": image, "labels": labels}
    report = write_noisy_labels(data, noise, target, seed=_seed(seed), **request)
    if json_:
        print_json(report)
    else:
        print(
            f"{out}: {report['kind']}, {report['wrong']} of {report['n']} labels wrong ({report['wrong_fraction']:.2%})"
        )


@app.command(epilog="Example: earlylearn methods --json")
def methods(json_: Json = False) -> None:
    """List the training methods with their hyperparameters."""
    from earlylearn.methods import describe_methods

    described = describe_methods()
    if json_:
        print_json(described)
        return
    rows = []
    for method in described:
        given = [f"{name}={field['default']}" for name, field in method["hyperparameters"].items()]
        cost = "" if method["cost"] is None else f"{method['cost']:.1f} x"
        rows.append([method["name"], method["summary"], cost, " ".join(given)])
    columns = ["name", "what it does", "cost of ce", "published values; recipes set others"]
    print_table("methods (give hyperparameters as -o NAME=VALUE)", columns, rows)


@app.command(epilog="Example: earlylearn recipes --json")
def recipes(json_: Json = False) -> None:
    """List the published and measured settings."""
    from earlylearn.recipes import RECIPES

    if json_:
        print_json([asdict(recipe) for recipe in RECIPES.values()])
        return
    rows = []
    for recipe in RECIPES.values():
        # Hyperparameters of the methods it also serves are for --json.
        own = recipe.options_for(recipe.method) if recipe.method else recipe.options
        settings = " ".join(f"{name}={value}" for name, value in {**recipe.settings, **own}.items())
        rows.append([recipe.name, recipe.source, settings])
    print_table("recipes (options after --recipe override)", ["name", "source", "settings"], rows)


@app.command(epilog="Example: earlylearn doctor")
def doctor(
    data_dir: DataDir = None,
    plan: Annotated[str | None, option("what a recipe would take here: memory, disk, time", metavar="RECIPE")] = None,
    json_: Json = False,
) -> None:
    """Say what hardware, precision, data and extras are usable here, or what a recipe would take."""
    if plan is None:
        from earlylearn.doctor import examine

        found = examine(data_dir)
    else:
        from earlylearn.plan import plan as plan_

        found = plan_(plan, data_dir)
    if json_:
        print_json(found)
        return
    for topic, facts in found.items():
        shown = [[what, f"{fact:g}" if isinstance(fact, float) else fact] for what, fact in facts.items()]
        print_table(topic, ["what", "found"], shown)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The command ``earlylearn``: exit status 0, 1 (the work failed), 2 (the request is wrong), 130 (interrupted)."""
    quiet_fabric()
    words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    command: Any = typer.main.get_command(app)
    status = 0
    try:
        # Not app(words), which has an answer of its own to interruptions and closed pipes.
        with command.make_context("earlylearn", words) as context:
            command.invoke(context)
        sys.stdout.flush()
    except typer.Exit as done:
        status = done.exit_code
    except EarlylearnError as error:
        _fail(str(error), error.exit_status)
    except KeyboardInterrupt as stop:
        # What was going on has noted how to go on.
        _fail("; ".join(["interrupted", *getattr(stop, "__notes__", [])]), 130)
    except BrokenPipeError:
        # Whoever read the output has seen enough; what is still buffered goes nowhere, or Python complains at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        _fail(f"{error.filename or 'the disk'}: {error.strerror or error}; mend that, and ask again", 1)
    except Exception as error:
        # What the parser refuses: an unknown option or command, a missing argument.
        if not hasattr(error, "format_message"):
            raise
        usage = " ".join(["earlylearn", *(word for word in words[:1] if word in command.commands), "--help"])
        _fail(f"{error.format_message().rstrip('.')}; see {usage}", 2)
    sys.exit(status)


def _fail(message: str, status: int) -> NoReturn:
    print(f"earlylearn: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(status)


def _whole(text: str) -> bool:
    """Whether a text is a whole number, 0 or more."""
    return text.isascii() and text.isdigit()


def _seed(seed: str | None) -> int:
    if seed is not None and not (_whole(seed) and int(seed) < 2**32):
        raise UsageError(f"--seed {seed}: must be a whole number from 0 to {2**32 - 1}")
    return int(seed or 0)
