"""How does the command begin: streams that may be closed, an interruption while it is still being imported?"""

import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """The command ``earlylearn``; see `earlylearn.cli.main`."""
    _open_streams()
    try:
        from earlylearn.cli.main import main as command

        command()
    except KeyboardInterrupt:
        print("earlylearn: interrupted", file=sys.stderr)
        sys.exit(130)


def _open_streams() -> None:
    """Put what goes nowhere in place of streams that whoever called closed, lest a file of a run be taken for one."""
    number = os.open(os.devnull, os.O_RDWR)
    while number <= 2:
        number = os.open(os.devnull, os.O_RDWR)
    os.close(number)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115  # for as long as the process lasts


if __name__ == "__main__":
    main()
