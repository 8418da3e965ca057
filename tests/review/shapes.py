"""What do tests of the review share: a small folder of pictures, a table, and a run's flags on them?"""

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from earlylearn.data.originals import Originals
from earlylearn.data.sources import load
from earlylearn.review.desk import Review
from earlylearn.review.rows import Rows

CLASSES = ("circle", "square")


def draw_shapes(folder, n=24, wrong=4):
    """``folder/<class>/NN.png``, circles and squares; the first ``wrong`` lie in the other class's folder."""
    true = {}
    for i in range(n):
        kind = i % 2
        given = 1 - kind if i < wrong else kind
        image = Image.new("RGB", (120, 90), (230, 230, 210))
        shape = ImageDraw.Draw(image)
        (shape.ellipse if kind == 0 else shape.rectangle)((30, 20, 80 + i % 5, 70), fill=(40, 60, 10 * i))
        path = folder / CLASSES[given] / f"{i:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)
        true[f"{CLASSES[given]}/{i:02d}.png"] = CLASSES[kind]
    return true


def flags(data, true, *, also=2):
    """A frame as of a run: wrong labels flagged, and a few right ones after them."""
    given = [data.classes[k] for k in data.labels]
    ids = [str(name) for name in data.ids]
    wrong = [true[name] != label for name, label in zip(ids, given, strict=True)]
    right = [row for row in range(len(ids)) if not wrong[row]]
    flagged = np.array(wrong)
    flagged[right[:also]] = True
    other = {CLASSES[0]: CLASSES[1], CLASSES[1]: CLASSES[0]}
    quality = np.where(wrong, 0.1, np.where(flagged, 0.4, 0.9)) + np.arange(len(ids)) * 1e-4
    return pd.DataFrame(
        {
            "id": ids,
            "index": np.arange(len(ids)),
            "given_label": given,
            "predicted_label": [other[g] if f else g for g, f in zip(given, flagged, strict=True)],
            "label_quality": quality,
            "is_label_issue": flagged,
        }
    )


def shapes_review(tmp_path, n=24, wrong=4, **options):
    """A review of drawn shapes, and the true label of each row."""
    true = draw_shapes(tmp_path / "shapes", n, wrong)
    data = load(str(tmp_path / "shapes")).train
    rows = Rows(data, flags(data, true), Originals(data, tmp_path / "shapes"))
    return Review(rows, tmp_path / "run" / "review", **options), true


ODD = ("billing", "<b>R&D</b>, sales & more", "price, list 🎉", "a name of a class that goes on " * 6, *"abcdefgh")


def tickets_review(tmp_path, n=48, wrong=9, **options):
    """A review of a table with a column of text and a dozen oddly named classes, and the true label of each row."""
    generator = np.random.default_rng(0)
    true = {f"T-{k:03}": ODD[k % len(ODD)].strip() for k in range(n)}
    frame = pd.DataFrame({"ticket": list(true), "size": generator.normal(size=n).round(3)})
    frame["body"] = [f"Words of ticket {k}. " * (1 + k % 40) for k in range(n)]
    frame["team"] = list(true.values())
    frame.loc[: wrong - 1, "team"] = np.roll(frame["team"], 1)[:wrong]
    path = tmp_path / "tickets.csv"
    frame.to_csv(path, index=False)
    data = load(str(path), label="team", drop=["body"], id_column="ticket").train
    given = [data.classes[k] for k in data.labels]
    issues = pd.DataFrame({"id": list(true), "index": range(n), "given_label": given})
    issues["predicted_label"] = [true[name] for name in true]
    issues["is_label_issue"] = issues["predicted_label"] != issues["given_label"]
    issues["label_quality"] = np.where(issues["is_label_issue"], 0.1, 0.9) + np.arange(n) * 1e-4
    issues["reason"] = np.where(issues["is_label_issue"], "the model calls it otherwise", "")
    beliefs = generator.dirichlet(np.ones(len(data.classes)), n).astype(np.float32) * 0.3
    beliefs[range(n), [data.classes.index(name) for name in issues["predicted_label"]]] += 0.7
    originals = Originals(data, path, id_column="ticket", hide=["team", "ticket"])
    return Review(Rows(data, issues, originals, beliefs), tmp_path / "run" / "review", **options), true
