"""Does the server answer the page, keep every answer, and refuse everybody else?"""

import contextlib
import errno
import http.client
import json
import socket
import threading
import uuid
from urllib.parse import quote

import pytest

from earlylearn.review.server import ReviewServer
from tests.review.shapes import shapes_review


class Client:
    def __init__(self, server):
        self.server, self.port = server, server.server_address[1]

    def ask(self, path, body=None, *, token=True, headers=None):
        """Status, headers and content of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        sent = {"X-Review-Token": self.server.token} if token is True else {"X-Review-Token": token or ""}
        content = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        with contextlib.closing(connection):
            connection.request("GET" if body is None else "POST", path, content, {**sent, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def json(self, path, body=None):
        status, _, content = self.ask(path, body)
        return status, json.loads(content)


@pytest.fixture
def serve(tmp_path):
    servers = []

    def start(where=tmp_path, **options):
        review, true = shapes_review(where, **options)
        server = ReviewServer(review, title="shapes", run="runs/shapes")
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return Client(server), review, true

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def answer(row, decision="keep", label=None, **more):
    return {
        "reviewer": "ana",
        "uuid": str(uuid.uuid4()),
        "id": row,
        "given": row.split("/")[0],
        "decision": decision,
        "label": label,
        **more,
    }


def test_queue_item_picture_decision_undo_summary(serve):
    client, review, true = serve()
    status, queue = client.json("/api/queue?reviewer=ana")
    assert status == 200
    ids = [row["id"] for row in queue["rows"]]
    assert ids == review.queue.order
    row = ids[0]
    status, item = client.json(f"/api/item/{quote(row, safe='')}")
    assert (item["given"], item["suggested"]) == (row.split("/")[0], true[row])
    assert [near["label"] for near in item["like_suggested"]] == [true[row]] * 3
    assert row not in [near["id"] for near in item["like_given"]]
    status, headers, picture = client.ask(f"/img/{quote(row, safe='')}")
    assert (status, headers["Content-Type"]) == (200, "image/png")
    assert picture == (review.rows.originals.path / row).read_bytes()

    said = answer(row, "relabel", true[row])
    assert client.json("/api/decision", said) == (200, {"saved": True, "new": True})
    assert client.json("/api/decision", said) == (200, {"saved": True, "new": False})
    assert client.json("/api/queue?reviewer=ana")[1]["decided"][row]["label"] == true[row]
    assert client.json("/api/queue?reviewer=ben")[1]["decided"] == {}
    summary = client.json("/api/summary")[1]
    assert summary["counts"]["relabel"] == 1
    status, undone = client.json("/api/undo", {"reviewer": "ana", "uuid": "u1"})
    assert undone["undone"]["id"] == row
    assert client.json("/api/undo", {"reviewer": "ana", "uuid": "u2"}) == (200, {"undone": None})
    assert client.json("/api/queue?reviewer=ana")[1]["decided"] == {}


def test_two_people_are_blind_to_each_other_and_differences_can_be_settled(serve):
    client, review, true = serve()
    first, second = review.queue.order[:2]
    for who, label in (("ana", true[first]), ("ben", None)):
        decision = "relabel" if label else "keep"
        client.json("/api/decision", answer(first, decision, label, reviewer=who))
        client.json("/api/decision", answer(second, reviewer=who))
    assert "others" not in client.json(f"/api/item/{quote(first, safe='')}?reviewer=ben")[1]
    shown = client.json(f"/api/item/{quote(first, safe='')}?reviewer=ben&others=1")[1]["others"]
    assert set(shown) == {"ana"}
    (case,) = client.json("/api/adjudicate")[1]
    assert case["id"] == first
    assert {name: said["decision"] for name, said in case["answers"].items()} == {"ana": "relabel", "ben": "keep"}
    assert client.json("/api/summary")[1]["unsettled"] == 1
    client.json("/api/decision", {**answer(first, "relabel", true[first]), "adjudicate": True})
    summary = client.json("/api/summary")[1]
    assert (summary["disagreements"], summary["unsettled"], summary["reviewers"]) == (1, 0, {"ana": 2, "ben": 2})
    status, written = client.json("/api/export", {})
    assert (status, written["rows"]) == (200, 2)
    assert f"{first},{first.split('/')[0]},{true[first]},relabel,ana ben,no" in (
        (review.folder / "corrections.csv").read_text("utf-8-sig").splitlines()
    )


@pytest.mark.parametrize(
    "request_",
    [
        {"path": "/", "token": None},
        {"path": "/?t=guess", "token": None},
        {"path": "/api/queue?reviewer=ana", "token": "guess"},
        {"path": "/api/summary", "headers": {"Origin": "http://example.invalid"}},
        {"path": "/api/summary", "headers": {"Origin": "null"}},
        {"path": "/api/summary", "headers": {"Host": "example.invalid"}},
        {"path": "/api/decision", "body": {"id": "x"}, "token": None},
        {"path": "/api/export", "body": {}, "headers": {"Origin": "http://example.invalid"}},
        {"path": "/img/..%2F..%2Fetc%2Fpasswd"},
        {"path": "/img/%2Fetc%2Fpasswd"},
        {"path": "/img/circle%2F..%2F..%2Fsecret.png"},
    ],
)
def test_no_token_a_foreign_origin_or_a_path_outside_is_forbidden(serve, tmp_path, request_):
    (tmp_path / "secret.png").write_bytes(b"hidden")
    client, review, _ = serve()
    status, headers, content = client.ask(**request_)
    assert status == 403
    assert b"hidden" not in content
    assert "Access-Control-Allow-Origin" not in headers
    assert list(review.folder.glob("*.jsonl")) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"nonsense", "JSON object"),
        ([1], "JSON object"),
        ({"reviewer": "ana"}, "an answer needs"),
        ({**answer("nowhere/1.png")}, "no such row"),
        ({**answer("circle/01.png"), "given": "square"}, "the data have 'circle'"),
        ({**answer("circle/01.png", "relabel", "Mug")}, "none of the classes"),
        ({**answer("circle/01.png"), "reviewer": "../ben"}, "reviewer"),
        ({**answer("circle/01.png"), "note": "x" * 3000}, "2,000 characters"),
    ],
)
def test_what_is_no_answer_is_refused_with_the_reason_and_nothing_is_kept(serve, body, reason):
    client, review, _ = serve()
    status, said = client.json("/api/decision", body)
    assert status == 400
    assert reason in said["error"]
    assert list(review.folder.glob("*.jsonl")) == []


def test_other_addresses_and_large_bodies(serve):
    client, _, _ = serve()
    assert client.ask("/nothing")[0] == 404
    assert client.ask("/api/nothing", {})[0] == 404
    assert client.ask("/img/circle%2Fnone.png")[0] == 404
    assert client.ask("/api/decision", b"x" * 70_000)[0] == 413


def test_a_disk_that_refuses_is_told(serve, monkeypatch):
    client, review, _ = serve()

    def no_space(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("earlylearn.files.os.fsync", no_space)
    status, said = client.json("/api/decision", answer(review.queue.order[0]))
    assert status == 507
    assert "free the disk" in said["error"]
    assert client.json("/api/queue?reviewer=ana")[1]["decided"] == {}


def test_the_page_lets_nothing_foreign_in(serve):
    client, _, _ = serve()
    status, headers, content = client.ask("/")
    assert status == 200
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert b"http://" not in content.replace(b"http://www.w3.org", b"")
    assert client.ask("/")[1]["Content-Security-Policy"] != policy  # a nonce is used once


def test_a_review_on_all_addresses_answers_to_any_name_of_the_machine_and_to_the_token_alone(tmp_path):
    review, _ = shapes_review(tmp_path)
    server = ReviewServer(review, title="shapes", run="runs/shapes", host="0.0.0.0")
    try:
        port = server.server_address[1]
        assert server.url.startswith(f"http://{socket.gethostname()}:{port}/?t=")
        assert server.is_own(f"192.168.1.5:{port}")
        assert not server.is_own(f"192.168.1.5:{port + 1}")
    finally:
        server.server_close()


def test_rows_of_a_pair_of_a_sample_and_in_a_line(serve):
    client, review, _ = serve()
    ask = "/api/queue?reviewer=ana&"
    given, suggested, number = review.pairs()[0]
    names = review.rows.data.classes
    rows = client.json(f"{ask}pair={names.index(given)}-{names.index(suggested)}")[1]["rows"]
    assert len(rows) == number
    assert {(row["given"], row["suggested"]) for row in rows} == {(given, suggested)}
    for wrong in ("5-0", "x", "0-", "-1-0"):
        assert client.json(f"{ask}pair={wrong}")[0] == 400
    assert len(client.json(f"{ask}random=1")[1]["rows"]) == len(review.rows.data)  # of fewer than 50 all
    ids = review.queue.order[:3]
    assert client.json("/api/brief", {"ids": ids})[1] == dict.fromkeys(ids, "")  # pictures have no words
    assert client.json("/api/brief", {"ids": ["nowhere"]})[0] == 400
    assert client.json("/api/brief", {"ids": 3}) == (200, {})
