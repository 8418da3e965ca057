"""Does the whole loop mend labels: train, two people in a browser, apply, train again, all by commands?

Makes data whose true labels it keeps to itself: a table of tickets with free text, or a folder of pictures (digits);
15 % of the labels are wrong. Two scripted people then answer what `earlylearn review` shows them, each wrong in 3 of
100 answers and blind to the other, by keys in a headless browser; what they differ on is settled by looking again.

Run:
    python -m benchmarks.loop tickets --out runs/loop
"""

import argparse
import json
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

WRONG, CARELESS = 0.15, 0.03
TOPICS = {
    "billing": ["charged twice", "wrong amount on the invoice", "VAT number missing", "card was declined"],
    "delivery": ["parcel never came", "courier left it outside", "tracking has not moved", "box arrived empty"],
    "login": ["cannot sign in", "password reset mail does not come", "account is locked", "code is not accepted"],
    "refund": ["want my money back", "return was sent two weeks ago", "refund is still open", "credit note is wrong"],
    "technical": ["app crashes on start", "page stays white", "error 502 when I save", "export file is broken"],
    "contract": ["want to cancel", "change to the yearly plan", "terms for a second seat", "notice period"],
}
OPENINGS = ["Hello,", "Hi team,", "Good morning,", "To whom it may concern:", "Third time I write:", "Hey,"]
FILLERS = ["since yesterday", "for order {n}", "after the update", "as I told your colleague", "on my phone", "again"]
CLOSINGS = ["Please help.", "What now?", "Thanks!", "I am waiting.", "Regards, {name}", "This is urgent."]
NAMES = ["Ana", "Ben", "Chidi", "Dana", "Emre", "Fay"]


def tickets(folder: Path, generator: random.Random, rows: int) -> dict[str, str]:
    """``tickets.csv`` with wrong labels and ``test.csv`` without; the true label of each ticket."""
    lines, truth = [], {}
    for number in range(rows + rows // 3):
        topic = generator.choice(list(TOPICS))
        # Every fifth ticket mentions a second topic, so that a model has something to be unsure of.
        also = generator.choice(list(TOPICS)) if generator.random() < 0.2 else None
        said = [generator.choice(TOPICS[topic])] + ([f"and besides {generator.choice(TOPICS[also])}"] if also else [])
        words = [generator.choice(OPENINGS), *said, generator.choice(FILLERS) + ".", generator.choice(CLOSINGS)]
        text = " ".join(words).format(n=generator.randint(1000, 99999), name=generator.choice(NAMES))
        row, given = f"T-{number:05d}", topic
        if number < rows and generator.random() < WRONG:
            given = generator.choice([name for name in TOPICS if name != topic])
        truth[row] = topic
        channel, priority = generator.choice(["mail", "chat", "phone"]), generator.choice(["low", "normal", "high"])
        lines.append({"ticket": row, "text": text, "channel": channel, "priority": priority, "label": given})
    frame = pd.DataFrame(lines)
    frame[:rows].to_csv(folder / "tickets.csv", index=False)
    frame[rows:].to_csv(folder / "test.csv", index=False)
    return truth


def pictures(folder: Path, generator: random.Random) -> dict[str, str]:
    """``digits/<class>/<number>.png`` with wrong labels, ``test/`` without; the true label of each file name."""
    from PIL import Image
    from sklearn.datasets import load_digits

    bunch, truth = load_digits(), {}
    for number, (image, digit) in enumerate(zip(bunch.images, bunch.target, strict=True)):
        given, part = int(digit), "digits" if number < 1400 else "test"
        if part == "digits" and generator.random() < WRONG:
            given = generator.choice([k for k in range(10) if k != digit])
        path = folder / part / f"number-{given}" / f"{number:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((image * 15.9).astype("uint8")).resize((16, 16)).save(path)
        truth[path.name] = f"number-{digit}"
    return truth


def earlylearn(*words: str) -> None:
    """Run a command, and stop where it fails."""
    print("$ earlylearn", " ".join(words), flush=True)
    subprocess.run([sys.executable, "-m", "earlylearn", *words], check=True)


@contextmanager
def reviewing(run: str, count: int) -> Iterator[str]:
    """The address of a review that is served meanwhile."""
    command = [sys.executable, "-m", "earlylearn", "review", run, "--no-browser", "--count", str(count)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    found = re.search(r"http://\S+", process.stdout.readline())
    assert found is not None
    try:
        yield found.group()
    finally:
        process.terminate()
        process.wait()


def person(browser: Any, url: str, name: str, truth: dict[str, str], generator: random.Random) -> list[float]:
    """Answer every row by keys as someone would who nearly always knows; the milliseconds that each answer took."""
    page = browser.new_context().new_page()
    page.goto(url)
    page.fill("#reviewer", name)
    page.keyboard.press("Enter")
    page.wait_for_selector("#given:not(:empty)")
    times: list[float] = []
    while page.evaluate("state.screen") == "review":
        row, given, suggested = page.evaluate("[state.item.id, state.item.given, state.item.suggested]")
        classes = page.evaluate("state.item.classes")
        keys = page.evaluate("Object.fromEntries(shortcuts(state.item.classes))")
        label = truth[row.split("/")[-1]]
        if generator.random() < CARELESS:
            label = generator.choice(classes)
        before = page.text_content("#counter")
        began = time.perf_counter()
        if label in (given, suggested):
            page.keyboard.press("k" if label == given else "Enter")
        elif label in keys:
            page.keyboard.press(keys[label])
        else:  # no key of its own
            page.fill("#search", label)
            page.keyboard.press("Enter")
        page.wait_for_function(
            "before => document.querySelector('#counter').textContent !== before && document.body.ariaBusy === 'false'",
            arg=before,
            polling=5,
        )
        times.append(1000 * (time.perf_counter() - began))
    page.context.close()
    return times


def settle(browser: Any, url: str, truth: dict[str, str]) -> int:
    """Look again at what two people differ on, and choose among their answers; how many rows that were."""
    page = browser.new_page()
    page.goto(url)
    page.fill("#reviewer", "chief")
    page.keyboard.press("Enter")
    page.wait_for_selector("#given:not(:empty)")
    page.evaluate("show('adjudicate')")
    page.wait_for_function("() => document.querySelector('#adjudicate-note').textContent")
    cases = page.locator(".case").count()
    for k in range(cases):
        case = page.locator(".case").nth(k)
        label = truth[str(case.locator("h2").text_content()).split("/")[-1]]
        words = case.locator("button").all_text_contents()
        wanted = next((word for word in words if word.split()[-1] == label), words[0])
        case.locator("button", has_text=wanted).first.click()
        page.wait_for_function("k => document.querySelectorAll('.case')[k].querySelector('[aria-pressed=true]')", arg=k)
    page.evaluate("show('done')")
    page.click("#export")
    page.wait_for_selector("#next code")
    page.close()
    return cases


def shuffled_by_a_spreadsheet(path: Path, generator: random.Random) -> None:
    """The corrections as somebody hands them back who sorted them in a spreadsheet and saved them its way."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    order = list(range(len(frame)))
    generator.shuffle(order)
    frame.iloc[order].to_csv(path, index=False, encoding="utf-8-sig", lineterminator="\r\n")


def wrong_share(kind: str, data: Path, truth: dict[str, str]) -> float:
    """Of the rows that are there, how many have a wrong label."""
    if kind == "tickets":
        frame = pd.read_csv(data, dtype=str)
        pairs = list(zip(frame["label"], frame["ticket"].map(truth), strict=True))
    else:
        pairs = [(file.parent.name, truth[file.name.split("__")[-1]]) for file in sorted(data.glob("*/*.png"))]
    return sum(label != true for label, true in pairs) / len(pairs)


def main() -> None:
    """Go through the loop once and print what came of it."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(prog="python -m benchmarks.loop")
    parser.add_argument("kind", choices=("tickets", "pictures"))
    parser.add_argument("--out", type=Path, required=True, help="folder to work in; what is in it is deleted")
    parser.add_argument("--rows", type=int, default=1200)
    parser.add_argument("--count", type=int, default=320, help="rows of the review")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    asked = parser.parse_args()
    shutil.rmtree(asked.out, ignore_errors=True)
    asked.out.mkdir(parents=True)
    generator, began = random.Random(asked.seed), time.perf_counter()
    if asked.kind == "tickets":
        truth = tickets(asked.out, generator, asked.rows)
        data, corrected, how = "tickets.csv", "corrected.csv", ["--label", "label", "--text", "text", "--id-column"]
        how += ["ticket", "--test", str(asked.out / "test.csv")]
    else:
        truth = pictures(asked.out, generator)
        data, corrected, how = "digits", "corrected", ["--test", str(asked.out / "test")]
    data, corrected = str(asked.out / data), str(asked.out / corrected)
    before, after = str(asked.out / "before"), str(asked.out / "after")
    earlylearn("train", data, *how, "--out", before, "--quiet")
    with sync_playwright() as driver, reviewing(before, asked.count) as url:
        browser = driver.chromium.launch(executable_path=asked.chromium, args=["--no-sandbox", "--disable-gpu"])
        times = [t for name in ("ana", "ben") for t in person(browser, url, name, truth, generator)]
        differed = settle(browser, url, truth)
        browser.close()
    shuffled_by_a_spreadsheet(Path(before) / "review" / "corrections.csv", generator)
    earlylearn("apply", before, "--out", corrected)
    earlylearn("train", corrected, *how, "--out", after, "--quiet")
    runs = [json.loads((Path(run) / "summary.json").read_text()) for run in (before, after)]
    result = {
        "wrong": [wrong_share(asked.kind, Path(each), truth) for each in (data, corrected)],
        "test": [run["accuracy"]["test_last"] for run in runs],
        "flagged": runs[0]["label_issues"]["flagged"],
        "answers": len(times),
        "differed": differed,
        "milliseconds": [sorted(times)[len(times) // 2], sorted(times)[int(0.99 * len(times))]],
        "seconds": round(time.perf_counter() - began, 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
