"""What happened in this run, in one plain sentence and four numbers?"""

from typing import Literal

from earlylearn.documents import Summary
from earlylearn.memory import Copied
from earlylearn.report.tables import flagged, has_truth
from earlylearn.report.view import RunView, held_out_agreement
from earlylearn.wording import count, missing, percent, plural

REPEATED = 0.2  # of the flagged training labels, above which a last epoch that predicts them is worth a warning
METHOD_NAMES = {
    "auto": "the choice among small heads",
    "ce": "plain training",
    "elr": "early-learning regularization",
    "elr+": "early-learning regularization with two networks, weight averaging and mixup",
}


def headline(view: RunView) -> str:
    """The one sentence on top of the page; it claims nothing that only true labels could tell."""
    total, bad = len(view.issues), int(flagged(view.issues).sum())
    if bad:
        verb = "looks" if bad == 1 else "look"
        start = f"{bad:,} of {plural(total, 'label')} {verb} wrong ({percent(bad / total)})"
    else:
        start = f"None of {plural(total, 'label')} looks wrong"
    facts = view.summary["accuracy"]
    if not missing(facts["test_last"]):
        middle = f"on {_test_data(view.summary)} the model is right {percent(facts['test_last'])} of the time"
    elif not missing(held_out_agreement(view.summary)):
        middle = (
            f"the model predicts {percent(held_out_agreement(view.summary))} of the held-out given labels, some of "
            "which may be wrong"
        )
    else:
        middle = "how well the model does on unseen data is unknown"
    memorized = view.summary["memorized_last"]
    end = ""
    if memorized is not None:
        end = (
            f", and it has memorised {percent(memorized)} of the wrong labels it was trained on"
            if memorized > 0
            else ", and it has memorised none of the wrong labels it was trained on"
        )
    return f"{start}; {middle}{end}."


def misgivings(view: RunView) -> list[str]:
    """Why these flags should not be used, the worst first; what a run before this was kept says nothing of."""
    audit = view.summary.get("audit")
    return audit["misgivings"] if audit else []


def claims(view: RunView) -> list[str]:
    """What may be said of the number of wrong labels; nothing where the truth is known, or the flags are no use."""
    audit = view.summary.get("audit")
    return audit["claims"] if audit and not has_truth(view.issues) and not audit["misgivings"] else []


def memory(summary: Summary) -> list[str]:
    """What is to be said of labels learned by heart, and of a diagnosis of the data; nothing where all is well."""
    kept = summary.get("memory")
    if kept is None:
        return []
    lines, repeated = [], kept["flagged_repeated"]
    if repeated is not None and repeated > REPEATED:
        lines.append(
            f"The last epoch repeats {percent(repeated)} of the labels that are flagged: it has learned wrong labels "
            "by heart; predict with the picked epoch."
        )
    if kept["canaries"] is not None:
        low, high = kept["canaries"]["found"]
        lines.append(
            f"{kept['canaries']['line']} Label issues of {kept['canaries']['method']} found between {low:.0%} and "
            f"{high:.0%} of labels planted wrong ({kept['canaries']['path']})."
        )
    return lines


def copies(summary: Summary) -> list[str]:
    """What test and validation rows that are training rows too mean for what is measured; nothing where none is."""
    lines = []
    if test := _copied(summary, "test"):
        lines.append(
            f"{test['rows']:,} of {test['of']:,} test rows are rows of the training data: the test accuracy is not one "
            "of unseen rows."
        )
    if val := _copied(summary, "val"):
        lines.append(
            f"{val['rows']:,} of {val['of']:,} validation rows are rows of the training data: they pick the epoch that "
            "repeats given labels best."
        )
    return lines


def _copied(summary: Summary, part: Literal["test", "val"]) -> Copied | None:
    copied = summary.get("memory", {}).get("copies")
    found = copied and copied[part]
    return found if found and found["rows"] else None


def _test_data(summary: Summary) -> str:
    copied = _copied(summary, "test")
    if copied is None:
        return "unseen test data"
    return f"test data of which {copied['rows']:,} of {copied['of']:,} rows are training rows"


def support(view: RunView) -> str:
    """The sentence under the headline: how far the flagged labels can be trusted."""
    found = view.summary["label_issues"]
    if not flagged(view.issues).any():
        return "That is no proof that every label is right, only that none stands out."
    if has_truth(view.issues):
        if missing(found["precision"]) or missing(found["recall"]):
            return "The true labels are known here, so the examples below are marked right or wrong."
        return (
            "The true labels are known here, so the verdict can be checked: "
            f"{percent(found['precision'])} of the flagged labels really are wrong, and "
            f"{percent(found['recall'])} of all wrong labels were flagged."
        )
    return (
        "The true labels are not known, so this is a suspicion and not a proof: look at the examples below "
        "before you change a label."
    )


def tiles(view: RunView) -> list[dict[str, str]]:
    """The four numbers that a hurried reader wants, each with what it is a number of."""
    total, bad = len(view.issues), int(flagged(view.issues).sum())
    facts, noise, found = view.summary["accuracy"], view.summary["noise"], view.summary["label_issues"]
    copied = _copied(view.summary, "test")
    boxes = [
        {
            "value": count(bad),
            "name": "labels look wrong",
            "note": f"{percent(bad / total) if total else '–'} of {total:,}",
        }
    ]
    if not missing(facts["test_last"]):
        boxes.append(
            {
                "value": percent(facts["test_last"]),
                "name": "accuracy on test data",
                "note": f"{copied['rows']:,} of {copied['of']:,} rows trained on"
                if copied
                else "never trained on, last epoch",
            }
        )
    else:
        boxes.append(
            {
                "value": percent(held_out_agreement(view.summary)),
                "name": "agreement on held-out data",
                "note": "with the given, noisy labels",
            }
        )
    memorized = view.summary["memorized_last"]
    if not missing(memorized):
        boxes.append({"value": percent(memorized), "name": "wrong labels memorised", "note": "0% would be ideal"})
        boxes.append(
            {
                "value": percent(found["precision"]),
                "name": "of flagged labels really wrong",
                "note": f"{percent(found['recall'])} of all wrong labels found",
            }
        )
    else:
        boxes.append(
            {
                "value": percent(view.metrics[-1]["agree"]),
                "name": "of training labels repeated",
                "note": "by the model at the last epoch",
            }
        )
    if not missing(noise["wrong_fraction"]):
        boxes.append(
            {
                "value": percent(noise["wrong_fraction"]),
                "name": "of labels made wrong" if noise["kind"] else "of labels really wrong",
                "note": f"on purpose, {noise['kind']} noise" if noise["kind"] else "by the true labels",
            }
        )
    return boxes


def comparison(views: dict[str, RunView]) -> list[str]:
    """On top of a comparing page, a sentence per run: what it memorised and how well it does."""
    sentences = []
    for name, view in views.items():
        who = METHOD_NAMES.get(view.summary["method"], view.summary["method"])
        who = who if who == name else f"{who} ({name})"
        facts, memorized = view.summary["accuracy"], view.summary["memorized_last"]
        said = []
        if not missing(memorized):
            said.append(f"memorised {percent(memorized)} of the wrong labels it was trained on")
        if not missing(facts["test_last"]):
            said.append(f"is right on {percent(facts['test_last'])} of {_test_data(view.summary)}")
        elif not missing(held_out_agreement(view.summary)):
            said.append(f"agrees with {percent(held_out_agreement(view.summary))} of the held-out, noisy labels")
        if not said:
            said.append(f"flags {plural(int(flagged(view.issues).sum()), 'label')} as wrong")
        sentences.append(f"{who[:1].upper()}{who[1:]} {' and '.join(said)}.")
    return sentences
