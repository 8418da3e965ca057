"""How does the review become a page: one file of HTML, style and script, served or sent to a colleague?"""

import base64
import hashlib
import json
from importlib.resources import files
from typing import Any

SCRIPTS = ("store.js", "row.js", "screens.js", "keys.js")  # in this order, as one


def render_page(data: dict[str, Any], *, nonce: str | None = None) -> str:
    """The HTML of a review, its style and script within.

    Args:
        data: what the script begins with; an offline page holds all of its rows in it.
        nonce: of the server's content policy; without it the page carries a policy of its own, by checksums, under
            which it loads nothing at all.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    folder = files("earlylearn.review") / "templates"
    style = (folder / "review.css").read_text(encoding="utf-8")
    script = "\n".join((folder / name).read_text(encoding="utf-8") for name in SCRIPTS)
    policy = None
    if nonce is None:
        policy = (
            f"default-src 'none'; img-src data:; style-src '{_checksum(style)}'; script-src '{_checksum(script)}'; "
            "base-uri 'none'; form-action 'none'"
        )
    environment = Environment(
        loader=PackageLoader("earlylearn.review", "templates"), autoescape=True, undefined=StrictUndefined
    )
    # A "<" in a user's text must not end the element that holds the data.
    document = json.dumps(data).replace("<", "\\u003c")
    return environment.get_template("review.html.jinja").render(
        title=data["title"],
        style=Markup(style),
        script=Markup(script),
        data=Markup(document),
        nonce=nonce,
        policy=policy,
    )


def _checksum(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
