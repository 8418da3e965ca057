"""What do the JSON documents of a run hold, field by field: type from the program, meaning from here?"""

import types
from typing import Any, Literal, Union, get_args, get_origin

from typing_extensions import get_type_hints, is_typeddict

from earlylearn.documents import EpochRecord, Summary

# Fields by dotted name; what lies deeper inherits the meaning of what holds it.
MEANINGS = {
    "method": "the training method, as `--method` names it",
    "data": "the data, as they were named",
    "seed": "of every kind of chance in the run",
    "epochs": "passes over the training examples",
    "seconds": "training and evaluation, in seconds",
    "examples": "rows with a label, those held out included",
    "classes": "number of classes",
    "noise.kind": "the noise that was injected; null where none was",
    "noise.rate": "the rate that was asked for",
    "noise.wrong_fraction": "share of labels that are wrong; null where the true labels are not known",
    "accuracy.test_last": "test accuracy after the last epoch",
    "accuracy.test_at_best_val": "test accuracy after the picked epoch",
    "accuracy.val_best": "share of the held-out given labels, possibly wrong, predicted in the picked epoch",
    "accuracy.val_last": "the same after the last epoch",
    "accuracy.best_epoch": "the picked epoch, counted from 1",
    "memorized_last": "share of the wrongly labelled training examples predicted as their wrong label at the end",
    "label_issues.flagged": "labels that deserve a look",
    "label_issues.precision": "share of the flagged labels that are wrong",
    "label_issues.recall": "share of the wrong labels that are flagged",
    "label_issues.average_precision": "how well `label_quality` ranks wrong labels first: 1 is perfect",
    "label_issues.confident": "flags that may be accepted in bulk",
    "audit.wrong_labels": "from, to: how many of all labels are wrong, before anybody has looked",
    "audit.wrong_flags": "from, to: how many of the flagged labels are wrong",
    "audit.claims": "the same in words",
    "audit.misgivings": "why the flags are not to be trusted, the worst first; empty where nothing speaks against them",
    "audit.epoch": "the epoch whose beliefs these are: the picked one, or the best after the first quarter",
    "memory.flagged_repeated": "share of the flagged training labels that the last epoch predicts all the same",
    "memory.gap": "how much more often it predicts given labels of rows that it trained on than of rows held out",
    "memory.copies": "how many (`rows`) of the test and validation rows (`of`) are rows of the training data",
    "memory.canaries": "what `earlylearn diagnose` found of the same data, where its folder lies beside the run's",
    "data_issues.duplicates": "rows that are nearly the same as another",
    "data_issues.duplicate_sets": "sets of such rows",
    "data_issues.conflicting_sets": "sets whose given labels differ",
    "data_issues.outliers": "rows like no other; null where they were not looked for, in more than 30,000 rows",
    "data_issues.rare_classes": "classes with less than a tenth of an equal share of the rows, and their rows",
    "data_issues.identifiers": "columns that count the rows or rise with them",
    "data_issues.lines": "the same in words",
    "choice.line": "what the method `auto` chose, in a line",
    "choice.agreement": "how often it predicts the given label of rows that it did not train on",
    "choice.settings": "all that it tried",
    "epoch": "counted from 1",
    "lr": "learning rate",
    "loss": "what was minimised; negative is normal for ELR",
    "loss_parts": "its parts: `ce` is cross-entropy, `elr` lambda times the regularizer",
    "val_metrics": "what `--metrics` asks for, of held-out rows under given labels, by name; null without such rows",
    "test_metrics": "the same of test rows under their true labels; null in epochs that were not tested",
    "metrics": "the same at the end: `test_last`, `test_at_best_val`, `val_last`, `val_best`; only if asked for",
    "val_accuracy": "share of the held-out given labels predicted",
    "test_accuracy": "against true labels; null in an epoch that was not tested",
    "notes": "what the method had to say",
    "agree": "share of the training examples predicted as their given label",
    "clean": "of the training examples whose label is right: shares predicted `correct` and `incorrect`",
    "wrong": "of those whose label is wrong: shares predicted as the true class (`correct`), as the wrong label "
    "(`memorized`), and as any `other`",
    "gradients": "what pulls at the true class: mean and standard deviation of each part, by side",
    "beliefs": "share of rows whose most believed label is the true one",
}


def run_documents() -> str:
    """``summary.json`` and a line of ``metrics.jsonl``, a table each."""
    parts = [("summary.json", Summary), ("A line of metrics.jsonl", EpochRecord)]
    return "\n\n".join(f"### {title}\n\n{_table(kind)}" for title, kind in parts)


def fields(kind: Any, before: str = "") -> list[tuple[str, str]]:
    """Dotted name and type of each field, down to what MEANINGS explains as one."""
    found = []
    for name, hint in get_type_hints(kind).items():
        inner = [each for each in (hint, *get_args(hint)) if is_typeddict(each)]
        if inner and before + name not in MEANINGS:
            found += fields(inner[0], f"{before}{name}.")
        else:
            found.append((before + name, _type(hint)))
    return found


def _table(kind: Any) -> str:
    rows = [f"| `{name}` | {type_} | {MEANINGS.get(name, '')} |" for name, type_ in fields(kind)]
    return "\n".join(["| field | type | means |", "|---|---|---|", *rows])


def _type(hint: Any) -> str:
    """As a reader of JSON would say it."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(_type(each) for each in inner)
    if origin is Literal:
        return " or ".join(map(str, inner))
    if origin is list:
        return f"list of {_type(inner[0])}"
    if origin is dict or is_typeddict(hint):
        return "object"
    return {type(None): "null", str: "text", int: "whole number", float: "number", bool: "true or false"}.get(
        hint, "any"
    )
