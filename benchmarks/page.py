"""Is the review page quick with 10,000 flagged rows, and does a server that is killed lose an answer?

Makes a table, flags half of it and serves its review in a process of its own. A headless browser says how long it takes
until the first row is there, and until an answer is saved and the next row shown. Then the server is killed at random
moments while answers are sent; every answer that it confirmed must be there when it starts again.

Run:
    python -m benchmarks.page --rows 20000 --kills 20
"""

import argparse
import http.client
import json
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path
from urllib.parse import quote, urlsplit

import numpy as np
import pandas as pd

CLASSES = ["circle", "cone", "cube", "ring"]


def serve(folder: Path, rows: int) -> None:
    """Serve the review of a made table until killed; prints its address."""
    from earlylearn.data.originals import Originals
    from earlylearn.data.sources import load
    from earlylearn.review.desk import Review
    from earlylearn.review.rows import Rows
    from earlylearn.review.server import ReviewServer

    path = folder / "rows.csv"
    generator = np.random.default_rng(0)
    if not path.exists():
        frame = pd.DataFrame(generator.normal(size=(rows, 8)).round(4), columns=[f"size_{k}" for k in range(8)])
        frame["remark"] = [f"remark number {k} " * 12 for k in range(rows)]
        frame["label"] = generator.choice(CLASSES, rows)
        frame.to_csv(path, index=False)
    data = load(str(path), label="label", drop=["remark"]).train
    given = np.array(data.classes)[data.labels]
    issues = pd.DataFrame({"id": data.ids, "index": np.arange(rows), "given_label": given})
    issues["is_label_issue"] = np.arange(rows) < rows // 2
    other = np.array(data.classes)[(data.labels + 1) % len(CLASSES)]
    issues["predicted_label"] = np.where(issues["is_label_issue"], other, given)
    issues["label_quality"] = np.where(issues["is_label_issue"], 0.1, 0.9) * generator.random(rows)
    beliefs = generator.dirichlet(np.ones(len(CLASSES)), rows).astype(np.float32)
    review = Review(
        Rows(data, issues, Originals(data, path, hide=["label"]), beliefs), folder / "review", count=rows // 2
    )
    server = ReviewServer(review, title="rows", run="run")
    print(server.url, flush=True)
    server.serve_forever()


def started(folder: Path, rows: int) -> tuple[subprocess.Popen[str], str]:
    """A server in a process of its own, and its address."""
    command = [sys.executable, "-m", "benchmarks.page", "--rows", str(rows), "--serve", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout as said:  # nothing else is told there
        return process, said.readline().strip()


def timed(url: str, answers: int, chromium: str) -> dict[str, float]:
    """Milliseconds until the first row is there, and of an answer: median, 99th percentile and most."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(url)
        page.fill("#reviewer", "ana")
        began = time.perf_counter()
        page.keyboard.press("Enter")
        page.wait_for_selector("#given:not(:empty)")
        first = 1000 * (time.perf_counter() - began)
        # Measured in the page, so that the driver's own way there and back does not count.
        times = page.evaluate(
            """async (answers) => {
            const times = [];
            for (let k = 0; k < answers; k += 1) {
              const began = performance.now();
              document.body.dispatchEvent(new KeyboardEvent("keydown", { key: k % 3 ? "k" : "Enter", bubbles: true }));
              while (document.body.ariaBusy === "true") await new Promise((done) => setTimeout(done, 1));
              times.push(performance.now() - began);
            }
            return times; }""",
            answers,
        )
        browser.close()
    times.sort()
    return {
        "first_row": first,
        "median": statistics.median(times),
        "p99": times[int(0.99 * len(times))],
        "most": times[-1],
    }


def killed(folder: Path, rows: int, kills: int, generator: random.Random) -> tuple[int, int]:
    """Kill the server so many times while answers are sent; how many it confirmed, and how many of them are lost."""
    confirmed: list[str] = []
    for _ in range(kills):
        process, url = started(folder, rows)
        address, token = urlsplit(url), url.split("?t=")[1]
        ready = threading.Event()

        def send(address=address, token=token, ready=ready) -> None:  # type: ignore[no-untyped-def]
            connection = http.client.HTTPConnection(address.netloc)
            try:
                headers = {"X-Review-Token": token}
                connection.request("GET", f"/api/queue?reviewer={quote('ben')}&t={quote(token)}", headers=headers)
                queue = json.loads(connection.getresponse().read())["rows"]
                for row in generator.sample(queue, len(queue)):
                    name = str(uuid.uuid4())
                    answer = {
                        "reviewer": "ben",
                        "uuid": name,
                        "id": row["id"],
                        "given": row["given"],
                        "decision": "keep",
                    }
                    connection.request("POST", "/api/decision", json.dumps(answer), headers)
                    if json.loads(connection.getresponse().read()).get("saved"):
                        confirmed.append(name)
                        ready.set()
            except (OSError, http.client.HTTPException, ValueError):
                pass  # it is killed now
            finally:
                connection.close()

        sender = threading.Thread(target=send)
        sender.start()
        ready.wait(60)
        time.sleep(generator.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        process.wait()
        sender.join()
    process, url = started(folder, rows)  # which reads what is there
    address, token = urlsplit(url), url.split("?t=")[1]
    connection = http.client.HTTPConnection(address.netloc)
    connection.request("GET", f"/api/queue?reviewer=ben&t={quote(token)}", headers={"X-Review-Token": token})
    assert connection.getresponse().status == 200
    connection.close()
    process.kill()
    process.wait()
    kept = set(re.findall(r'"uuid": "([^"]+)"', (folder / "review" / "ben.jsonl").read_text()))
    return len(confirmed), len(set(confirmed) - kept)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--answers", type=int, default=300)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve is not None:
        serve(asked.serve, asked.rows)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process, url = started(folder, asked.rows)
        try:
            print(json.dumps({"rows": asked.rows, **timed(url, asked.answers, asked.chromium)}))
        finally:
            process.kill()
            process.wait()
        confirmed, lost = killed(folder, asked.rows, asked.kills, random.Random(0))
        print(json.dumps({"kills": asked.kills, "confirmed": confirmed, "lost": lost}))


if __name__ == "__main__":
    main()
