"""Do other tools get what they read, and do decisions come back from one of them?"""

import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest

from earlylearn.data.originals import Originals
from earlylearn.errors import UsageError
from earlylearn.review.bundle import take_in
from earlylearn.review.desk import Review
from earlylearn.review.exports import EXPORTERS, export, label_studio
from earlylearn.review.rows import Rows
from tests.conftest import blobs
from tests.review.shapes import shapes_review


@pytest.fixture
def rows(tmp_path):
    review, _ = shapes_review(tmp_path)
    return review.rows


@pytest.fixture
def table_rows(tmp_path):
    """Rows of a table, with probabilities and training dynamics."""
    data = blobs(60)
    frame = pd.DataFrame(data.inputs, columns=[f"x{k}" for k in range(8)]).assign(
        key=data.ids, note="said: <b>cat</b>", kind=[data.classes[k] for k in data.labels]
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    beliefs = np.eye(3)[data.true_labels] * 0.8 + 0.2 / 3
    issues = pd.DataFrame(
        {
            "id": data.ids,
            "index": np.arange(60),
            "given_label": frame["kind"],
            "predicted_label": [data.classes[k] for k in data.true_labels],
            "label_quality": beliefs[np.arange(60), data.labels],
            "is_label_issue": data.labels != data.true_labels,
            "missed": 3,
            "epochs_seen": 10,
            "mean_probability": 0.7,
            "variability": 0.1,
            "margin": np.linspace(-1, 1, 60),
        }
    )
    originals = Originals(data, tmp_path / "t.csv", id_column="key", hide=["kind", "key"], show=["note"])
    return Rows(data, issues, originals, beliefs=beliefs)


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_label_studio_gets_pictures_labels_and_suggestions_and_gives_decisions_back(rows, tmp_path):
    said = export(rows, "label-studio", tmp_path / "ls")
    assert "config.xml" in said
    assert "LOCAL_FILES_SERVING_ENABLED" in said
    tasks = json.loads((tmp_path / "ls" / "tasks.json").read_text())
    assert len(tasks) == rows.issues["is_label_issue"].sum()
    assert [task["predictions"][0]["score"] for task in tasks] == sorted(
        task["predictions"][0]["score"] for task in tasks
    )
    first = tasks[0]
    assert first["data"]["image"] == f"/data/local-files/?d={first['data']['earlylearn_id']}"
    interface = ElementTree.fromstring((tmp_path / "ls" / "config.xml").read_text())
    assert [choice.get("value") for choice in interface.iter("Choice")] == ["circle", "square"]
    assert first["annotations"][0]["result"][0]["from_name"] == interface.find("Choices").get("name")

    answers = [first["predictions"][0]["result"], first["annotations"][0]["result"], []]
    done = [{**first, "annotations": [{"id": k, "result": answer}]} for k, answer in enumerate(answers)]
    (tmp_path / "done.json").write_text(json.dumps(done))
    decisions = label_studio.read(tmp_path / "done.json")
    assert [each.decision for each in decisions] == ["relabel", "keep", "unsure"]
    assert decisions[0].label == rows.suggested(decisions[0].id)
    review = Review(rows, tmp_path / "review")
    assert take_in(review, [tmp_path / "done.json"]) == {"done": 3}
    assert take_in(review, [tmp_path / "done.json"]) == {"done": 0}
    (tmp_path / "done.json").write_text('[{"data": {}}]')
    with pytest.raises(UsageError, match="task 0"):
        label_studio.read(tmp_path / "done.json")


def test_a_table_is_text_in_label_studio(table_rows, tmp_path):
    export(table_rows, "label-studio", tmp_path / "ls")
    task = json.loads((tmp_path / "ls" / "tasks.json").read_text())[0]
    assert task["data"]["text"] == "note: said: <b>cat</b>"
    assert "<Text" in (tmp_path / "ls" / "config.xml").read_text()


def test_fiftyone_gets_links_and_attributes(rows, table_rows, tmp_path):
    export(rows, "fiftyone", tmp_path / "voxel")
    document = json.loads((tmp_path / "voxel" / "labels.json").read_text())
    assert len(document["labels"]) == len(rows.data) == len(list((tmp_path / "voxel" / "data").iterdir()))
    for key, label in document["labels"].items():
        name = label["attributes"]["id"]
        assert document["classes"][label["label"]] == rows.given(name)
        assert (tmp_path / "voxel" / "data" / f"{key}.png").resolve() == rows.originals.path / name
    with pytest.raises(UsageError, match="shows pictures"):
        export(table_rows, "fiftyone", tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_argilla_and_hugging_face_get_a_line_per_row(table_rows, tmp_path):
    export(table_rows, "argilla", tmp_path / "ar")
    records = lines(tmp_path / "ar" / "records.jsonl")
    assert len(records) == table_rows.issues["is_label_issue"].sum()
    assert records[0]["suggestions"][0]["value"] == table_rows.suggested(records[0]["id"])
    export(table_rows, "huggingface", tmp_path / "hf")
    written = lines(tmp_path / "hf" / "rows.jsonl")
    assert len(written) == 60
    assert written[0]["input_note"] == "said: <b>cat</b>"
    assert {"given_label", "label_quality", "is_label_issue"} <= set(written[0])


def test_cleanlab_gets_probabilities_in_the_order_of_the_classes(rows, table_rows, tmp_path):
    export(table_rows, "cleanlab", tmp_path / "cl")
    with np.load(tmp_path / "cl" / "pred_probs.npz") as file:
        assert file["pred_probs"].shape == (60, 3)
        assert file["labels"].tolist() == table_rows.data.labels.tolist()
        assert file["classes"].tolist() == list(table_rows.data.classes)
    with pytest.raises(UsageError, match="no probabilities"):
        export(rows, "cleanlab", tmp_path / "none")


def test_aum_and_cartography_get_the_dynamics(table_rows, tmp_path):
    export(table_rows, "aum", tmp_path / "aum")
    frame = pd.read_csv(tmp_path / "aum" / "aum_values.csv")
    assert list(frame) == ["sample_id", "aum"]
    assert frame["aum"].is_monotonic_increasing
    export(table_rows, "cartography", tmp_path / "dc")
    line = lines(tmp_path / "dc" / "td_metrics.jsonl")[0]
    assert (line["correctness"], line["confidence"], line["variability"]) == (7, 0.7, 0.1)


def test_an_unknown_tool_and_a_folder_that_is_there(rows, tmp_path):
    with pytest.raises(UsageError, match="choose from"):
        export(rows, "excel", tmp_path / "x")
    (tmp_path / "there").mkdir()
    for tool in EXPORTERS:
        with pytest.raises(UsageError, match="exists already"):
            export(rows, tool, tmp_path / "there")
