"""Which parts of the site does the program write itself?"""

from collections.abc import Callable

from docs._site.commands import commands
from docs._site.documents import run_documents
from docs._site.lists import methods, noise, recipes
from docs._site.names import names

PARTS: dict[str, Callable[[], str]] = {
    "commands": commands,
    "names": names,
    "run-documents": run_documents,
    "methods": methods,
    "recipes": recipes,
    "noise": noise,
}
