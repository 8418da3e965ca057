"""Which odd requests are there: run folders that somebody changed, options, calls from Python?"""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

import earlylearn as el
from earlylearn.loop.fit import Fit
from tests.fuzz.inputs import Rng, pick
from tests.fuzz.judge import Wrong, ask

QUICK = {"method": "elr", "network": "linear", "epochs": 2, "quiet": True}
VALUES = (
    "0",
    "-1",
    "1e40",
    "nan",
    "inf",
    "",
    " ",
    "[[[[",
    "ü",
    "\x1b[31m",
    "null",
    "true",
    "9" * 30,
    "1e-400",
    "x:y",
    "0.5",
    "3",
)
OPTIONS = (
    *("label", "image", "id-column", "true-label", "labels", "true-labels", "corrections", "missing", "image-size"),
    *("data-dir", "test", "test-fraction", "limit", "method", "recipe", "noise", "seed", "encoder", "network"),
    *("batch-size", "lr", "momentum", "weight-decay", "schedule", "augment", "crop", "pretrained", "val-fraction"),
    *("test-every", "accelerator", "devices", "num-nodes", "precision", "text", "drop", "show"),
)
OBJECTS: tuple[Any, ...] = (
    *(None, 5, -1, 0.5, "x", "", b"x", [], {}, (1, 2), True, float("nan"), object(), Path("x"), 10**30, "a\0b"),
    *(np.array([1.0, np.nan]), np.zeros((3, 2)), np.array(["a", "b"]), np.array([object()]), [[0.5, 0.5], [0.5]]),
    *(torch.zeros(3, 2), torch.tensor([0, 1]), pd.Series([1]), pd.DataFrame({"a": [1]}), [0, "a"]),
)


class World:
    """A finished run and one that was cut short, made once, to be copied and spoilt.

    Args:
        folder: where they are made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        rng = np.random.default_rng(0)
        np.savez(folder / "d.npz", x=rng.normal(size=(40, 4)).astype("f4"), y=np.arange(40) % 3)
        self.data = str(folder / "d.npz")
        done = el.train(self.data, out=folder / "done", **QUICK)
        self.predicted = done.predict_proba(np.load(self.data)["x"])
        whole = Fit.run

        def cut_short(fit: Fit, on_step: Any) -> Any:
            yield next(whole(fit, on_step))
            raise KeyboardInterrupt

        Fit.run = cut_short  # type: ignore[method-assign]
        try:
            el.train(self.data, out=folder / "begun", **QUICK)
        except KeyboardInterrupt:
            pass
        finally:
            Fit.run = whole  # type: ignore[method-assign]

    def a_spoilt_run(self, rng: Rng, folder: Path) -> str:
        """A file of a run changed at random; then it is asked for something."""
        name = pick(rng, ["done", "begun"])
        run = folder / name
        shutil.copytree(self.folder / name, run)
        file = pick(rng, sorted(path for path in run.rglob("*") if path.is_file() and path.name != ".lock"))
        how = _spoil(rng, file)
        requests: list[tuple[Any, ...]] = [
            ("issues", run),
            ("predict", run, self.data),
            ("predict", run, self.data, "--weights", "last"),
            ("train", "--resume", run, "--quiet"),
            ("train", self.data, "--out", run, "--quiet"),
            ("review", run, "--write"),
            ("apply", run, "--out", folder / "c.npz"),
        ]
        words = pick(rng, requests)
        answer = ask(*words)
        if answer.status == 0 and words[0] == "predict" and file.suffix == ".safetensors" and how == "flipped":
            found = pd.read_csv(_text(answer.out)).filter(like="p_").to_numpy()
            if name == "done" and len(words) == 3 and not np.allclose(found, self.predicted, atol=1e-6):
                raise Wrong(f"{file.name} {how}: predicts something else")
        if (
            answer.status == 0
            and how == "flipped"
            and file.name == "last.safetensors"
            and words[1] == "--resume"
            and name == "begun"
        ):
            raise Wrong("a flipped bit in a checkpoint trains on")
        return "clean" if answer.status == 0 else "refused"

    def some_options(self, rng: Rng, folder: Path) -> str:
        """A request with a few options of random values."""
        words: list[Any] = [
            "train",
            self.data,
            "--network",
            "linear",
            "--epochs",
            "1",
            "--quiet",
            "--out",
            folder / "r",
        ]
        for _ in range(int(rng.integers(1, 4))):
            if rng.random() < 0.3:
                words += ["-o", f"{pick(rng, ['lam', 'beta', 'nonesuch', ''])}={pick(rng, VALUES)}"]
            else:
                words += [f"--{pick(rng, OPTIONS)}", pick(rng, VALUES)]
        answer = ask(*words)
        if answer.status == 2 and (folder / "r" / "config.json").exists():
            raise Wrong(f"refused, and yet begun: {answer.line}")
        if answer.status == 0 and not np.isfinite(el.Run(folder / "r").predict_proba(np.load(self.data)["x"])).all():
            raise Wrong("ended well with weights that are no numbers")
        return "clean" if answer.status == 0 else "refused"

    def a_call(self, rng: Rng, folder: Path) -> str:
        """A public function with arguments of random types."""
        first, second, third = (pick(rng, OBJECTS) for _ in range(3))
        run = el.Run(self.folder / "done")
        name = pick(
            rng,
            ["lam", "seed", "out", "network", "label", "limit", "val_fraction", "noise", "options", "method", "test"],
        )
        calls = {
            "find_label_issues": lambda: el.find_label_issues(first, second, ids=pick(rng, [None, third])),
            "load": lambda: el.load(first, **{pick(rng, ["label", "labels", "limit", "strict", "test"]): second}),
            "train": lambda: el.train(self.data, **{"out": folder / "r", **QUICK, "epochs": 1, name: first}),
            "predict": lambda: run.predict(first, weights=pick(rng, ["picked", second])),
            "read": lambda: run.read(first, strict=pick(rng, [False, second])),
            "resume": lambda: el.resume(first, quiet=True),
            "Run": lambda: el.Run(first),
            "sweep": lambda: el.sweep(self.data, grid=first, out=folder / "s", **{**QUICK, "epochs": 1}, seeds=second),
        }
        pick(rng, list(calls.values()))()
        return "clean"


def _text(text: str) -> Any:
    import io

    return io.StringIO(text)


def _spoil(rng: Rng, file: Path) -> str:
    """Change a file in one of several ways, and say in which."""
    content = file.read_bytes()
    how = pick(rng, ["cut", "flipped", "gone", "empty", "json", "json", "json", "other"])
    if how == "json" and file.suffix in (".json", ".jsonl"):
        lines = content.decode().splitlines() if file.suffix == ".jsonl" else [content.decode()]
        k = int(rng.integers(len(lines)))
        lines[k] = json.dumps(_changed(rng, json.loads(lines[k])))
        file.write_text("\n".join(lines) + "\n")
    elif how == "cut":
        file.write_bytes(content[: int(rng.integers(len(content) + 1))])
    elif how == "gone":
        file.unlink()
    elif how == "empty":
        file.write_bytes(b"")
    elif how == "other":
        file.write_bytes(pick(rng, [b"\xff\xfe", b"[]", b"{}", b"null\n", b"PK\x03\x04", b"x" * 999]))
    elif content:
        how, place = "flipped", int(rng.integers(len(content)))
        file.write_bytes(content[:place] + bytes([content[place] ^ (1 << int(rng.integers(8)))]) + content[place + 1 :])
    return how


def _changed(rng: Rng, document: Any) -> Any:
    """A JSON document with one value somewhere in it replaced or left out."""
    inside = isinstance(document, dict | list) and document and rng.random() < 0.85
    if not inside:
        return pick(rng, [None, [], {}, "x", -1, 0, 1e300, True, [[[]]], "\x1b", 10**20])
    if isinstance(document, list):
        k = int(rng.integers(len(document)))
        return [*document[:k], _changed(rng, document[k]), *document[k + 1 :]]
    key = pick(rng, list(document))
    if rng.random() < 0.2:
        return {name: value for name, value in document.items() if name != key}
    return {**document, key: _changed(rng, document[key])}
