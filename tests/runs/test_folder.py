"""Is all that a run writes its own, and nothing else ever deleted by overwriting it?"""

import pytest

from earlylearn.errors import UsageError
from earlylearn.runs.train import train

QUICK = {"limit": 60, "network": "linear", "epochs": 1, "quiet": True}


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.slow
def test_a_run_replaces_every_file_of_the_run_before_it(tmp_path):
    out = tmp_path / "run"
    train("digits", out=out, **QUICK)
    written = names(out)
    (out / "summary.json").write_text("stale")
    train("digits", out=out, overwrite=True, **QUICK)
    assert names(out) == written
    assert "stale" not in (out / "summary.json").read_text()


@pytest.mark.parametrize("document", ['{"my": "work"}', '{"name": "somebody else"}', '{"inputs": {}}', "[]", "weights"])
@pytest.mark.parametrize("beside", ["summary.json", "checkpoint/model.pt", "report.html"])
def test_a_folder_that_only_looks_like_a_run_is_left_as_it_is(tmp_path, document, beside):
    out = tmp_path / "project"
    (out / "checkpoint").mkdir(parents=True)
    (out / "config.json").write_text(document)
    (out / beside).write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(UsageError, match=r"not a run of earlylearn \(its config.json is another's\)"):
            train("digits", out=out, overwrite=overwrite, **QUICK)
    assert names(out) == sorted(["config.json", beside])
    assert (out / "config.json").read_text() == document


def test_decisions_of_a_review_are_not_lost(tmp_path):
    out = tmp_path / "run"
    train("digits", out=out, **QUICK)
    (out / "review").mkdir()
    (out / "review" / "anna.jsonl").write_text("a decision")
    with pytest.raises(UsageError, match=r"holds review/anna.jsonl, which is not part of a run; move it away"):
        train("digits", out=out, overwrite=True, **QUICK)
    assert (out / "review" / "anna.jsonl").read_text() == "a decision"
