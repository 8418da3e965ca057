"""Does a diagnosis count what became of planted labels, go on where it was, and reach the summaries of other runs?"""

import json

import numpy as np
import pandas as pd
import pytest

from earlylearn import diagnose, train
from earlylearn.cli.main import main
from earlylearn.errors import UsageError
from earlylearn.runs import train as training
from earlylearn.runs.run import Run
from earlylearn.study.canary_verdict import conclude, verdict_of
from tests.conftest import blobs

QUICK = {"network": "linear", "epochs": 4, "quiet": True}


@pytest.fixture(scope="module")
def diagnosed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return diagnose(blobs(), "elr", lambdas=[30], out=folder / "blobs-diagnosis", **QUICK)


def named(document, name):
    return next(run for run in document["runs"] if run["name"] == name)


def test_the_shares_are_those_of_the_planted_rows(diagnosed):
    document, data = diagnosed.document, blobs()
    canaries = pd.read_csv(diagnosed.path / "runs" / "canaries.csv")
    assert len(canaries) == 24
    assert [run["name"] for run in document["runs"]] == ["elr", "ce", "elr:lam=30"]
    for told in document["runs"]:
        run = Run(diagnosed.path / told["folder"])
        issues, kept = run.label_issues(), run.folder.read_labels()
        planted = canaries["index"].to_numpy()
        assert np.array_equal(np.flatnonzero(kept["given"] != kept["true"]), planted)
        assert np.array_equal(kept["true"], data.labels)
        found = issues["is_label_issue"].to_numpy()[planted]
        assert told["both"]["found"]["share"] == pytest.approx(found.mean())
        alike = (canaries["kind"] == "likeness").to_numpy()
        assert told["likeness"]["found"]["share"] == pytest.approx(found[alike].mean())
        # The last epoch's own metrics count the same rows, as they were seen while training.
        assert told["both"]["memorized"]["share"] == pytest.approx(run.metrics[-1]["wrong"]["memorized"])
        assert told["curves"]["recovered"] == [line["wrong"]["correct"] for line in run.metrics]
        own = (data.labels != data.true_labels) & ~np.isin(np.arange(len(data)), planted)
        assert told["known"]["found"]["share"] == pytest.approx(issues["is_label_issue"].to_numpy()[own].mean())


def test_it_says_so_in_words_and_pictures(diagnosed):
    page = (diagnosed.path / "report.html").read_text()
    assert diagnosed.conclusion[0].startswith("Early learning happens here")
    assert all(sentence.split(":")[0] in page for sentence in diagnosed.conclusion)
    assert "<svg" in page
    assert (diagnosed.path / "diagnosis.png").stat().st_size > 10_000
    assert json.loads((diagnosed.path / "diagnosis.json").read_text()) == diagnosed.document


def test_asked_again_nothing_is_trained_twice(diagnosed, monkeypatch):
    monkeypatch.setattr(training, "Session", lambda *_, **__: pytest.fail("trained again"))
    monkeypatch.setattr("earlylearn.study.diagnose.check", lambda *_: None)
    again = diagnose(blobs(), "elr", lambdas=[30], out=diagnosed.path, **QUICK)
    assert again.document == diagnosed.document


def test_another_share_or_other_data_are_refused(diagnosed):
    asked = {"lambdas": [30], "out": diagnosed.path, **QUICK}
    with pytest.raises(UsageError, match=r"share: .* has 24 planted labels, and 48 are asked for"):
        diagnose(blobs(), "elr", share=0.2, **asked)
    with pytest.raises(UsageError, match="trained on other data"):
        diagnose(blobs(seed=5), "elr", **asked)


@pytest.mark.slow
def test_runs_on_the_same_data_repeat_the_verdict(diagnosed):
    beside = diagnosed.path.parent
    told = train(blobs(), "ce", out=beside / "a", **QUICK).summary["memory"]
    assert told["canaries"]["verdict"] == diagnosed.document["summary"]["verdict"]
    assert told["canaries"]["line"] == diagnosed.conclusion[0]
    assert train(blobs(seed=7), "ce", out=beside / "b", **QUICK).summary["memory"]["canaries"] is None
    (beside / "broken-diagnosis").mkdir()
    (beside / "broken-diagnosis" / "diagnosis.json").write_text("[")
    assert train(blobs(), "ce", out=beside / "c", **QUICK).summary["memory"]["canaries"] is not None


def test_a_summary_says_how_many_flagged_labels_are_repeated(tmp_path):
    run = train(blobs(), "elr", out=tmp_path / "r", **QUICK)
    issues = run.label_issues()
    trained = issues[(issues["split"] == "train") & issues["is_label_issue"]]
    repeated = (trained["times_learned"] > trained["times_forgotten"]).mean()
    assert run.summary["memory"]["flagged_repeated"] == pytest.approx(repeated)


@pytest.mark.slow
def test_injected_noise_comes_before_planting(tmp_path):
    data = blobs(wrong=0)
    done = diagnose(data, "ce", lambdas=[], noise="symmetric-excluding:0.3", out=tmp_path / "d", **QUICK)
    run = done.document["runs"][0]
    assert [each["name"] for each in done.document["runs"]] == ["ce"]
    wrong = int((Run(tmp_path / "d" / run["folder"]).folder.read_labels()["given"] != data.labels).sum())
    assert run["known"]["found"]["of"] == pytest.approx(72 - 24 * 0.3, abs=8)
    assert 72 < wrong < 72 + 24


@pytest.mark.parametrize("lambdas", [[-1.0], [1.0, 1.0], ["x"]])
def test_impossible_lambdas_are_refused(lambdas, tmp_path):
    with pytest.raises(UsageError, match="lambdas="):
        diagnose(blobs(), lambdas=lambdas, out=tmp_path / "d", **QUICK)
    assert not (tmp_path / "d").exists()


def facts(recovered, memorized, agreement=(0.7, 0.7), lams=(1.0, 3.0)):
    """A made-up diagnosis in which each run recovers and memorises so much, of a hundred planted labels."""

    def share(value):
        return {"share": value, "low": max(0, value - 0.1), "high": min(1, value + 0.1), "of": 100}

    def run(name, lam, mem, agree):
        kinds = {"memorized": share(mem), "found": share(1 - mem)}
        curves = {"recovered": [0.3, recovered, 1 - mem], "memorized": [0.1, 0.1, mem]}
        shares = {"random": kinds, "likeness": kinds, "both": kinds, "known": None}
        return {
            "name": name,
            "method": "elr",
            "lam": lam,
            "curves": curves,
            "agreement": agree,
            "agreement_rows": 100,
            **shares,
        }

    runs = [run("elr", lams[0], memorized[0], agreement[0]), run("elr:lam=3", lams[1], memorized[1], agreement[1])]
    return {"default": "elr", "chance": 0.2, "runs": runs, "failed": []}


@pytest.mark.parametrize(
    ("recovered", "memorized", "verdict"),
    [(0.9, 0.1, "kept"), (0.9, 0.4, "partly memorised"), (0.9, 0.8, "memorised"), (0.22, 0.1, "not learned")],
)
def test_the_verdict_goes_by_what_was_recovered_and_memorised(recovered, memorized, verdict):
    made = facts(recovered, (memorized, 0.1))
    made["runs"][0]["curves"]["recovered"] = [0.1, recovered, 0.2 if verdict == "not learned" else recovered]
    assert verdict_of(made) == verdict
    assert ("does not happen" in conclude(made)[0]) == (verdict == "not learned")


def test_it_names_the_lambda_that_memorises_and_the_one_that_costs():
    said = " ".join(conclude(facts(0.9, (0.6, 0.1))))
    assert "1 memorises 60.0%, 3 memorises 10.0%" in said
    assert "smallest that keeps both is lambda 3" in said
    said = " ".join(conclude(facts(0.9, (0.1, 0.05), agreement=(0.7, 0.5))))
    assert "clearly lower at lambda 3 (50.0%)" in said
    assert "smallest that keeps both is lambda 1" in said


@pytest.mark.slow
def test_asked_on_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    request = (
        "diagnose digits --limit 300 --method ce --network linear --epochs 2 --lambdas none --out d --quiet --json"
    )
    with pytest.raises(SystemExit) as done:
        main(request.split())
    out, err = capsys.readouterr()
    assert (done.value.code, err) == (0, "")
    assert json.loads(out)["planted"] == {"random": 15, "likeness": 15}
    with pytest.raises(SystemExit) as done:
        main([*request.split(), "--share", "much"])
    assert done.value.code == 2
    assert "--share much: must be a number" in capsys.readouterr().err
