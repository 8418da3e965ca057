"""What does the command line take: every command, with every option, as the program itself describes them?"""

import re
from itertools import groupby
from typing import Any

import typer

from earlylearn.cli.main import app

OTHERS = "Basics"  # as the program calls the panel of options that are in none


def commands() -> str:
    """A section for each command, in the order of the program's help."""
    group: Any = typer.main.get_command(app)
    return "\n\n".join(_section(name, command) for name, command in group.commands.items())


def _section(name: str, command: Any) -> str:
    parameters = [each for each in command.params if not getattr(each, "hidden", False)]
    arguments = [each for each in parameters if each.param_type_name == "argument"]
    words = " ".join(f"[{_called(each)}]" if not each.required else _called(each) for each in arguments)
    example = (command.epilog or "").removeprefix("Example: ")
    parts = [
        f"## earlylearn {name}",
        _told(command.help.strip()),
        f"```text\nearlylearn {' '.join(filter(None, [name, words, '[OPTIONS]']))}\n```",
        f"For example: `{example}`" if example else "",
        _table(("argument", "is"), [(f"`{_called(each)}`", _told(each.help)) for each in arguments]),
        *_options([each for each in parameters if each.param_type_name == "option"]),
    ]
    return "\n\n".join(filter(None, parts))


def _options(options: list[Any]) -> list[str]:
    """A table for each panel, in the order of the panels."""

    def panel(option: Any) -> str:
        return getattr(option, "rich_help_panel", None) or OTHERS

    order = list(dict.fromkeys(map(panel, options)))
    parts = []
    for name, some in groupby(sorted(options, key=lambda each: order.index(panel(each))), key=panel):
        rows = [(" ".join(f"`{word}`" for word in _written(each)), _told(each.help or "")) for each in some]
        parts += [
            f"**{name}**" if len(order) > 1 else "",
            _table((name.lower() if len(order) == 1 else "option", "says"), rows),
        ]
    return parts


def _written(option: Any) -> list[str]:
    """An option's names, the value it takes behind the last."""
    *names, last = [*option.opts, *option.secondary_opts]
    takes = "" if option.is_flag or not option.metavar else f" {option.metavar}"
    return [*names, f"{last}{takes}"]


def _told(text: str) -> str:
    """A help text in which options are code: typography would make one dash of their two."""
    return re.sub(r"(?<!\S)(--?[a-z][\w-]*(?:=\w+)?)", r"`\1`", text)


def _called(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _table(head: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    if not rows:
        return ""
    lines = [f"| {' | '.join(head)} |", "|---|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)])
