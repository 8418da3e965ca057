"""Does an error of the library speak Python to a Python user, and name the setting that the command line names?"""

import re
from pathlib import Path

import earlylearn.cli
from earlylearn.cli.main import COMMANDS
from earlylearn.errors import EarlylearnError, UsageError

# An option, also the beginning of one whose name is filled in; none in front of a number or inside a word.
OPTION = re.compile(r"(?<![\w-])(?:--(?=[a-z]|$)[\w-]*|-o)(?![\w-])")
COMMAND = re.compile(rf"\bearlylearn (?:{'|'.join(command.__name__ for command in COMMANDS)})\b")


def speaks_python(ended: SystemExit, line: str) -> bool:
    """Whether it was the library that refused, in which case its error is held to what a Python user may expect.

    Args:
        ended: how the command line ended, while it dealt with the error.
        line: what it wrote, without its name.
    """
    error = ended.__context__
    assert error is not None
    if not isinstance(error, EarlylearnError):
        return False  # the parser of the command line
    step = error.__traceback__
    while step.tb_next is not None:
        step = step.tb_next
    if Path(step.tb_frame.f_code.co_filename).is_relative_to(Path(earlylearn.cli.__file__).parent):
        return False
    assert not OPTION.search(str(error)), str(error)
    assert not COMMAND.search(str(error)), str(error)
    option = re.match(r"--([a-z-]+)|-o (\S+?)(?=[=:]|$)", line)
    named = (option[1] or option[2]).replace("-", "_") if option else None
    assert isinstance(error, UsageError)
    assert error.setting == named
    assert str(error).startswith(named or "")
    return True
