"""How does a matplotlib figure become a picture inside an HTML page?"""

import html
import io
import re
from typing import TYPE_CHECKING

from earlylearn.drawing.style import house_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def to_svg(figure: "Figure", name: str, alt: str) -> str:
    """The figure as an ``<svg>`` element that may stand beside others on one page.

    Matplotlib writes a whole document: its date would make equal runs give unequal pages, its style rule
    would reach every other picture, and its ids (``axes_1``) recur in every figure. So only the drawing is
    kept, with every id made unique on the page by a prefix.

    Args:
        figure: what to draw.
        name: a word unique on the page; it becomes the prefix and the salt of the ids.
        alt: what the picture shows, for readers who cannot see it.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    buffer = io.StringIO()
    with house_style(salt=name):
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None})
    text = buffer.getvalue()
    root = re.search(r'<svg [^>]*viewBox="0 0 ([\d.]+) ([\d.]+)"[^>]*>', text)
    if root is None:
        raise RuntimeError("matplotlib wrote an SVG without a view box")
    body = text[root.end() :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, count=1, flags=re.DOTALL)
    body = re.sub(r"<style[^>]*>.*?</style>", "", body, count=1, flags=re.DOTALL)
    # Only inside tags: the text of a label is the user's and may hold anything.
    body = re.sub(r"<[^>]+>", lambda tag: _own_ids(tag.group(), name), body)
    width, height = root.groups()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'id="{name}" role="img" aria-label="{html.escape(alt)}" viewBox="0 0 {width} {height}" '
        f'style="stroke-linejoin: round; stroke-linecap: butt; '
        # points to pixels; under seven tenths of it the text is too small, and the page scrolls instead
        f'max-width: {float(width) * 4 / 3:.0f}px; min-width: {float(width) * 0.93:.0f}px">'
        f"{body}"
    )


def _own_ids(tag: str, name: str) -> str:
    tag = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', tag)
    tag = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', tag)
    return re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", tag)
