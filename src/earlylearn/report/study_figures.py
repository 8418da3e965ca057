"""Which pictures show how methods differ over the same seeds?"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from earlylearn.documents import (
    Compared,
    ComparedMethod,
    ComparisonDocument,
    Difference,
    PairedDifference,
    Statistic,
    StudiedRun,
    Trial,
)
from earlylearn.drawing.lines import epoch_axis, share_axis
from earlylearn.drawing.style import CORRECT, FAINT, INK, MEMORIZED, OTHER, house_style, new_figure
from earlylearn.wording import GAP, mean_of, missing

if TYPE_CHECKING:  # drawing costs a slow import that only a finished study needs
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 9.8  # inches, as wide as the two panels of a run's curves, so that text is equally large on all pages
# (key of a run's curves, label, colour, line style); the styles keep gray prints readable
CurveName = Literal["test", "val", "memorized"]
KNOWN_CURVES: tuple[tuple[CurveName, str, str, Any], ...] = (
    ("test", "test accuracy", CORRECT, "-"),
    ("memorized", "wrong labels memorised", MEMORIZED, (0, (5, 1.5))),
)
NOISY_CURVE: tuple[tuple[CurveName, str, str, Any], ...] = (
    ("val", "agreement with noisy validation labels", OTHER, "-"),
)


def statistic(item: ComparedMethod | Trial, key: str) -> Statistic | None:
    """What was measured of a method or trial under the name of a column; None where that is not known."""
    return cast(Statistic | None, item.get(key))


def measured(run: StudiedRun, key: str) -> float | None:
    """The same of a run."""
    return cast(float | None, run.get(key))


def difference(method: ComparedMethod, key: Compared) -> Difference | None:
    """The paired difference of a method to the baseline; None where there is none."""
    return None if method["differences"] is None else method["differences"][key]


def known(items: Iterable[ComparedMethod | Trial], key: str) -> bool:
    """Whether the mean under this key is known of any method or trial."""
    return any(statistic(item, key) is not None for item in items)


def accuracy_keys(items: Sequence[ComparedMethod | Trial]) -> tuple[str, str]:
    """The accuracies that can be shown, last epoch and picked: on test where known, else on noisy validation."""
    tested = known(items, "test_last") or known(items, "test_at_best_val")
    return ("test_last", "test_at_best_val") if tested else ("val_last", "val_best")


def difference_key(document: ComparisonDocument) -> Compared | None:
    """Which difference to the baseline can be shown: on test, else on noisy validation, else none."""
    keys: tuple[Compared, Compared] = ("test_last", "val_last")
    return next((key for key in keys if any(difference(method, key) for method in document["methods"])), None)


def runs_of(document: ComparisonDocument, name: str) -> list[StudiedRun]:
    """The finished runs of the method of this name."""
    return [run for run in document["runs"] if run["name"] == name]


def has_curve(document: ComparisonDocument, key: CurveName) -> bool:
    """Whether any run recorded this curve in any epoch."""
    return any(not missing(value) for run in document["runs"] for value in run["curves"][key])


def points(value: float | None, signed: bool = False) -> str:
    """A difference of shares in percentage points, e.g. ``+20.1``, without a sign at what rounds to 0."""
    if value is None or missing(value):
        return GAP
    text = f"{abs(100 * value):.1f}"
    if float(text) == 0:
        return text
    return ("−" if value < 0 else "+" if signed else "") + text


def points_with_interval(paired: PairedDifference | None) -> str:
    """A paired difference as text, e.g. ``+20.1 (+17.9 to +22.3)``; with one seed there is no interval."""
    if paired is None:
        return GAP
    text, low, high = points(paired["mean"], signed=True), paired["low"], paired["high"]
    return text if missing(low) or missing(high) else f"{text} ({points(low, True)} to {points(high, True)})"


def dots_figure(document: ComparisonDocument) -> "Figure | None":
    """A row per method: a small dot per seed and a large mark for the mean, of the last and of the picked epoch.

    None if no run has finished.
    """
    from matplotlib.lines import Line2D

    methods, several = document["methods"], len(document["seeds"]) > 1
    last, picked = accuracy_keys(methods)
    if not known(methods, last) and not known(methods, picked):
        return None
    # Seeds of the picked epoch above the line of the means, of the last epoch below, so that none hides another.
    marks: tuple[tuple[str, float, dict[str, Any], int, str], ...] = (
        (picked, -0.24, {"marker": "D", "facecolors": "white", "edgecolors": INK}, 62, "picked epoch"),
        (last, 0.24, {"marker": "o", "facecolors": OTHER, "edgecolors": OTHER}, 34, "last epoch"),
    )
    with house_style():
        figure = new_figure(WIDTH, 0.4 * len(methods) + 1.15)
        axes = figure.add_subplot()
        for row, method in enumerate(methods):
            means = [mean_of(statistic(method, key)) for key in (last, picked)]
            if None in means:
                axes.annotate("unknown", (0.01, row), xycoords=("axes fraction", "data"), va="center", color=INK)
            else:
                axes.plot(means, [row, row], color=FAINT, linewidth=5, alpha=0.45, solid_capstyle="butt")  # type: ignore[arg-type]
            for key, lift, look, size, _ in marks:
                runs = runs_of(document, method["name"])
                seeds = [value for run in runs if (value := measured(run, key)) is not None]
                seeds = seeds if several else []  # a single seed is its own mean
                axes.scatter(seeds, [row + lift] * len(seeds), s=9, linewidths=0.8, label="seed", zorder=3, **look)
                mean = mean_of(statistic(method, key))
                if mean is not None:
                    axes.scatter([mean], [row], s=size, linewidths=1.6, label="mean", zorder=4, **look)
        _rows(axes, [method["name"] for method in methods])
        axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g}%")
        axes.margins(x=0.03)
        axes.set_xlabel("test accuracy" if last == "test_last" else "agreement with noisy validation labels")
        handles = [
            Line2D([], [], ls="", marker=look["marker"], mfc=look["facecolors"], mec=look["edgecolors"], label=text)
            for _, _, look, _, text in reversed(marks)
        ]
        if several:
            handles.append(Line2D([], [], ls="", marker="o", ms=3, mfc="white", mec=INK, label="small: one seed each"))
        handles.append(Line2D([], [], color=FAINT, linewidth=5, alpha=0.45, label="gap"))
        figure.legend(handles=handles, loc="outside upper left", ncols=4, frameon=False)
    return figure


def differences_figure(document: ComparisonDocument) -> "Figure | None":
    """A row per method: its paired difference to the baseline with the 95 % interval, and a line at zero.

    None if no method can be paired with the baseline.
    """
    key = difference_key(document)
    if key is None:
        return None
    methods = [method for method in document["methods"] if method["name"] != document["baseline"]]
    with house_style():
        figure = new_figure(WIDTH, 0.34 * len(methods) + 1.1)
        axes = figure.add_subplot()
        axes.axvline(0, color=INK, linewidth=1.2, label="zero")
        for row, method in enumerate(methods):
            paired = difference(method, key)
            beside: dict[str, Any] = {
                "xytext": (10, 0),
                "textcoords": "offset points",
                "va": "center",
                "annotation_clip": False,
            }
            if paired is None:
                axes.annotate("no pair", (1.0, row), xycoords=("axes fraction", "data"), **beside)
                continue
            mean, sure = paired["mean"], paired["significant"]
            colour = (CORRECT if mean > 0 else MEMORIZED) if sure else INK
            low, high = paired["low"], paired["high"]
            if low is not None and high is not None:
                axes.plot(
                    [100 * low, 100 * high], [row, row], color=colour, marker="|", linewidth=1.6, label="interval"
                )
            axes.plot([100 * mean], [row], "o", mfc=colour if sure else "white", mec=colour, ms=6.5, label="mean")
            axes.annotate(
                points_with_interval(paired),
                (1.0, row),
                xycoords=("axes fraction", "data"),
                color=colour,
                fontweight="bold" if sure else "normal",
                **beside,
            )
        _rows(axes, [method["name"] for method in methods])
        axes.margins(x=0.04)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:+g}".replace("-", "−") if value else "0")
        what = "test accuracy" if key == "test_last" else "agreement with noisy validation labels"
        axes.set_xlabel(f"{what} minus that of {cut(document['baseline'])}, last epoch, percentage points")
    return figure


def curves_figure(document: ComparisonDocument) -> "Figure | None":
    """A panel per method with the curves over the epochs: the mean over seeds, and the seeds thin behind it.

    Test accuracy and the share of wrong labels memorised where known; if neither is, noisy validation.
    """
    from matplotlib.lines import Line2D

    drawn = [kind for kind in KNOWN_CURVES if has_curve(document, kind[0])]
    drawn = drawn or [kind for kind in NOISY_CURVE if has_curve(document, kind[0])]
    if not drawn:
        return None
    methods = document["methods"]
    columns = {1: 1, 2: 2, 4: 2}.get(len(methods), 3 if len(methods) <= 9 else 4)
    rows = -(-len(methods) // columns)
    with house_style():
        figure = new_figure(max(WIDTH / 2, WIDTH * min(columns, 2) / 2), (2.5 if columns < 4 else 1.85) * rows + 0.5)
        for position, method in enumerate(methods):
            axes = figure.add_subplot(rows, columns, position + 1)
            for key, _, colour, dash in drawn:
                seeds = [run["curves"][key] for run in runs_of(document, method["name"])]
                for seed in seeds if len(seeds) > 1 else []:
                    _curve(axes, seed, color=colour, linewidth=0.8, alpha=0.55, label="seed")
                _curve(axes, _mean_curve(seeds), color=colour, linestyle=dash, label="mean")
            if not axes.lines:
                axes.text(0.5, 0.5, "nothing known", ha="center", va="center", color=INK, transform=axes.transAxes)
            axes.set_title(cut(method["name"], 26 if columns < 4 else 22))
            share_axis(axes)
            axes.tick_params(labelleft=position % columns == 0)
            epoch_axis(axes, (1, document["epochs"]))
        figure.supxlabel("epoch", fontsize=9.5)
        handles = [Line2D([], [], color=colour, linestyle=dash, label=label) for _, label, colour, dash in drawn]
        figure.legend(handles=handles, loc="outside upper left", ncols=2, frameon=False, handlelength=3)
    return figure


def cut(name: str, longest: int = 30) -> str:
    """The name as a figure has room for it; the middle goes, for options at the end tell names apart."""
    half = (longest - 1) // 2
    return name if len(name) <= longest else f"{name[:half]}…{name[-half:]}"


def _rows(axes: "Axes", names: list[str]) -> None:
    """A row per name, the first on top."""
    axes.set_yticks(range(len(names)), [cut(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)


def _mean_curve(seeds: list[list[float | None]]) -> list[float | None]:
    """Epoch by epoch the mean over the seeds whose value is known; None where none is."""
    mean: list[float | None] = []
    for epoch in range(max(map(len, seeds), default=0)):
        values = [seed[epoch] for seed in seeds if epoch < len(seed)]
        kept = [float(value) for value in values if value is not None and not missing(value)]
        mean.append(sum(kept) / len(kept) if kept else None)
    return mean


def _curve(axes: "Axes", values: Sequence[float | None], **look: Any) -> None:
    """A line through the known values only: with ``test_every`` most epochs have none."""
    points = [(i + 1, value) for i, value in enumerate(values) if value is not None and not missing(value)]
    if points:
        few = "o" if len(points) < 3 else None
        axes.plot(*zip(*points, strict=True), marker=few, markersize=4, clip_on=False, **look)
