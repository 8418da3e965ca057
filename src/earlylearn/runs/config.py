"""What is a run asked to do, with every default spelled out?"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import PrivateAttr, ValidationError

from earlylearn.data.labelled import LabelledData
from earlylearn.data.noise.kinds import parse_noise
from earlylearn.data.readers.memory import IN_MEMORY
from earlylearn.data.request import Augmentation
from earlylearn.data.schema import Schema
from earlylearn.data.sources import DataRequest
from earlylearn.errors import UsageError, setting
from earlylearn.loop.method import Method
from earlylearn.machine import device, processors
from earlylearn.methods import METHODS, check_options, find_method, hyperparameters, method_class
from earlylearn.methods.auto import Auto
from earlylearn.networks import (
    Architecture,
    default_network,
    default_precision,
    find_network,
    network_plugin,
)
from earlylearn.networks.own import own_architecture
from earlylearn.plugins import Plugin
from earlylearn.recipes import default_recipe, find_recipe
from earlylearn.recipes.recipe import Recipe
from earlylearn.runs.class_weights import check_class_weights, weights_given
from earlylearn.runs.loggers import check_logger
from earlylearn.runs.metrics import find_metrics
from earlylearn.runs.own import Own, of_others, take_objects
from earlylearn.runs.settings import ExecutionSettings, TrainingSettings
from earlylearn.values import describe, plain, whole_number
from earlylearn.wording import command_line


class RunConfig(ExecutionSettings, TrainingSettings, DataRequest):
    """The resolved request of one run: what ``config.json`` holds; its fields stand in `earlylearn.runs.settings`.

    ``plugins`` says, of a setting that names what is not ours, where it comes from: see `earlylearn.plugins.Plugin`.
    ``continued`` has the lengths that the run had before `earlylearn.resume` gave it more epochs.
    """

    plugins: dict[str, str] = {}
    continued: tuple[int, ...] = ()
    _own: Own = PrivateAttr(default_factory=Own)

    @property
    def processes(self) -> int:
        """How many processes train the run, one per device."""
        return self.devices * self.num_nodes

    @property
    def own(self) -> Own:
        """The objects that the user gave, which ``config.json`` only names."""
        return self._own

    def with_own(self, own: Own) -> "RunConfig":
        """The same request with these objects."""
        same = self.model_copy()
        same._own = own
        return same

    def again_corrected(self, run: str) -> str | None:
        """The command that trains on the labels that a review of the run corrected; None where there is none.

        It reads the data as this run did, and leaves to the defaults how to train. There is no such command for data in
        memory, and none if this run trained on corrected labels: its corrections would not fit those in the data.
        """
        if self.data == IN_MEMORY or self.corrections is not None:
            return None
        said = self.model_dump(include=set(DataRequest.model_fields), exclude_defaults=True, exclude={"data"})
        changed = {"corrections": f"{run}/review/corrections.csv", "out": f"{run}-2"}
        near = {name: _from_here(value) for name, value in said.items()}
        return command_line("train", _from_here(self.data), settings={**near, **changed})

    def part(self, kind: str) -> Any:
        """What a setting of `earlylearn.runs.own.KINDS` stands for: its text if that is ours, else an object."""
        name = getattr(self, kind)
        found = self._own.part(kind, name, self.plugins.get(kind, ""))
        return name if found is None else found

    def method_class(self) -> type[Method]:
        """The class of its method; UsageError if that is of others and is gone, or changed."""
        return method_class(self.method, self.plugins.get("method", ""))

    def architecture(self) -> Architecture:
        """The record of its network; UsageError if that is of others and is gone, or changed."""
        if "network" in self._own.parts:
            return own_architecture(self._own.parts["network"], self.network)
        return find_network(self.network, self.plugins.get("network", ""))


def _from_here(value: Any) -> Any:
    """A path below the working directory as one types it there; all else as it is."""
    inside = isinstance(value, str) and Path(value).is_absolute() and Path(value).is_relative_to(Path.cwd())
    return str(Path(value).relative_to(Path.cwd())) if inside else value


AUTO = "auto"  # the method of features, where nobody names one
MOST_NUMBERS = 5_000_000  # rows times classes; it keeps up to sixty times as many numbers, 1.2 GB
DEFAULTS: dict[str, Any] = {
    "method": "elr",
    "momentum": 0.9,
    "val_fraction": 0.1,
    "test_every": 1,
    "seed": 0,
    "as_released": False,
    "accelerator": "auto",
    "devices": 1,
}


def resolve(data: LabelledData, request: dict[str, Any], options: dict[str, Any]) -> RunConfig:
    """Spell out a request: what the user said, else the recipe, else what suits the data.

    Args:
        data: the training data, which decides network and augmentation where the recipe does not.
        request: fields of `RunConfig` the user named.
        options: hyperparameters of the method the user named.

    Raises:
        UsageError: an unknown or unfitting field, method, hyperparameter, recipe, network or noise.
    """
    request, own = take_objects({name: value for name, value in request.items() if value is not None})
    said = {name: plain(value) for name, value in request.items()}
    if "class_weights" in said:
        said["class_weights"] = weights_given(said["class_weights"], data.classes)
    for name in ("method", "network", "recipe", "noise"):
        if not isinstance(said.get(name, ""), (str, type) if name == "method" else str):
            raise UsageError(f"{setting(name, said[name])}: must be text")
    recipe = find_recipe(said["recipe"]) if "recipe" in said else None
    found = find_method(said.get("method") or (recipe and recipe.method) or _natural_method(data, said, options))
    method = found.name
    network = said.get("network") or _natural_network(data, found.what, recipe)
    if "network" in own.parts:
        known, others = own_architecture(own.parts["network"], network), None
    else:
        known, others = find_network(network), network_plugin(network)
    if others is not None:
        network = said["network"] = others.name
    recipe = recipe or _natural_recipe(data, found.what, network)
    plugins = {"method": found, "network": others}
    for kind in ("optimizer", "schedule", "augment"):
        if kind in said and kind not in own.parts and (each := of_others(kind, said[kind])) is not None:
            plugins[kind], said[kind] = each, each.name
    _check_names(found)
    settings = {
        **DEFAULTS,
        "augment": data.augment,
        "network": network,
        **({"val_fraction": 0.0} if data.val_rows is not None else {}),
        **recipe.settings_for(len(data)),
        **({"val_fraction": 0.0} if "val" in said else {}),
        **said,
        "method": method,
        "plugins": {kind: its.source for kind, its in plugins.items() if its and its.source},
        "recipe": recipe.name,
        "options": check_options(method, {**recipe.options_for(method), **options}),
    }
    precision = default_precision(network, settings["accelerator"], known=known) if data.is_image else "32-true"
    settings.setdefault("precision", precision)
    if settings.get("noise"):
        parse_noise(settings["noise"])
    try:
        config = RunConfig(**settings).with_own(own)
    except ValidationError as error:
        raise UsageError(describe(error)) from None
    _check_fit(config, data)
    return config


def _natural_method(data: LabelledData, said: dict[str, Any], options: dict[str, Any]) -> str:
    """The method where neither user nor recipe names one: a choice among small heads, on features.

    Whoever names a network, a recipe or one of its hyperparameters has chosen, and gets the usual method. So do many
    rows of many classes, of which every head would keep a number each.
    """
    usual: str = DEFAULTS["method"]
    of_usual = set(hyperparameters(method_class(usual)).model_fields) - set(hyperparameters(Auto).model_fields)
    chosen = "network" in said or "recipe" in said or of_usual & set(options)
    return usual if chosen or data.is_image or len(data) * len(data.classes) > MOST_NUMBERS else AUTO


def _natural_network(data: LabelledData, method: type[Method], recipe: Recipe | None) -> str:
    """The network where nobody names one: that of the method, or what suits the data.

    On what an encoder made `auto` tries linear heads alone: hidden ones agree with the given labels as often only where
    the labels' noise can be learned, and then learn it (docs/LOG.md).
    """
    if method.network:
        return "linear" if method is Auto and data.is_encoded else method.network
    return "linear" if data.is_embedding and recipe is None else default_network(data.inputs.shape[1:])


def _natural_recipe(data: LabelledData, method: type[Method], network: str) -> Recipe:
    """The recipe where nobody names one."""
    if method.recipe:
        return find_recipe(method.recipe)
    return default_recipe(network, embeddings=data.is_embedding, examples=len(data))


def _check_names(method: Plugin) -> None:
    """Raise UsageError of a method whose hyperparameter could not be told from a setting of the run."""
    both = [name for name in hyperparameters(method.what).model_fields if name in RunConfig.model_fields]
    if both:
        named = setting("method", method.name)
        raise UsageError(f"{named}: its hyperparameter {both[0]} has the name of a setting of any run; rename it")


def axes_of(schema: Schema, shape: Sequence[int]) -> tuple[int, ...]:
    """The shape of an input as it came, of arrays that were flattened to features; else the shape that it has."""
    flattened = schema.get("kind") == "array" and len(shape) == 1
    return tuple(schema["shape"] if flattened else shape)


def _check_own(config: RunConfig) -> None:
    """Raise UsageError of names that stand for nothing, of settings whose value may be an object."""
    augment = config.part("augment")
    if isinstance(augment, str) and augment not in get_args(Augmentation):
        known = ", ".join(get_args(Augmentation))
        raise UsageError(f"{setting('augment', augment)}: unknown; choose one of {known}, or FILE.py:NAME")
    if config.crop is not None and not isinstance(augment, str):
        raise UsageError(f"{setting('crop', config.crop)}: a user's own augmentation crops itself; leave it out")
    find_metrics(config.metrics, config.own.metrics)
    for name in config.log:
        if name not in config.own.log:
            check_logger(name)
    check_class_weights(config.class_weights, config.method, config.method_class().takes_class_weights)


def check_processes(config: RunConfig) -> None:
    """Raise UsageError where several processes cannot train what is asked."""
    if config.processes == 1:
        return
    if (device() if config.accelerator == "auto" else config.accelerator) == "cpu":
        whole_number("devices", config.devices, most=4 * processors(), why="four per processor core")
    asked = setting("devices", config.devices) if config.devices > 1 else setting("num_nodes", config.num_nodes)
    reason = config.method_class().one_process
    if reason:
        able = ", ".join(name for name, kind in METHODS.items() if not kind.one_process)
        raise UsageError(
            f"{asked}: method {config.method} trains in one process, for {reason}; leave it out, or choose one of "
            f"{able}"
        )
    if config.batch_size < config.processes:
        raise UsageError(
            f"{setting('batch_size', config.batch_size)}: is shared by {config.processes} processes; give "
            f"{config.processes} or more"
        )


def _check_validation(config: RunConfig, data: LabelledData) -> None:
    """Raise UsageError unless one thing alone picks the epoch: a share of the rows, rows set aside, or another set."""
    share, other = setting("val_fraction", config.val_fraction), setting("val", config.val)
    if data.val_rows is not None and (config.val_fraction or config.val):
        asked = other if config.val else share
        raise UsageError(f"{asked}: {data.name} sets its own validation rows aside; leave it out")
    if config.val and config.val_fraction:
        raise UsageError(f"{share}: {other} gives the validation set; leave one out")


def _check_fit(config: RunConfig, data: LabelledData) -> None:
    """Raise UsageError where a request and the data do not go together."""
    if config.crop is not None and not data.is_image:
        raise UsageError(f"{setting('crop', config.crop)}: {data.name} has features, not images; leave it out")
    if config.crop is not None and not data.inputs.shape[2] == data.inputs.shape[3] >= config.crop:
        sides = " x ".join(map(str, data.inputs.shape[2:]))
        raise UsageError(
            f"{setting('crop', config.crop)}: the images are {sides}; crop square ones, "
            f"{setting('image_size')} makes them so"
        )
    _check_validation(config, data)
    _check_own(config)
    check_processes(config)
    if config.augment in get_args(Augmentation)[1:] and not data.is_image:
        raise UsageError(f"{setting('augment', config.augment)}: {data.name} has features, not images; use none")
    if config.precision != "32-true" and not data.is_image and not config.architecture().own:
        raise UsageError(
            f"{setting('precision', config.precision)}: would round the columns of {data.name} before they are "
            "normalised; use 32-true"
        )
