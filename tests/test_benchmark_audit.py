"""Does the comparison with others measure what it says, go on where it was, and say on its page where we lose?"""

import json

import numpy as np
import pandas as pd
import pytest

from benchmarks.audit import command
from benchmarks.audit.own import NOISES
from benchmarks.audit.page import goals, means_of, render
from benchmarks.audit.sets import LabelSet, labelled, sources
from benchmarks.audit.systems import SYSTEMS, judged_labels, judged_test
from earlylearn.data.sources import load


def label_set(wrong, *, rows=12, classes=3):
    true = np.arange(rows) % classes
    given = np.where(np.isin(np.arange(rows), wrong), (true + 1) % classes, true)
    x = np.random.default_rng(0).normal(size=(rows, 4)) + 4 * np.eye(4)[true]
    names = tuple(map(str, range(classes)))
    return LabelSet("made", "table", labelled("made", x, given, true, names), labelled("test", x, true, true, names))


def record(name, system, *, seed=0, **result):
    return {"set": name, "kind": "table", "rows": 9, "wrong": 0.2, "system": system, "seed": seed, "result": result}


def test_labels_are_judged_by_the_truth_and_a_swallowed_class_is_seen():
    given = label_set([0, 4])
    quality = np.linspace(0.5, 1, 12)
    quality[[0, 4]] = 0.0, 0.1
    flags = np.zeros(12, bool)
    flags[[0, 4, *np.flatnonzero(given.data.labels == 0)]] = True
    found = judged_labels(quality, flags, given)
    assert found["ap"] == 1.0
    assert found["recall"] == 1.0
    assert found["precision"] == pytest.approx(2 / flags.sum())
    assert found["swallowed"] == 1


def test_calibration_is_the_gap_between_confidence_and_accuracy():
    given = label_set([])
    sure = np.full((12, 3), 0.1)
    sure[:, 0] = 0.8  # right on a third
    found = judged_test(sure, given)
    assert found["test"] == pytest.approx(1 / 3)
    assert found["calibration"] == pytest.approx(0.8 - 1 / 3)


def test_every_peer_learns_what_is_easy():
    given = label_set([0, 4, 8], rows=120)
    for name in ("lr", "cleanlab, logistic regression", "CleanLearning"):
        found = SYSTEMS[name].run(given, 0)
        assert found.get("test", 1.0) == 1.0
        assert found.get("ap", 1.0) == 1.0


def test_the_goals_name_the_sets_on_which_we_lose():
    flags = {"top": 0.5, "precision": 0.5, "recall": 0.5}
    ours = {"test": 0.80, "calibration": 0.1, "ap": 0.5, "seconds": 1.0, "swallowed": 1, "warned": True, **flags}
    records = [
        record("won", "default", **ours),
        record("won", "ce", test=0.70, calibration=0.2),
        record("won", "cleanlab, same network", ap=0.4, seconds=2.0, **flags),
        record("lost", "default", **{**ours, "warned": False}),
        record("lost", "ce", test=0.85, calibration=0.2),
        record("lost", "ce", seed=1, test=0.83, calibration=0.2),
        record("lost", "cleanlab, same network", ap=0.6, seconds=0.5, **flags),
    ]
    test, ahead, ap, _, compute, swallowed = goals(means_of(records))
    assert "on 1 of 2 label sets; mean +0.030, worst -0.040. Does not hold: lost -0.040 (cross-entropy)" in test
    assert "cross-entropy 1 of 2" in ahead
    assert ahead.endswith("Does not hold")
    assert "lost -0.100 (cleanlab, 5-fold network)" in ap
    assert "on 1 of 2 label sets" in compute
    assert swallowed.endswith("on lost")
    assert "| lost | 0.800 |" in render(records)


def test_the_page_is_made_of_the_results_that_are_kept():
    assert command.PAGE.read_text(encoding="utf-8") == render(command.read(command.RESULTS))


@pytest.mark.slow
def test_what_a_folder_holds_is_found_and_what_is_measured_is_not_measured_again(tmp_path, capsys):
    (tmp_path / "tables").mkdir()
    given = label_set([0, 4, 8], rows=60)
    arrays = {"x": given.data.inputs, "y": given.data.labels, "true": given.data.true_labels}
    np.savez(tmp_path / "tables/made.npz", **arrays, x_test=given.test.inputs, y_test=given.test.labels)
    names = [source.name for source in sources(tmp_path)]
    assert names[0] == "made"
    assert "digits-sym40" in names
    assert not any(name.startswith(("trec", "labelme", "cifar")) for name in names)
    asked = ["made", "--data", str(tmp_path), "--seeds", "2", "--workers", "1", "--page", str(tmp_path / "page.md")]
    asked += ["--results", str(tmp_path / "r.jsonl"), "--only", "lr", "CleanLearning"]
    command.main(asked)
    lines = (tmp_path / "r.jsonl").read_text().splitlines()
    assert [(each["system"], each["seed"]) for each in map(json.loads, lines)] == [
        ("lr", 0),
        ("CleanLearning", 0),
        ("CleanLearning", 1),
    ]
    command.main(asked)
    assert (tmp_path / "r.jsonl").read_text().splitlines() == lines
    command.main([*asked, "--again", "lr"])
    assert len((tmp_path / "r.jsonl").read_text().splitlines()) == 4
    assert len(command.read(tmp_path / "r.jsonl")) == 3
    assert "| made |" in (tmp_path / "page.md").read_text()
    with pytest.raises(SystemExit):
        command.main(["nonesuch", "--data", str(tmp_path)])
    assert "nonesuch: is not there" in capsys.readouterr().err


def test_a_table_of_ones_own_becomes_label_sets_of_every_kind_of_noise(tmp_path):
    (tmp_path / "own").mkdir()
    rng = np.random.default_rng(0)
    kind = np.repeat(["often", "seldom", "rare"], [40, 20, 10])
    frame = pd.DataFrame({"label": kind, "size": rng.normal(size=70), "color": rng.choice(["red", "blue"], 70)})
    frame.loc[3, "size"] = np.nan
    frame.to_csv(tmp_path / "own/made.csv", index=False)
    known = command.every(tmp_path)
    names = command.named("own", known)
    assert names == command.named("own/made", known) == [f"own/made-{noise}" for noise in NOISES]
    assert command.named("own/made-sym20", known) == ["own/made-sym20"]
    for name in names:
        given = known[name].read(0)
        assert len(given.data) == 49
        assert len(given.test) == 21
        assert 0 < given.wrong.mean() < 0.6
        assert known[name].long
    given = known["own/made-min30"].read(0)
    changed = given.data.labels[given.wrong]
    assert {given.data.classes[k] for k in changed} == {"often"}
    assert {given.data.classes[k] for k in given.data.true_labels[given.wrong]} == {"rare"}
    asked = given.write(tmp_path)
    again = load(asked.data, **asked.settings)
    np.testing.assert_array_equal(again.train.inputs, given.data.inputs)
    np.testing.assert_array_equal(again.train.labels, given.data.labels)
    np.testing.assert_array_equal(again.train.true_labels, given.data.true_labels)
    assert list(asked.test.columns) == ["size", "color"]


@pytest.mark.slow
def test_the_defaults_and_the_five_fold_network_are_measured():
    given = label_set([0, 4, 8], rows=90)
    for name in ("default", "cleanlab, same network", "ce", "hgb"):
        found = SYSTEMS[name].run(given, 0)
        assert found.get("test", 1.0) > 0.9
        assert found.get("ap", 1.0) > 0.9
        assert found["seconds"] > 0
