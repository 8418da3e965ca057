"""What does the package offer to Python, by name?"""

import earlylearn

GROUPS = {
    "Train, and look at a run": ("train", "resume", "load", "Run", "embed"),
    "In a loop of your own": ("ELRLoss", "IndexedDataset", "RowIds", "find_label_issues"),
    "Many runs": ("compare", "Comparison", "sweep", "Sweep"),
    "A method of your own": ("Method", "Batch", "Pass", "Step", "LabelledData"),
    "Errors": ("UsageError", "EarlylearnError"),
}
REST = "And"
ROUTING = "set_fit_request, set_partial_fit_request, set_score_request"
# Names of modules that are imported by those who use the other library.
BESIDE = {
    "Inside other libraries": (
        "integrations.sklearn.ELRClassifier",
        "integrations.transformers.ELRTrainer",
        "integrations.lightning.LabelIssues",
    )
}


def names() -> str:
    """A section for each group of public names, out of their docstrings."""
    grouped = {name for group in GROUPS.values() for name in group}
    rest = tuple(name for name in earlylearn.__all__ if name not in grouped)
    sections = {**GROUPS, **({REST: rest} if rest else {})}
    parts = [f"## {title}\n\n{_documented(members)}" for title, members in sections.items()]
    for title, members in BESIDE.items():
        # scikit-learn adds methods for the routing of metadata, whose texts refer to pages of its own.
        lines = [f".. autoclass:: earlylearn.{name}\n   :exclude-members: {ROUTING}" for name in members]
        parts.append("\n".join([f"## {title}\n", "```{eval-rst}", *lines, "```"]))
    return "\n\n".join(parts)


def _documented(members: tuple[str, ...]) -> str:
    kinds = {name: "class" if isinstance(getattr(earlylearn, name), type) else "function" for name in members}
    lines = [f".. auto{kind}:: earlylearn.{name}" for name, kind in kinds.items()]
    return "\n".join(["```{eval-rst}", *lines, "```"])
