"""What may be said of a study in a sentence, and what may not?"""

import math
from collections.abc import Mapping, Sequence

from earlylearn.documents import (
    Compared,
    ComparisonFacts,
    Difference,
    Outcome,
    Score,
    Statistic,
    StudiedRun,
    SweepFacts,
    Trial,
)
from earlylearn.study.statistics import SAME
from earlylearn.wording import percent, plural

MEASURES: dict[Compared | Score, str] = {
    "test_last": "test accuracy at the last epoch",
    "val_last": "accuracy on the noisy validation labels at the last epoch",
    "val_best": "best accuracy on the noisy validation labels",
}


def conclude_comparison(document: ComparisonFacts) -> list[str]:
    """The sentences on top of a comparison, the plainest first."""
    baseline, methods = document["baseline"], document["methods"]
    if not any(method["seeds"] for method in methods):
        return ["No run is finished yet.", *_unfinished(document)]
    key: Compared = "test_last" if any(method["test_last"] for method in methods) else "val_last"
    found = {
        method["name"]: difference
        for method in methods
        if method["differences"] and (difference := method["differences"][key])
    }
    tested = {name: difference for name, difference in found.items() if difference["p"] is not None}
    if not found:
        sentences = [f"Nothing can be compared with {baseline} yet."]
    elif all(each["n"] == 1 for each in found.values()):
        sentences = [
            "One seed cannot tell methods apart: ask for more seeds.",
            f"Points of {MEASURES[key]} above {baseline}: {_signed(found)}.",
        ]
    else:
        sentences = _tested(key, baseline, tested) if tested else []
    constant = {name: each for name, each in found.items() if each["n"] > 1 and each["p"] is None}
    alike = [name for name, each in constant.items() if abs(each["mean"]) < SAME]
    if alike:
        sentences.append(f"Ends exactly as {baseline} does in every seed: {', '.join(alike)}.")
    shifted = {name: each for name, each in constant.items() if name not in alike}
    if shifted:
        sentences.append(f"By the same points in every seed, which no t-test can judge: {_signed(shifted)}.")
    if key == "val_last" and found:
        rows = min(run["val_rows"] for run in document["runs"])
        noisy = "" if document["settings"].get("val") else ", as noisy as those of training"
        sentences.append(
            f"No test set: judged by {plural(rows, 'validation label')} (one is {100 / rows:.1f} points){noisy}; a "
            "test set, or a share of the data set aside as one, would tell more."
        )
    forgets = [
        f"{method['name']} {100 * method['best_minus_last']['mean']:.1f}"
        for method in methods
        if method["best_minus_last"] and method["best_minus_last"]["mean"] >= 0.02
    ]
    if forgets:
        sentences.append(
            f"Points of test accuracy lost from the best to the last epoch, where two or more: {', '.join(forgets)}."
        )
    own = {method["name"]: method["own"] for method in methods if method["own"]}
    if own:
        said = (f"{name} ({', '.join(f'{key} {value}' for key, value in its.items())})" for name, its in own.items())
        sentences.append(f"Not under the conditions of {baseline}, for it brings its own: {', '.join(said)}.")
    sentences.append(
        "All this holds for these data, this noise, this network and this budget; a method that needs other "
        "hyperparameters than it had here is sold short."
    )
    return sentences + _unfinished(document)


def conclude_sweep(document: SweepFacts) -> list[str]:
    """The sentences on top of a sweep."""
    picked, score = document["picked"], document["score"]
    best = None if picked is None else picked[score]
    if picked is None or best is None:
        return ["No trial is finished yet.", *_unfinished(document)]
    scores = {trial["name"]: values for trial in document["trials"] if (values := trial[score])}
    means = [values["mean"] for values in scores.values()]
    error, highest = standard_error(best, document["runs"]), max(means)
    rivals = [
        name for name, values in scores.items() if name != picked["name"] and best["mean"] - values["mean"] <= error
    ]
    tried = f"({plural(len(means), 'trial')}, from {percent(min(means))} to {percent(highest)})"
    if document.get("canaries") and rivals and (kept := picked["memorized_last"]) is not None:
        sentences = [
            f"{picked['name']} is picked: within a standard error ({100 * error:.1f} points) of the highest "
            f"{MEASURES[score]} it memorised the fewest planted labels, {percent(kept['mean'])} of "
            f"{document['canaries']:,}; it has {percent(best['mean'])} {tried}."
        ]
    else:
        sentences = [f"{picked['name']} has the highest {MEASURES[score]}: {percent(best['mean'])} {tried}."]
    if rivals:
        sentences.append(f"As good within its standard error ({100 * error:.1f} points): {', '.join(rivals)}.")
    for name, grid in document["grid"].items():
        numbers = [value for value in grid if isinstance(value, int | float) and not isinstance(value, bool)]
        value = picked["options"][name]
        if len(numbers) > 2 and value in (min(numbers), max(numbers)):
            end = "largest" if value == max(numbers) else "smallest"
            sentences.append(f"{name}={value:g} is the {end} that was tried; a wider grid may hold a better one.")
    if best["n"] == 1:
        sentences.append("One seed: close calls may be chance; ask for more seeds.")
    return sentences + _tested_sweep(picked, document["trials"]) + _unfinished(document)


def _tested_sweep(picked: Trial, trials: Sequence[Trial]) -> list[str]:
    """How the picked trial does on test labels, if there are some."""
    means = {trial["name"]: tested["mean"] for trial in trials if (tested := trial["test_last"])}
    if picked["name"] not in means:
        return []
    mine, best = means[picked["name"]], max(means, key=lambda name: means[name])
    rank = (
        "the best of all."
        if best == picked["name"]
        else f"{100 * (means[best] - mine):.1f} points under the best ({best})."
    )
    return [f"On test labels, which chose nothing, it ends at {percent(mine)}, {rank}"]


def _tested(key: Compared, baseline: str, tested: dict[str, Difference]) -> list[str]:
    """How many methods differ from the baseline beyond chance, and which."""
    sides = {
        "better": {name: each for name, each in tested.items() if each["significant"] and each["mean"] > 0},
        "worse": {name: each for name, each in tested.items() if each["significant"] and each["mean"] < 0},
        "cannot be told apart": {name: each for name, each in tested.items() if not each["significant"]},
    }
    numbers = sorted({each["n"] for each in tested.values()})
    seeds = str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
    counted = [f"{len(side)} {verdict}" for verdict, side in sides.items() if side]
    if len(tested) == 1:
        name, difference = next(iter(tested.items()))
        low, high = (f"{100 * (end or 0.0):+.1f}" for end in (difference["low"], difference["high"]))
        ends = f"{name} ends {100 * difference['mean']:+.1f} points from {baseline} (95% interval {low} to {high})"
        first = ends if difference["significant"] else f"{ends}: {seeds} seeds do not tell them apart"
    else:
        first = f"Of {len(tested)} methods compared with {baseline} over {seeds} seeds: {', '.join(counted)}"
    listed = [f"{verdict.capitalize()}, in points: {_signed(side)}." for verdict, side in sides.items() if side]
    together = f", at 5% for all {len(tested)} together (Holm's correction)" if len(tested) > 1 else " at 5%"
    return [
        f"{first}.",
        *(listed if len(tested) > 1 else []),
        f"Judged by {MEASURES[key]}, by paired t-tests{together}.",
    ]


def _unfinished(document: ComparisonFacts | SweepFacts) -> list[str]:
    sentences = []
    if document["failed"]:
        names = ", ".join(f"{each['name']} seed {each['seed']}" for each in document["failed"])
        sentences.append(f"Failed: {names}; ask the same again to try once more.")
    missing = len(document["missing"]) - len(document["failed"])
    if missing > 0:
        sentences.append(f"{plural(missing, 'run is', 'runs are')} not finished; ask the same again to go on.")
    return sentences


def standard_error(score: Statistic, runs: Sequence[StudiedRun] | Sequence[Outcome]) -> float:
    """The standard error of a trial's score: of seeds, or of so few labels, whichever is larger."""
    rows = min((run["val_rows"] for run in runs), default=0)
    labels = math.sqrt(score["mean"] * (1 - score["mean"]) / max(1, rows * score["n"]))
    return max(labels, (score["sd"] or 0.0) / math.sqrt(score["n"]))


def _signed(differences: Mapping[str, Difference]) -> str:
    ordered = sorted(differences.items(), key=lambda item: -item[1]["mean"])
    return ", ".join(f"{name} {round(100 * each['mean'], 1) + 0.0:+.1f}" for name, each in ordered)
