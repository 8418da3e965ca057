"""What is a recipe: which settings make up one experiment, and where are they from?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

Options = dict[str, dict[str, Any]]
Settings = dict[str, Any]


class Size(TypedDict):
    """What holds below a number of examples."""

    below: int
    settings: Settings


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The settings of one experiment, as data.

    Attributes:
        name: what the setting ``recipe`` takes.
        source: where the numbers come from, and what departs from there.
        method: the method it is for, or None if it suits any.
        data: the built-in data set it is for, or "" if it suits any.
        settings: fields of `earlylearn.runs.config.RunConfig`.
        by_size: more of them, by the number of examples: those of the first that it is ``below``.
        options: hyperparameters by method name, so that other methods can be compared under the same settings; those
            of a method not named here keep their defaults.
    """

    name: str
    source: str
    method: str | None
    data: str = ""
    settings: Settings
    by_size: list[Size] = field(default_factory=list)
    options: Options = field(default_factory=dict)

    def settings_for(self, examples: int) -> Settings:
        """The settings for data of so many examples."""
        more: Settings = next((size["settings"] for size in self.by_size if examples < size["below"]), {})
        return {**self.settings, **more}

    def options_for(self, method: str) -> dict[str, Any]:
        """The hyperparameters this recipe sets for a method."""
        return self.options.get(method, {})

    def in_words(self) -> str:
        """What it sets, in a line: settings, and hyperparameters of its method; or of each that it knows."""
        if self.method:
            return _pairs({"method": self.method, **self.settings, **self.options_for(self.method)})
        return "; ".join([_pairs(self.settings), *(f"{name}: {_pairs(own)}" for name, own in self.options.items())])


def _pairs(settings: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in settings.items())


def training(
    network: str,
    epochs: int,
    schedule: str,
    *,
    weight_decay: float,
    batch_size: int = 128,
    lr: float = 0.02,
    val_fraction: float = 0.1,
    **others: Any,
) -> dict[str, Any]:
    """The settings of a run, with what nearly all published ones share: SGD with momentum, crops and flips.

    A tenth of the training set is held out: supplement Table G.1 has 45,000 training and 5,000 validation images of
    CIFAR-10 and CIFAR-100 each, beside 10,000 test images. Those wait for the last and the picked epoch (``test_every``
    0): tested in every epoch, they add a fourteenth to a run of ELR.
    """
    return {
        "network": network,
        "epochs": epochs,
        "batch_size": batch_size,
        "lr": lr,
        "momentum": 0.9,
        "weight_decay": weight_decay,
        "schedule": schedule,
        "augment": "crop+flip",
        "val_fraction": val_fraction,
        "test_every": 0,
        **others,
    }
