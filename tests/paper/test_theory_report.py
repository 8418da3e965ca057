"""Does the theory's command answer, write its files and refuse what it must?"""

import json

import pandas as pd
import pytest

from earlylearn.cli import paper as command
from earlylearn.errors import EarlylearnError, UsageError
from earlylearn_paper.theory import run as report
from earlylearn_paper.theory.claim import Claim
from earlylearn_paper.theory.figures import crossing, scaling_figure, separability_figure
from earlylearn_paper.theory.scaling import scaling, separability
from earlylearn_paper.theory.threshold import BETAS, SIGMAS


def test_json_has_one_record_per_claim(capsys):
    command.theory(claims="equation-10,lemma-2", seeds="2", json_=True, quiet=True)
    printed = capsys.readouterr()
    records = json.loads(printed.out)
    assert [record["claim"] for record in records] == ["lemma-2", "equation-10 (as printed)", "equation-10 (corrected)"]
    assert [record["holds"] for record in records] == [True, False, True]
    for record in records:
        assert {"claim", "inequality", "measured", "holds", "seeds", "held", "expected", "note", "slip"} <= set(record)
        assert record["seeds"] == 2
        assert record["measured"]
    assert not printed.err


def test_the_table_states_measured_and_slips_and_progress_goes_to_stderr(capsys):
    command.theory(claims="equation-10", seeds="2")
    printed = capsys.readouterr()
    assert "fails 0/2" in printed.out
    assert "slip: equation-10: a factor 1/2" in printed.out
    assert printed.err == "equation-10\n"


def test_a_claim_that_comes_out_otherwise_fails_the_command(monkeypatch, capsys):
    odd = Claim("odd", "s", "i", {"x": 1.0}, (True, False), expected=True)
    monkeypatch.setattr(report, "run_theory", lambda *_, **__: [odd])
    with pytest.raises(EarlylearnError, match="not as expected: odd"):
        command.theory(seeds="2")
    assert "UNEXPECTED" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("request_", "message"),
    [({"claims": "lemma-3"}, "lemma-3"), ({"seeds": "0"}, "seeds=0"), ({"figures": True}, "figures=True")],
)
def test_bad_requests_are_refused_in_a_line(request_, message):
    with pytest.raises(UsageError, match=message) as caught:
        command.theory(**request_)
    assert "\n" not in str(caught.value)


def test_results_are_written_and_not_overwritten_unasked(tmp_path):
    out = tmp_path / "theory"
    report.run_theory(["lemma-2"], seeds=1, out=out)
    assert {path.name for path in out.iterdir()} == {"theory.json", "claims.csv"}
    assert json.loads((out / "theory.json").read_text())[0]["claim"] == "lemma-2"
    assert pd.read_csv(out / "claims.csv")["holds"].tolist() == [True]
    with pytest.raises(UsageError, match="overwrite=True"):
        report.run_theory(["lemma-2"], seeds=1, out=out)
    report.run_theory(["lemma-2"], seeds=2, out=out, overwrite=True)
    (out / ".DS_Store").write_text("a file manager's, no reason to refuse")
    report.run_theory(["lemma-2"], seeds=1, out=out, overwrite=True)
    (out / "mine.txt").write_text("x")
    with pytest.raises(UsageError, match="another folder"):
        report.run_theory(["lemma-2"], seeds=1, out=out, overwrite=True)


def test_a_folder_that_cannot_be_made_is_refused_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "check_claims", lambda *_: pytest.fail("worked first"))
    (tmp_path / "file").write_text("x")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UsageError, match=r"out=.* (name|choose) a folder"):
            report.run_theory(["lemma-2"], seeds=1, out=out)


@pytest.mark.slow
def test_figures_are_drawn_from_the_studies(tmp_path, monkeypatch):
    grid = [(sigma, beta, lam, i) for sigma in SIGMAS for beta in BETAS for lam in (1, 3) for i in (300, 3000)]
    linear = pd.DataFrame(grid, columns=["sigma", "beta", "lam", "iteration"]).assign(memorized=0.5)
    network = pd.DataFrame({"beta": BETAS * 2, "lam": [1.0] * 3 + [3.0] * 3, "seed": 0, "memorized": 0.25})
    monkeypatch.setattr(report, "linear_grid", lambda seeds: linear)
    monkeypatch.setattr(report, "network_grid", lambda seeds, tell: network)
    monkeypatch.setattr(report, "scaling", lambda tell: scaling({60: 2, 120: 1}))
    monkeypatch.setattr(report, "separability", lambda tell: separability(20, seeds=range(3), ratios=(0.1, 0.5, 0.95)))
    report.run_theory(["lemma-2"], seeds=1, out=tmp_path / "x", figures=True)
    there = {path.name for path in (tmp_path / "x").iterdir()}
    assert there == {report.CONTENTS.marker, *report.CONTENTS.own}
    assert (tmp_path / "x" / "scaling.svg").read_text().count("bound") >= 1


def test_scaling_measures_what_its_claims_say():
    table = scaling({200: 3})
    assert (table["p"] == 180).all()
    assert table["correlation"].between(1 / 6, 1).all()
    assert (table["gradient"] <= table["inputs"]).all()
    assert (table["inputs"] < 1).all()
    assert table["noise"].between(2, 7).all()
    assert (table["end"] > 0.99).all()


def test_separability_rises_with_p_and_never_breaks_the_bound():
    table = separability(40, seeds=range(6), deltas=(0.4, 1.0), ratios=(0.1, 0.9))
    shares = table.pivot(index="delta", columns="ratio", values="separable")
    assert (shares[0.1] < 0.2).all()
    assert (shares[0.9] == 1).all()
    assert table["bound"].between(0, 1).all()


def test_the_crossing_is_interpolated():
    assert crossing([0.2, 0.4, 0.6], [0.0, 0.25, 0.75], 0.5) == pytest.approx(0.5)
    assert crossing([0.2, 0.4], [0.0, 0.1], 0.5) == 0.4
    assert crossing([0.2, 0.4], [0.7, 1.0], 0.5) == 0.2


def test_every_line_of_the_figures_is_named():
    table = scaling({60: 1, 120: 1})
    texts = {text.get_text() for axes in scaling_figure(table).axes for text in axes.texts}
    assert {"wrong labels", "clean labels", "1/6", "bound"} <= texts
    shares = separability(20, seeds=range(2), ratios=(0.1, 0.9))
    texts = {text.get_text() for axes in separability_figure(shares).axes for text in axes.texts}
    assert {"Δ = 0.2", "Δ = 1", "sufficient: 1 − Δ/2"} <= texts
