"""What might a comparison or a sweep have found (made-up documents for the tests of their pages)?"""

from itertools import product
from typing import Any

import numpy as np

SCORES = ["test_last", "test_at_best_val", "best_minus_last", "val_last", "val_best"]
SCORES += ["memorized_last", "average_precision", "seconds", "cost"]
SETTINGS = {
    "epochs": 20,
    "batch_size": 64,
    "lr": 0.02,
    "schedule": "cosine",
    "network": "small-cnn",
    "val_fraction": 0.1,
}


def statistic(values: list[Any]) -> dict[str, Any] | None:
    kept = [value for value in values if value is not None]
    if not kept:
        return None
    return {
        "mean": float(np.mean(kept)),
        "sd": float(np.std(kept, ddof=1)) if len(kept) > 1 else None,
        "n": len(kept),
    }


def run(name: str, seed: int, skill: float, epochs: int, truth: bool, test: bool) -> dict[str, Any]:
    """A made-up run: skill 0 memorises everything, skill 1 nothing."""
    rng = np.random.default_rng([seed, round(1000 * skill)])
    x = np.arange(1, epochs + 1) / epochs
    learned = 1 - np.exp(-6 * x)
    memorized = np.clip((1 - skill) * x**2 + 0.01 * rng.random(epochs), 0, 1)
    accuracy = np.clip(0.97 * learned - 0.25 * memorized + 0.02 * rng.standard_normal(epochs), 0, 1)
    val = 0.1 + 0.5 * accuracy
    best = int(val.argmax())
    return {
        "name": name,
        "seed": seed,
        "folder": f"runs/{name.replace(':', '_')}-{seed}",
        "test_last": float(accuracy[-1]) if test else None,
        "test_at_best_val": float(accuracy[best]) if test else None,
        "test_best": float(accuracy.max()) if test else None,
        "best_minus_last": float(accuracy.max() - accuracy[-1]) if test else None,
        "val_last": float(val[-1]),
        "val_best": float(val[best]),
        "best_epoch": best + 1,
        "memorized_last": float(memorized[-1]) if truth else None,
        "precision": 0.9 + 0.1 * skill if truth else None,
        "recall": 0.8 + 0.1 * skill if truth else None,
        "average_precision": 0.85 + 0.1 * skill if truth else None,
        "seconds": 4.0 + seed + 5 * skill,
        "cost": 1 + skill,
        "curves": {
            "test": accuracy.tolist() if test else [None] * epochs,
            "val": val.tolist(),
            "memorized": memorized.tolist() if truth else [None] * epochs,
        },
    }


def shared(seeds: list[int], truth: bool, epochs: int) -> dict[str, Any]:
    return {
        "data": "digits",
        "noise": "symmetric:0.4" if truth else None,
        "wrong_fraction": 0.4 if truth else None,
        "network": "small-cnn",
        "epochs": epochs,
        "seeds": seeds,
        "settings": SETTINGS,
        "failed": [],
        "missing": [],
    }


def comparison(
    names: tuple[str, ...] = ("ce", "elr:lam=3", "elr+"),
    seeds: tuple[int, ...] = (0, 1, 2),
    *,
    truth: bool = True,
    test: bool = True,
    epochs: int = 20,
    finished: bool = True,
) -> dict[str, Any]:
    """A document as ``comparison.json`` holds it; the first name is the baseline, later ones memorise less."""
    runs = [
        run(name, seed, place / max(len(names) - 1, 1), epochs, truth, test)
        for place, name in enumerate(names)
        for seed in (seeds if finished else ())
    ]
    methods = []
    for name in names:
        own = [r for r in runs if r["name"] == name]
        differences = {}
        for key in ("test_last", "test_at_best_val", "val_last"):
            pairs = [r[key] - b[key] for r, b in zip(own, runs, strict=False) if r[key] is not None]
            s = statistic(pairs)
            half = None if s is None or s["sd"] is None else 2.5 * s["sd"] / len(pairs) ** 0.5
            low, high = (None, None) if s is None or half is None else (s["mean"] - half, s["mean"] + half)
            differences[key] = (
                None
                if s is None
                else {"mean": s["mean"], "low": low, "high": high, "n": s["n"], "significant": (low or 0) > 0}
            )
        methods.append(
            {
                "name": name,
                "method": name.partition(":")[0],
                "options": {"lam": 3.0, "beta": 0.7} if "elr" in name else {},
                "seeds": [r["seed"] for r in own],
                **{key: statistic([r[key] for r in own]) for key in SCORES},
                "differences": differences if own and name != names[0] else None,
            }
        )
    return {
        **shared(list(seeds), truth, epochs),
        "baseline": names[0],
        "workers": 2,
        "methods": methods,
        "conclusion": ["elr+ is best: it ends 20.1 points above ce.", "Memorising costs ce 19.9 points."]
        if finished
        else [],
        "missing": [] if finished else [{"name": name, "seed": seed} for name in names for seed in seeds],
        "runs": runs,
    }


def sweep(
    grid: dict[str, list[Any]], seeds: tuple[int, ...] = (0, 1, 2), *, test: bool = True, left_out: int = 0
) -> dict[str, Any]:
    """A document as ``sweep.json`` holds it; the last trials, as many as ``left_out``, have not finished."""
    trials, runs = [], []
    combinations = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    for place, options in enumerate(combinations):
        name = " ".join(f"{key}={value}" for key, value in options.items())
        skill = 1 - abs(place / len(combinations) - 0.6)
        done = place < len(combinations) - left_out
        own = [run(name, seed, skill, 20, test, test) for seed in (seeds if done else ())]
        runs += own
        trials.append(
            {
                "name": name,
                "options": options,
                "seeds": [r["seed"] for r in own],
                **{key: statistic([r[key] for r in own]) for key in SCORES if key not in ("cost", "best_minus_last")},
                "picked": False,
            }
        )
    finished = [trial for trial in trials if trial["val_last"]]
    picked = max(finished, key=lambda trial: trial["val_last"]["mean"]) if finished else None
    if picked:
        picked["picked"] = True
    return {
        **shared(list(seeds), test, 20),
        "method": "elr",
        "score": "val_last",
        "grid": grid,
        "trials": trials,
        "picked": picked,
        "conclusion": ["Noisy validation picked beta=0.9 lam=3.", "It does 1.2 points better than the default."],
        "missing": [{"name": t["name"], "seed": s} for t in trials if not t["seeds"] for s in seeds],
        "command": "earlylearn train digits --noise symmetric:0.4 -o beta=0.9 -o lam=3",
        "runs": runs,
    }


FIFTEEN = (
    *("ce", "elr:lam=3", "elr+", "elr:beta=0.99,lam=7,warmup=5", "bootstrap", "forward", "gce", "sce", "mixup"),
    *("co-teaching", "co-teaching+", "dividemix", "sop", "label-smoothing", "elr:lam=5"),
)
GRID = {"beta": [0.5, 0.7, 0.9, 0.99], "lam": [1, 3, 5, 7, 10]}
