"""How does a browser on this machine, and nobody else, get at a review?"""

import contextlib
import json
import secrets
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from earlylearn.errors import EarlylearnError, UsageError
from earlylearn.review.decisions import ADJUDICATOR, Decision, check_name
from earlylearn.review.desk import Review, decision_from
from earlylearn.review.page import render_page
from earlylearn.review.queue import SAMPLE

LARGEST_BODY = 64 * 1024  # bytes of an answer
EVERYWHERE = ("0.0.0.0", "::")  # addresses that stand for all of the machine's
MOST_BRIEF = 200  # rows told in a line each at a time
MOST_PAIRS = 20  # pairs of classes to choose from
POLICY = (
    "default-src 'none'; img-src 'self' data:; connect-src 'self'; style-src 'nonce-{nonce}'; "
    "script-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


class ReviewServer(ThreadingHTTPServer):
    """Serves one review on one address, to whoever has its token.

    Args:
        review: what is served.
        title: what the data are called.
        run: the run's folder, for the commands that the page shows.
        host: address to listen on; nobody but this machine reaches the default.
        port: 0 takes a free one.
        reviewer: name that the page begins with.
        clean_to: percent of all labels that may stay wrong, which the page begins with; None reviews the queue.
    """

    daemon_threads = True

    def __init__(
        self,
        review: Review,
        *,
        title: str,
        run: str,
        host: str = "127.0.0.1",
        port: int = 0,
        reviewer: str = "",
        clean_to: float | None = None,
    ) -> None:
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), _Handler)
        self.review, self.title, self.run, self.reviewer, self.clean_to = review, title, run, reviewer, clean_to
        self.token = secrets.token_urlsafe(24)
        self.host = host
        threading.Thread(target=self._warm, daemon=True).start()

    def _warm(self) -> None:
        with contextlib.suppress(EarlylearnError):  # which the page will tell of that row
            self.review.rows.warm()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A page that was closed while it was answered is no error; all else is told as usual."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        """The address to open, token included; of a server on all addresses that by which others find the machine."""
        name = socket.gethostname() if self.host in EVERYWHERE else self.host
        return f"http://{_bracketed(name)}:{self.server_address[1]}/?t={self.token}"

    def is_own(self, name: str) -> bool:
        """Whether a page of this server may have this host and port; on all addresses any host that has the port."""
        port = self.server_address[1]
        if self.host in EVERYWHERE:
            return name.endswith(f":{port}")
        return name in {f"{_bracketed(each)}:{port}" for each in (self.host, "127.0.0.1", "localhost")}


class _Handler(BaseHTTPRequestHandler):
    server: ReviewServer
    server_version, sys_version = "earlylearn", ""
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """The page, rows, pictures and the summary."""
        path, query = self._parts()
        if not self._may(query.get("t", "")):
            return
        if path == "/":
            self._page()
        elif path.startswith("/img/"):
            self._picture(unquote(path.removeprefix("/img/")))
        else:
            self._answer(lambda: self._read(path, query))

    def do_POST(self) -> None:
        """Answers, undoing them, and writing the corrections."""
        path, _ = self._parts()
        body = self._body()
        if body is None or not self._may(self.headers.get("X-Review-Token", ""), posted=True):
            return
        self._answer(lambda: self._change(path, body))

    def _read(self, path: str, query: dict[str, str]) -> Any:
        review = self.server.review
        if path == "/api/queue":
            return review_queue(review, check_name(query.get("reviewer", "")), query)
        if path.startswith("/api/item/"):
            row = unquote(path.removeprefix("/api/item/"))
            item: dict[str, Any] = {**review.rows.item(row)}
            if query.get("others") == "1":
                me = query.get("reviewer", "")
                said = {name: each[row] for name, each in review.answers().items() if row in each and name != me}
                item["others"] = {name: asdict(decision) for name, decision in said.items()}
            return item
        if path == "/api/summary":
            percent = _percent(query)
            return {**review.summary(), "clean": None if percent is None else asdict(review.cleaning(percent))}
        if path == "/api/said":
            me = query.get("reviewer", "")
            others = {name: all_ for name, all_ in review.answers().items() if name not in (me, ADJUDICATOR)}
            return {name: {row: shown_decision(all_[row]) for row in all_} for name, all_ in others.items()}
        if path == "/api/adjudicate":
            settled = review.log(ADJUDICATOR).in_force()
            return [
                {
                    "id": row,
                    "answers": {name: asdict(decision) for name, decision in said.items()},
                    "settled": asdict(settled[row]) if row in settled else None,
                }
                for row, said in review.disagreements().items()
            ]
        raise LookupError(path)

    def _change(self, path: str, body: dict[str, Any]) -> Any:
        review = self.server.review
        reviewer = ADJUDICATOR if body.get("adjudicate") is True else str(body.get("reviewer", ""))
        if path == "/api/decision":
            new = review.decide(reviewer, decision_from(body))
            return {"saved": True, "new": new}
        if path == "/api/undo":
            named = body.get("undoes")
            taken = review.undo(reviewer, None if named is None else str(named), str(body.get("uuid", "")))
            return {"undone": None if taken is None else asdict(taken)}
        if path == "/api/more":
            return {"rows": review.lengthen()}
        if path == "/api/brief":
            named = body.get("ids")
            ids = [str(each) for each in named] if isinstance(named, list) else []
            return {row: review.rows.brief(row) for row in ids[:MOST_BRIEF]}
        if path == "/api/export":
            written, aside = review.write(), review.put_aside
            return {"path": str(written), "rows": len(review.corrections()), "aside": aside and str(aside)}
        raise LookupError(path)

    def _page(self) -> None:
        nonce, review = secrets.token_urlsafe(16), self.server.review
        classes = list(review.rows.data.classes)
        html = render_page(
            {
                "title": self.server.title,
                "run": self.server.run,
                "token": self.server.token,
                "reviewer": self.server.reviewer,
                "clean": self.server.clean_to,
                "classes": classes,
                "count": len(review.queue.order),
                "sample": min(SAMPLE, len(review.rows.data)),
                "pairs": [[classes.index(a), classes.index(b), n] for a, b, n in review.pairs()[:MOST_PAIRS]],
            },
            nonce=nonce,
        )
        self._send(
            200, "text/html; charset=utf-8", html.encode(), {"Content-Security-Policy": POLICY.format(nonce=nonce)}
        )

    def _picture(self, row: str) -> None:
        try:
            picture = self.server.review.rows.picture(row)
        except EarlylearnError as error:
            outside = ".." in row.split("/") or row.startswith(("/", "\\"))
            self._json(403 if outside else 404, {"error": str(error)})
            return
        if picture is None:
            self._json(404, {"error": f"{row}: has no picture"})
            return
        self._send(200, picture.kind, picture.content, {"Cache-Control": "private, max-age=3600"})

    def _answer(self, work: Callable[[], Any]) -> None:
        """What the work returns as JSON; what it refuses with the reason."""
        try:
            self._json(200, work())
        except UsageError as error:
            self._json(400, {"error": str(error)})
        except EarlylearnError as error:  # the disk
            self._json(507, {"error": str(error)})
        except LookupError:
            self._json(404, {"error": "there is nothing here"})

    def _may(self, token: str, *, posted: bool = False) -> bool:
        """Whether this request may be served; answers it with 403 if not."""
        origin, host = self.headers.get("Origin"), self.headers.get("Host", "")
        token = token or self.headers.get("X-Review-Token", "")
        own = self.server.is_own(host) and origin in (None, f"http://{host}")
        if own and secrets.compare_digest(token.encode(), self.server.token.encode()):
            return True
        self.close_connection = True
        self._json(403, {"error": "open the address that earlylearn review printed"})
        return False

    def _parts(self) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path)
        return parts.path, {key: values[-1] for key, values in parse_qs(parts.query).items()}

    def _body(self) -> dict[str, Any] | None:
        """The JSON object of a request, read whole so that the connection can go on; None (and answered) if none."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            self.close_connection = True
            self._json(413, {"error": "an answer must be a short JSON object"})
            return None
        try:
            document = json.loads(self.rfile.read(int(length)) or b"{}")
        except ValueError:
            document = None
        if not isinstance(document, dict):
            self._json(400, {"error": "an answer must be a JSON object"})
            return None
        return document

    def _json(self, status: int, document: Any) -> None:
        self._send(status, "application/json", json.dumps(document).encode(), {"Cache-Control": "no-store"})

    def _send(self, status: int, kind: str, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        fixed = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Content-Type": kind}
        for name, value in {**fixed, **headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the address holds the token."""


def _percent(query: Mapping[str, str]) -> float | None:
    """The share of wrong labels that a request wants to come down to, if it wants that."""
    text = query.get("clean", "")
    try:
        return float(text) if text else None
    except ValueError:
        raise UsageError(f"clean {text!r}: must be a number, percent of all labels") from None


def review_queue(review: Review, reviewer: str, query: Mapping[str, str]) -> dict[str, Any]:
    """Rows in their order, with this reviewer's answers so far and nobody else's.

    Args:
        review: whose rows.
        reviewer: whose answers.
        query: which rows. ``clean=PERCENT``: those that have to be looked at so that no more labels stay wrong, as far
            as is known; ``random=1``: some drawn from all; ``pair=J-K``: the flagged ones given class J, suggested K,
            counted from 0. Else the review's own queue.
    """
    rows, standing = review.rows, review.log(reviewer).in_force()
    percent = _percent(query)
    clean = None if percent is None else review.cleaning(percent)
    if clean is not None:
        order = clean.order
    elif query.get("random"):
        order = review.sample()
    elif query.get("pair"):
        order = review.of_pair(*_pair(query["pair"], rows.data.classes))
    else:
        order = review.queue.order
    return {
        "reviewer": reviewer,
        "stage": "" if clean is None else clean.line,
        "rows": [{"id": row, "given": rows.given(row), "suggested": rows.suggested(row)} for row in order],
        "decided": {row: shown_decision(decision) for row, decision in standing.items()},
    }


def _pair(text: str, classes: Sequence[str]) -> tuple[str, str]:
    given, _, suggested = text.partition("-")
    if not all(each.isdecimal() and int(each) < len(classes) for each in (given, suggested)):
        raise UsageError(f"pair {text!r}: must be two numbers of classes, such as 0-1")
    return classes[int(given)], classes[int(suggested)]


def shown_decision(decision: Decision) -> dict[str, Any]:
    """What the page needs of an answer."""
    return {key: value for key, value in asdict(decision).items() if key in ("uuid", "decision", "label", "note", "ms")}
