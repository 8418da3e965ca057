"""What does the site add to Sphinx: pages whose text lies elsewhere, and parts that the program writes itself?"""

from typing import Any

from docs._site.pages import page_text
from docs._site.parts import PARTS


def setup(app: Any) -> dict[str, bool]:
    """Sphinx calls this."""

    def read(_: Any, docname: str, source: list[str]) -> None:
        source[0] = page_text(docname, source[0], PARTS)

    app.connect("source-read", read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
