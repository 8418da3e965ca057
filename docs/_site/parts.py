"""Which parts of the site does the program write itself?"""

from collections.abc import Callable

from docs._site.commands import commands

PARTS: dict[str, Callable[[], str]] = {"commands": commands}
