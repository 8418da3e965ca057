"""Can a reader trust the report page: is everything there, nothing invented, nothing fetched, nothing run?"""

import base64
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from earlylearn.report import RunView, memorization_figure, render_demo, render_run
from earlylearn.report.tables import _heat_cell
from earlylearn.report.thumbnails import thumbnail

CHROMIUM = Path("/usr/bin/chromium")
CLASSES = ["cat", "dog", "owl"]


def metrics(epochs: int, known: bool) -> list[dict[str, Any]]:
    lines = []
    for epoch in range(1, epochs + 1):
        x = epoch / (epochs + 1)
        lines.append(
            {
                "epoch": epoch,
                "lr": 0.02,
                "seconds": 0.5,
                "loss": 1.0 - 4 * x,
                "loss_parts": {"ce": 1.0 - 0.5 * x, "elr": -3.5 * x},
                "val_accuracy": 0.3 + 0.25 * x,
                "test_accuracy": 0.4 + 0.5 * x if known else None,
                "agree": 0.35 + 0.25 * x,
                "clean": {"correct": 0.4 + 0.5 * x, "incorrect": 0.6 - 0.5 * x} if known else None,
                "wrong": {"correct": 0.3 + 0.5 * x, "memorized": 0.1, "other": 0.6 - 0.5 * x} if known else None,
            }
        )
    return lines


def view(
    *, n: int = 90, epochs: int = 8, known: bool = True, image: bool = True, classes: list[str] = CLASSES
) -> RunView:
    rng = np.random.default_rng(0)
    names = np.array(classes, dtype=object)
    true = rng.integers(0, len(classes), n)
    given = np.where(rng.random(n) < 0.3, (true + 1) % len(classes), true)
    suggested = np.where(rng.random(n) < 0.1, rng.integers(0, len(classes), n), true)
    issue = suggested != given
    frame = pd.DataFrame(
        {
            "id": [f"row-{i}" for i in range(n)],
            "index": np.arange(n),
            "given_label": names[given],
            "predicted_label": names[suggested],
            "label_quality": np.where(issue, 0.3, 0.9) * rng.random(n),
            "is_label_issue": issue,
            "split": np.where(np.arange(n) % 10 == 0, "val", "train"),
            "margin": 0.1,
            "times_learned": 1,
            "times_forgotten": 0,
            "first_learned": 1,
        }
    )
    if known:
        frame.insert(7, "true_label", names[true])
    lines = metrics(epochs, known)
    pictures = rng.integers(0, 256, (n, 1, 8, 8)).astype(np.uint8)
    return RunView(
        summary={
            "method": "elr",
            "data": "pets",
            "seed": 0,
            "epochs": epochs,
            "seconds": 65.0,
            "noise": {"kind": "symmetric", "rate": 0.3, "wrong_fraction": 0.31}
            if known
            else {"kind": None, "rate": None, "wrong_fraction": None},
            "accuracy": {
                "test_last": 0.8765 if known else None,
                "test_at_best_val": 0.8432 if known else None,
                "val_best": 0.5678,
                "val_last": 0.5432,
                "best_epoch": epochs,
            },
            "memorized_last": 0.1 if known else None,
            "label_issues": {
                "flagged": int(issue.sum()),
                "precision": 0.812 if known else None,
                "recall": 0.934 if known else None,
                "average_precision": 0.9555 if known else None,
            },
            "examples": n,
            "classes": len(classes),
        },
        config={"method": "elr", "options": {"lam": 3.0, "beta": 0.7}, "epochs": epochs, "labels": None},
        metrics=lines,
        issues=frame,
        classes=list(classes),
        image=(lambda index: pictures[index]) if image else None,
        cells=None if image else (lambda row: [("weight", f"{row} kg"), ("remark", "heavy, " * 40)]),
    )


def text_of(page: str) -> str:
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def test_says_the_verdict_and_both_accuracies() -> None:
    run = view()
    text = text_of(render_run(run))
    assert f"{int(run.issues['is_label_issue'].sum())} of 90 labels look wrong" in text
    for number in ("87.6%", "84.3%", "54.3%", "56.8%", "81.2%", "93.4%"):  # last, picked; test, validation
        assert number in text
    assert "noisy labels" in text
    assert "lam=3, beta=0.7" in text


def test_a_choice_is_told_with_all_that_was_tried() -> None:
    run = view(known=False)
    names = ("linear head, <ELR>", "boosted trees")
    settings = [
        {"name": name, "stage": stage, "agreement": 0.7, "behind": 0.4, "weight": weight}
        for name, stage, weight in zip(names, ("final", "first fold"), (0.987, 0.0), strict=True)
    ]
    choice = {"line": "8 columns: linear head, <ELR>", "agreement": 0.6543, "settings": settings}
    accuracy = {**run.summary["accuracy"], "val_last": None, "val_best": None}
    page = render_run(replace(run, summary={**run.summary, "choice": choice, "accuracy": accuracy}))
    assert page.count("65.4%") >= 3  # headline, tile, table, beside what is memorised
    assert "8 columns: linear head, &lt;ELR&gt;. Every setting" in page
    assert "98.7%" in page
    assert "first fold" in page
    assert "What was chosen" not in render_run(run)


@pytest.mark.slow
def test_natural_noise_is_not_called_made_on_purpose() -> None:
    run = view()
    run = replace(run, summary={**run.summary, "noise": {"kind": None, "rate": None, "wrong_fraction": 0.2}})
    for page in (render_run(run), render_demo({"ce": run, "elr": run})):
        assert "20.0%" in page
        assert "on purpose" not in page


def test_marks_agree_with_the_true_labels() -> None:
    run = view()
    page = render_run(run)
    bad = run.issues[run.issues["is_label_issue"]]
    assert page.count("✗ false alarm") == (bad["true_label"] == bad["given_label"]).sum()


def test_most_suspicious_come_first_and_only_issues_are_shown() -> None:
    run = view()
    shown = re.findall(r'alt="Example (row-\d+):', render_run(run))
    bad = run.issues[run.issues["is_label_issue"]].sort_values("label_quality")
    assert shown == bad["id"].tolist()


def test_heat_map_counts_are_the_flagged_pairs() -> None:
    run = view()
    table = re.search(r'<table class="heat.*?</table>', render_run(run), flags=re.DOTALL)
    assert table is not None
    numbers = [int(x) for x in re.findall(r'<td style="[^"]*">(\d+)</td>', table.group())]
    assert sum(numbers) == run.issues["is_label_issue"].sum()


def test_without_true_labels_nothing_is_claimed_about_them() -> None:
    page = render_run(view(known=False))
    text = text_of(page)
    assert "model agrees" in text
    assert "disagrees" in text
    for claim in (
        "really wrong",
        "Really wrong",
        "false alarm",
        "(precision)",
        "Examples with a wrong label",
    ):
        assert claim not in text
    assert "true labels are not known" in text
    assert "unknown" in text


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.slow
def test_gaps_never_read_as_none_or_nan(known: bool) -> None:
    run = view(known=known, epochs=1)

    def unknown(part: dict[str, Any]) -> dict[str, Any]:
        return {name: unknown(value) if isinstance(value, dict) else None for name, value in part.items()}

    said = {name: run.summary[name] for name in ("method", "data", "seed", "epochs", "seconds")}
    gappy = replace(run, summary={**unknown(run.summary), **said, "label_issues": run.summary["label_issues"]})
    empty = replace(gappy, config={})
    for page in (*map(render_run, (run, gappy, empty)), render_demo({"ce": gappy, "elr": empty})):
        assert not re.search(r"\bNone\b(?! of)|\bnan\b|\bNaN\b|\bnull\b", text_of(page))


def test_partly_known_truth_is_marked_only_where_known() -> None:
    run = view(image=False)
    bad = run.issues[run.issues["is_label_issue"]]
    frame = run.issues.copy()
    frame.loc[bad.index[1:], "true_label"] = None
    page = render_run(replace(run, issues=frame))
    assert len(re.findall(r'<span class="mark (?:hit|half|miss)', page)) == 1
    assert page.count("<p>true: <b>unknown</b></p>") == len(bad) - 1


@pytest.mark.slow
def test_no_issue_at_all() -> None:
    run = view()
    frame = run.issues.assign(is_label_issue=False)
    text = text_of(render_run(replace(run, issues=frame)))
    assert "None of 90 labels looks wrong" in text
    assert "No label was flagged" in text
    render_demo({"ce": replace(run, issues=frame), "elr": replace(run, issues=frame)})


@pytest.mark.slow
def test_flags_read_back_from_text_count_the_same() -> None:
    run = view()
    as_text = run.issues.assign(is_label_issue=run.issues["is_label_issue"].map({True: "True", False: "False"}))
    assert render_run(replace(run, issues=as_text)) == render_run(run)


def test_rows_of_a_table_in_their_own_words_and_texts_whole() -> None:
    page = render_run(view(image=False))
    assert "<img" not in page
    assert re.search(r"weight: \d+ kg", page)
    assert "heavy, " * 40 in page


def test_every_flag_is_on_the_page_and_rank_stands_for_tiny_numbers() -> None:
    run = view(n=1200)
    run = replace(run, issues=run.issues.assign(label_quality=run.issues["label_quality"] * 1e-6))
    page = render_run(run)
    flagged = int(run.issues["is_label_issue"].sum())
    assert page.count('alt="Example ') == flagged > 300
    assert "&lt;0.001" not in page
    assert f"#{flagged} · " in page
    assert f"Show 21 to {20 + 100}" in text_of(page)


def test_too_many_pictures_are_left_to_the_review(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("earlylearn.report.suspects.PICTURE_BYTES", 500)
    run = view(n=300)
    page = render_run(run)
    assert 0 < page.count('alt="Example ') < 10
    assert page.count("see the review") + page.count('alt="Example ') == run.issues["is_label_issue"].sum()


@pytest.mark.slow
def test_what_else_to_know_of_a_row_stands_beside_it() -> None:
    run = view(known=False)
    issue, quality = np.arange(90) < 4, np.linspace(0, 1, 90)
    frame = run.issues.assign(is_label_issue=issue, label_quality=quality, split="train", is_outlier=False)
    frame["near_duplicate_set"] = 0
    frame.loc[[0, 50], ["near_duplicate_set", "given_label"]] = [[1, "cat"], [1, "dog"]]
    frame.loc[1, "split"], frame.loc[2, "is_outlier"] = "validation", True
    beside = {"lines": ["One column looks like an identifier."]}
    text = text_of(render_run(replace(run, issues=frame, summary={**run.summary, "data_issues": beside})))
    assert text.count("nearly the same as row 50, which is labelled dog") == 1
    assert text.count("held out #2") == 1
    assert text.count("like no other row #3") == 1
    assert "One column looks like an identifier." in text


def ratio(first: str, second: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_numbers_of_the_heat_map_can_be_read_on_every_ground() -> None:
    for count in range(101):
        cell = _heat_cell(count, 100, own=False)
        assert ratio(*cell.light) >= 4.5
        assert ratio(*cell.dark) >= 4.5


@pytest.mark.slow
def test_many_classes_show_pairs_and_stay_small() -> None:
    names = [f"class {i:03d}" for i in range(100)]
    run = view(n=5000, classes=names)
    noise = np.random.default_rng(1).integers(0, 256, (3, 224, 224)).astype(np.uint8)
    page = render_run(replace(run, image=lambda index: noise))
    assert 'class="heat' not in page
    assert 'class="pairs"' in page
    assert len(page.encode()) < 9_000_000


@pytest.mark.slow
def test_equal_runs_give_equal_pages() -> None:
    assert render_run(view()) == render_run(view())
    assert render_demo({"ce": view(), "elr": view()}) == render_demo({"ce": view(), "elr": view()})


@pytest.mark.slow
def test_the_readers_matplotlib_settings_do_not_change_the_page() -> None:
    import matplotlib

    plain = render_run(view())
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black", "svg.fonttype": "path"}):
        assert render_run(view()) == plain


def test_figure_has_a_row_per_method_and_the_known_shares() -> None:
    runs = {"ce": metrics(5, True), "elr": metrics(5, True)}
    figure = memorization_figure(runs)
    assert len(figure.axes) == 4
    lines = figure.axes[1].get_lines()
    drawn = [list(map(float, np.asarray(line.get_ydata()))) for line in lines]
    for key in ("correct", "memorized", "other"):
        assert [line["wrong"][key] for line in runs["ce"]] in drawn
    figure.savefig(io.BytesIO(), format="png")


@pytest.mark.slow
def test_figure_without_true_labels_and_with_no_wrong_label() -> None:
    assert len(memorization_figure({"elr": metrics(5, False)}).axes) == 1
    clean_only = [{**line, "wrong": None} for line in metrics(5, True)]
    figure = memorization_figure({"elr": clean_only})
    assert any("no wrong labels" in text.get_text() for text in figure.axes[1].texts)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 12), (4, 5, 5), (3, 300, 200)])
def test_thumbnail_keeps_small_pixels_and_shrinks_large_ones(shape: tuple[int, int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    head, _, data = thumbnail(pixels).partition(",")
    assert head == f"data:image/{'jpeg' if max(shape) > 160 else 'png'};base64"
    picture = Image.open(io.BytesIO(base64.b64decode(data)))
    assert max(picture.size) <= 160
    if shape[0] != 4 and max(shape) <= 160:
        assert np.array_equal(np.asarray(picture).squeeze(), pixels.transpose(1, 2, 0).squeeze())


def test_hostile_names_stay_text() -> None:
    run = view(classes=HOSTILE)
    page = render_run(run)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


HOSTILE = ["<script>window.hacked=1</script>", '"><img src=x onerror="window.hacked=1">', "a $x$ & {{ 7*7 }}"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip(f"needs {CHROMIUM} to open the page as a reader would")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright to drive Chromium")
    quiet = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync"
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=str(CHROMIUM), args=quiet.split())
        yield opened
        opened.close()


def hostile(run: RunView) -> RunView:
    frame = run.issues.assign(id=[f"{HOSTILE[1]}{i}" for i in range(len(run.issues))])
    name = "<b onclick=x>$e$</b>"
    return replace(
        run,
        issues=frame,
        summary={**run.summary, "method": name, "data": HOSTILE[0]},
        config={"method": name, HOSTILE[0]: HOSTILE[1]},
    )


PAGES = {
    "pictures": lambda: render_run(view()),
    "features": lambda: render_run(view(known=False, image=False)),
    "one-epoch": lambda: render_run(view(epochs=1)),
    "hundred-classes": lambda: render_run(view(n=3000, classes=[f"class {i}" for i in range(100)])),
    "comparison": lambda: render_demo({"ce": view(), "elr": view()}),
    "hostile": lambda: render_run(hostile(view(classes=HOSTILE))),
    "hostile-comparison": lambda: render_demo({HOSTILE[0]: hostile(view(classes=HOSTILE)), "$a": view()}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_opens_in_a_browser(name: str, browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(PAGES[name](), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1100, "height": 900})
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    page.wait_for_load_state("load")
    page.evaluate("for (const image of document.images) image.loading = 'eager'")
    page.wait_for_function("[...document.images].every(i => i.complete)")
    assert complaints == []
    assert [url for url in requests if not url.startswith("data:") and url != path.as_uri()] == []
    assert page.evaluate("typeof window.hacked") == "undefined"
    assert page.evaluate("document.scripts.length") == 0
    sizes = page.evaluate(
        """[...document.querySelectorAll('figure svg, table, .gallery img')].map(e => {
            const box = e.getBoundingClientRect(); return [e.tagName, box.width, box.height]; })"""
    )
    assert {"svg", "TABLE"} <= {tag for tag, _, _ in sizes}
    assert all(width > 20 and height > 20 for _, width, height in sizes)
    broken = "[...document.images].filter(i => !i.complete || !i.naturalWidth || !i.alt).length"
    assert page.evaluate(broken) == 0
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    used = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', path.read_text(encoding="utf-8"))
    assert {a or b for a, b in used} <= set(ids)
    page.close()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1100])
def test_no_rule_of_accessibility_is_broken(width: int, scheme: Any, browser: Any, tmp_path: Path) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe's rules")
    for name in ("pictures", "features", "comparison"):
        path = tmp_path / f"{name}.html"
        path.write_text(PAGES[name](), encoding="utf-8")
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        page.goto(path.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
        found = axe.Axe().run(page)
        assert [(each["id"], each["nodes"][0]["html"]) for each in found.response["violations"]] == [], name
        page.close()


@pytest.mark.slow
def test_on_paper_everything_is_unfolded_and_light(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(render_run(view(n=400, image=False)), encoding="utf-8")
    page = browser.new_page(color_scheme="dark")
    page.goto(path.as_uri())
    last = page.locator("details li").last
    assert not last.is_visible()
    page.emulate_media(media="print", color_scheme="dark")
    assert last.is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.close()
