"""What can be asked on the command line, and with which exit status does it answer?"""

import atexit
import gc
import os
import sys
import warnings
from collections.abc import Callable, Collection, Sequence
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

import earlylearn
from earlylearn.cli import lists, paper, review, runs, study
from earlylearn.cli.answers import as_options
from earlylearn.errors import Advice, EarlylearnError, speaking, visible
from earlylearn.runs.progress import quiet_fabric

# Imports of torch and the rest stay inside the commands: `earlylearn --help` answers at once.


class _Command(TyperCommand):
    """A command whose help shows no value behind a switch: ``--overwrite <bool>`` would ask for one."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _without_values(super().get_params(ctx))


class _Group(TyperGroup):
    """All of them, whose own switches are shown in the same way."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _without_values(super().get_params(ctx))


def _without_values(options: list[Any]) -> list[Any]:
    for each in options:
        if getattr(each, "is_flag", False) and each.metavar is None:
            each.metavar = ""
    return options


app = typer.Typer(
    name="earlylearn",
    cls=_Group,
    help="Train classifiers that do not memorise wrong labels, and find out which labels are wrong.",
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

# Each command with the example that its help shows.
COMMANDS: dict[Callable[..., None], str] = {
    runs.train: "earlylearn train digits --noise symmetric:0.4 --out runs/digits",
    runs.demo: "earlylearn demo",
    runs.predict: "earlylearn predict runs/digits new.npz --out predictions.csv",
    runs.export: "earlylearn export runs/digits --format pt2 --out exported",
    runs.embed: "earlylearn embed photos --out photos.npz",
    runs.issues: "earlylearn issues runs/digits --top 10",
    review.review: "earlylearn review runs/digits --reviewer ana",
    review.apply: "earlylearn apply runs/photos --out photos-corrected",
    study.compare: "earlylearn compare digits --noise symmetric:0.4 --methods ce,elr,gce",
    study.sweep: "earlylearn sweep digits --noise pair:0.4 --grid lam=1,3,5 --seeds 2",
    study.diagnose: "earlylearn diagnose digits --noise symmetric:0.4 --out runs/digits-diagnosis",
    paper.theory: "earlylearn theory --claims lemma-2,lambda-2",
    paper.reproduce: "earlylearn reproduce figure-a1",
    lists.noise: "earlylearn noise digits --noise pair:0.4 --out labels.npz",
    lists.methods: "earlylearn methods --json",
    lists.recipes: "earlylearn recipes --json",
    lists.doctor: "earlylearn doctor",
}

# Under which heading the help lists a command; the others are basics.
PANELS = {
    "Data": ("embed", "apply", "noise"),
    "Research": ("compare", "sweep", "theory", "reproduce", "methods", "recipes"),
    "Hardware": ("doctor",),
}
_PANEL_OF = {name: panel for panel, names in PANELS.items() for name in names}


def _print_version(asked: bool) -> None:
    if asked:
        print(f"earlylearn {earlylearn.__version__}")
        raise typer.Exit


@app.callback()
def _before_any_command(
    version: Annotated[
        bool, typer.Option("--version", help="which version this is", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    pass


for command, example in COMMANDS.items():
    panel = _PANEL_OF.get(command.__name__, "Basics")
    paragraphs = [
        " ".join(each.split()) for each in (command.__doc__ or "").split("\n\n")
    ]  # not broken as the source is
    told = app.command(cls=_Command, help="\n\n".join(paragraphs), epilog=f"Example: {example}", rich_help_panel=panel)
    told(command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The command ``earlylearn``: exit status 0, 1 (the work failed), 2 (the request is wrong), 130 (interrupted)."""
    if arguments is None:
        _have_less_collected()
    quiet_fabric()
    warnings.filterwarnings("ignore", module=r"PIL\.")  # of large pictures, and of broken notes beside the pixels
    words = [_whole(word) for word in (sys.argv[1:] if arguments is None else arguments)] or ["--help"]
    if words[0] == "help":
        words = [*words[1:2], "--help"]
    command: Any = typer.main.get_command(app)
    if "_EARLYLEARN_COMPLETE" in os.environ:  # a shell asks how a word may go on
        command.main(prog_name="earlylearn")
    if words[0] in command.commands and "--help" in words:
        from typer import rich_utils

        rich_utils.OPTIONS_PANEL_TITLE = "Basics"
    status = 0
    try:
        # Not app(words), which has an answer of its own to interruptions and closed pipes.
        with speaking(as_options), command.make_context("earlylearn", words) as context:
            command.invoke(context)
        sys.stdout.flush()
    except typer.Exit as done:
        status = done.exit_code
    except EarlylearnError as error:
        _fail(error.told(as_options), error.exit_status)
    except KeyboardInterrupt as stop:
        # What was going on has noted how to go on.
        notes = [note.told(as_options) if isinstance(note, Advice) else note for note in getattr(stop, "__notes__", [])]
        _fail("; ".join(["interrupted", *notes]), 130)
    except BrokenPipeError:
        # Whoever read the output has seen enough; what is still buffered goes nowhere, or Python complains at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        message, status = _explained(error, words, command.commands)
        _fail(message, status)
    sys.exit(status)


def _whole(word: str) -> str:
    """A word whose path begins at home, which no shell makes whole in ``--out=~/x``."""
    option, equals, path = word.partition("=") if word.startswith("--") else ("", "", word)
    return f"{option}{equals}{os.path.expanduser(path)}" if path.startswith("~/") else word


def _have_less_collected() -> None:
    """Spend less on looking for garbage: a command imports half a million objects, which all live until it ends.

    Of a start that takes a second and a half that was a third. Not for a program that only calls `main`.
    """
    gc.set_threshold(20_000, 20, 20)
    atexit.register(gc.freeze)


def _explained(error: Exception, words: Sequence[str], commands: Collection[str]) -> tuple[str, int]:
    """A line on what is nobody's mistake but the machine's or the command line's, and the exit status; else raises."""
    if isinstance(error, MemoryError) or "allocate memory" in str(error):  # the second is PyTorch's RuntimeError
        return f"out of memory ({str(error).split(chr(10))[0]}); give less data, or a smaller network", 1
    if isinstance(error, OSError):
        return f"{error.filename or 'the disk'}: {error.strerror or error}; mend that, and ask again", 1
    # What the parser refuses: an unknown option or command, a missing argument.
    if not hasattr(error, "format_message"):
        raise error
    usage = " ".join(["earlylearn", *(word for word in words[:1] if word in commands), "--help"])
    if "extra argument" in error.format_message():  # of a file, mostly, whose option was forgotten
        return f"{error.format_message().rstrip('.')}; what belongs to an option stands behind its name; see {usage}", 2
    return f"{error.format_message().rstrip('.')}; see {usage}", 2


def _fail(message: str, status: int) -> NoReturn:
    print(f"earlylearn: {visible(' '.join(message.split()))}", file=sys.stderr)
    sys.exit(status)
