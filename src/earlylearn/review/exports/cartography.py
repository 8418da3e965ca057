"""How do the per-example training dynamics reach tools made for AUM and for dataset cartography?"""

import json
from pathlib import Path

import pandas as pd

from earlylearn.errors import UsageError
from earlylearn.review.rows import Rows

OPENS_AUM = "aum: {folder}/aum_values.csv has the columns sample_id and aum, as its own calculator writes them"
OPENS = "cartography: {folder}/td_metrics.jsonl has guid, index, confidence, variability and correctness per line"


def write_aum(rows: Rows, folder: Path) -> None:
    """``aum_values.csv``: the area under the margin (Pleiss et al. 2020) of every row, the lowest first."""
    frame = pd.DataFrame({"sample_id": rows.issues["id"], "aum": rows.issues["margin"]})
    frame.sort_values("aum", kind="stable").to_csv(folder / "aum_values.csv", index=False)


def write(rows: Rows, folder: Path) -> None:
    """``td_metrics.jsonl``: mean and standard deviation of the given label's probability, epochs that predicted it."""
    needed = {"mean_probability", "variability", "missed", "epochs_seen"}
    if not needed <= set(rows.issues.columns):
        raise UsageError("this run kept no probabilities over the epochs; train it again")
    with (folder / "td_metrics.jsonl").open("w", encoding="utf-8") as file:
        for index, row in rows.issues.iterrows():
            line = {
                "guid": row["id"],
                "index": index,
                "confidence": row["mean_probability"],
                "variability": row["variability"],
                "correctness": int(row["epochs_seen"] - row["missed"]),
            }
            file.write(json.dumps(line) + "\n")
