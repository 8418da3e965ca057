"""Does the page do in a browser what it says: keys, clicks, two people, a phone, a full disk, a colleague's file?"""

import errno
import json
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from earlylearn.data.labelled import LabelledData
from earlylearn.data.originals import Originals
from earlylearn.review import bundle
from earlylearn.review.desk import Review
from earlylearn.review.rows import Rows
from earlylearn.review.server import ReviewServer
from tests.review.shapes import ODD, shapes_review, tickets_review

CHROMIUM = Path("/usr/bin/chromium")
QUIET = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium"),
]


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright to drive Chromium")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=str(CHROMIUM), args=QUIET.split())
        yield opened
        opened.close()


@pytest.fixture
def shapes(tmp_path):
    return shapes_review(tmp_path)


@pytest.fixture
def serve():
    servers = []

    def start(review, port=0):
        server = ReviewServer(review, title="shapes", run="runs/shapes", port=port)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def begin(browser, url, name, **options):
    page = browser.new_context(**options).new_page()
    page.set_default_timeout(5000)
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda message: page.problems.append(message.text) if message.type == "error" else None)
    page.goto(url)
    page.fill("#reviewer", name)
    page.click("text=Begin")
    return page


def press(page, key):
    """Press a key and wait until the answer is saved and the next row is there."""
    before = page.text_content("#counter")
    page.keyboard.press(key)
    page.wait_for_function(
        "before => document.querySelector('#counter').textContent !== before && document.body.ariaBusy === 'false'",
        arg=before,
    )


def no_space(_):
    raise OSError(errno.ENOSPC, "No space left on device")


def lines(review, name):
    path = review.folder / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_keys_leave_a_line_each_undo_takes_one_back_and_a_restart_forgets_nothing(browser, shapes, serve):
    review, true = shapes
    server = serve(review)
    page = begin(browser, server.url, "ana")
    page.wait_for_selector("#given:not(:empty)")
    rows = review.queue.order[:4]
    third = page.locator("#classes button").nth(1).get_attribute("data-class")
    for key in ("Enter", "k", "2", "u"):
        if key == "2":
            third = page.locator("#classes button").nth(1).get_attribute("data-class")
        press(page, key)
    kept = lines(review, "ana")
    assert [line["id"] for line in kept] == rows
    given = [row.split("/")[0] for row in rows]
    assert (kept[0]["decision"], kept[0]["label"]) == ("relabel", true[rows[0]])
    assert kept[1]["decision"] == "keep"
    assert kept[2].get("label", given[2]) == third
    assert kept[3]["decision"] == "unsure"
    assert all(line["ms"] >= 0 for line in kept)
    assert page.text_content("#saved") == "saved ✓"
    assert page.evaluate("document.querySelector('#said').getAttribute('aria-live')") == "polite"
    press(page, "z")
    assert page.text_content("#counter").startswith("3 of")
    assert lines(review, "ana")[-1]["undoes"] == kept[3]["uuid"]
    assert page.text_content("#row-title").startswith("4 of")
    assert page.problems == []

    again = serve(Review(review.rows, review.folder))
    page = begin(browser, again.url, "ana")
    page.wait_for_selector("#given:not(:empty)")
    assert page.text_content("#row-title").startswith("4 of")
    assert page.text_content("#counter").startswith("3 of")


def test_where_classes_are_digits_the_key_is_the_class(browser, tmp_path, serve):
    inputs = np.random.default_rng(0).integers(0, 255, (20, 1, 8, 8), dtype=np.uint8)
    ids = np.array([f"row-{k}" for k in range(20)])
    data = LabelledData(name="digits", inputs=inputs, labels=np.arange(20) % 10, classes=tuple("0123456789"), ids=ids)
    issues = pd.DataFrame({"id": data.ids, "index": range(20), "given_label": data.labels.astype(str)})
    issues = issues.assign(predicted_label=issues["given_label"], label_quality=0.9, is_label_issue=False)
    issues.loc[0, ["predicted_label", "is_label_issue"]] = "1", True
    review = Review(Rows(data, issues, Originals(data)), tmp_path / "review", count=2)
    page = begin(browser, serve(review).url, "ana")
    page.wait_for_selector("#given:not(:empty)")
    assert page.locator("#classes button").count() == 10
    press(page, "7")
    press(page, "0")
    said = {line["id"]: line for line in lines(review, "ana")}
    kept = {row: each["label"] or each["given"] for row, each in said.items()}
    assert list(kept.values()) == ["7", "0"]
    assert page.problems == []


def test_who_is_through_may_go_on_with_more_rows(browser, tmp_path, serve):
    review, _ = shapes_review(tmp_path, n=60, wrong=30, count=10)
    page = begin(browser, serve(review).url, "ana")
    page.wait_for_selector("#given:not(:empty)")
    for _ in range(10):
        press(page, "Enter")
    page.wait_for_selector("#result table")
    assert "more flagged labels, then it can be said" in page.text_content("#result")
    page.click("#lengthen")
    page.wait_for_function("() => document.querySelector('#row-title').textContent.startsWith('11 of')")
    assert len(review.queue.order) > 10
    assert Review(review.rows, review.folder).queue == review.queue
    page.click("text=Result")
    page.wait_for_selector("#lengthen", state="hidden")  # there are rows to answer
    assert page.problems == []


def test_not_saved_is_said_in_red_and_the_page_stays(browser, shapes, serve, monkeypatch):
    review, _ = shapes
    monkeypatch.setattr("earlylearn.files.os.fsync", no_space)
    page = begin(browser, serve(review).url, "ana")
    page.wait_for_selector("#given:not(:empty)")
    page.keyboard.press("k")
    page.wait_for_selector("#problem:not(:empty)")
    assert "Not saved" in page.text_content("#problem")
    assert "bad" in page.get_attribute("#saved", "class")
    assert page.text_content("#row-title").startswith("1 of")
    assert page.text_content("#counter").startswith("0 of")


def test_a_server_that_is_gone_or_was_started_again_is_told_with_the_mend(browser, shapes, serve):
    review, _ = shapes
    server = serve(review)
    page = begin(browser, server.url, "ana")
    page.wait_for_selector("#given:not(:empty)")
    press(page, "k")
    page.context.set_offline(True)
    page.keyboard.press("k")
    page.wait_for_selector("#problem:not(:empty)")
    assert "Start it again and open the address that it prints" in page.text_content("#problem")
    page.context.set_offline(False)
    server.token = "that of a server which was started again"
    page.keyboard.press("k")
    page.wait_for_function("() => document.querySelector('#problem').textContent.includes('was started again')")
    assert len(lines(review, "ana")) == 1
    assert page.text_content("#row-title").startswith("2 of")


def test_two_people_see_nothing_of_each_other_and_settle_only_what_differs(browser, shapes, serve):
    review, true = shapes
    url = serve(review).url
    ana, ben = begin(browser, url, "ana"), begin(browser, url, "ben")
    for page in (ana, ben):
        page.wait_for_selector("#given:not(:empty)")
    press(ana, "Enter")
    press(ana, "k")
    assert ben.text_content("#counter").startswith("0 of")
    assert ben.locator("[aria-pressed=true]").count() == 0
    press(ben, "k")
    press(ben, "k")
    ben.click("text=Differences")
    ben.wait_for_selector(".case")
    assert ben.locator(".case").count() == 1
    assert review.queue.order[0] in ben.text_content(".case")
    ben.click(f".case >> text=It is {true[review.queue.order[0]]}")
    ben.wait_for_selector(".case [aria-pressed=true]")
    ben.click("text=Result")
    ben.wait_for_selector("#result table")
    assert "1 differ, 0 of these are not settled" in ben.text_content("#result")
    ben.click("#export")
    ben.wait_for_selector("#next code")
    assert (review.folder / "corrections.csv").exists()
    assert ana.problems == ben.problems == []


def test_clean_to_a_share_asks_for_a_sample_and_then_for_exactly_what_is_needed(browser, tmp_path, serve):
    review, true = shapes_review(tmp_path, n=120, wrong=30)
    page = browser.new_page()
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.goto(serve(review).url)
    page.fill("#reviewer", "ana")
    page.select_option("#queue", "clean=10")
    page.click("text=Begin")
    page.wait_for_selector("#given:not(:empty)")
    assert page.text_content("#stage").startswith("First 92 rows drawn at random (92 to go)")
    seen = []
    while page.evaluate("state.screen") == "review":
        row, given = page.evaluate("[state.item.id, state.item.given]")
        seen.append(row)
        press(page, "k" if true[row] == given else "Enter")
    found = review.cleaning(10.0)
    assert found.done
    assert seen == found.order
    assert 92 < found.look_at < 120
    page.wait_for_selector("#result p")
    assert page.locator("#result p").first.text_content() == found.line
    left = set(true) - set(seen)
    assert sum(row.split("/")[0] != true[row] for row in left) <= 12
    assert page.problems == []


def test_many_rows_at_once_in_the_overview(browser, shapes, serve):
    review, _ = shapes
    page = begin(browser, serve(review).url, "ana")
    page.wait_for_selector("#given:not(:empty)")
    page.keyboard.press("g")
    page.wait_for_selector("#grid [data-id]")
    cards = page.locator("#grid [data-id]")
    assert cards.count() == len(review.queue.order)
    cards.nth(0).click()
    cards.nth(3).click(modifiers=["Shift"])
    assert page.text_content("#selected-count") == "4 selected"
    page.click("[data-bulk=keep]")
    page.wait_for_function("() => document.querySelector('#selected-count').textContent === '0 selected'")
    assert {line["id"] for line in lines(review, "ana")} == set(review.queue.order[:4])
    page.select_option("#filter-decision", "open")
    page.wait_for_function(
        f"() => document.querySelectorAll('#grid [data-id]').length === {len(review.queue.order) - 4}"
    )
    assert page.problems == []


def test_nothing_on_the_page_tells_which_rows_were_drawn_at_random_until_they_are_answered(browser, tmp_path, serve):
    review, _ = tickets_review(tmp_path)
    flagged = dict(zip(review.rows.issues["id"], review.rows.issues["is_label_issue"], strict=True))
    page = begin(browser, serve(review).url, "ana")
    page.wait_for_selector("#given:not(:empty)")
    seen, looks = set(), set()
    for _ in range(12):
        given, suggested, row = page.evaluate("[state.item.given, state.item.suggested, state.item.id]")
        seen.add(bool(flagged[row]))
        assert page.locator("#classes button").nth(0).get_attribute("data-class") == suggested
        assert page.locator("#classes button").nth(1).get_attribute("data-class") == given
        visible = page.inner_text("#review")
        for names in (given, suggested, row, *ODD):
            visible = visible.replace(names.strip(), "")
        assert "model" not in visible
        assert "%" not in visible
        looks.add(
            page.evaluate(
                "[...document.querySelectorAll('#review [id]')].filter((e) => e.hidden).map((e) => e.id).join()"
            )
        )
        press(page, "k")
    assert seen == {True, False}
    assert len(looks) == 1
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("#doubt:not([hidden])")
    assert "by the model" in page.text_content("#doubt")
    assert page.problems == []


def test_many_oddly_named_classes_are_found_by_typing(browser, tmp_path, serve):
    review, _ = tickets_review(tmp_path)
    page = begin(browser, serve(review).url, "ana")
    page.wait_for_selector("#given:not(:empty)")
    assert page.locator("#classes button").count() == 9
    page.keyboard.press("c")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.press("Enter")  # of nothing nothing is taken
    page.keyboard.type("no such thing")
    page.keyboard.press("Enter")
    page.wait_for_selector("#no-class:not([hidden])")
    page.fill("#search", "")
    page.keyboard.type("r&d")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('#counter').textContent.startsWith('1 of')")
    (line,) = lines(review, "ana")
    assert line.get("label", line["given"]) == "<b>R&D</b>, sales & more"
    assert page.locator("#review b b").count() == 0
    assert page.problems == []


def test_an_overview_and_differences_show_the_words_of_a_row(browser, tmp_path, serve):
    review, _true = tickets_review(tmp_path)
    url = serve(review).url
    ana, ben = begin(browser, url, "ana"), begin(browser, url, "ben")
    for page, key in ((ana, "k"), (ben, "u")):
        page.wait_for_selector("#given:not(:empty)")
        press(page, key)
    row = review.queue.order[0]
    words = f"Words of ticket {int(row[2:])}."
    ana.keyboard.press("g")
    ana.wait_for_function("words => document.querySelector('#grid').textContent.includes(words)", arg=words)
    cards = ana.locator("#grid [data-id]")
    for k in (1, 2):
        cards.nth(k).click()
    ana.select_option("#bulk-class", label="c")
    ana.wait_for_function("() => document.querySelector('#selected-count').textContent === '0 selected'")
    said = {line["id"]: line.get("label", line["given"]) for line in lines(review, "ana")}
    assert [said[each] for each in review.queue.order[1:3]] == ["c", "c"]
    ben.click("text=Differences")
    ben.wait_for_function("words => document.querySelector('.case dl')?.textContent.includes(words)", arg=words)
    ben.select_option(".case select", label="d")
    ben.wait_for_function("() => document.querySelector('#adjudicate-note').textContent.includes('; 0 are')")
    assert review.corrections()[0].label == "d"
    assert ana.problems == ben.problems == []


def test_who_asks_for_it_sees_and_filters_what_others_answered(browser, shapes, serve):
    review, _ = shapes
    url = serve(review).url
    ana = begin(browser, url, "ana")
    ana.wait_for_selector("#given:not(:empty)")
    press(ana, "k")
    press(ana, "k")
    ben = browser.new_page()
    ben.goto(url)
    ben.fill("#reviewer", "ben")
    assert not ben.is_checked("#others")
    ben.check("#others")
    ben.click("text=Begin")
    ben.wait_for_selector("#others-said:not([hidden])")
    assert ben.text_content("#others-said") == "ana: kept"
    press(ben, "Enter")
    ben.keyboard.press("g")
    for wanted, count in (("by ana", 2), ("differ", 1)):
        ben.select_option("#filter-said", wanted)
        ben.wait_for_function(f"() => document.querySelectorAll('#grid [data-id]').length === {count}")
    ana.keyboard.press("g")
    ana.wait_for_selector("#grid [data-id]")
    assert ana.is_hidden("#filter-said")


def test_a_sample_of_all_rows_and_one_pair_of_classes(browser, tmp_path, serve):
    review, true = shapes_review(tmp_path, n=120, wrong=30)
    url = serve(review).url
    page = browser.new_page()
    page.set_default_timeout(5000)
    page.goto(url)
    page.fill("#reviewer", "ana")
    page.select_option("#queue", "random=1")
    assert page.text_content("#start-lead") == "50 labels, about 7 minutes."
    page.click("text=Begin")
    page.wait_for_selector("#given:not(:empty)")
    wrong = 0
    while page.evaluate("state.screen") == "review":
        row, given = page.evaluate("[state.item.id, state.item.given]")
        wrong += true[row] != given
        press(page, "k" if true[row] == given else "Enter")
    page.wait_for_selector("#result table")
    told = page.locator("#result p").first.text_content()
    assert told.startswith("Of all 120 labels, between")
    assert "from 50 drawn at random" in told
    assert review.summary()["probe"]["all"]["share"] == wrong / 50
    assert Review(review.rows, review.folder).sample() == review.sample()

    page.goto(url)
    page.fill("#reviewer", "ben")
    given, suggested, number = review.pairs()[0]
    page.select_option("#queue", label=f"only {given} → {suggested} ({number})")
    page.click("text=Begin")
    page.wait_for_selector("#given:not(:empty)")
    assert page.text_content("#row-title").startswith(f"1 of {number}")
    assert set(page.evaluate("state.rows.map((row) => row.given)")) == {given}


def contrast(page):
    """Pairs of text and ground with less than 4.5 : 1, by the formula of WCAG 2."""
    return page.evaluate(
        """() => {
        const parse = (text) => text.match(/[\\d.]+/g).map(Number);
        const linear = (v) => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
        const light = ([r, g, b]) => .2126 * linear(r / 255) + .7152 * linear(g / 255) + .0722 * linear(b / 255);
        const ground = (element) => {
          for (let e = element; e; e = e.parentElement) {
            const colour = parse(getComputedStyle(e).backgroundColor);
            if (colour.length < 4 || colour[3] > 0) return colour;
          }
          return parse(getComputedStyle(document.body).backgroundColor); };
        return [...document.querySelectorAll('body *')].filter((e) => e.checkVisibility() && !e.closest('.unseen') &&
          [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())).filter((e) => {
            const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
            return (a + .05) / (b + .05) < 4.5; }).map((e) => e.outerHTML.slice(0, 80)); }"""
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_by_touch_light_and_dark(browser, shapes, serve, scheme):
    review, _ = shapes
    page = begin(
        browser, serve(review).url, "ana", viewport={"width": 390, "height": 800}, color_scheme=scheme, has_touch=True
    )
    page.wait_for_selector("#given:not(:empty)")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
    swipe = """([from, to]) => { const target = document.querySelector('#picture');
        for (const [kind, x] of [['touchstart', from], ['touchend', to]]) {
          const touch = new Touch({ identifier: 1, target, clientX: x, clientY: 300 });
          target.dispatchEvent(new TouchEvent(kind, { bubbles: true, changedTouches: [touch] })); } }"""
    page.evaluate(swipe, [300, 100])
    page.wait_for_function("() => document.querySelector('#counter').textContent.startsWith('1 of')")
    page.evaluate(swipe, [100, 300])
    page.wait_for_function("() => document.querySelector('#counter').textContent.startsWith('2 of')")
    assert [line["decision"] for line in lines(review, "ana")] == ["relabel", "keep"]
    for screen in ("review", "overview", "done"):
        page.evaluate(f"show('{screen}')")
        page.wait_for_timeout(150)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, screen
        assert contrast(page) == [], screen


def test_every_control_can_be_reached_by_tab_and_no_rule_of_accessibility_is_broken(browser, shapes, serve):
    review, _ = shapes
    page = begin(browser, serve(review).url, "ana")
    page.wait_for_selector("#given:not(:empty)")
    wanted = page.evaluate(
        "[...document.querySelectorAll('button, input, select, a[href]')]"
        ".filter((e) => e.checkVisibility() && !e.closest('dialog') && !e.matches('.skip')).length"
    )
    page.evaluate("document.activeElement.blur()")
    reached = set()
    for _ in range(wanted + 5):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)"))
    assert len(reached) >= wanted


@pytest.mark.parametrize("width", [390, 1100])
def test_no_rule_of_accessibility_is_broken_on_any_screen_in_light_and_dark(browser, tmp_path, serve, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe's rules")
    review, _ = tickets_review(tmp_path)
    url = serve(review).url
    ben = begin(browser, url, "ben")
    ben.wait_for_selector("#given:not(:empty)")
    press(ben, "k")
    page = begin(browser, url, "ana", viewport={"width": width, "height": 800})
    page.wait_for_selector("#given:not(:empty)")
    press(page, "u")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("#doubt:not([hidden])")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for screen in ("start", "review", "overview", "adjudicate", "done"):
            page.evaluate(f"show('{screen}')")
            page.wait_for_timeout(150)
            found = axe.Axe().run(page)
            assert [each["id"] for each in found.response["violations"]] == [], (screen, scheme)
            assert contrast(page) == [], (screen, scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (screen, scheme)
    page.evaluate("show('review')")
    page.emulate_media(media="print", color_scheme="light")
    assert page.is_hidden("nav")
    assert page.is_hidden(".answers")
    assert page.is_visible("#cells")


def test_a_colleague_without_python(browser, shapes, tmp_path):
    review, true = shapes
    (path,) = bundle.export(review, tmp_path / "pages", ["cleo"], title="shapes", run="runs/shapes")
    asked = []
    context = browser.new_context(accept_downloads=True)
    context.on(
        "request",
        lambda request: asked.append(request.url) if not request.url.startswith(("file:", "data:", "blob:")) else None,
    )
    page = context.new_page()
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.goto(path.as_uri())
    assert page.input_value("#reviewer") == "cleo"
    page.click("text=Begin")
    page.wait_for_selector("#given:not(:empty)")
    assert page.evaluate("document.querySelector('#picture img').naturalWidth") == 120
    press(page, "Enter")
    press(page, "k")
    press(page, "z")
    page.reload()
    page.click("text=Begin")
    page.wait_for_selector("#given:not(:empty)")
    assert page.text_content("#counter").startswith("1 of")
    press(page, "k")
    page.click("text=Result")
    with page.expect_download() as download:
        page.click("#export")
    sent = tmp_path / "cleo.jsonl"
    download.value.save_as(sent)
    assert bundle.take_in(review, [sent]) == {"cleo": 4}
    assert bundle.take_in(review, [sent]) == {"cleo": 0}
    first, second = review.queue.order[:2]
    standing = review.answers()["cleo"]
    assert (standing[first].label, standing[second].decision) == (true[first], "keep")
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert page.problems == []
