"""Does the record of a run stand for it: found however it is asked, taken up from elsewhere, refused if broken?"""

import json

import pytest

from earlylearn.errors import UsageError
from earlylearn.files import read_json, write_json
from earlylearn.runs.train import train
from earlylearn_paper.collect import collect
from earlylearn_paper.records import Records, asked, file_name, key, read_record, record_of
from earlylearn_paper.reproduce import reproduce
from earlylearn_paper.work import Unfinished
from tests.conftest import blobs

TINY = {"data": "digits", "noise": "symmetric:0.4", "recipe": "small-data", "network": "linear", "limit": 120}
TINY |= {"epochs": 2, "seeds": 1, "test_every": 1}


def test_one_run_has_one_name_however_it_is_put():
    fast = {"data": "cifar10", "noise": "symmetric:0.4", "recipe": "cifar10-fast"}
    plain = asked("elr", 0, fast)
    assert key(plain) == key(asked("elr:lam=3:beta=0.7", 0, {**fast, "data_dir": "/there", "seeds": 5}))
    assert key(plain) == key(asked("elr", 0, {**fast, "network": "whitened-cnn", "epochs": 40}))
    others = [
        asked("elr", 1, fast),
        asked("ce", 0, fast),
        asked("elr:lam=1", 0, fast),
        asked("elr", 0, {**fast, "epochs": 20}),
        asked("elr", 0, {**fast, "noise": "symmetric:0.2"}),
    ]
    assert len({key(each) for each in [plain, *others]}) == 6
    labels = asked("ce", 0, {"data": "cifar10", "labels": "/a/b/labels.npz:worst"})
    assert labels["settings"]["labels"] == "labels.npz:worst"
    assert file_name(labels).startswith("cifar10-labels.npz_worst-ce-0-")


def test_a_record_names_no_folder_of_the_machine_also_where_the_run_was_resumed(tmp_path):
    run = train(blobs(n=60), "ce", epochs=1, out=tmp_path / "run", quiet=True)
    environment = read_json(run.folder.environment)
    command = [str(tmp_path / "train.py"), "--out", str(tmp_path)]
    write_json(run.folder.environment, {**environment, "command": command, "resumed": [{"command": command}]})
    record = record_of(asked("ce", 0, {"data": "blobs", "epochs": 1}), run.folder)
    assert record["environment"]["torch"] == environment["torch"]
    assert str(tmp_path) not in json.dumps(record)


@pytest.mark.slow
def test_a_recorded_run_is_not_made_again_and_can_be_collected_elsewhere(tmp_path, monkeypatch):
    page = tmp_path / "docs" / "page.md"
    done = reproduce("figure-2", scale="medium", out=tmp_path / "here", quiet=True, training=TINY)
    assert [row["method"] for row in done.document["runs"]] == ["ce", "elr (lam 5, beta 0.7)"]
    records = sorted((tmp_path / "here" / "records").glob("*.json"))
    assert len(records) == 2
    assert str(tmp_path) not in records[0].read_text()

    def never(*_, **__):
        raise AssertionError("trained again")

    monkeypatch.setattr("earlylearn_paper.work.compare", never)
    monkeypatch.setitem(_experiment("figure-2").medium.settings, "training", TINY)
    again = reproduce("figure-2", scale="medium", out=tmp_path / "here", quiet=True)
    assert again.document["verdicts"] == done.document["verdicts"]
    packed = tmp_path / "packed"
    packed.mkdir()
    lines = [json.dumps(read_record(path)) for path in records]
    (packed / "records.jsonl").write_text("\n".join(lines))
    made = collect(packed, out=tmp_path / "there", page=page)
    assert [(each.document["name"], each.document["scale"]) for each in made] == [("figure-2", "medium")]
    assert made[0].document["verdicts"] == done.document["verdicts"]
    assert {path.name for path in (tmp_path / "docs" / "page" / "runs").iterdir()} == {path.name for path in records}
    with pytest.raises(Unfinished):
        reproduce("figure-2", scale="full", out=tmp_path / "there", quiet=True, collect=True)


def _experiment(name):
    from earlylearn_paper import EXPERIMENTS

    return EXPERIMENTS[name]


def test_what_is_no_record_is_refused_and_nothing_is_taken_up(tmp_path):
    page = tmp_path / "page.md"
    with pytest.raises(UsageError, match="has no record"):
        collect(tmp_path, out=tmp_path / "out", page=page)
    (tmp_path / "records.jsonl").write_text("{")
    with pytest.raises(UsageError, match=r"records.jsonl, line 1: is no JSON"):
        collect(tmp_path, out=tmp_path / "out", page=page)
    (tmp_path / "records.jsonl").write_text('{"asked": 1}')
    with pytest.raises(UsageError, match=r"line 1: is no record of a run"):
        collect(tmp_path, out=tmp_path / "out", page=page)
    assert [path.name for path in tmp_path.iterdir()] == ["records.jsonl"]
    name = file_name(asked("ce", 0, {"data": "digits"}))
    (tmp_path / name).write_text("[]")
    with pytest.raises(UsageError, match="is no record"):
        Records(tmp_path).find(asked("ce", 0, {"data": "digits"}))
