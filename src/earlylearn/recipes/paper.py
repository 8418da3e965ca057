"""With which settings did the ELR paper train ELR and ELR+: supplement G.3, G.4, F and Table G.2?"""

from typing import Any

from earlylearn.recipes.hyperparameters import CIFAR10, CIFAR10_ASYMMETRIC, CIFAR100
from earlylearn.recipes.recipe import Options, Recipe, training

_COSINE = "cosine:10:0.001"
_DROPS = "multistep:40,80:0.01"


def _elr(name: str, which: str, epochs: int, schedule: str, options: Options) -> Recipe:
    """Supplement G.3 for CIFAR: what all ELR runs share, and what differs. Cross-entropy trains the same way."""
    settings = training("resnet34", epochs, schedule, weight_decay=1e-3)
    return Recipe(name=name, source=f"supplement G.3, G.4{which}", method="elr", settings=settings, options=options)


def _elr_plus(name: str, epochs: int, drop: int, options: Options) -> Recipe:
    """Table G.2 for CIFAR, with the hyperparameters of supplement G.4 and F."""
    settings = training("preact-resnet18", epochs, f"multistep:{drop}:0.1", weight_decay=5e-4)
    return Recipe(
        name=name, source="supplement Table G.2, G.4 and F", method="elr+", settings=settings, options=options
    )


# Hyperparameters "the same values as for CIFAR-10" (G.4), gamma without a ramp (F). Sizes: Table G.1.
def _real(name: str, method: str, source: str, missing: str, *, gamma: float = 0.997, **settings: Any) -> Recipe:
    """A row of G.3 or Table G.2 for Clothing1M or WebVision, which cannot be run yet."""
    options: Options = {"elr": {"lam": 3, "beta": 0.7}}
    if method == "elr+":
        options = {"elr+": {**options["elr"], "alpha": 1.0, "gamma": gamma, "gamma_ramp": 0}}
    return Recipe(
        name=name,
        source=f"supplement {source} and Table G.1",
        method=method,
        settings=training(**settings, val_fraction=0.0, image_size=256),
        options=options,
        missing=missing,
    )


_CLOTHING1M = (
    "a reader of Clothing1M (1M training, 14K validation and 10K test images, 14 classes), crops of 224 x 224 pixels, "
    "ResNet-50 pretrained on ImageNet, and epochs of {} in which the classes of the given labels are balanced"
)
_WEBVISION = (
    "a reader of WebVision 1.0's first 50 classes (66K training and 2.5K test images), crops of 227 x 227 pixels, "
    "and InceptionResNetV2"
)

PAPER = [
    _elr("cifar10-elr", " (symmetric noise)", 120, _DROPS, CIFAR10),
    _elr("cifar10-elr-cosine", " (symmetric noise, Table 1's starred row)", 150, _COSINE, CIFAR10),
    _elr("cifar10-elr-asymmetric", " (asymmetric noise)", 120, _DROPS, CIFAR10_ASYMMETRIC),
    _elr(
        "cifar10-elr-asymmetric-cosine",
        " (asymmetric noise, Table 1's starred row)",
        150,
        _COSINE,
        CIFAR10_ASYMMETRIC,
    ),
    _elr("cifar100-elr", "", 150, "multistep:80,120:0.01", CIFAR100),
    _elr("cifar100-elr-cosine", " (Table 1's starred row)", 150, _COSINE, CIFAR100),
    _elr_plus("cifar10-elr+", 200, 150, CIFAR10),
    _elr_plus("cifar10-elr+-asymmetric", 200, 150, CIFAR10_ASYMMETRIC),
    _elr_plus("cifar100-elr+", 250, 200, CIFAR100),
    _real(
        "clothing1m-elr",
        "elr",
        "G.3, G.4",
        _CLOTHING1M.format("2,000 batches"),
        network="resnet50",
        epochs=10,
        schedule="multistep:5:0.01",
        weight_decay=1e-3,
        batch_size=64,
        lr=0.001,
    ),
    _real(
        "clothing1m-elr+",
        "elr+",
        "Table G.2, G.4, F",
        _CLOTHING1M.format("3,000 batches (released file)"),
        gamma=0.9999,
        network="resnet50",
        epochs=15,
        schedule="multistep:7:0.1",
        weight_decay=1e-3,
        batch_size=64,
        lr=0.002,
    ),
    _real(
        "webvision-elr",
        "elr",
        "G.3, G.4",
        _WEBVISION,
        network="inception-resnet-v2",
        epochs=120,
        schedule=_DROPS,
        weight_decay=5e-4,
        batch_size=32,
    ),
    _real(
        "webvision-elr+",
        "elr+",
        "Table G.2, G.4, F (mixup alpha 1 as G.4 says; the released file has 1.5)",
        _WEBVISION,
        network="inception-resnet-v2",
        epochs=100,
        schedule="multistep:50:0.1",
        weight_decay=5e-4,
        batch_size=32,
    ),
]
