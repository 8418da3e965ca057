"""How does Label Studio get the flagged rows, and how do its answers come back?"""

import json
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from earlylearn.data.originals import Originals
from earlylearn.errors import UsageError
from earlylearn.files import read_json, write_json
from earlylearn.review.decisions import Decision
from earlylearn.review.rows import Rows

OPENS = (
    "Label Studio: paste {folder}/config.xml as the labelling interface, import {folder}/tasks.json, and choose the "
    "model version earlylearn under Annotation > Live Predictions; pictures need LOCAL_FILES_SERVING_ENABLED=true and "
    "LOCAL_FILES_DOCUMENT_ROOT set to the data's folder"
)
MODEL = "earlylearn"


def write(rows: Rows, folder: Path) -> None:
    """``tasks.json`` (given labels as annotations, suggestions as predictions) and ``config.xml``."""
    flagged = rows.issues[rows.issues["is_label_issue"].to_numpy(bool)].sort_values("label_quality", kind="stable")
    pictures = rows.originals.has_pictures
    tasks = [_task(rows, str(name), pictures) for name in flagged["id"]]
    write_json(folder / "tasks.json", tasks)
    (folder / "config.xml").write_text(_interface(rows.data.classes, pictures), encoding="utf-8")


def _task(rows: Rows, name: str, pictures: bool) -> dict[str, Any]:
    index = rows.index(name)
    shown = {"image": _address(rows.originals, index)} if pictures else {"text": rows.originals.describe(index)}
    quality = float(rows.issues["label_quality"].iloc[index])
    return {
        "data": {**shown, "earlylearn_id": name, "given_label": rows.given(name)},
        "annotations": [{"result": [_choice(rows.given(name), pictures)]}],
        "predictions": [
            {"model_version": MODEL, "score": quality, "result": [_choice(rows.suggested(name), pictures)]}
        ],
    }


def _choice(label: str, pictures: bool) -> dict[str, Any]:
    to = "image" if pictures else "text"
    return {"from_name": "label", "to_name": to, "type": "choices", "value": {"choices": [label]}}


def _address(originals: Originals, index: int) -> str:
    """As Label Studio serves local files: relative to its document root."""
    file = originals.file(index)
    if file is None:
        raise UsageError("the pictures of these data have no files of their own; export the data as a folder first")
    assert originals.path is not None
    root = originals.path if originals.path.is_dir() else originals.path.parent
    return f"/data/local-files/?d={file.relative_to(root).as_posix()}"


def _interface(classes: tuple[str, ...], pictures: bool) -> str:
    shown = '<Image name="image" value="$image"/>' if pictures else '<Text name="text" value="$text"/>'
    to = "image" if pictures else "text"
    choices = "\n".join(f"    <Choice value={quoteattr(name)}/>" for name in classes)
    return (
        f'<View>\n  {shown}\n  <Choices name="label" toName="{to}" choice="single">\n{choices}\n  </Choices>\n</View>\n'
    )


def read(path: Path) -> list[Decision]:
    """Decisions of a JSON export of Label Studio; a cancelled task is one that could not be told.

    Raises:
        UsageError: the file is no such export.
    """
    tasks = read_json(path)
    if not isinstance(tasks, list):
        raise UsageError(f"{path}: is no JSON export of Label Studio; export the project as JSON")
    decisions = []
    for number, task in enumerate(tasks):
        try:
            data, annotation = task["data"], task["annotations"][-1]
            name, given = str(data["earlylearn_id"]), str(data["given_label"])
            unsure = bool(annotation.get("was_cancelled")) or not annotation["result"]
            label = None if unsure else str(annotation["result"][0]["value"]["choices"][0])
        except (KeyError, IndexError, TypeError, AttributeError):
            raise UsageError(
                f"{path}: task {number} is not of a project made from our tasks.json ({json.dumps(task)[:60]}); "
                "export that project as JSON"
            ) from None
        decision = "unsure" if label is None else "keep" if label == given else "relabel"
        decisions.append(
            Decision(
                uuid=f"label-studio-{annotation.get('id', number)}-{annotation.get('updated_at', '')}",
                id=name,
                given=given,
                decision=decision,  # type: ignore[arg-type]
                label=label if decision == "relabel" else None,
            )
        )
    return decisions
