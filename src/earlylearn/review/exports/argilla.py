"""How does Argilla get the flagged rows, with suggestions?"""

import json
from pathlib import Path

from earlylearn.review.rows import Rows

OPENS = (
    "Argilla: [rg.Record(**line) for line in map(json.loads, open('{folder}/records.jsonl'))], suggestions as "
    "rg.Suggestion(**each); the labels of the question are in {folder}/labels.json"
)


def write(rows: Rows, folder: Path) -> None:
    """``records.jsonl``, a record per flagged row, and ``labels.json``, the classes."""
    flagged = rows.issues[rows.issues["is_label_issue"].to_numpy(bool)].sort_values("label_quality", kind="stable")
    with (folder / "records.jsonl").open("w", encoding="utf-8") as file:
        for name in flagged["id"].astype(str):
            index = rows.index(name)
            quality = float(rows.issues["label_quality"].iloc[index])
            found = rows.originals.file(index)
            text = rows.originals.describe(index) or name
            record = {
                "id": name,
                "fields": {"image": str(found.resolve())} if found is not None else {"text": text},
                "metadata": {"given_label": rows.given(name), "label_quality": quality},
                "suggestions": [
                    {
                        "question_name": "label",
                        "value": rows.suggested(name),
                        "score": 1 - quality,
                        "agent": "earlylearn",
                    }
                ],
            }
            file.write(json.dumps(record) + "\n")
    (folder / "labels.json").write_text(json.dumps(list(rows.data.classes)), encoding="utf-8")
