"""What do planted labels say of early learning on these data, in sentences?"""

import math

from earlylearn.memory import CanaryVerdict, Verdict
from earlylearn.report.diagnosed import DiagnosedRun, DiagnosisFacts, Share
from earlylearn.wording import percent

KEPT, LOST = 0.2, 0.5  # memorised at the end: at most the first is kept, more than the second is lost
Z = 1.96


def default_run(facts: DiagnosisFacts) -> DiagnosedRun | None:
    """The run as it was asked for; None if it failed."""
    return _named(facts, facts["default"])


def verdict_of(facts: DiagnosisFacts) -> Verdict | None:
    """What became of early learning in the run as asked; None if it failed.

    Not learned, where its best epoch gives no more planted rows their own label back than always answering the
    commonest label would (two standard errors). Else by the share of planted labels that it ends with by heart.
    """
    run = default_run(facts)
    if run is None:
        return None
    chance, rows = facts["chance"], run["both"]["memorized"]["of"]
    if max(run["curves"]["recovered"]) <= chance + Z * math.sqrt(chance * (1 - chance) / max(1, rows)):
        return "not learned"
    memorized = run["both"]["memorized"]["share"]
    return "kept" if memorized <= KEPT else "partly memorised" if memorized <= LOST else "memorised"


def summary_of(facts: DiagnosisFacts, path: str) -> CanaryVerdict | None:
    """What the summaries of other runs on these data repeat; None if the run as asked failed."""
    run, verdict = default_run(facts), verdict_of(facts)
    if run is None or verdict is None:
        return None
    kinds = run["random"]["found"], run["likeness"]["found"]
    return {
        "verdict": verdict,
        "method": run["name"],
        "memorized": run["both"]["memorized"]["share"],
        "found": [min(each["low"] for each in kinds), max(each["high"] for each in kinds)],
        "line": first_line(run, verdict, facts["chance"]),
        "path": path,
    }


def conclude(facts: DiagnosisFacts) -> list[str]:
    """The sentences on top of a diagnosis, the plainest first."""
    run, verdict = default_run(facts), verdict_of(facts)
    sentences = []
    if run is not None and verdict is not None:
        sentences += [first_line(run, verdict, facts["chance"]), *_cross_entropy(facts), *_expected(run)]
    sentences += _lambdas(facts)
    if facts["failed"]:
        names = ", ".join(each["name"] for each in facts["failed"])
        sentences.append(f"Failed: {names}; ask the same again to try once more.")
    return sentences


def first_line(run: DiagnosedRun, verdict: Verdict, chance: float) -> str:
    """The verdict in a sentence."""
    name, curve = run["name"], run["curves"]["recovered"]
    best = max(range(len(curve)), key=curve.__getitem__)
    back = f"in epoch {best + 1} {name} gives {percent(curve[best])} of the rows with a planted label their own back"
    ends = f"{percent(run['both']['memorized']['share'])} of the planted labels"
    if verdict == "not learned":
        return (
            f"Early learning does not happen here: {back}, and always answering the commonest label would give "
            f"{percent(chance)}. No lambda mends that; an encoder, another network or more epochs may."
        )
    if verdict == "kept":
        return f"Early learning happens here and is kept: {back}, and it ends with {ends} by heart."
    if verdict == "partly memorised":
        return f"Early learning happens here and is partly lost: {back}, and it ends with {ends} by heart."
    return f"Early learning happens here and is lost: {back}, and it ends with {ends} by heart."


def _cross_entropy(facts: DiagnosisFacts) -> list[str]:
    run = _named(facts, "ce")
    if run is None or facts["default"] == "ce":
        return []
    ends = percent(run["both"]["memorized"]["share"])
    if run["both"]["memorized"]["share"] <= KEPT:
        return [f"Cross-entropy memorises little here, {ends}: there is not much to be prevented."]
    return [f"Cross-entropy ends with {ends} by heart, and {percent(run['curves']['recovered'][-1])} given back."]


def _expected(run: DiagnosedRun) -> list[str]:
    """How many of the wrong labels the label issues find."""
    random, likeness = run["random"]["found"], run["likeness"]["found"]
    low, high = sorted((random["share"], likeness["share"]))
    sentences = [
        f"Expect its label issues to find between {low:.0%} and {high:.0%} of the wrong labels: they find "
        f"{_interval(random)} of those planted at random, and {_interval(likeness)} of those planted by likeness. The "
        "mistakes of people mostly lie between; those that follow a rule, as weak labels do, are found less often."
    ]
    if run["known"] is not None:
        found = run["known"]["found"]
        told = f"Of the {found['of']:,} labels known to be wrong they find {_interval(found)}"
        rule = ": fewer, so these mistakes follow a rule of their own" if found["high"] < low else ""
        sentences.append(f"{told}{rule}.")
    return sentences


def _lambdas(facts: DiagnosisFacts) -> list[str]:
    """Which lambda memorises, and which one costs agreement with labels held out."""
    tried = sorted((run for run in facts["runs"] if run["lam"] is not None), key=lambda run: run["lam"] or 0.0)
    if len(tried) < 2:
        return []
    told = ", ".join(f"{run['lam']:g} memorises {percent(run['both']['memorized']['share'])}" for run in tried)
    sentences = [f"With {tried[0]['method']}, lambda {told}."]
    judged = [(run["agreement"], run) for run in tried if run["agreement"] is not None]
    if judged:
        best = max(agreement for agreement, _ in judged)
        error = math.sqrt(best * (1 - best) / max(1, judged[0][1]["agreement_rows"]))
        costs = [f"{run['lam']:g} ({percent(each)})" for each, run in judged if each < best - error]
        if costs:
            sentences.append(
                f"Agreement with labels held out is {percent(best)} at best and clearly lower at lambda "
                f"{', '.join(costs)}: that holds the network to its first mistakes."
            )
        fit = [run for each, run in judged if each >= best - error and run["both"]["memorized"]["share"] <= KEPT]
        if fit:
            sentences.append(f"The smallest that keeps both is lambda {fit[0]['lam']:g}.")
    return sentences


def _named(facts: DiagnosisFacts, name: str) -> DiagnosedRun | None:
    return next((run for run in facts["runs"] if run["name"] == name), None)


def _interval(share: Share) -> str:
    return f"{share['share']:.0%} ({share['low']:.0%} to {share['high']:.0%})"
