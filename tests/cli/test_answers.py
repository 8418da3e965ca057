"""Does a table on the terminal fit it, and speak of a picked epoch only where held-out labels picked one?"""

from typing import Any

import pytest

from earlylearn.cli.answers import as_options, print_summaries, print_table
from earlylearn.cli.study import COLUMNS
from earlylearn.errors import Mention


def summary(val: float | None) -> Any:
    accuracy = {"test_last": 0.8, "test_at_best_val": 0.83, "val_best": val, "val_last": val, "best_epoch": 7}
    issues = {"flagged": 3, "precision": None, "recall": None}
    return {"accuracy": accuracy, "label_issues": issues, "memorized_last": None, "seconds": 2.0}


def test_no_epoch_is_picked_where_no_labels_were_held_out(capsys: pytest.CaptureFixture[str]) -> None:
    print_summaries({"auto": summary(None)})
    assert "picked" not in capsys.readouterr().out
    print_summaries({"elr": summary(0.7)})
    told = capsys.readouterr().out
    assert "picked epoch: the one" in told
    assert "83.0%" in told
    print_summaries({"auto": summary(None), "elr": summary(0.7)})
    assert "none picked" in capsys.readouterr().out


@pytest.mark.parametrize("width", [40, 75, 80, 100, 200])
def test_a_comparison_fits_the_terminal_and_breaks_no_word_that_has_room(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    row = ["elr:lambda=1", 3, *["100.0 ±12.3"] * len(COLUMNS), "1.0"]
    print_table("means", ["name", "seeds", *COLUMNS.values(), "cost"], [row])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    if width >= 80:
        assert all(any(word in line for line in lines) for word in ("memorised", "picked", "issues", "100.0", "±12.3"))


@pytest.mark.parametrize(
    ("value", "told"), [(["a b", "c"], "--text 'a b' --text c"), (5, "--text 5"), ("t", "--text t")]
)
def test_a_repeated_option_is_told_whatever_stands_in_its_place(value: Any, told: str) -> None:
    assert as_options(Mention("setting", "text", literal=repr(value))) == told
