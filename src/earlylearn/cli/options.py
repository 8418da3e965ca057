"""Which options do several commands share, and how is each written?"""

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer


def option(help_text: str, *names: str, metavar: str = "TEXT") -> Any:
    """An option whose value is checked with the rest of the request, so that every error reads alike."""
    return typer.Option(*names, help=help_text, metavar=metavar, show_default=False)


def argument(help_text: str, metavar: str) -> Any:
    """A positional argument, named in the help as ``metavar``."""
    return typer.Argument(help=help_text, metavar=metavar, show_default=False)


# May be left out: train --resume needs none, and noise without arguments lists the kinds of noise.
Data = Annotated[
    str | None,
    argument("digits, fashion-mnist, cifar10, cifar100, clothing1m, webvision, a folder, a table, or an .npz", "DATA"),
]
NewData = Annotated[str, argument("data like the training data; labels are not needed", "DATA")]
RunPath = Annotated[str, argument("a run folder that earlylearn train made", "RUN")]
DataDir = Annotated[str | None, option("where a built-in data set lies", metavar="DIR")]
Label = Annotated[str | None, option("label column of a table", metavar="COLUMN")]
Image = Annotated[str | None, option("column of image paths of a table", metavar="COLUMN")]
IdColumn = Annotated[str | None, option("column of stable ids of a table", metavar="COLUMN")]
Labels = Annotated[str | None, option("file whose labels replace the given ones", metavar="FILE[:KEY]")]
TrueLabels = Annotated[str | None, option("file of true labels, to judge by", metavar="FILE[:KEY]")]
Missing = Annotated[str | None, option("missing feature values: refuse (default) or impute", metavar="WHAT")]
Noise = Annotated[str | None, option("inject label noise, e.g. symmetric:0.4", metavar="KIND:RATE")]
Seed = Annotated[str | None, option("seed of split, noise, order, weights ... (default 0)", metavar="INT")]
Method = Annotated[str | None, option("training method (default elr)", metavar="NAME")]
Options = Annotated[
    list[str] | None,
    option("hyperparameter of the method; repeatable", "-o", "--option", metavar="NAME=VALUE"),
]
Json = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="replace what is there")]
Quiet = Annotated[bool, typer.Option("--quiet", help="show no progress")]


def settings_of_a_run(
    recipe: Annotated[str | None, option("published settings, see earlylearn recipes", metavar="NAME")] = None,
    noise: Noise = None,
    seed: Seed = None,
    network: Annotated[str | None, option("linear, mlp, small-cnn, resnet34, timm:NAME, ...", metavar="NAME")] = None,
    epochs: Annotated[str | None, option("length of the run", metavar="INT")] = None,
    batch_size: Annotated[str | None, option("examples per step", metavar="INT")] = None,
    lr: Annotated[str | None, option("initial learning rate of SGD", metavar="FLOAT")] = None,
    momentum: Annotated[str | None, option("SGD momentum", metavar="FLOAT")] = None,
    weight_decay: Annotated[str | None, option("L2 coefficient", metavar="FLOAT")] = None,
    schedule: Annotated[
        str | None, option("constant, cosine, one-cycle, multistep:40,80:0.01, cosine:10:0.001", metavar="SPEC")
    ] = None,
    augment: Annotated[str | None, option("none, crop or crop+flip", metavar="WHAT")] = None,
    crop: Annotated[
        str | None, option("side of a random crop of larger images (the centre to evaluate)", metavar="INT")
    ] = None,
    balanced_batches: Annotated[
        str | None, option("batches per epoch, balanced by given class, drawn anew (default: every row)", metavar="INT")
    ] = None,
    pretrained: Annotated[
        str | None, option("weights of a timm: network to begin with: a file, or timm for its cache", metavar="FILE")
    ] = None,
    val_fraction: Annotated[str | None, option("share held out to pick the epoch (0.1)", metavar="FLOAT")] = None,
    test_every: Annotated[str | None, option("test each so many epochs; 0 = at the end", metavar="INT")] = None,
    label: Label = None,
    image: Image = None,
    id_column: IdColumn = None,
    true_label: Annotated[str | None, option("column of true labels of a table", metavar="COLUMN")] = None,
    labels: Labels = None,
    true_labels: TrueLabels = None,
    missing: Missing = None,
    image_size: Annotated[str | None, option("resize images to this side", metavar="INT")] = None,
    data_dir: DataDir = None,
    test: Annotated[str | None, option("a separate test set of the same kind", metavar="DATA")] = None,
    test_fraction: Annotated[str | None, option("share to set aside as test set", metavar="FLOAT")] = None,
    limit: Annotated[str | None, option("use only the first so many training examples", metavar="INT")] = None,
    as_released: Annotated[
        bool, typer.Option("--as-released", help="ELR+ as released: one noise draw per network")
    ] = False,
    accelerator: Annotated[str | None, option("auto, cpu, cuda, mps", metavar="NAME")] = None,
    devices: Annotated[str | None, option("number of devices", metavar="INT")] = None,
    precision: Annotated[str | None, option("32-true or bf16-mixed", metavar="NAME")] = None,
    eager: Annotated[
        bool, typer.Option("--eager", help="on a GPU too, run every step anew, not as a CUDA graph")
    ] = False,
) -> None:
    """Fields of `earlylearn.runs.config.RunConfig`, for every command that trains; never called."""


def takes_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command, in place of its ``**settings``, the options of `settings_of_a_run`."""
    own, shared = inspect.signature(command), inspect.signature(settings_of_a_run)
    kept = [each for each in own.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
    command.__signature__ = own.replace(parameters=[*kept, *shared.parameters.values()])  # type: ignore[attr-defined]
    command.__annotations__ |= settings_of_a_run.__annotations__
    return command


def said(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that were given."""
    return {name: value for name, value in settings.items() if value not in (None, False)}


def is_whole(text: str) -> bool:
    """Whether a text is a whole number, 0 or more."""
    return text.isascii() and text.isdigit()
