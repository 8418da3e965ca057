"""Does the terminal speak of a picked epoch only where held-out labels picked one?"""

from typing import Any

import pytest

from earlylearn.cli.answers import print_summaries


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
