"""What does the README beside an exported network say: use, data, method, noise, accuracy, limits?"""

import math
from collections.abc import Mapping
from itertools import pairwise

from typing_extensions import TypedDict

from earlylearn.data.readers.memory import IN_MEMORY
from earlylearn.documents import Accuracy, Summary
from earlylearn.networks.timm_networks import PREFIX
from earlylearn.plugins import short
from earlylearn.report.verdict import copies
from earlylearn.runs.config import RunConfig

MOST_CLASSES = 50  # listed in the README; config.json has all


class Normalization(TypedDict):
    """What becomes of raw inputs before the network: pixels over 255, then minus mean, over std; a centre crop first.

    ``mean`` and ``std`` have a number per channel or column; ``crop`` is a side in pixels, or None.
    """

    mean: list[float]
    std: list[float]
    crop: int | None


class ExportFacts(TypedDict):
    """``config.json`` of an exported network: all that a program needs beside the file.

    ``normalize`` is what a ``safetensors`` file leaves to its user; None where the file has all of the network. The
    other formats do it themselves. ``shape`` is of one input.
    """

    kind: str
    file: str
    format: str
    classes: list[str]
    shape: list[int]
    dtype: str
    normalize: Normalization | None
    network: str
    method: str


def card(
    facts: ExportFacts, config: RunConfig, summary: Summary, versions: Mapping[str, object], features: str, weights: str
) -> str:
    """The README, in Markdown, with the header that model hubs read.

    Args:
        facts: ``config.json``.
        config: of the run.
        summary: of the run.
        versions: of packages the run was made with.
        features: of what the inputs are features, in words; empty where the network takes raw data.
        weights: ``picked`` or ``last``.
    """
    name = config.data.rstrip("/").rpartition("/")[2]
    parts = [
        _header(config),
        f"# A classifier of {name} into {len(facts['classes'])} classes, trained with {short(config.method)}",
        "## Use",
        _takes(facts, features),
        f"```python\n{_code(facts)}```",
        "## Data",
        _data(name, facts, config, summary),
        "## Method",
        _method(config, summary, versions, weights),
        "## How good it is",
        _accuracy(summary["accuracy"]),
        "## Wrong labels in the data",
        _noise(summary),
        "## Limits",
        _limits(features, summary),
    ]
    return "\n\n".join(parts) + "\n"


def _header(config: RunConfig) -> str:
    tags = ["label-noise", "early-learning-regularization", short(config.method)]
    return "\n".join(["---", "library_name: pytorch", "tags:", *(f"- {tag}" for tag in tags), "---"])


def _takes(facts: ExportFacts, features: str) -> str:
    shape = ", ".join(map(str, facts["shape"]))
    if facts["dtype"] == "uint8":
        what = f"pixels 0..255, `uint8 [rows, {shape}]`: bring the shorter side to size and keep the centre"
    else:
        what = f"numbers in the units of the training data, `float32 [rows, {shape}]`"
    of = f" ({features})" if features else ""
    classes = facts["classes"]
    shown = ", ".join(f"`{name}`" for name in classes[:MOST_CLASSES])
    more = ", ... (config.json has all)" if len(classes) > MOST_CLASSES else ""
    return f"It takes {what}{of}. It gives a logit per class; softmax makes probabilities. The classes: {shown}{more}."


def _code(facts: ExportFacts) -> str:
    shape = ", ".join(map(str, facts["shape"]))
    if facts["format"] == "onnx":
        return (
            "import numpy as np\nimport onnxruntime\n\n"
            'session = onnxruntime.InferenceSession("model.onnx")\n'
            f"x = np.zeros((4, {shape}), np.{facts['dtype']})  # yours\n"
            "(logits,) = session.run(None, {session.get_inputs()[0].name: x})\n"
            "print(logits.argmax(1))\n"
        )
    x = f"x = torch.zeros(4, {shape}, dtype=torch.{facts['dtype']})  # yours\n"
    if facts["format"] == "pt2":
        return (
            'import torch\n\nnetwork = torch.export.load("model.pt2").module()\n'
            f"{x}probability = network(x).softmax(1)\nprint(probability.argmax(1))\n"
        )
    return _code_of_weights(facts, x)


def _code_of_weights(facts: ExportFacts, x: str) -> str:
    """Weights need the network that they are of; it is written out where another library has it."""
    made, others = _network_in_code(facts)
    standard = ["import json", ""] if facts["normalize"] is not None else []
    lines = [*standard, *others, "import torch", "from safetensors.torch import load_file", ""]
    lines += [made, 'network.load_state_dict(load_file("model.safetensors"))', "network.eval()", x.rstrip("\n")]
    if facts["normalize"] is not None:
        ones = ", 1" * (len(facts["shape"]) - 1)
        scale = "x / 255" if facts["dtype"] == "uint8" and len(facts["shape"]) == 3 else "x"
        lines += [
            'normalize = json.load(open("config.json"))["normalize"]',
            f'mean, std = (torch.tensor(normalize[name]).view(-1{ones}) for name in ("mean", "std"))',
            f"x = ({scale} - mean) / std",
        ]
    return "\n".join([*lines, "print(network(x).argmax(1))"]) + "\n"


def _network_in_code(facts: ExportFacts) -> tuple[str, list[str]]:
    name, classes, shape = facts["network"], len(facts["classes"]), facts["shape"]
    if facts["normalize"] is not None and name.startswith(PREFIX):
        known = name.removeprefix(PREFIX)
        return f'network = timm.create_model("{known}", num_classes={classes}, in_chans={shape[0]})', ["import timm"]
    kind, _, sizes = name.partition(":")
    if facts["normalize"] is not None and kind in ("linear", "mlp"):
        hidden = [] if kind == "linear" else [int(size) for size in (sizes or "512-512").split("-")]
        widths = [math.prod(shape), *hidden, classes]
        layers = [f"torch.nn.Linear({a}, {b})" for a, b in pairwise(widths)]
        return f"network = torch.nn.Sequential(torch.nn.Flatten(), {', torch.nn.ReLU(), '.join(layers)})", []
    return "network = ...  # as of earlylearn.Run(...).network(); the formats pt2 and onnx bring the network along", []


def _data(name: str, facts: ExportFacts, config: RunConfig, summary: Summary) -> str:
    source = "arrays in memory" if config.data == IN_MEMORY else f"`{name}`"
    lines = [f"{summary['examples']:,} examples of {summary['classes']} classes, from {source}."]
    if config.noise:
        wrong = summary["noise"]["wrong_fraction"]
        realised = "" if wrong is None else f" ({wrong:.1%} of the labels became wrong)"
        lines.append(f"Label noise was injected for an experiment: `{config.noise}`{realised}.")
    if config.val:
        lines.append("A validation set beside them picked the epoch.")
    if config.val_fraction:
        lines.append(
            f"{config.val_fraction:.0%} of the rows were held out to pick the epoch, under their given labels."
        )
    return " ".join(lines)


def _method(config: RunConfig, summary: Summary, versions: Mapping[str, object], weights: str) -> str:
    options = ", ".join(f"{name} {value}" for name, value in config.options.items())
    epoch = summary["accuracy"]["best_epoch"] if weights == "picked" else summary["epochs"]
    used = ", ".join(f"{name} {versions[name]}" for name in ("earlylearn", "torch") if name in versions)
    encoder = "" if config.encoder in (None, "none") else f", on features of encoder `{config.encoder}`"
    with_options = f" ({options})" if options else ""
    return (
        f"Method `{short(config.method)}`{with_options}, network `{short(config.network)}`{encoder}, "
        f"recipe `{config.recipe}`, seed {config.seed}; the weights are those of epoch {epoch} of {summary['epochs']} "
        f"({weights}). Made with {used}. The whole request is in the run's `config.json`."
    )


def _accuracy(accuracy: Accuracy) -> str:
    rows = [
        ("test accuracy, last epoch", accuracy["test_last"]),
        ("test accuracy, picked epoch", None if accuracy["val_best"] is None else accuracy["test_at_best_val"]),
        ("agreement with given labels, held-out rows, last epoch", accuracy.get("val_last")),
        ("agreement with given labels, held-out rows, picked epoch", accuracy["val_best"]),
    ]
    known = [f"| {name} | {value:.1%} |" for name, value in rows if value is not None]
    if not known:
        return "Nothing was held out: how good it is, is not known."
    notes = "Given labels may be wrong, so agreement with them is no accuracy. Test labels selected nothing."
    return "\n".join(["| measured | share |", "|---|---|", *known, "", notes])


def _noise(summary: Summary) -> str:
    lines = []
    wrong = summary["noise"]["wrong_fraction"]
    if wrong is not None:
        lines.append(f"Known: {wrong:.1%} of the given labels differ from the true ones.")
    audit, flagged = summary.get("audit"), summary["label_issues"]["flagged"]
    if audit is not None:
        lines += audit["claims"]
    lines.append(f"{flagged:,} of {summary['examples']:,} labels were flagged for a person to look at.")
    return " ".join(lines)


def _limits(features: str, summary: Summary) -> str:
    audit = summary.get("audit")
    lines = [
        *copies(summary),
        *([] if audit is None else audit["misgivings"]),
        "It knows data like those it was trained on, and answers one of its classes whatever it is shown.",
        "Accuracy is over all test rows; nothing was measured for groups among them.",
        "Probabilities were not calibrated: trained against wrong labels, they are no frequencies.",
    ]
    if features:
        lines.append(
            f"Its inputs are features ({features}), which must be made as they were in training: `earlylearn embed`."
        )
    return "\n".join(f"- {line}" for line in lines)
