"""How does the Hugging Face library `datasets` get the rows with what is doubted of their labels?"""

import json
from pathlib import Path

from earlylearn.review.rows import Rows

OPENS = "datasets: datasets.load_dataset('json', data_files='{folder}/rows.jsonl')"


def write(rows: Rows, folder: Path) -> None:
    """``rows.jsonl``: every row, its own cells or the path of its picture, and the columns of ``label_issues.csv``."""
    columns = [name for name in rows.issues.columns if name not in ("id", "index")]
    with (folder / "rows.jsonl").open("w", encoding="utf-8") as file:
        for index, name in enumerate(str(each) for each in rows.data.ids):
            found = rows.originals.file(index)
            row = {"id": name, **({"image": str(found.resolve())} if found is not None else {})}
            row |= {f"input_{column}": value for column, value in rows.originals.cells(index)}
            issue = json.loads(rows.issues.iloc[index][columns].to_json())
            file.write(json.dumps({**row, **issue}) + "\n")
