"""Which published settings, and which measured defaults, go by which name?"""

from earlylearn.errors import UsageError, did_you_mean, setting
from earlylearn.recipes.hyperparameters import CIFAR10
from earlylearn.recipes.paper import PAPER
from earlylearn.recipes.peers import PEERS
from earlylearn.recipes.recipe import Recipe, Size, training

MANY = 10_000  # pictures, from which on the small CNN has fewer than ten weights for each

# Small heads need some 1,500 steps; the more rows there are, the larger their batches may be.
_HEADS_BY_SIZE: list[Size] = [
    {"below": 2_000, "settings": {"batch_size": 64, "epochs": 50}},
    {"below": 4_000, "settings": {"batch_size": 64, "epochs": 32}},
    {"below": 8_000, "settings": {"batch_size": 64, "epochs": 20}},
    {"below": 16_000, "settings": {"batch_size": 128, "epochs": 16}},
    {"below": 32_000, "settings": {"batch_size": 256, "epochs": 16}},
    {"below": 10**12, "settings": {"batch_size": 256, "epochs": 10}},
]
_SMALL = {"epochs": 40, "batch_size": 64, "lr": 0.02, "weight_decay": 1e-3, "schedule": "cosine"}
_SMALL_OPTIONS = {
    "elr": {"lam": 5.0, "beta": 0.7},
    "elr+": {"lam": 5.0, "beta": 0.7},
    "sop": {"lr_u": 100.0, "lr_v": 100.0},  # published for three times as many epochs
}
_MEASURED = [
    Recipe(
        name="small-data",
        source="measured on digits and Fashion-MNIST: docs/LOG.md",
        method=None,
        settings=_SMALL,
        options=_SMALL_OPTIONS,
    ),
    Recipe(
        name="small-data-aligned",
        source="small-data, with ELR's targets held to the class shares of the labels: no class is swallowed, measured "
        "on tables, digits, Fashion-MNIST: docs/LOG.md",
        method=None,
        settings=_SMALL,
        options={**_SMALL_OPTIONS, "elr": {"lam": 5.0, "beta": 0.7, "align": 1.0}},
    ),
    Recipe(
        name="embeddings",
        source="measured on features of pretrained networks (CIFAR-10N, TREC, LabelMe): docs/encoders.md",
        method=None,
        settings={
            "network": "linear",
            "epochs": 20,
            "batch_size": 128,
            "lr": 0.005,
            "weight_decay": 1e-3,
            "schedule": "cosine",
        },
        options={"elr": {"lam": 3.0, "beta": 0.7}, "elr+": {"lam": 3.0, "beta": 0.7}},
    ),
    Recipe(
        name="heads",
        source="measured on tables, embeddings, digits: docs/LOG.md; batch size and epochs by the number of examples",
        method="auto",
        by_size=_HEADS_BY_SIZE,
        settings={
            "lr": 0.02,
            "weight_decay": 1e-3,
            "schedule": "cosine",
            "augment": "none",
            "val_fraction": 0.0,  # folds do what held-out rows are for
        },
    ),
    Recipe(
        name="fine-tune",
        source="AdamW, warm-up and layer-wise decay in the manner of BEiT (ICLR 2022) and ConvNeXt (CVPR 2022), fewer "
        "epochs; lam and beta supplement G.4; under label noise measured on a processor, where it does not pay: "
        "docs/LOG.md",
        method=None,
        settings={
            "network": "timm:convnext_tiny",
            "pretrained": "timm",
            "optimizer": "adamw",
            "epochs": 15,
            "batch_size": 64,
            "lr": 5e-4,
            "weight_decay": 0.05,
            "layer_decay": 0.75,
            "schedule": "cosine",
            "lr_warmup": 2,
        },
        options={"elr": {"lam": 3.0, "beta": 0.7}, "elr+": {"lam": 3.0, "beta": 0.7}},
    ),
    Recipe(
        name="cifar10-fast",
        source="measured on CIFAR-10 with 40 % symmetric noise, picked by noisy validation: docs/LOG.md; network and "
        "schedule in the manner of the fastest public codes for CIFAR-10 without noise; lam and beta supplement G.4",
        method="elr",
        data="cifar10",
        settings=training("whitened-cnn", 40, "one-cycle", weight_decay=1e-3, batch_size=512, lr=0.25),
        options=CIFAR10,
    ),
    Recipe(
        name="large-data",
        source="measured on CIFAR-10N with a small CNN: docs/LOG.md",
        method=None,
        settings={"epochs": 40, "batch_size": 128, "lr": 0.02, "weight_decay": 1e-3, "schedule": "cosine"},
        options={"elr": {"lam": 1.0, "beta": 0.7}, "elr+": {"lam": 1.0, "beta": 0.7}},
    ),
]
RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in [*PAPER, *PEERS, *_MEASURED]}


def find_recipe(name: str) -> Recipe:
    """The recipe of that name; an unknown name raises UsageError with the known ones."""
    if name not in RECIPES:
        raise UsageError(
            f"{setting('recipe', name)}: no such recipe; {did_you_mean(name, RECIPES)}choose from {', '.join(RECIPES)}"
        )
    return RECIPES[name]


def default_recipe(network: str, *, embeddings: bool, examples: int) -> Recipe:
    """What holds when no recipe is named, for methods that bring none.

    A linear network on a few columns or on pixels, and the small CNN on many pictures, cannot memorise wrong labels: a
    large lambda only holds them to their first mistakes. All other networks can.
    """
    if network == "linear":
        return RECIPES["embeddings" if embeddings else "large-data"]
    return RECIPES["large-data" if network == "small-cnn" and examples >= MANY else "small-data-aligned"]
