"""Which runs of the paper are worth a GPU's time, which first, and how long will each take?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from earlylearn.networks.cost import network_cost
from earlylearn_paper.figures.figure_1 import FIGURE_1
from earlylearn_paper.figures.figure_h1 import FIGURE_H1, methods
from earlylearn_paper.records import Asked, asked, key
from earlylearn_paper.tables import table_1
from earlylearn_paper.tables.grid import cifar_noise, split
from earlylearn_paper.tables.table import Plan, Source
from earlylearn_paper.tables.table_2 import recipe_of
from earlylearn_paper.tables.table_i1 import TABLE_I1, runs

SHAPE, CLASSES = (3, 32, 32), {"cifar10": 10, "cifar100": 100}
EXAMPLES, EVALUATED = 45_000, 0.11  # of a run; and what evaluating adds to the operations of training
# Times the operations of cross-entropy on one network, beside a network's own forward and backward pass.
TIMES = {"elr+": 2 * 4 / 3, "co-teaching": 2.0, "co-teaching+": 2.0, "dividemix": 7.0}
FALLEN = 0.25  # share of the matrix rate that is reckoned with before an epoch was measured
SEED_WORTH = 0.3  # of every seed after the first


@dataclass(frozen=True)
class Item:
    """A run that can be done by itself and gone on with.

    Attributes:
        name: of its folder.
        stage: items of a lower stage come first, whatever they are worth.
        worth: of the finished run, in no unit; by worth per second within a stage.
        asked: what decides it.
        request: what `earlylearn.compare` is asked with, the recipe by its name.
        alone: whether its time is what is wanted, so that nothing may run beside it.
    """

    name: str
    stage: int
    worth: float
    asked: Asked
    request: dict[str, Any] = field(hash=False)
    alone: bool = False

    @property
    def epochs(self) -> int:
        """Of the run."""
        return int(self.asked["settings"]["epochs"])

    def operations(self) -> float:
        """Floating-point operations of an epoch, evaluation included."""
        settings, method = self.asked["settings"], self.asked["method"].partition(":")[0]
        examples = min(EXAMPLES, settings.get("limit", EXAMPLES))
        return _both(settings["network"], settings["data"]) * examples * TIMES.get(method, 1.0) * (1 + EVALUATED)


@cache
def _both(network: str, data: str) -> float:
    """Operations of a forward and a backward pass of an image; counting them takes a second."""
    return network_cost(network, shape=SHAPE, classes=CLASSES.get(data, 10)).both


def item(stage: int, worth: float, method: str, seed: int = 0, *, alone: bool = False, **request: Any) -> Item:
    """An item of a request as `earlylearn.compare` takes it."""
    what = asked(method, seed, request)
    words = [request["data"], request.get("noise", "given"), method.partition(":")[0], str(seed)]
    plain = "-".join(words).replace(":", "").replace("+", "plus")
    return Item(f"{plain}-{key(what)}", stage, worth * (SEED_WORTH if seed else 1), what, request, alone)


def items(*, rehearse: bool = False) -> list[Item]:
    """Every run, each once however many figures and tables use it, with the worth of the most valuable use."""
    found: dict[str, Item] = {}
    for each in _rehearsal() if rehearse else _all():
        known = found.get(each.name)
        if known is None or (each.stage, -each.worth) < (known.stage, -known.worth):
            found[each.name] = each
    return list(found.values())


def by_worth(waiting: Sequence[Item], seconds: dict[str, float]) -> list[Item]:
    """The order in which items are begun, by what remains of each in ``seconds``."""
    return sorted(waiting, key=lambda each: (each.stage, -each.worth / max(seconds[each.name], 1e-3)))


def _all() -> Iterator[Item]:
    forty = {"data": "cifar10", "noise": "symmetric:0.4"}
    for seed in range(5):  # time to the paper's 89.15 %
        yield item(1, 1.0, "elr", seed, alone=True, **forty, recipe="cifar10-fast", test_every=1)
    # Stages of their own: their order is part of the plan, not a matter of seconds.
    yield item(2, 9.0, "elr", **forty, recipe="cifar10-elr")
    yield item(3, 8.0, "ce", **forty, recipe="cifar10-elr")
    yield item(4, 8.0, "elr+", **forty, recipe="cifar10-elr+")
    yield from _figures()
    for method, request in runs(TABLE_I1.at("full").settings):
        yield item(5, 4.0, method, alone=True, **request)
    for seed in range(5):
        yield from _table(table_1.full_plan(), seed, {"ce": 2.0, "elr": 3.0})
        for column in ("sym20", "sym80", "asym40"):
            kind, rate = split(column)
            noise = cifar_noise("cifar10", kind, rate)
            yield item(
                5,
                2.0,
                "elr+",
                seed,
                data="cifar10",
                noise=noise,
                recipe=recipe_of("cifar10", "elr+", column),
                test_every=1,
            )


def _figures() -> Iterator[Item]:
    training = FIGURE_1.at("full").settings["training"]
    for method in ("ce", "elr"):
        yield item(5, 4.0, method, **{name: value for name, value in training.items() if name != "seeds"})
    settings = FIGURE_H1.at("full").settings
    plain = {name: value for name, value in settings["training"].items() if name != "seeds"}
    for method in dict.fromkeys(methods(settings).values()):
        yield item(5, 1.0, method, **plain)


def _table(plan: Plan, seed: int, worth: dict[str, float]) -> Iterator[Item]:
    for (row, _), source in plan.items():
        if isinstance(source, Source):
            yield item(5, worth.get(row.partition("/")[2], 0.5), source.method, seed, **source.settings)


def _rehearsal() -> Iterator[Item]:
    """A few of each stage, tiny."""
    tiny = {
        "data": "digits",
        "noise": "symmetric:0.4",
        "recipe": "small-data",
        "network": "linear",
        "limit": 120,
        "epochs": 2,
    }
    yield item(1, 1.0, "elr", **tiny, test_every=1)
    yield item(2, 9.0, "ce", **tiny)
    yield item(5, 4.0, "elr+", **{**tiny, "epochs": 1})


def first_estimate(each: Item, rate: float) -> float:
    """Seconds of a whole run before any epoch of its kind was measured; ``rate`` in operations a second."""
    return each.operations() * each.epochs / (FALLEN * rate)


def on_paper(rate: float) -> dict[str, float]:
    """Hours of the whole plan by stage, reckoned from operations alone."""
    hours: dict[str, float] = {}
    for each in items():
        hours[f"stage {each.stage}"] = hours.get(f"stage {each.stage}", 0.0) + first_estimate(each, rate) / 3600
    return hours
