"""How do the product's own pages look? `make pictures` takes their pictures anew, into docs/pictures/."""

import io
import os
import runpy
import shlex
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from PIL import Image

DOCS = Path(__file__).parents[1]
CHROMIUM = "/usr/bin/chromium"
WIDTH, HEIGHT, COLOURS = 1000, 720, 128
REVIEW_HEIGHT = 820  # a row with its neighbours, and the bar below
PAGES = (("demo", "runs/demo", HEIGHT), ("report", "runs/photos", HEIGHT), ("comparison", "runs/which", 860))


def main() -> None:
    """Make the runs of the tutorials in a folder of their own, and a picture of each page that these show."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        os.chdir(folder)
        _make_photos()
        _earlylearn("demo")
        _earlylearn("train", "photos", "--out", "runs/photos")
        _earlylearn(*_first_command("compare-methods"))
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        for name, path, height in PAGES:
            page.set_viewport_size({"width": WIDTH, "height": height})
            page.goto(Path(path, "report.html").resolve().as_uri())
            page.evaluate(
                "here => document.body.innerHTML = document.body.innerHTML.replaceAll(here, '')", f"{Path.cwd()}/"
            )
            _keep(page, name)
        _review(page)
        browser.close()


def _make_photos() -> None:
    text = (DOCS / "tutorials" / "image-folder.md").read_text(encoding="utf-8")
    Path("make_photos.py").write_text(text.split("```python\n", 1)[1].split("```", 1)[0], encoding="utf-8")
    runpy.run_path("make_photos.py")


def _first_command(tutorial: str) -> list[str]:
    """The words behind ``earlylearn`` of the first command of a page, so that its picture is what its reader gets."""
    text = (DOCS / "tutorials" / f"{tutorial}.md").read_text(encoding="utf-8")
    return shlex.split(text.split("```bash\n", 1)[1].split("\n", 1)[0])[1:]


def _earlylearn(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "earlylearn", *words], check=True)


def _review(page: Any) -> None:
    from earlylearn.review.opening import open_review
    from earlylearn.review.server import ReviewServer

    server = ReviewServer(open_review("runs/photos", count=60), title="photos", run="runs/photos")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page.set_viewport_size({"width": WIDTH, "height": REVIEW_HEIGHT})
    page.goto(server.url)
    page.fill("#reviewer", "ana")
    page.click("text=Begin")
    page.wait_for_selector("#given:not(:empty)")
    page.wait_for_timeout(500)
    _keep(page, "review")
    server.shutdown()


def _keep(page: Any, name: str) -> None:
    with Image.open(io.BytesIO(page.screenshot())) as image:
        small = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(DOCS / "pictures" / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
