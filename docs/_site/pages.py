"""How does a page get its text: what the program writes, a file from outside docs/, links that lead somewhere?"""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

# Files outside docs/ that are pages of the site, and folders that a link may name.
ELSEWHERE = {
    "CHANGELOG.md": "develop/changelog.md",
    "CONTRIBUTING.md": "develop/contributing.md",
    "benchmarks/RECORDS.md": "develop/records.md",
    "README.md": "index.md",
    "docs/decisions": "develop/decisions.md",
    "docs/frameworks": "frameworks/README.md",
}
_FENCE = re.compile(r"^(```+|~~~+).*?^\1[ \t]*$", flags=re.DOTALL | re.MULTILINE)
_MARK = re.compile(r"^<!-- (text of|generated): (\S+) -->$", flags=re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)")


def page_text(docname: str, source: str, parts: Mapping[str, Callable[[], str]]) -> str:
    """The Markdown of a page, as Sphinx shall read it.

    A line ``<!-- generated: NAME -->`` becomes what the program says, ``<!-- text of: PATH -->`` the file at PATH.

    Args:
        docname: the page, from ``docs/``, without ``.md``.
        source: its file.
        parts: what makes each generated part.

    Raises:
        KeyError: a part that nobody makes.
    """
    here = (DOCS / docname).parent

    def filled(mark: re.Match[str]) -> str:
        if mark[1] == "generated":
            return parts[mark[2]]()
        file = ROOT / mark[2]
        return relinked(file.read_text(encoding="utf-8"), file.parent, here)

    return relinked(_MARK.sub(filled, source), here, here)


def relinked(text: str, origin: Path, here: Path) -> str:
    """Links as written in folder ``origin``, rewritten for a page in ``here``; code is left as it is."""
    done, end = [], 0
    for fence in _FENCE.finditer(text):
        done += [_relinked(text[end : fence.start()], origin, here), fence[0]]
        end = fence.end()
    return "".join([*done, _relinked(text[end:], origin, here)])


def _relinked(text: str, origin: Path, here: Path) -> str:
    def one(link: re.Match[str]) -> str:
        target, hash_, anchor = link[2].partition("#")
        if not target or ":" in target:
            return link[0]
        file = Path(os.path.normpath(origin / target))
        inside = ELSEWHERE.get(file.relative_to(ROOT).as_posix()) if file.is_relative_to(ROOT) else None
        file = DOCS / inside if inside else file
        if not file.is_relative_to(DOCS):
            return link[1]  # a file of the source: named, not linked
        return f"[{link[1]}]({os.path.relpath(file, here)}{hash_}{anchor})"

    return _LINK.sub(one, text).replace(" ± ", "\u00a0±\u00a0")  # a number keeps its spread in a narrow column
