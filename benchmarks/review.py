"""Is what a run and its review say of wrong labels true, on data whose true labels are known?

Trains with the defaults on each file (an .npz with x, y and true; `digits:NOISE` for a built-in set with noise) and
asks: does the ranking come near the better of beliefs and posterior; does accepting what is `confident`, or every flag,
make the labels better or worse; does the range stated before any check hold; does the interval from a probe of 50 flags
cover the truth?

Run:
    python -m benchmarks.review FILE.npz ... --seeds 1 --out review.json
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import average_precision_score

import earlylearn
from earlylearn.audit.calibration import calibrate
from earlylearn.review.estimate import exact_interval
from earlylearn.review.queue import slices

PROBE, DRAWS = 50, 2000


def trained(data: str, seed: int, folder: Path) -> earlylearn.Run:
    """A run on a file, or on ``NAME:NOISE``, under default settings."""
    out = folder / f"{Path(data).name.replace(':', '-')}-{seed}"
    options: dict[str, Any] = {"seed": seed, "quiet": True}
    if not Path(data).exists():
        name, _, noise = data.partition(":")
        return earlylearn.train(name, noise=noise, out=out, **options)
    with np.load(data) as file:
        arrays = {name: file[name] for name in ("x", "y", "x_test", "y_test", "classes") if name in file}
        classes = file["classes"].astype(str) if "classes" in file else None
        true = file["true"] if classes is None else classes[file["true"]]
    if classes is not None:
        arrays |= {name: classes[arrays[name]] for name in ("y", "y_test")}
        del arrays["classes"]
    np.savez(folder / f"{out.name}.npz", **arrays)
    np.savez(folder / f"{out.name}-true.npz", true=true)
    return earlylearn.train(
        folder / f"{out.name}.npz", true_labels=f"{folder / out.name}-true.npz:true", out=out, **options
    )


def judged(run: earlylearn.Run, seed: int) -> dict[str, Any]:
    """Every question of this file, of one run."""
    issues, saved = run.label_issues(), run.folder.read_labels()
    given, true, beliefs = saved["given"], saved["true"], run.folder.read_beliefs()
    names, wrong, rows = np.array(run.classes), given != true, np.arange(len(given))
    flags, sure = (issues[name].to_numpy(bool) for name in ("is_label_issue", "confident"))
    predicted = issues["predicted_label"].to_numpy()
    posterior = calibrate(beliefs, given).posterior(beliefs, given)
    audit = run.summary["audit"]

    def precision(scores: np.ndarray) -> float:
        return float(average_precision_score(wrong, scores))

    def after(accepted: np.ndarray) -> float:
        return float((np.where(accepted, predicted, names[given]) != names[true]).mean())

    ranked = issues["id"][flags].iloc[np.argsort(issues["label_quality"][flags], kind="stable")].astype(str).tolist()
    right = dict(zip(issues["id"].astype(str), wrong, strict=True))
    share, covered = float(wrong[flags].mean()) if flags.any() else 0.0, 0
    for draw in range(DRAWS if ranked else 0):
        probe = slices(ranked, PROBE, np.random.default_rng([seed, draw]))
        low, high = exact_interval(int(sum(right[row] for row in probe)), len(probe), len(ranked))
        covered += low <= share <= high
    low, high = audit["wrong_flags"]
    return {
        "rows": len(given),
        "wrong": float(wrong.mean()),
        "flagged": int(flags.sum()),
        "confident": [int(sure.sum()), int((sure & wrong).sum())],
        "test_last": run.summary["accuracy"]["test_last"],
        "ap_ranking": precision(-issues["label_quality"].fillna(1).to_numpy()),
        "ap_beliefs": precision(1 - beliefs[rows, given]),
        "ap_posterior": precision(1 - posterior[rows, given]),
        "after_confident": after(sure),
        "after_flags": after(flags),
        "flags_wrong": [low, int(wrong[flags].sum()), high],
        "labels_wrong": [audit["wrong_labels"][0], int(wrong.sum()), audit["wrong_labels"][1]],
        "claimed": not audit["misgivings"] and len(audit["claims"]) > 1,
        "coverage": covered / DRAWS if ranked else None,
        "misgivings": audit["misgivings"],
    }


def main() -> None:
    """Measure every set and print a line each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.review")
    parser.add_argument("data", nargs="+")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for data in arguments.data:
            for seed in range(arguments.seeds):
                found = judged(trained(data, seed, Path(folder)), seed)
                results[f"{Path(data).name}-{seed}"] = found
                shown = {key: round(value, 3) if isinstance(value, float) else value for key, value in found.items()}
                print(Path(data).name, seed, json.dumps(shown), flush=True)
                if arguments.out is not None:
                    arguments.out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
