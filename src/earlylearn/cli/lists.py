"""What can be asked on the command line of what there is: noise, methods, recipes, this machine?"""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from earlylearn.cli.answers import as_options, print_json, print_table, tell
from earlylearn.cli.options import (
    Data,
    DataDir,
    Image,
    Json,
    Label,
    Labels,
    Method,
    Noise,
    Options,
    Overwrite,
    Seed,
    number,
    option,
)
from earlylearn.errors import Advice, UsageError, hyperparameter, setting
from earlylearn.files import new_file


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
    from earlylearn.data.noise.kinds import NOISE
    from earlylearn.data.noise_file import write_noisy_labels

    if data is None and noise is None and out is None:
        kinds = [[f"{name}:{kind.takes}", kind.description, kind.source] for name, kind in NOISE.items()]
        if json_:
            print_json([dict(zip(("name", "description", "source"), kind, strict=True)) for kind in kinds])
        else:
            print_table("kinds of noise (for --noise)", ["name", "what it does", "source"], kinds)
        return
    target = new_file(out, overwrite, spare=[(data, "the data"), (labels, "the labels")])
    if data is None or noise is None or target is None:
        missing = "DATA" if data is None else "--noise KIND:RATE" if noise is None else "--out FILE"
        raise UsageError(
            f"{missing} is missing; write for example earlylearn noise digits --noise pair:0.4 --out labels.npz "
            "(earlylearn noise lists the kinds)"
        )
    request = {"data_dir": data_dir, "label": label, "image": image, "labels": labels}
    report = write_noisy_labels(data, noise, target, seed=number(seed or "0"), **request)
    if json_:
        print_json(report)
    else:
        tell(
            f"{out}: {report['kind']}, {report['wrong']} of {report['n']} labels wrong ({report['wrong_fraction']:.2%})"
        )


def methods(json_: Json = False) -> None:
    """List the training methods with their hyperparameters, those of installed packages included."""
    from earlylearn.methods import describe_methods, describe_plugins

    plugins, refused = describe_plugins()
    described = describe_methods() + plugins
    for error in refused:
        tell(f"earlylearn: {error.told(as_options)}", file=sys.stderr)
    if json_:
        print_json(described)
        return
    rows = []
    for method in described:
        given = [f"{name}={field['default']}" for name, field in method["hyperparameters"].items()]
        cost = "" if method["cost"] is None else f"{method['cost']:.1f} x"
        ours = [method["from"]] if plugins else []
        rows.append([method["name"], *ours, method["summary"], cost, " ".join(given)])
    origin = ["from"] if plugins else []
    columns = ["name", *origin, "what it does", "time, ce = 1", "published values; recipes set others"]
    print_table("methods (give hyperparameters as -o NAME=VALUE)", columns, rows)


def recipes(json_: Json = False) -> None:
    """List the published and measured settings."""
    from earlylearn.recipes import RECIPES

    if json_:
        print_json([asdict(recipe) for recipe in RECIPES.values()])
        return
    rows = [[recipe.name, recipe.source, recipe.in_words()] for recipe in RECIPES.values()]
    print_table("recipes (options after --recipe override)", ["name", "source", "settings"], rows)


def doctor(
    data_dir: DataDir = None,
    plan: Annotated[
        str | None, option("what a recipe, or training on data, would take here: memory, disk", metavar="RECIPE|DATA")
    ] = None,
    label: Label = None,
    method: Method = None,
    options: Options = None,
    json_: Json = False,
) -> None:
    """Say what hardware, precision, data and extras are usable here, or what a recipe would take."""
    if plan is None:
        from earlylearn.doctor.examine import examine

        found = examine(data_dir)
    else:
        from earlylearn.doctor.plan import plan as plan_

        try:
            if Path(plan).exists():
                from earlylearn.doctor.plan_data import plan_data
                from earlylearn.values import pairs_from_text

                request = {"data_dir": data_dir, "label": label, "method": method}
                found = plan_data(plan, request, pairs_from_text(options or [], hyperparameter))
            else:
                found = plan_(plan, data_dir)
        except UsageError as error:
            raise error.about(setting("plan", plan)) if error.setting == "recipe" else error from None
    if json_:
        print_json(found)
        return
    for topic, facts in found.items():
        print_table(topic, ["what", "found"], [[what, _shown(fact)] for what, fact in facts.items()])


def _shown(fact: Any) -> Any:
    """A fact as the table has it."""
    if isinstance(fact, Advice):
        return fact.told(as_options)
    return f"{fact:g}" if isinstance(fact, float) else fact
