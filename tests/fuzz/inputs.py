"""Which odd tables, images, arrays and label files are there, and what must hold of those that are accepted?"""

import csv
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from earlylearn.data.labelled import LabelledData
from earlylearn.data.sources import load, read_unlabelled
from tests.fuzz.judge import Wrong

Rng = np.random.Generator
CELLS = (
    "=1+1",
    "\x1b[31mred",
    "'",
    '"',
    "ü",
    "日本語",
    "a\nb",
    "a,b",
    "NULL",
    "nan",
    "1e400",
    "-",
    "?",
    " ",
    "0x1F",
    "١٢",
)


def pick(rng: Rng, values: Any) -> Any:
    """One of some values."""
    return values[int(rng.integers(len(values)))]


def a_table(rng: Rng, folder: Path) -> str:
    """A table of random columns, one thing odd about it."""
    n = int(rng.integers(2, 80))
    names = [f"c{k}" for k in range(int(rng.integers(1, 5)))]
    columns: dict[str, list[Any]] = {name: _column(rng, n) for name in names}
    kind = pick(rng, _CLASSES)
    columns["y"] = [pick(rng, kind) for _ in range(n)]
    odd = pick(rng, _ODDITIES)
    path = _written(rng, folder, columns, odd)
    data = load(str(path), label="y", missing=pick(rng, ["refuse", "impute"])).train
    if odd == "twice":
        raise Wrong("a column of a name that is there already was accepted")
    if (
        odd in ("counter", "leak")
        and n >= 40
        and not data.notes
        and len(set(columns["y"])) > 1
        and _balanced(columns["y"])
    ):
        raise Wrong(f"nothing was told of a column that is a {odd}")
    if odd != "bytes":
        _check_table(data, columns, path)
    again = read_unlabelled(str(path), data.schema)
    if len(again.inputs) != n and odd != "bytes":
        raise Wrong(f"{len(again.inputs)} rows are read of {n}")
    if not np.array_equal(again.inputs[places_of(data)], data.inputs):
        raise Wrong("the same table read to predict gives other inputs")
    return "clean"


def _written(rng: Rng, folder: Path, columns: dict[str, list[Any]], odd: str) -> Path:
    """The table as a file, with one thing odd about it; `columns` are changed with it."""
    header, names, n = list(columns), list(columns)[:-1], len(columns["y"])
    if odd == "twice":
        header[0] = pick(rng, ["y", names[-1] if len(names) > 1 else "y"])
    elif odd == "counter":
        columns[names[0]] = list(range(5, n + 5))
    elif odd == "leak":
        columns[names[0]] = [f"z{value}" for value in columns["y"]]
    elif odd in ("cell", "gap"):
        columns[pick(rng, header)][int(rng.integers(n))] = pick(rng, CELLS) if odd == "cell" else ""
    path = folder / pick(rng, ["t.csv", "t.tsv"])
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",")
        writer.writerow(header)
        writer.writerows(zip(*columns.values(), strict=True))
    if odd == "bytes":
        raw = bytearray(path.read_bytes())
        raw[int(rng.integers(len(raw)))] = int(rng.integers(256))
        path.write_bytes(bytes(raw))
    return path


_CLASSES = (("a", "b"), ("01", "1", "x"), (0, 1, 2), ("True", "False"), ("=x", "-1", "@y"), (1.0, 2.0), (-1, 1))
_ODDITIES = ("none", "none", "twice", "counter", "leak", "cell", "gap", "bytes")


def _balanced(values: list[Any]) -> bool:
    shares = np.unique([str(value) for value in values], return_counts=True)[1] / len(values)
    return bool((shares**2).sum() < 0.7)


def _column(rng: Rng, n: int) -> list[Any]:
    kind = pick(rng, ["float", "int", "large", "word", "bool", "comma", "unit", "mark", "code", "time"])
    numbers = rng.integers(0, 9, n)
    made: dict[str, Callable[[], list[Any]]] = {
        "float": lambda: rng.normal(size=n).round(3).tolist(),
        "int": numbers.tolist,
        "large": lambda: (10 ** int(rng.integers(7, 16)) + numbers * int(rng.integers(1, 99))).tolist(),
        "word": lambda: [pick(rng, ["red", "Red", "blue "]) for _ in range(n)],
        "bool": lambda: [bool(k % 2) for k in numbers],
        "comma": lambda: [f"{k},5" for k in numbers],
        "unit": lambda: [f"{k} kg" for k in numbers],
        "mark": lambda: [str(k) if k else "?" for k in numbers],
        "code": lambda: [f"0{k}" for k in numbers],
        "time": lambda: (1_700_000_000_000 + numbers * 60).tolist(),
    }
    return made[kind]()


def places_of(data: LabelledData) -> Any:
    """The rows of the file that these are."""
    return np.arange(len(data)) if data.places is None else data.places


def _check_table(data: LabelledData, columns: dict[str, list[Any]], path: Path) -> None:
    """Labels by row; and different values of a column of numbers are different inputs, unless it was told."""
    n = len(columns["y"])
    frame = pd.read_csv(path, sep="\t" if path.suffix == ".tsv" else ",", dtype=str, keep_default_na=False)
    if len(frame) != n:
        return  # a cell with a line's end, or an empty line
    for place, label in zip(places_of(data), data.labels, strict=True):
        was, now = frame["y"].iloc[place].strip(), data.classes[label]
        if was != now and not _same_number(was, now):
            raise Wrong(f"row {place} has the label {was!r}, read as {now!r}")
    at = 0
    for column in data.schema["columns"]:
        width = len(column.get("categories", [0]))
        if column["type"] == "number" and not any(repr(column["name"]) in note for note in data.notes):
            values = pd.to_numeric(frame[column["name"]].iloc[places_of(data)], errors="coerce").dropna()
            if len(np.unique(data.inputs[:, at])) < values.nunique():
                raise Wrong(
                    f"{values.nunique()} values of {column['name']} became {len(np.unique(data.inputs[:, at]))}"
                )
        at += width


def _same_number(was: str, now: str) -> bool:
    try:
        return float(was) == float(now)
    except ValueError:
        return was.lower() == now.lower() and now in ("True", "False")


def some_images(rng: Rng, folder: Path) -> str:
    """A folder of a few images of random modes, one of them odd."""
    top, bright = folder / "d", {}
    mode = pick(rng, ["L", "RGB", "RGBA", "I;16", "P", "1", "LA", "CMYK", "F"])
    side, depth = int(rng.integers(1, 20)), pick(rng, [1, 4, 257])
    for k in range(8):
        file = top / "ab"[k % 2] / f"{k}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        level = 20 + 25 * k
        suffix, image = _image(mode, level, side, depth)
        file = file.with_suffix(suffix)
        image.save(file)
        bright[file.relative_to(top).as_posix()] = level
    odd = pick(rng, ["none", "cut", "pipe", "loop", "suffix", "other", "empty"])
    _spoil_folder(rng, top, top / pick(rng, list(bright)), odd)
    data = load(str(top), image_size=pick(rng, [None, 8]), skip_unreadable=bool(rng.integers(2))).train
    if odd in ("suffix", "loop") and not data.notes:
        raise Wrong(f"{odd}: nothing was told")
    if len(set(data.ids.tolist())) != len(data) or len(data) > 8:
        raise Wrong(f"{len(data)} rows of 8 files")
    if mode in ("L", "RGB", "I;16", "LA", "RGBA"):
        means = data.inputs.reshape(len(data), -1).astype(float).mean(1)
        order = [bright.get(name, 0) for name in data.ids[np.argsort(means, kind="stable")]]
        if order != sorted(order):
            raise Wrong(f"brighter files of mode {mode} are not brighter inputs")
    return "clean"


def _spoil_folder(rng: Rng, top: Path, victim: Path, odd: str) -> None:
    if odd == "cut":
        victim.write_bytes(victim.read_bytes()[: int(rng.integers(60))])
    elif odd == "pipe":
        os.mkfifo(top / "a" / "p.png")
    elif odd == "loop":
        (top / "a" / "loop").symlink_to("..")
    elif odd == "suffix":
        victim.rename(victim.with_suffix(".heic"))
    elif odd == "other":
        (top / "a" / "x.jpg").write_bytes(b"GIF89a nothing")
    elif odd == "empty":
        (top / "c").mkdir()


def _image(mode: str, level: int, side: int, depth: int) -> tuple[str, Image.Image]:
    grey = np.full((side, side), level, np.uint8)
    if mode == "I;16":
        return ".png", Image.fromarray(grey.astype(np.uint16) * depth)
    if mode == "F":
        return ".tiff", Image.fromarray(grey.astype(np.float32))
    if mode == "RGBA":  # the picture lies in the alpha channel
        return ".png", Image.fromarray(np.dstack([0 * grey, 0 * grey, 0 * grey, 255 - grey]), "RGBA")
    if mode == "CMYK":
        return ".tiff", Image.fromarray(grey).convert("CMYK")
    return ".png", Image.fromarray(grey).convert(mode)


def an_archive(rng: Rng, folder: Path) -> str:
    """An .npz of random types and shapes, perhaps with something missing or wrong."""
    n = int(rng.integers(2, 40))
    shape = pick(rng, [(3,), (1,), (2, 2), (8, 8), (8, 8, 3), (3, 8, 8), (1, 4, 4), (2, 3, 4, 5), ()])
    levels = rng.integers(0, 256, (n, *shape))
    dtype = pick(rng, ["uint8", "int64", "float32", "float64", "bool", "int8", "complex64", "U3", "float16"])
    x = (levels / pick(rng, [1, 255, 7])).astype(dtype) if dtype != "U3" else levels.astype(str)
    if dtype in ("float32", "float64") and rng.random() < 0.2 and x.size:
        x.flat[int(rng.integers(x.size))] = pick(rng, [np.nan, np.inf, -1e300 if dtype == "float64" else -1e30])
    if dtype == "int64" and rng.random() < 0.5:
        x = x + 10 ** int(rng.integers(3, 18))
    y: Any = rng.integers(0, 3, n)
    y = pick(rng, [y, y.astype(float), y.astype(str), y[:-1], y[:, None], y > 0, np.eye(3)[y], y - 1, y.astype(object)])
    arrays = {"x": x, "y": y}
    if rng.random() < 0.2:
        arrays["ids"] = pick(rng, [np.arange(n), np.zeros(n, int), np.array(["k"] * n), np.arange(n).astype(str)])
    if rng.random() < 0.1:
        del arrays[pick(rng, ["x", "y"])]
    np.savez(folder / "d.npz", **arrays)
    if rng.random() < 0.1:
        raw = bytearray((folder / "d.npz").read_bytes())
        raw[int(rng.integers(len(raw)))] ^= 1 << int(rng.integers(8))
        (folder / "d.npz").write_bytes(bytes(raw))
    data = load(str(folder / "d.npz"), missing=pick(rng, ["refuse", "impute"])).train
    if len(data) != n:
        raise Wrong(f"{len(data)} rows of {n}")
    before = len(np.unique(np.nan_to_num(x.reshape(n, -1).astype(np.float64)), axis=0))
    after = len(np.unique(data.inputs.reshape(n, -1), axis=0))
    if after < before and not data.notes:
        raise Wrong(f"{before} different rows of {x.dtype} became {after}, untold")
    return "clean"


def a_label_file(rng: Rng, folder: Path) -> str:
    """New labels of an archive's rows in a file of random form, joined by id or by order."""
    n = 12
    np.savez(folder / "d.npz", x=rng.normal(size=(n, 2)), y=np.arange(n) % 3)
    new, order = rng.integers(0, 3, n), rng.permutation(n)
    form = pick(rng, ["ids", "ids", "txt", "npy", "npz", "pt", "dict"])
    odd = pick(rng, ["none", "short", "unknown", "class", "given", "twice", "blank"])
    expected: Any = new
    path = folder / f"l.{ {'ids': 'csv', 'dict': 'npy'}.get(form, form) }"
    spec = str(path)
    if form == "ids":
        frame = pd.DataFrame({"id": order, "given_label": order % 3, "label": new[order]}).astype(str)
        if odd == "short":
            frame, kept = frame.iloc[:5], set(order[:5].tolist())
            expected = [new[k] if k in kept else k % 3 for k in range(n)]
        elif odd == "blank":
            frame.loc[3, "label"] = ""
            expected = [k % 3 if k == order[3] else new[k] for k in range(n)]
        elif odd in ("unknown", "class", "given"):
            frame.loc[0, {"unknown": "id", "class": "label", "given": "given_label"}[odd]] = "99"
            expected = None
        elif odd == "twice":
            frame, expected = pd.concat([frame, frame.iloc[:1]]), None
        frame.to_csv(path, index=False)
    else:
        values, expected = (new[:-1], None) if odd == "short" else (new, new)
        if odd == "class":
            values, expected = np.r_[new[:-1], 99], None
        _write_labels(path, form, values)
        spec += ":k" if form in ("npz", "pt", "dict") else ""
    labels = load(str(folder / "d.npz"), labels=spec).train.labels
    if expected is None:
        raise Wrong(f"{form} with {odd} was accepted")
    if labels.tolist() != [int(each) for each in expected]:
        raise Wrong(f"{form} with {odd} gives other labels than it holds")
    return "clean"


def _write_labels(path: Path, form: str, values: Any) -> None:
    import torch

    if form == "txt":
        path.write_text("".join(f"{value}\n" for value in values))
    elif form == "npy":
        np.save(path, values)
    elif form == "npz":
        np.savez(path, k=values)
    elif form == "pt":
        torch.save({"k": torch.from_numpy(values)}, path)
    else:
        np.save(path, {"k": values}, allow_pickle=True)
