"""Which curves tell whether a run learned or memorised?"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from earlylearn.documents import EpochRecord
from earlylearn.drawing.lines import epoch_axis, name_ends, share_axis, span
from earlylearn.drawing.style import CORRECT, FAINT, INK, MEMORIZED, OTHER, house_style, new_figure
from earlylearn.wording import method_title, missing

if TYPE_CHECKING:  # drawing costs a slow import that only a finished run needs
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Metrics = Sequence[EpochRecord]
Side = Literal["clean", "wrong"]
SIDES: tuple[Side, Side] = ("clean", "wrong")
Points = tuple[list[int], list[float]]  # epochs, and what was measured in them

# (label on the page, key in metrics.jsonl, colour, line style); the styles keep gray prints readable
CLEAN_LINES = (("correct", "correct", CORRECT, "-"), ("incorrect", "incorrect", OTHER, (0, (1, 1.2))))
WRONG_LINES = (
    ("correct", "correct", CORRECT, "-"),
    ("memorised", "memorized", MEMORIZED, (0, (5, 1.5))),
    ("other", "other", OTHER, (0, (1, 1.2))),
)
PART_NAMES = {"ce": "Cross-entropy", "elr": "ELR regulariser"}


def memorization_figure(runs: Mapping[str, Metrics]) -> "Figure":
    """The paper's Figure 1: a row per method, clean labels on the left and wrong ones on the right.

    Left, the share of training examples with a clean label that the model predicts correctly; right, of those
    with a wrong label, the shares predicted as their true class (correct), as their wrong label (memorised)
    and as any other class. A run whose true labels are unknown shows instead how often the model agrees with
    the given label.

    Args:
        runs: the lines of ``metrics.jsonl`` by the name of the method.
    """
    known = {name: any(line["clean"] or line["wrong"] for line in m) for name, m in runs.items()}
    columns = 2 if any(known.values()) else 1
    with house_style():
        figure = new_figure(4.6 * columns + 0.6, 2.75 * len(runs) + 0.15)
        for row, (name, metrics) in enumerate(runs.items()):
            panels = [
                figure.add_subplot(len(runs), columns, row * columns + column + 1)
                for column in range(columns if known[name] else 1)
            ]
            who = f"{_short(name)}: " if len(runs) > 1 else ""
            if known[name]:
                titles = f"{who}examples with a clean label", f"{who}examples with a wrong label"
                for axes, side, lines, title in zip(panels, SIDES, (CLEAN_LINES, WRONG_LINES), titles, strict=True):
                    _shares(axes, metrics, side, lines)
                    axes.set_title(title if who else title.capitalize())
            else:
                _lines(
                    panels[0],
                    [
                        (
                            "model agrees\nwith given label",
                            _series(metrics, lambda line: line["agree"]),
                            OTHER,
                            "-",
                        ),
                        ("disagrees", _series(metrics, _disagree), INK, (0, (1, 1.2))),
                    ],
                )
                panels[0].set_title(f"{who}agreement with the given labels" if who else "Training examples")
            panels[0].set_ylabel("share of examples")
            for axes in panels:
                if row == len(runs) - 1:
                    axes.set_xlabel("epoch")
    return figure


def accuracy_figure(runs: Mapping[str, Metrics], picked: Mapping[str, int | None]) -> "Figure":
    """Accuracy over the epochs, a panel per run: noisy validation labels and, where known, test labels.

    Args:
        runs: the lines of ``metrics.jsonl`` by the name of the method.
        picked: the epoch that the noisy validation labels picked, by the name of the method.
    """
    columns = min(len(runs), 2)
    rows = -(-len(runs) // columns)
    with house_style():
        figure = new_figure(4.6 * columns + 0.6, 2.75 * rows + 0.15)
        for position, (name, metrics) in enumerate(runs.items()):
            axes = figure.add_subplot(rows, columns, position + 1)
            epoch = picked.get(name)
            if epoch is not None:
                axes.axvline(epoch, color=FAINT, linewidth=1.2, linestyle=(0, (4, 2)))
                first, last = span([line["epoch"] for line in metrics])
                left = (epoch - first) > 0.6 * (last - first)
                axes.annotate(
                    f"picked: epoch {epoch}",
                    (epoch, 0.0),
                    xytext=(-5 if left else 5, 4),
                    textcoords="offset points",
                    ha="right" if left else "left",
                    fontsize=8.5,
                )
            _lines(
                axes,
                [
                    ("test", _series(metrics, lambda line: line["test_accuracy"]), CORRECT, "-"),
                    (
                        "validation\n(noisy labels)",
                        _series(metrics, lambda line: line["val_accuracy"]),
                        OTHER,
                        (0, (1, 1.2)),
                    ),
                ],
            )
            axes.set_title(_short(name) if len(runs) > 1 else "Accuracy on examples not trained on")
            axes.set_ylabel("accuracy" if position % columns == 0 else "")
            axes.set_xlabel("epoch")
    return figure


def loss_figure(metrics: Metrics) -> "Figure | None":
    """The parts of the loss over the epochs, each in a panel of its own, or None if none was recorded."""
    names = list(dict.fromkeys(name for line in metrics for name in line["loss_parts"]))
    if not names:
        return None
    columns = min(len(names), 3)
    rows = -(-len(names) // columns)
    with house_style():
        figure = new_figure(10 / max(columns, 2) * columns, 2.4 * rows + 0.15)
        for position, name in enumerate(names):
            axes = figure.add_subplot(rows, columns, position + 1)
            x, y = _series(metrics, partial(_loss_part, name=name))
            axes.plot(x, y, color=INK, marker="o" if len(x) < 3 else None, markersize=4)
            epoch_axis(axes, [line["epoch"] for line in metrics])
            axes.set_title(PART_NAMES.get(name, name))
            axes.set_ylabel("mean over the epoch" if position % columns == 0 else "")
            axes.set_xlabel("epoch")
    return figure


def _short(name: str, longest: int = 20) -> str:
    """The name as a panel's title has room for it."""
    name = method_title(name)
    return name if len(name) <= longest else name[: longest - 1] + "…"


def _shares(axes: "Axes", metrics: Metrics, side: Side, lines: Sequence[tuple[str, str, str, Any]]) -> None:
    drawn = [
        (label, _series(metrics, partial(_side_share, side=side, key=key)), colour, dash)
        for label, key, colour, dash in lines
    ]
    _lines(axes, drawn)
    if not any(x for _, (x, _), _, _ in drawn):
        axes.text(0.5, 0.5, f"no {side} labels in the training data", ha="center", transform=axes.transAxes)


def _side_share(line: EpochRecord, *, side: Side, key: str) -> float | None:
    shares: Mapping[str, Any] = line[side] or {}
    return shares.get(key)


def _loss_part(line: EpochRecord, *, name: str) -> float | None:
    return line["loss_parts"].get(name)


def _disagree(line: EpochRecord) -> float | None:
    return None if missing(line["agree"]) else 1 - line["agree"]


def _series(metrics: Metrics, pick: Callable[[EpochRecord], float | None]) -> Points:
    points = [(int(line["epoch"]), pick(line)) for line in metrics]
    kept = [(epoch, float(value)) for epoch, value in points if value is not None and not missing(value)]
    return [epoch for epoch, _ in kept], [value for _, value in kept]


def _lines(axes: "Axes", lines: Sequence[tuple[str, Points, str, Any]]) -> None:
    """Shares in [0, 1] over the epochs, every line named at its right end in its own colour."""
    share_axis(axes)
    known = [line for line in lines if line[1][0]]
    for _, (x, y), colour, dash in known:
        marker = "o" if len(x) < 3 else None
        axes.plot(x, y, color=colour, linestyle=dash, marker=marker, markersize=4.5, clip_on=False, zorder=3)
    epoch_axis(axes, [epoch for _, (x, _), _, _ in known for epoch in x])
    name_ends(axes, [(y[-1], label, colour) for label, (_, y), colour, _ in known])
