"""Which options do several commands share, and how is each written?"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, get_args, get_type_hints

import typer

from earlylearn.data.request import DataSettings, Setting
from earlylearn.runs.settings import SETTINGS

# The declared type of every field of a run's configuration, in the order of the help; and the panel it stands in there.
FIELDS = {name: hint for group in SETTINGS for name, hint in get_type_hints(group, include_extras=True).items()}
BASIC = ("method", "options", "seed", "epochs", "label", "image", "text")
RESEARCH = ("recipe", "noise", "true_label", "true_labels", "as_released", "limit")
_PANELS = dict(zip(SETTINGS, ("Training", "Data", "Hardware"), strict=True))
PANELS: dict[str, str | None] = {name: _PANELS[group] for group in SETTINGS for name in get_type_hints(group)}
PANELS |= dict.fromkeys(BASIC) | dict.fromkeys(RESEARCH, "Research")


def option(help_text: str, *names: str, metavar: str = "TEXT", panel: str | None = None) -> Any:
    """An option whose value is checked with the rest of the request, so that every error reads alike.

    ``panel`` is the heading under which the help shows it; None is that of the basics.
    """
    return typer.Option(*names, help=help_text, metavar=metavar, show_default=False, rich_help_panel=panel)


def argument(help_text: str, metavar: str) -> Any:
    """A positional argument, named in the help as ``metavar``."""
    return typer.Argument(help=help_text, metavar=metavar, show_default=False)


def setting_option(field: str, *names: str) -> Any:
    """The option of a setting of a run, as its declaration describes it."""
    setting = setting_of(field)
    return option(setting.meaning, *names, metavar=setting.form, panel=PANELS[field])


def setting_of(field: str) -> Setting:
    """What is said of a setting where it is declared."""
    return next(each for each in FIELDS[field].__metadata__ if isinstance(each, Setting))


# May be left out: train --resume needs none, and noise without arguments lists the kinds of noise.
Data = Annotated[str | None, argument(setting_of("data").meaning, setting_of("data").form)]
NewData = Annotated[str, argument("data like the training data; labels are not needed", "DATA")]
RunPath = Annotated[str, argument("a run folder that earlylearn train made", "RUN")]
DataDir = Annotated[str | None, setting_option("data_dir")]
Label = Annotated[str | None, setting_option("label")]
Image = Annotated[str | None, setting_option("image")]
Labels = Annotated[str | None, setting_option("labels")]
Noise = Annotated[str | None, setting_option("noise")]
Seed = Annotated[str | None, setting_option("seed")]
Method = Annotated[str | None, setting_option("method")]
Options = Annotated[list[str] | None, setting_option("options", "-o", "--option")]
Json = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="replace what is there")]
Quiet = Annotated[bool, typer.Option("--quiet", help="show no progress")]

Strict = Annotated[bool, typer.Option("--strict", help=setting_of("strict").meaning)]

OWN = ("data", "method", "options")  # fields that a command which takes them names itself
# Fields that say which features, without training: a validation set goes with that.
OF_DATA = ("encoder", *(name for name in get_type_hints(DataSettings) if name != "val"))


def takes_settings(
    command: Callable[..., None], fields: Iterable[str] = FIELDS, beside: Mapping[str, Any] = MappingProxyType({})
) -> Callable[..., None]:
    """Give a command, in place of its ``**settings``, an option for each of these fields but those of `OWN`.

    ``beside`` are further options of its ``**settings``, by name: `Annotated` types as above.
    """
    own = inspect.signature(command)
    kept = [each for each in own.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
    shared = [_parameter(name, hint) for name, hint in beside.items()]
    shared += [_parameter(field, _hint(field)) for field in fields if field not in OWN]
    command.__signature__ = own.replace(parameters=[*kept, *shared])  # type: ignore[attr-defined]
    command.__annotations__ |= {each.name: each.annotation for each in shared}
    return command


def _hint(field: str) -> Any:
    """The type of a field's option: text, checked with the rest of the request; or a switch, where it is yes or no."""
    setting = setting_of(field)
    if not setting.form:
        flag = f"--{field.replace('_', '-')}"
        return Annotated[bool, typer.Option(flag, help=setting.meaning, rich_help_panel=PANELS[field])]
    return Annotated[list[str] | None if setting.repeats else str | None, setting_option(field)]


def _parameter(name: str, hint: Any) -> inspect.Parameter:
    default = False if get_args(hint)[0] is bool else None
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=hint)


def said(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that were given."""
    return {name: value for name, value in settings.items() if value not in (None, False, [])}


def is_whole(text: str) -> bool:
    """Whether a text is a whole number, 0 or more."""
    return text.isascii() and text.isdigit()


def comma_list(text: str | None) -> list[str] | None:
    """The words of a text with commas between them."""
    return None if text is None else [word.strip() for word in text.split(",")]


def number(text: str | None) -> Any:
    """The whole number that a text is; other texts stay, for the library to refuse them as it refuses all else."""
    return int(text) if text is not None and is_whole(text) else text
