"""Can a reader trust the pages of a comparison and of a sweep: the right star, no invented number, no hidden gap?"""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from earlylearn.report import render_comparison, render_sweep
from earlylearn.report.sensitivity import sensitivity_figure
from earlylearn.report.study_figures import curves_figure, differences_figure, dots_figure, points
from tests.report.test_report import HOSTILE, browser, text_of
from tests.study_documents import FIFTEEN, GRID, SCORES, comparison, sweep

opened = browser  # the fixture, under a name that no argument hides


def table_rows(page: str, section: str) -> list[list[str]]:
    """The cells of the first table of a section, as text."""
    part = page.partition(f'<section id="{section}">')[2].partition("</table>")[0]
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", part, flags=re.DOTALL)
    return [[text_of(cell).strip() for cell in re.findall(r"<t[hd].*?</t[hd]>", row, flags=re.DOTALL)] for row in rows]


def labelled(figure: Any, label: str) -> list[Any]:
    """Everything drawn under this label in all panels."""
    return [a for axes in figure.axes for a in (*axes.collections, *axes.lines) if a.get_label() == label]


def marks(figure: Any, label: str) -> list[tuple[float, float]]:
    return [tuple(map(float, point)) for drawn in labelled(figure, label) for point in np.asarray(drawn.get_offsets())]


def test_the_conclusion_comes_first_and_what_was_held_equal_is_said() -> None:
    text = text_of(render_comparison(comparison()))
    assert text.index("elr+ is best: it ends 20.1 points above ce.") < text.index("Memorising costs ce 19.9 points.")
    assert "40.0% of them wrong, the same ones each time" in text
    assert "the same 20 epochs" in text


def test_stars_stand_in_the_right_cells() -> None:
    document = comparison(("ce", "a", "b"))
    for method, test, memorized, seconds in zip(
        document["methods"], (0.7, 0.9, 0.8), (0.9, 0.5, 0.1), (1.0, 2.0, 3.0), strict=True
    ):
        method["test_last"] = {"mean": test, "sd": 0.01, "n": 3}
        method["memorized_last"] = {"mean": memorized, "sd": 0.02, "n": 3}
        method["seconds"] = {"mean": seconds, "sd": 0.1, "n": 3}
    rows = {row[0]: row for row in table_rows(render_comparison(document), "numbers")[2:]}
    assert rows["a"][2] == "90.0 ± 1.0% ★"
    assert rows["b"][2] == "80.0 ± 1.0%"
    assert rows["b"][6] == "10.0 ± 2.0% ★"  # little memorised is good
    assert rows["ce baseline"][8] == "1.0 s"  # and being fast is no merit of its own
    assert [cell for cell in rows["ce baseline"] if "★" in cell] == []


def test_equal_means_have_no_winner() -> None:
    document = comparison(("ce", "elr"))
    for method in document["methods"]:
        method["test_last"] = {"mean": 0.9, "sd": 0.0, "n": 3}
    assert [row[2] for row in table_rows(render_comparison(document), "numbers")[2:]] == ["90.0 ± 0.0%"] * 2


@pytest.mark.slow
def test_an_unknown_value_is_a_gap_and_never_zero() -> None:
    document = comparison()
    document["methods"][1]["memorized_last"] = None
    row = table_rows(render_comparison(document), "numbers")[3]
    assert row[0] == "elr:lam=3"
    assert row[6] == "–"


def test_without_truth_and_test_set_nothing_is_claimed_about_them() -> None:
    page = render_comparison(comparison(("ce", "elr"), (0,), truth=False, test=False))
    header = table_rows(page, "numbers")[0]
    assert "Test accuracy" not in header
    assert "Wrong labels" not in header
    text = text_of(page)
    assert "the accuracy on unseen data is unknown" in text
    assert "nobody can count what was memorised" in text
    assert "agreement with noisy validation labels minus that of ce" in text


def test_one_seed_has_no_spread_and_no_interval() -> None:
    document = comparison(seeds=(0,))
    page = render_comparison(document)
    assert "±" not in page
    assert "none of these differences can be told from chance" in text_of(page)
    assert labelled(differences_figure(document), "interval") == []
    assert len(labelled(differences_figure(document), "mean")) == 2


@pytest.mark.parametrize("epochs", [1, 20])
@pytest.mark.parametrize(("truth", "test"), [(True, True), (True, False), (False, True), (False, False)])
@pytest.mark.slow
def test_gaps_never_read_as_none_or_nan(truth: bool, test: bool, epochs: int) -> None:
    document = comparison(truth=truth, test=test, epochs=epochs)
    document["runs"][0]["memorized_last"] = float("nan")
    for page in (render_comparison(document), render_sweep(sweep({"lam": [1, 2]}, test=test))):
        assert not re.search(r"\bNone\b|\bnan\b|\bNaN\b|\bnull\b", text_of(page))


def test_nothing_finished_yet() -> None:
    page = render_comparison(comparison(finished=False))
    assert "No run has finished yet" in page
    assert "0 of 9" in page
    assert "elr:lam=3: seeds 0, 1, 2" in text_of(page).replace(" :", ":")
    assert "<svg" not in page
    assert "★" not in page
    page = render_sweep(sweep(GRID, left_out=20))
    assert "No run has finished yet" in page
    assert "Train with the picked values" not in page


def test_a_method_that_never_finished_keeps_its_row() -> None:
    document = comparison()
    late = document["methods"][2]
    late.update({key: None for key in SCORES}, seeds=[], differences=None)
    document["runs"] = [r for r in document["runs"] if r["name"] != late["name"]]
    document["failed"] = [{"name": late["name"], "seed": 1, "error": "out of memory"}]
    page = render_comparison(document)
    assert table_rows(page, "numbers")[4] == ["elr+", "0 of 3", *["–"] * 8]
    assert ["elr+", "1", "out of memory"] in table_rows(page, "unfinished")
    assert "no pair" in page
    assert "unknown" in [text.get_text() for text in dots_figure(document).axes[0].texts]
    assert page.count("unknown") > 1
    assert "nothing known" in page


def test_a_run_links_to_its_page_and_only_where_it_has_one() -> None:
    document = comparison(("ce", "elr"), (0, 1))
    document["runs"][1]["folder"] = None
    document["runs"][2]["folder"] = "runs/elr_lam=3 #1?-0"
    page = render_comparison(document)
    links = re.findall(r'<a href="([^"]*)"', page)
    assert links == ["runs/ce-0/report.html", "runs/elr_lam=3%20%231%3F-0/report.html", "runs/elr-1/report.html"]


def test_dots_show_every_seed_and_both_epochs() -> None:
    document = comparison(seeds=(0, 1, 2, 3))
    figure = dots_figure(document)
    seeds, means = marks(figure, "seed"), marks(figure, "mean")
    assert len(seeds) == 3 * 4 * 2
    assert len(means) == 3 * 2
    for r in document["runs"]:
        assert any(x == pytest.approx(r["test_last"]) for x, _ in seeds)
    for row, method in enumerate(document["methods"]):
        for key in ("test_last", "test_at_best_val"):
            assert any(x == pytest.approx(method[key]["mean"]) and y == row for x, y in means)


def test_differences_have_an_interval_each_and_a_zero_line() -> None:
    document = comparison()
    figure = differences_figure(document)
    assert [list(line.get_xdata()) for line in labelled(figure, "zero")] == [[0, 0]]
    drawn = [list(line.get_xdata()) for line in labelled(figure, "interval")]
    wanted = [m["differences"]["test_last"] for m in document["methods"][1:]]
    assert drawn == [pytest.approx([100 * d["low"], 100 * d["high"]]) for d in wanted]
    means = labelled(figure, "mean")
    hollow = [mean.get_markerfacecolor() == "white" for mean in means]
    assert hollow == [not d["significant"] for d in wanted]


def test_curves_are_the_mean_over_the_seeds_with_the_seeds_behind() -> None:
    document = comparison(("ce", "elr"), epochs=6)
    for r in document["runs"]:
        r["curves"]["test"][1::2] = [None] * 3  # as with --test-every 2
    figure = curves_figure(document)
    assert len(figure.axes) == 2
    assert len(labelled(figure, "seed")) == 2 * 2 * 3
    mean = next(line for line in figure.axes[0].lines if line.get_label() == "mean")
    assert list(mean.get_xdata()) == [1, 3, 5]
    first = [r["curves"]["test"][0] for r in document["runs"] if r["name"] == "ce"]
    assert mean.get_ydata()[0] == pytest.approx(np.mean(first))


def test_sweep_draws_a_line_per_value_and_gaps_where_nothing_finished() -> None:
    document = sweep(GRID)
    gone = document["trials"][7]  # beta=0.7, lam=5
    gone.update(val_last=None, test_last=None, seeds=[])
    figure = sensitivity_figure(document)
    assert len(figure.axes) == 2
    lines = [np.asarray(line.get_ydata(), float) for line in figure.axes[0].lines if len(line.get_ydata()) == 5]
    lines = [line for line in lines if np.nanmax(line) < 1]
    (beta,) = [line for line in lines if line[0] == pytest.approx(document["trials"][5]["val_last"]["mean"])]
    assert np.isnan(beta).tolist() == [False, False, True, False, False]
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["1", "3", "5", "7", "10"]
    assert marks(figure, "picked")[0][1] == pytest.approx(document["picked"]["val_last"]["mean"])
    assert "never used to choose" in figure.axes[1].get_title(loc="left")


@pytest.mark.parametrize(
    ("grid", "panels"),
    [
        ({"lam": [1, 3]}, 2),
        ({"warm": [True, False], "kind": ["soft", "hard"]}, 2),
        ({"warm": [True, False], "beta": [0.7, 0.9, 0.99], "lam": [1, 3]}, 4),
    ],
)
def test_sweep_over_any_number_and_kind_of_hyperparameters(grid: dict[str, list[Any]], panels: int) -> None:
    document = sweep(grid)
    assert len(sensitivity_figure(document).axes) == panels
    assert len(marks(sensitivity_figure(document), "picked")) == 2
    render_sweep(document)


def test_sweep_lists_the_trials_by_the_score_that_chose() -> None:
    document = sweep(GRID, left_out=2)
    document["score"] = "val_best"
    page = render_sweep(document)
    rows = table_rows(page, "numbers")
    assert rows[1][:4] == ["beta", "lam", "Seeds", "best epoch (chose)"]
    scores = [float(row[3].split()[0]) for row in rows[2:-2]]
    assert scores == sorted(scores, reverse=True)
    assert [row[2] for row in rows[-2:]] == ["0 of 3"] * 2
    assert page.count("← picked") == 1
    assert document["command"] in page
    assert "★" not in page


def test_sweep_without_a_test_set_shows_only_what_chose() -> None:
    document = sweep(GRID, test=False)
    assert len(sensitivity_figure(document).axes) == 1
    assert "the choice cannot be checked here" in text_of(render_sweep(document))


def test_line_names_of_a_sweep_do_not_touch() -> None:
    document = sweep({"beta": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], "lam": [1, 2]})
    for trial in document["trials"]:
        trial["val_last"] = {"mean": 0.5, "sd": 0.0, "n": 3}
    heights = sorted(text.xy[1] for text in sensitivity_figure(document).axes[0].texts if "beta" in text.get_text())
    assert len(heights) == 6
    assert min(np.diff(heights)) > 0.08


@pytest.mark.parametrize(
    ("value", "text"), [(0.201, "20.1"), (-0.201, "−20.1"), (0.0001, "0.0"), (-0.0001, "0.0"), (None, "–")]
)
def test_points(value: float | None, text: str) -> None:
    assert points(value) == text
    assert points(0.201, signed=True) == "+20.1"


def hostile_comparison() -> dict[str, Any]:
    document = comparison(("ce", HOSTILE[0], HOSTILE[1]))
    document["conclusion"] = list(HOSTILE)
    document["failed"] = [{"name": HOSTILE[1], "seed": 0, "error": HOSTILE[0]}]
    document["missing"] = [{"name": HOSTILE[0], "seed": 0}]
    document["settings"] = {HOSTILE[0]: HOSTILE[1]}
    document["runs"][0]["folder"] = "javascript:window.hacked=1//"
    document["runs"][1]["folder"] = HOSTILE[1]
    return document


def hostile_sweep() -> dict[str, Any]:
    document = sweep({HOSTILE[1]: [HOSTILE[0], "$x$"], "lam": [1, 2]})
    document.update(method=HOSTILE[0], command=HOSTILE[1], conclusion=[HOSTILE[2]])
    return document


def test_hostile_names_stay_text() -> None:
    for page in (render_comparison(hostile_comparison()), render_sweep(hostile_sweep())):
        assert "<script>" not in page
        assert "<img" not in page
        assert "&lt;script&gt;" in page
        assert 'href="javascript:' not in page


@pytest.mark.slow
def test_equal_documents_give_equal_pages() -> None:
    assert render_comparison(comparison()) == render_comparison(comparison())
    assert render_sweep(sweep(GRID)) == render_sweep(sweep(GRID))


PAGES = {
    "fifteen": lambda: render_comparison(comparison(FIFTEEN)),
    "two": lambda: render_comparison(comparison(("ce", "elr"), (0,), truth=False, test=False)),
    "unfinished": lambda: render_comparison(comparison(finished=False)),
    "hostile": lambda: render_comparison(hostile_comparison()),
    "sweep": lambda: render_sweep(sweep(GRID, left_out=2)),
    "hostile-sweep": lambda: render_sweep(hostile_sweep()),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_opens_in_a_browser_and_fits_a_telephone(name: str, opened: Any, tmp_path: Path) -> None:
    path = tmp_path / "comparison.html"
    path.write_text(PAGES[name](), encoding="utf-8")
    page = opened.new_page(viewport={"width": 420, "height": 800})
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert complaints == []
    assert [url for url in requests if not url.startswith("data:") and url != path.as_uri()] == []
    assert page.evaluate("typeof window.hacked") == "undefined"
    assert page.evaluate("document.scripts.length") == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    page.close()
