"""How does FiftyOne get the pictures, their labels and what is doubted of them?"""

import json
import os
from pathlib import Path

from earlylearn.errors import UsageError
from earlylearn.review.rows import Rows

OPENS = (
    "FiftyOne: fiftyone.Dataset.from_dir({folder}, dataset_type=fiftyone.types.FiftyOneImageClassificationDataset); "
    "filter by ground_truth.is_label_issue"
)


def write(rows: Rows, folder: Path) -> None:
    """``data/`` (links to the pictures) and ``labels.json``: given labels, with what is doubted as attributes."""
    if not rows.originals.has_pictures:
        raise UsageError("FiftyOne shows pictures, and these data have none; choose another format")
    (folder / "data").mkdir()
    labels = {}
    issues = rows.issues
    for index, name in enumerate(str(each) for each in rows.data.ids):
        key = f"{index:07d}"
        file = rows.originals.file(index)
        if file is not None:
            os.symlink(file.resolve(), folder / "data" / f"{key}{file.suffix}")
        else:
            picture = rows.originals.picture(index)
            (folder / "data" / f"{key}.png").write_bytes(picture.content if picture else b"")
        labels[key] = {
            "label": rows.data.classes.index(rows.given(name)),
            "confidence": float(issues["label_quality"].iloc[index]),
            "attributes": {
                "id": name,
                "predicted_label": str(issues["predicted_label"].iloc[index]),
                "label_quality": float(issues["label_quality"].iloc[index]),
                "is_label_issue": bool(issues["is_label_issue"].iloc[index]),
            },
        }
    document = {"classes": list(rows.data.classes), "labels": labels}
    (folder / "labels.json").write_text(json.dumps(document), encoding="utf-8")
