"""Which published settings, and which measured defaults, go by which name?"""

from dataclasses import dataclass, field
from typing import Any

from earlylearn.errors import UsageError

# A network with fewer weights per example than this cannot memorise wrong labels: it has to fear a large lambda, which
# holds it to its first mistakes. Measured at 2 (small CNN, CIFAR-10) and 66 (digits, Fashion-MNIST).
ENOUGH_TO_MEMORIZE = 10


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The settings of one experiment, as data.

    Attributes:
        name: what ``--recipe`` takes.
        source: where the numbers come from.
        method: the method it is for, or None if it suits any.
        settings: fields of `earlylearn.config.RunConfig`.
        options: hyperparameters by method name; those of a method not named here keep their defaults.
    """

    name: str
    source: str
    method: str | None
    settings: dict[str, Any]
    options: dict[str, dict[str, Any]] = field(default_factory=dict)

    def options_for(self, method: str) -> dict[str, Any]:
        """The hyperparameters this recipe sets for a method."""
        return self.options.get(method, {})


def find_recipe(name: str) -> Recipe:
    """The recipe of that name; an unknown name raises UsageError with the known ones."""
    if name not in RECIPES:
        raise UsageError(f"--recipe {name}: no such recipe; choose from {', '.join(RECIPES)}")
    return RECIPES[name]


def default_recipe(weights: int, examples: int) -> Recipe:
    """What holds when no recipe is named: ``small-data`` if the network has weights enough to memorise the examples."""
    return RECIPES["small-data" if weights >= ENOUGH_TO_MEMORIZE * examples else "large-data"]


def _elr(name: str, source: str, epochs: int, schedule: str, lam: float, beta: float) -> Recipe:
    """Supplement G.3 for CIFAR: what all ELR runs share, and what differs. Cross-entropy trains the same way."""
    return Recipe(
        name=name,
        source=source,
        method="elr",
        settings={
            "network": "resnet34",
            "epochs": epochs,
            "batch_size": 128,
            "lr": 0.02,
            "momentum": 0.9,
            "weight_decay": 1e-3,
            "schedule": schedule,
            "augment": "crop+flip",
            "val_fraction": 0.1,
        },
        options={"elr": {"lam": lam, "beta": beta}},
    )


def _elr_plus(name: str, epochs: int, drop: int, lam: float, beta: float, **options: Any) -> Recipe:
    """Table G.2 for CIFAR, with gamma and its ramp from supplement G.4 and F."""
    hyperparameters = {"lam": lam, "beta": beta, "alpha": 1.0, "gamma": 0.997, "gamma_ramp": 40_000}
    return Recipe(
        name=name,
        source="supplement Table G.2, G.4 and F",
        method="elr+",
        settings={
            "network": "preact-resnet18",
            "epochs": epochs,
            "batch_size": 128,
            "lr": 0.02,
            "momentum": 0.9,
            "weight_decay": 5e-4,
            "schedule": f"multistep:{drop}:0.1",
            "augment": "crop+flip",
            "val_fraction": 0.1,
        },
        options={"elr+": {**hyperparameters, **options}},
    )


_COSINE = "cosine:10:0.001"
_ALL = [
    _elr("cifar10-elr", "supplement G.3, G.4 (symmetric noise)", 120, "multistep:40,80:0.01", 3, 0.7),
    _elr("cifar10-elr-cosine", "supplement G.3, G.4 (Table 1's starred row)", 150, _COSINE, 3, 0.7),
    _elr(
        "cifar10-elr-asymmetric",
        "supplement G.3, G.4 (asymmetric noise)",
        120,
        "multistep:40,80:0.01",
        1,
        0.9,
    ),
    _elr("cifar100-elr", "supplement G.3, G.4", 150, "multistep:80,120:0.01", 7, 0.9),
    _elr("cifar100-elr-cosine", "supplement G.3, G.4 (Table 1's starred row)", 150, _COSINE, 7, 0.9),
    _elr_plus("cifar10-elr+", 200, 150, 3, 0.7),
    _elr_plus("cifar10-elr+-asymmetric", 200, 150, 1, 0.9),
    _elr_plus("cifar100-elr+", 250, 200, 7, 0.9, lam_ramp=40_000, update_labels=True),
    Recipe(
        name="small-data",
        source="measured on digits and Fashion-MNIST: docs/LOG.md",
        method=None,
        settings={"epochs": 40, "batch_size": 64, "lr": 0.02, "weight_decay": 1e-3, "schedule": "cosine"},
        options={"elr": {"lam": 5.0, "beta": 0.7}, "elr+": {"lam": 5.0, "beta": 0.7}},
    ),
    Recipe(
        name="large-data",
        source="measured on CIFAR-10N with a small CNN: docs/LOG.md",
        method=None,
        settings={"epochs": 40, "batch_size": 128, "lr": 0.02, "weight_decay": 1e-3, "schedule": "cosine"},
        options={"elr": {"lam": 1.0, "beta": 0.7}, "elr+": {"lam": 1.0, "beta": 0.7}},
    ),
]
RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in _ALL}
