"""Does the site build without a warning, lead nowhere wrong, and read on a phone, in the dark and by ear?"""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from docs._site.pages import DOCS, ELSEWHERE, ROOT, page_text

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.slow


SOURCES = ("docs", "src", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "benchmarks/RECORDS.md")


def is_new(done):
    """Whether `make docs` came to its end, and began after the last change of what it reads."""
    files = (file for each in SOURCES for file in [ROOT / each, *(ROOT / each).rglob("*")])
    changed = max(file.stat().st_mtime for file in files if file.is_file() and file.suffix != ".pyc")
    return done.exists() and done.stat().st_mtime > changed


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site that `make docs` left; a new one where it left none of these sources."""
    pytest.importorskip("sphinx", reason="needs the extra docs")
    if is_new(ROOT / "build" / "docs.done"):
        return ROOT / "build" / "docs"
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q", "-b", "html", "docs", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM.exists():
        pytest.skip("needs Debian's chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright to drive Chromium")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


class Links(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.targets, self.anchors, self.fetched = set(), set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        has = dict(attributes)
        self.anchors |= {has[name] for name in ("id", "name") if has.get(name)}
        if tag == "a" and has.get("href"):
            self.targets.add(has["href"])
        if tag in ("script", "img", "link") and has.get("rel") not in ("canonical", "prev", "next", "search"):
            self.fetched.add(has.get("src") or has.get("href") or "")


def test_every_link_leads_somewhere_and_nothing_is_fetched(site):
    pages = {path: Links(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    assert len(pages) > 20
    for path, links in pages.items():
        assert not [url for url in links.fetched if re.match(r"(\w+:)?//", url)], path
        for target in links.targets:
            if re.match(r"\w+:", target):
                continue
            file, _, anchor = target.partition("#")
            there = (path.parent / file).resolve() if file else path
            assert there.exists(), (path.name, target)
            assert not anchor or there not in pages or anchor in pages[there].anchors, (path.name, target)


def test_every_page_fits_a_phone_in_the_dark(site, browser):
    page = browser.new_context(viewport={"width": 390, "height": 800}, color_scheme="dark").new_page()
    for path in sorted(site.rglob("*.html")):
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path.name
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(19, 20, 22)", path.name


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["index", "reference/commands", "comparison"])
def test_no_rule_of_accessibility_is_broken(site, browser, name, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe's rules")
    page = browser.new_context(color_scheme=scheme).new_page()
    page.goto((site / f"{name}.html").as_uri())
    found = axe.Axe().run(page)
    assert [(each["id"], each["nodes"][0]["html"]) for each in found.response["violations"]] == []


def test_links_out_of_the_docs_are_rewritten(tmp_path):
    text = page_text("develop/records", "<!-- text of: benchmarks/RECORDS.md -->", {})
    assert text.startswith("# ")
    page = "[log](../LOG.md#x) [code](../../src/x.py)\n```\n[kept](../../src)\n```\n<!-- generated: a -->\n"
    told = page_text("develop/x", page, {"a": lambda: "[made](../LOG.md)"})
    assert told == "[log](../LOG.md#x) code\n```\n[kept](../../src)\n```\n[made](../LOG.md)\n"
    assert all((DOCS / page).exists() for page in ELSEWHERE.values())
